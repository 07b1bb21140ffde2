/** For the type checker only: what lies outside this folder, or is only known once it runs. */

declare module "*/scripts/api.js" {
  export const api: any;
}

declare module "*/scripts/app.js" {
  export const app: any;
}

interface HTMLElementTagNameMap {
  "songreel-charcha": import("./charcha_capture.js").CharchaElement;
}

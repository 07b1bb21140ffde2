/** What all views inside nodes look like: colours of ComfyUI's theme, and a frame around the view. */

export const PANEL_STYLE = `
:host { display: block; box-sizing: border-box; font-size: 12px; line-height: 1.4; min-width: 0;
  --ink: var(--input-text, #ddd); --line: var(--border-color, #4e4e4e); --ground: var(--comfy-input-bg, #222);
  --button: var(--comfy-menu-bg, #353535); --accent: var(--p-primary-color, #5b9bd5); color: var(--ink); }
* { box-sizing: border-box; }
[hidden] { display: none !important; }
.frame { display: flex; flex-direction: column; height: 100%; overflow: hidden; border-radius: 8px;
  border: 1px solid var(--line); background: var(--ground); }
.hint { margin: auto; padding: 8px 12px; text-align: center; opacity: 0.75; }
`;

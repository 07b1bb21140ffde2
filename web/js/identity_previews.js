/** Shows the owner what a training painted of them. The key stays in this page's memory and nowhere else. */

import { api } from "../../../scripts/api.js";
import { ask, CaptureError } from "./charcha_client.js";

const MARGIN = 10;
const ASK_HEIGHT = 84;
const SET_HEIGHT = 150;

const STYLE = `
:host { display: block; box-sizing: border-box; font-size: 12px; line-height: 1.4; min-width: 0; color: var(--input-text, #ddd); }
* { box-sizing: border-box; }
[hidden] { display: none !important; }
.frame { height: 100%; overflow: auto; padding: 8px 10px; border-radius: 8px; border: 1px solid var(--border-color, #4e4e4e);
  background: var(--comfy-input-bg, #222); }
p { margin: 0 0 6px; }
form { display: flex; gap: 6px; margin: 0; }
input { flex: 1; min-width: 0; font: inherit; color: inherit; padding: 3px 6px; border-radius: 5px; background: #00000040;
  border: 1px solid var(--border-color, #4e4e4e); }
button { font: inherit; color: inherit; padding: 3px 12px; border-radius: 5px; cursor: pointer;
  border: 1px solid var(--border-color, #4e4e4e); background: var(--comfy-menu-bg, #353535); }
figure { margin: 0 0 8px; }
figcaption { margin-bottom: 3px; opacity: 0.8; font-variant-numeric: tabular-nums; }
.set { display: grid; grid-template-columns: repeat(3, 1fr); gap: 6px; }
img { display: block; width: 100%; aspect-ratio: 1; object-fit: cover; border-radius: 6px; }
.problem { color: #f2a65a; margin: 6px 0 0; }
`;

function make(tag, className = "", text = "") {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  return element;
}

export class IdentityPreviews {
  /** @param {() => void} onGrow called when more room is needed */
  constructor(onGrow) {
    this.onGrow = onGrow;
    this.record = null;
    this.sets = [];
    this.key = "";
    this.element = make("div");
    this.root = this.element.attachShadow({ mode: "open" });
    this.frame = make("div", "frame");
    this.frame.hidden = true;
    this.form = make("form");
    this.input = make("input");
    Object.assign(this.input, { type: "password", placeholder: "Owner's key", autocomplete: "off" });
    this.input.setAttribute("aria-label", "Owner's key");
    this.form.append(this.input, make("button", "", "Show"));
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.key = this.input.value.trim();
      this.fetch();
    });
    this.hint = make("p", "", "Samples of the person are kept, encrypted. Their owner can look at them here.");
    this.problem = make("p", "problem");
    this.problem.setAttribute("role", "alert");
    this.problem.hidden = true;
    this.pictures = make("div");
    this.frame.append(this.hint, this.form, this.problem, this.pictures);
    this.root.append(make("style", "", STYLE), this.frame);
    // Keys and the wheel belong to the form, not to the graph below it.
    for (const name of ["keydown", "pointerdown", "wheel", "copy", "paste"]) {
      this.element.addEventListener(name, (event) => event.stopPropagation());
    }
  }

  get minHeight() {
    if (!this.record) return 0;
    return this.sets.length ? 28 + SET_HEIGHT * Math.min(this.sets.length, 2) : ASK_HEIGHT;
  }

  /** A training told of itself: there may be samples of a record, or more of them. */
  heard({ record, samples }) {
    if (!record) return;
    const more = record !== this.record || samples === undefined || samples !== this.count;
    if (record !== this.record) this.forget();
    const first = !this.record;
    this.record = record;
    this.count = samples;
    this.frame.hidden = false;
    if (first) this.onGrow();
    if (more && this.key) this.fetch();
  }

  /** Forget key and pictures. */
  forget() {
    this.record = null;
    this.key = this.input.value = "";
    this.sets = [];
    this.form.hidden = this.hint.hidden = false;
    this.pictures.replaceChildren();
  }

  async fetch() {
    const { record, key } = this;
    let found = [];
    try {
      const body = { record, do: "previews", owner_key: key };
      found = (await ask(api.apiURL("/songreel/charcha"), "identity", body)).previews;
      this.problem.hidden = found.length > 0;
      this.problem.textContent = "There are no samples yet.";
    } catch (error) {
      if (!(error instanceof CaptureError)) throw error;
      this.problem.hidden = false;
      this.problem.textContent = error.message;
      this.key = "";
    }
    if (record === this.record) this.#show(found);
  }

  #show(found) {
    const steps = new Map();
    for (const entry of found) steps.set(entry.step, [...(steps.get(entry.step) ?? []), entry]);
    this.sets = [...steps].sort((one, two) => two[0] - one[0]);
    this.form.hidden = this.hint.hidden = this.sets.length > 0;
    this.pictures.replaceChildren(
      ...this.sets.map(([step, entries]) => {
        const figure = make("figure");
        const set = make("div", "set");
        for (const { style, jpeg } of entries) {
          const picture = make("img");
          picture.src = `data:image/jpeg;base64,${jpeg}`;
          picture.alt = picture.title = `${style}, step ${step}`;
          set.append(picture);
        }
        figure.append(make("figcaption", "", `Step ${step}: ${entries.map((entry) => entry.style).join(", ")}`), set);
        return figure;
      }),
    );
    this.onGrow();
  }
}

/** Adds the previews to a node. @returns {IdentityPreviews} */
export function addPreviews(node) {
  const previews = new IdentityPreviews(() => {
    const [width, height] = node.computeSize();
    node.setSize([Math.max(node.size[0], width), Math.max(node.size[1], height)]);
  });
  const widget = node.addDOMWidget("identity_previews", "songreel_identity_previews", previews.element, {
    serialize: false,
    hideOnZoom: false,
    margin: MARGIN,
    getMinHeight: () => (previews.minHeight ? previews.minHeight + 2 * MARGIN : 0),
  });
  widget.serialize = false;
  widget.previews = previews;
  const { onRemoved } = node;
  node.onRemoved = function () {
    onRemoved?.apply(this, arguments);
    previews.forget();
  };
  return previews;
}

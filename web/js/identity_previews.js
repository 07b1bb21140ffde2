/** Shows the owner what a training painted of them. The key stays in this page's memory and nowhere else. */

import { api } from "../../../scripts/api.js";
import { ask, CaptureError } from "./charcha_client.js";
import { addElement, after, growNode } from "./comfy_node.js";
import { attachShadow, keepEvents, make } from "./dom.js";
import { IDENTITY_PREVIEWS_STYLE } from "./identity_previews_style.js";

const ASK_HEIGHT = 84;
const SET_HEIGHT = 150;
const MOST_SETS_IN_VIEW = 2;

/** A form for the owner's key, then the samples, newest first. `element` goes into the page. */
export class IdentityPreviews {
  /** @param {() => void} onGrow called when more room is needed */
  constructor(onGrow) {
    this.onGrow = onGrow;
    this.record = null;
    this.sets = [];
    this.key = "";
    this.element = make("div");
    this.input = make("input", {
      type: "password",
      placeholder: "Owner's key",
      autocomplete: "off",
      "aria-label": "Owner's key",
    });
    const submit = (event) => {
      event.preventDefault();
      this.key = this.input.value.trim();
      this.fetch();
    };
    this.form = make("form", { on: { submit } }, this.input, make("button", { text: "Show" }));
    this.hint = make("p", { text: "Samples of the person are kept, encrypted. Their owner can look at them here." });
    this.problem = make("p", { className: "problem", role: "alert" });
    this.problem.hidden = true;
    this.pictures = make("div");
    this.accept = make("button", { type: "button", text: "Accept the likeness", on: { click: () => this.#accept() } });
    this.accept.hidden = true;
    this.frame = make("div", { className: "frame" }, this.hint, this.form, this.problem, this.accept, this.pictures);
    this.frame.hidden = true;
    attachShadow(this.element, IDENTITY_PREVIEWS_STYLE, this.frame);
    keepEvents(this.element);
  }

  /** Least height in CSS pixels; 0 while there is nothing to show. */
  get minHeight() {
    if (!this.record) return 0;
    return this.sets.length ? 28 + SET_HEIGHT * Math.min(this.sets.length, MOST_SETS_IN_VIEW) : ASK_HEIGHT;
  }

  /**
   * A training told of itself: there may be samples of a record, or more of them.
   *
   * @param {{record?: string, samples?: number}} told id of the record, and how many samples there are
   */
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
    this.accept.hidden = true;
    this.accept.textContent = "Accept the likeness";
  }

  /** Ask the server for the samples, and show them. */
  async fetch() {
    const { record, key } = this;
    let found = [];
    try {
      const body = { record, do: "previews", owner_key: key };
      const told = await ask(api.apiURL("/songreel/charcha"), "identity", body);
      found = told.previews;
      this.training = told.training;
      this.accept.hidden = !found.length;
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

  /** The person accepts what the training learnt; until then no node uses it. */
  async #accept() {
    const { record, key, training } = this;
    try {
      await ask(api.apiURL("/songreel/charcha"), "identity", { record, do: "accept", owner_key: key, training });
      this.accept.textContent = "Accepted";
    } catch (error) {
      if (!(error instanceof CaptureError)) throw error;
      this.problem.hidden = false;
      this.problem.textContent = error.message;
    }
  }

  #show(found) {
    const steps = new Map();
    for (const entry of found) steps.set(entry.step, [...(steps.get(entry.step) ?? []), entry]);
    this.sets = [...steps].sort((one, two) => two[0] - one[0]);
    this.form.hidden = this.hint.hidden = this.sets.length > 0;
    this.pictures.replaceChildren(
      ...this.sets.map(([step, entries]) => {
        const set = make("div", { className: "set" });
        for (const { style, jpeg } of entries) {
          const title = `${style}, step ${step}`;
          set.append(make("img", { src: `data:image/jpeg;base64,${jpeg}`, alt: title, title }));
        }
        const caption = `Step ${step}: ${entries.map((entry) => entry.style).join(", ")}`;
        return make("figure", {}, make("figcaption", { text: caption }), set);
      }),
    );
    this.onGrow();
  }
}

/**
 * Put the samples below the widgets of a node.
 *
 * @param {import("./comfy_node.js").GraphNode} node
 * @returns {IdentityPreviews}
 */
export function addPreviews(node) {
  const previews = new IdentityPreviews(() => growNode(node));
  addElement(node, "identity_previews", previews.element, () => previews.minHeight).previews = previews;
  after(node, "onRemoved", () => previews.forget());
  return previews;
}

/** Puts a table of shots below the widgets of LyricsToStoryPrompts: times, moods, lines, prompts to change. */

import { app } from "../../../scripts/app.js";
import { clock, editedPrompt, withPrompt } from "./story_edits.js";

const NODE = "LyricsToStoryPrompts";
const MARGIN = 10;
const EMPTY_HEIGHT = 40;
const TABLE_HEIGHT = 280;
const TEXT_HEIGHT = 60;

const STYLE = `
:host { display: block; box-sizing: border-box; font-size: 12px; line-height: 1.4; min-width: 0;
  color: var(--input-text, #ddd); --accent: var(--p-primary-color, #5b9bd5); }
* { box-sizing: border-box; }
.frame { display: flex; flex-direction: column; height: 100%; overflow: hidden; border-radius: 8px;
  border: 1px solid var(--border-color, #4e4e4e); background: var(--comfy-input-bg, #222); }
.hint { margin: auto; padding: 8px 12px; text-align: center; opacity: 0.75; }
.strip { display: flex; height: 10px; flex: none; }
.strip > button { flex-basis: 0; min-width: 0; padding: 0; border: 0; border-left: 1px solid #0007; cursor: pointer; }
.rows { flex: 1; overflow-y: auto; }
.row { display: grid; grid-template-columns: 5px 62px 1fr 22px; gap: 8px; align-items: start; padding: 4px 6px 4px 0;
  border-top: 1px solid var(--border-color, #4e4e4e); }
.row:first-child { border-top: 0; }
.mood { align-self: stretch; border-radius: 0 3px 3px 0; }
.time { font-variant-numeric: tabular-nums; opacity: 0.8; padding-top: 2px; }
.lyric { font-style: italic; opacity: 0.65; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.prompt { padding: 1px 4px; margin-left: -4px; border-radius: 4px; min-height: 1.4em; overflow-wrap: anywhere;
  cursor: text; }
.prompt:hover { background: #ffffff12; }
.prompt:focus { background: #00000040; outline: 2px solid var(--accent); outline-offset: -1px; }
.row.changed .prompt { color: #f2c14e; }
.back { font: inherit; color: inherit; width: 22px; height: 22px; padding: 0; border-radius: 5px; cursor: pointer;
  border: 1px solid var(--border-color, #4e4e4e); background: var(--comfy-menu-bg, #353535); visibility: hidden; }
.row.changed .back { visibility: visible; }
.status { padding: 4px 8px; border-top: 1px solid var(--border-color, #4e4e4e); opacity: 0.85; flex: none; }
`;

/** @returns {HTMLElement} an element with properties, `on…` listeners and children */
function make(tag, { className = "", text = "", on = {}, ...attributes } = {}, ...children) {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  for (const [name, listener] of Object.entries(on)) element.addEventListener(name, listener);
  element.append(...children);
  return element;
}

export class StoryTable {
  /** @param {{value: string, linked: boolean}} edits the node's input that holds what was changed */
  constructor(edits) {
    this.edits = edits;
    this.shots = [];
    this.element = make("div");
    this.root = this.element.attachShadow({ mode: "open" });
    this.strip = make("div", { className: "strip" });
    this.rows = make("div", { className: "rows" });
    this.status = make("div", { className: "status", role: "status" });
    this.frame = make("div", { className: "frame" });
    this.frame.append(make("div", { className: "hint", text: "Queue the workflow to see and change the shots here." }));
    this.root.append(make("style", { text: STYLE }), this.frame);
    // Keys and the wheel belong to the table, not to the graph below it.
    for (const name of ["keydown", "pointerdown", "wheel", "copy", "paste"]) {
      this.element.addEventListener(name, (event) => event.stopPropagation());
    }
  }

  get minHeight() {
    return this.shots.length ? TABLE_HEIGHT : EMPTY_HEIGHT;
  }

  /** Show the shots that a run of the node gave. */
  show({ shots }) {
    this.shots = shots;
    this.frame.replaceChildren(this.strip, this.rows, this.status);
    this.lines = shots.map((shot, index) => this.#row(shot, index));
    this.rows.replaceChildren(...this.lines.map((line) => line.row));
    this.strip.replaceChildren(
      ...shots.map((shot, index) => {
        const part = make("button", { title: `${index + 1}. ${shot.emotion}`, on: { click: () => this.#reveal(index) } });
        part.style.flexGrow = shot.end - shot.start;
        part.style.background = shot.colour;
        return part;
      }),
    );
    this.refresh();
  }

  #row(shot, index) {
    const mood = make("div", { className: "mood", title: shot.emotion });
    mood.style.background = shot.colour;
    const prompt = make("div", {
      className: "prompt",
      contenteditable: "plaintext-only",
      role: "textbox",
      spellcheck: "false",
      "aria-label": `Prompt of shot ${index + 1}`,
      on: {
        blur: () => this.#changed(shot, prompt.textContent),
        keydown: (event) => {
          if (event.key === "Escape") prompt.textContent = this.#promptOf(shot);
          if (event.key === "Enter" || event.key === "Escape") {
            event.preventDefault();
            prompt.blur();
          }
        },
      },
    });
    const back = make("button", { className: "back", text: "↺", title: "Tell this shot again", on: { click: () => this.#changed(shot, null) } });
    const text = make("div", {}, ...(shot.lyric ? [make("div", { className: "lyric", text: shot.lyric, title: shot.lyric })] : []), prompt);
    const time = make("div", { className: "time", text: clock(shot.start).slice(0, -1), title: `${(shot.end - shot.start).toFixed(2)} s` });
    return { row: make("div", { className: "row" }, mood, time, text, back), prompt };
  }

  #promptOf(shot) {
    return editedPrompt(this.edits.value ?? "", shot.start) ?? shot.prompt;
  }

  #changed(shot, prompt) {
    if (this.edits.linked || (prompt !== null && prompt.trim() === this.#promptOf(shot))) return this.refresh();
    this.edits.value = withPrompt(this.edits.value ?? "", shot.start, prompt);
    this.refresh();
  }

  #reveal(index) {
    this.lines[index].row.scrollIntoView({ block: "nearest" });
    this.lines[index].prompt.focus();
  }

  /** Show what the input `edits` says now. */
  refresh() {
    let waiting = 0;
    this.shots.forEach((shot, index) => {
      const { row, prompt } = this.lines[index];
      const edited = editedPrompt(this.edits.value ?? "", shot.start);
      row.classList.toggle("changed", edited !== undefined);
      if (prompt !== this.root.activeElement) prompt.textContent = edited ?? shot.prompt;
      waiting += (edited !== undefined && edited !== shot.prompt) || (edited === undefined && shot.by_hand) ? 1 : 0;
    });
    const linked = this.edits.linked ? " The input edits is linked: change it there." : "";
    const queue = waiting ? ` ${waiting} changed: queue again to render ${waiting === 1 ? "it" : "them"}.` : "";
    this.status.textContent = `${this.shots.length} shots.${queue}${linked}`;
  }
}

function addTable(node) {
  const find = () => node.widgets?.find((widget) => widget.name === "edits");
  const table = new StoryTable({
    get value() {
      return find()?.value;
    },
    set value(value) {
      const widget = find();
      if (!widget) return;
      widget.value = value;
      widget.callback?.(value);
      node.graph?.setDirtyCanvas?.(true, true);
    },
    get linked() {
      return node.inputs?.find((input) => input.widget?.name === "edits")?.link != null;
    },
  });
  const widget = node.addDOMWidget("story_table", "songreel_story_table", table.element, {
    serialize: false,
    hideOnZoom: false,
    margin: MARGIN,
    getMinHeight: () => table.minHeight + 2 * MARGIN,
  });
  widget.serialize = false;
  widget.table = table;
  for (const name of ["captions", "vocabulary", "negative", "edits"]) {
    const text = node.widgets.find((candidate) => candidate.name === name);
    if (text?.options) text.options.getMaxHeight = () => TEXT_HEIGHT;
  }
  const edits = find();
  if (edits) {
    const { callback } = edits;
    edits.callback = function () {
      callback?.apply(this, arguments);
      if (table.shots.length) table.refresh();
    };
  }
  const { onExecuted } = node;
  node.onExecuted = function (output) {
    onExecuted?.apply(this, arguments);
    if (!output?.songreel_story?.[0]) return;
    table.show(output.songreel_story[0]);
    const [width, height] = node.computeSize();
    node.setSize([Math.max(node.size[0], width), Math.max(node.size[1], height)]);
  };
}

app.registerExtension({
  name: "songreel.story_table",
  nodeCreated(node) {
    if (node.comfyClass === NODE) addTable(node);
  },
});

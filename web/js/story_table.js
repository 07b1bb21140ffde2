/** A table of shots: times, moods, sung lines, and prompts that can be changed. An element without a framework. */

import { attachShadow, keepEvents, make } from "./dom.js";
import { clock, counted } from "./numbers.js";
import { editedPrompt, withPrompt } from "./story_edits.js";
import { STORY_TABLE_STYLE } from "./story_table_style.js";

const EMPTY_HEIGHT = 40;
const TABLE_HEIGHT = 280;

/**
 * A shot as the node tells it.
 *
 * @typedef {object} Shot
 * @property {number} start seconds
 * @property {number} end seconds
 * @property {string} prompt
 * @property {string} lyric "" where nobody sings
 * @property {string} emotion
 * @property {string} colour of the emotion, in CSS
 * @property {boolean} by_hand whether the prompt was changed by the person
 */

/** The shots of a song. `element` goes into the page. */
export class StoryTable {
  /** @param {{value: string, linked: boolean}} edits the node's input that holds what was changed */
  constructor(edits) {
    this.edits = edits;
    /** @type {Shot[]} */
    this.shots = [];
    this.element = make("div");
    this.strip = make("div", { className: "strip" });
    this.rows = make("div", { className: "rows" });
    this.status = make("div", { className: "status", role: "status" });
    const hint = make("div", { className: "hint", text: "Queue the workflow to see and change the shots here." });
    this.frame = make("div", { className: "frame" }, hint);
    this.root = attachShadow(this.element, STORY_TABLE_STYLE, this.frame);
    keepEvents(this.element);
  }

  /** Least height in CSS pixels. */
  get minHeight() {
    return this.shots.length ? TABLE_HEIGHT : EMPTY_HEIGHT;
  }

  /**
   * Show what a run of the node gave.
   *
   * @param {{shots: Shot[]}} story
   */
  show({ shots }) {
    this.shots = shots;
    this.frame.replaceChildren(this.strip, this.rows, this.status);
    this.lines = shots.map((shot, index) => this.#row(shot, index));
    this.rows.replaceChildren(...this.lines.map((line) => line.row));
    this.strip.replaceChildren(
      ...shots.map((shot, index) => {
        const title = `${index + 1}. ${shot.emotion}`;
        const part = make("button", { title, on: { click: () => this.#reveal(index) } });
        part.style.flexGrow = String(shot.end - shot.start);
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
    const back = make("button", {
      className: "back",
      text: "↺",
      title: "Tell this shot again",
      on: { click: () => this.#changed(shot, null) },
    });
    const text = make("div");
    if (shot.lyric) text.append(make("div", { className: "lyric", text: shot.lyric, title: shot.lyric }));
    text.append(prompt);
    const seconds = `${(shot.end - shot.start).toFixed(2)} s`;
    const time = make("div", { className: "time", text: clock(shot.start).slice(0, -1), title: seconds });
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
    this.status.textContent = `${counted(this.shots.length, "shot")}.${queue}${linked}`;
  }
}

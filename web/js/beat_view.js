/** The beat view: a song to see, hear, tap along with and move the beats of. An element without a framework. */

import { clock, corrected, formatTimes, parseTimes, tempoOf, withTap } from "./beat_times.js";
import { clamp, decode, drawLanes, layout } from "./beat_lanes.js";

const EMPTY_HEIGHT = 40;
const SONG_HEIGHT = 350;
const SHORTEST_SPAN = 0.2;
const MAX_OFFSET_MS = 5000;
const CLICK_PIXELS = 3;
const WATCH_MS = 250;

const STYLE = `
:host { display: block; box-sizing: border-box; font-size: 12px; line-height: 1.4; min-width: 0;
  color: var(--input-text, #ddd); --accent: var(--p-primary-color, #5b9bd5); }
* { box-sizing: border-box; }
[hidden] { display: none !important; }
.frame { display: flex; flex-direction: column; height: 100%; overflow: hidden; border-radius: 8px;
  border: 1px solid var(--border-color, #4e4e4e); background: var(--comfy-input-bg, #222); }
.hint { margin: auto; padding: 8px 12px; text-align: center; opacity: 0.75; }
.bar { display: flex; flex-wrap: wrap; align-items: center; gap: 6px; padding: 6px; }
.bar > .space { flex: 1; }
button, select { font: inherit; color: inherit; height: 24px; padding: 0 8px; border-radius: 5px; cursor: pointer;
  border: 1px solid var(--border-color, #4e4e4e); background: var(--comfy-menu-bg, #353535); white-space: nowrap; }
button:hover:not(:disabled) { border-color: var(--accent); }
button:disabled { opacity: 0.4; cursor: default; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: -1px; }
.play { width: 34px; display: grid; place-items: center; }
.play::before { content: ""; width: 10px; height: 12px; background: currentColor;
  clip-path: polygon(0 0, 100% 50%, 0 100%); }
.play[aria-pressed="true"]::before { clip-path: polygon(0 0, 35% 0, 35% 100%, 0 100%, 0 0, 65% 0, 100% 0, 100% 100%,
  65% 100%, 65% 0); }
.time, .offset { font-variant-numeric: tabular-nums; }
.time { min-width: 9.5em; }
.small { width: 24px; padding: 0; }
.lanes { position: relative; flex: 1; min-height: 240px; touch-action: none; cursor: crosshair; overflow: hidden; }
.lanes.grid { cursor: ew-resize; }
.lanes.dragging { cursor: grabbing; }
canvas { position: absolute; inset: 0; width: 100%; height: 100%; }
.cursor { position: absolute; top: 0; bottom: 0; left: -1px; width: 2px; background: var(--input-text, #fff);
  box-shadow: 0 0 3px #000a; pointer-events: none; will-change: transform; }
.cursor::before { content: ""; position: absolute; left: -4px; border: 5px solid transparent; border-bottom: 0;
  border-top-color: var(--input-text, #fff); }
.status { display: flex; gap: 10px; padding: 5px 8px; border-top: 1px solid var(--border-color, #4e4e4e); }
.status > :first-child { flex: 1; min-width: 0; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.note { color: #e8963f; white-space: nowrap; }
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

const count = (number, word) => `${number} ${word}${number === 1 ? "" : "s"}`;

export class BeatView {
  /**
   * @param {object} node what the view may ask of and tell the node around it
   * @param {{value: string, linked: boolean}} node.beats
   * @param {{value: number, linked: boolean}} node.offset
   * @param {() => object | undefined} node.lastOutput
   * @param {(reference: object) => string} node.audioUrl
   * @param {(element: HTMLElement) => void} node.keepMounted
   */
  constructor(node) {
    this.node = node;
    this.song = null;
    this.start = this.span = 0;
    this.lastTap = null;
    this.message = "";
    this.onGrow = () => {};
    this.audio = new Audio();
    this.audio.preload = "auto";
    this.#build();
    this.#listen();
    this.watch = setInterval(() => this.#notice(), WATCH_MS);
  }

  /** Height in CSS pixels below which the view is cut off. */
  get minHeight() {
    return this.song ? SONG_HEIGHT : EMPTY_HEIGHT;
  }

  /** Position of the cursor in seconds. */
  get time() {
    return this.audio.currentTime;
  }

  get offset() {
    return Number(this.node.offset.value) || 0;
  }

  /** Show what a run of the node gave. */
  show(song) {
    const first = this.song === null;
    const same = this.song?.duration === song.duration;
    this.song = song;
    this.peaks = decode(song.peaks);
    this.curves = Object.fromEntries(Object.entries(song.curves).map(([name, text]) => [name, decode(text)]));
    const chosen = this.curveChoice.value;
    this.curveChoice.replaceChildren(...Object.keys(this.curves).map((name) => make("option", { text: name, value: name })));
    if (chosen in this.curves) this.curveChoice.value = chosen;
    if (!same) [this.start, this.span] = [0, song.duration];
    const url = song.audio ? this.node.audioUrl(song.audio) : "";
    if (url !== this.url) {
      this.url = url;
      this.message = url ? "" : "This song cannot be played here.";
      this.audio.pause();
      if (url) this.audio.src = url;
      else this.audio.removeAttribute("src");
    }
    this.play.disabled = !url;
    this.hint.hidden = true;
    for (const part of [this.bar, this.lanes, this.status]) part.hidden = false;
    if (first) this.onGrow();
    this.draw();
  }

  /** Stop for good. */
  remove() {
    clearInterval(this.watch);
    this.resized.disconnect();
    this.audio.pause();
    this.audio.removeAttribute("src");
    this.audio.load();
  }

  #build() {
    const button = (text, label, act, className = "") =>
      make("button", { text, className, type: "button", title: label, "aria-label": label, on: { click: act } });
    this.play = button("", "Play or pause (Space)", () => this.toggle(), "play");
    this.play.setAttribute("aria-pressed", "false");
    this.clock = make("span", { className: "time" });
    this.curveChoice = make("select", { title: "Curve", "aria-label": "Curve", on: { change: () => this.draw() } });
    this.moved = button("", "Set the offset to 0 ms", () => this.setOffset(0), "offset");
    this.clear = button("Clear taps", "Remove your own beats; the detected ones come back", () => this.clearTaps());
    this.bar = make(
      "div",
      { className: "bar", role: "toolbar", "aria-label": "Song" },
      this.play,
      this.clock,
      this.curveChoice,
      make("span", { className: "space" }),
      this.moved,
      this.clear,
      button("−", "Zoom out (-)", () => this.zoom(2), "small"),
      button("+", "Zoom in (+)", () => this.zoom(0.5), "small"),
      button("Fit", "Show the whole song (0)", () => this.fit()),
    );
    this.canvas = make("canvas");
    this.cursor = make("div", { className: "cursor" });
    this.lanes = make(
      "div",
      { className: "lanes", tabindex: "0", role: "slider", "aria-label": "Song position", "aria-valuemin": "0" },
      this.canvas,
      this.cursor,
    );
    this.summary = make("span");
    this.note = make("span", { className: "note", role: "status" });
    this.status = make("div", { className: "status" }, this.summary, this.note);
    this.hint = make("div", { className: "hint", text: "Run the workflow to see and hear the song here." });
    for (const part of [this.bar, this.lanes, this.status]) part.hidden = true;
    this.element = make("div", { role: "group", "aria-label": "Beats of the song", "data-capture-wheel": "true" });
    this.element
      .attachShadow({ mode: "open" })
      .append(make("style", { text: STYLE }), make("div", { className: "frame" }, this.hint, this.bar, this.lanes, this.status));
  }

  #listen() {
    this.element.addEventListener("keydown", (event) => this.#onKey(event));
    // A renderer that draws nodes as HTML would take a press for the start of dragging the node.
    this.element.addEventListener("pointerdown", (event) => event.button === 0 && event.stopPropagation());
    this.lanes.addEventListener("pointerdown", (event) => this.#onPress(event));
    this.lanes.addEventListener("pointermove", (event) => {
      this.lanes.classList.toggle("grid", this.#overBeats(event));
    });
    this.lanes.addEventListener("dblclick", () => this.fit());
    this.lanes.addEventListener("wheel", (event) => this.#onWheel(event), { passive: false });
    this.resized = new ResizeObserver(() => this.draw());
    this.resized.observe(this.lanes);
    for (const name of ["play", "pause", "ended"]) {
      this.audio.addEventListener(name, () => {
        this.play.setAttribute("aria-pressed", String(!this.audio.paused));
        if (this.audio.paused) this.say("");
        else this.#follow();
      });
    }
    this.audio.addEventListener("seeked", () => this.#place());
    this.audio.addEventListener("error", () => {
      if (this.url) this.say("The song is no longer on the server: queue again to hear it.");
    });
  }

  // Playing ----------------------------------------------------------------------------------

  /** Play or pause. */
  toggle() {
    if (!this.song || !this.url) return;
    if (!this.audio.paused) {
      this.audio.pause();
      return;
    }
    if (BeatView.heard !== this) BeatView.heard?.audio.pause();
    BeatView.heard = this;
    this.say("");
    this.audio.play().catch((error) => error.name !== "AbortError" && this.say(`The song cannot be played: ${error.message}`));
  }

  /** Go to a time in seconds. */
  seek(time) {
    this.audio.currentTime = clamp(time, 0, this.song.duration);
    this.#place();
  }

  #follow() {
    this.#place();
    const leftView = this.time < this.start || this.time > this.start + this.span;
    if (leftView && !this.drag) this.look(this.time - 0.05 * this.span, this.span);
    if (!this.audio.paused) requestAnimationFrame(() => this.#follow());
  }

  #place() {
    if (!this.song) return;
    const x = ((this.time - this.start) / this.span) * this.lanes.clientWidth;
    this.cursor.style.transform = `translateX(${x}px)`;
    this.clock.textContent = `${clock(this.time)} / ${clock(this.song.duration, 0)}`;
    this.lanes.setAttribute("aria-valuenow", this.time.toFixed(2));
    this.lanes.setAttribute("aria-valuetext", `${clock(this.time, 1)} of ${clock(this.song.duration, 1)}`);
  }

  // Range ------------------------------------------------------------------------------------

  /** Show `span` seconds from `start`, within the song. */
  look(start, span) {
    this.span = clamp(span, Math.min(SHORTEST_SPAN, this.song.duration), this.song.duration);
    this.start = clamp(start, 0, this.song.duration - this.span);
    this.draw();
  }

  /** Multiply the span, keeping `around` (seconds; the cursor, or the middle without it in view) where it is. */
  zoom(factor, around = null) {
    const inView = this.time >= this.start && this.time <= this.start + this.span;
    const fixed = around ?? (inView ? this.time : this.start + this.span / 2);
    const part = (fixed - this.start) / this.span;
    const span = clamp(this.span * factor, Math.min(SHORTEST_SPAN, this.song.duration), this.song.duration);
    this.look(fixed - part * span, span);
  }

  /** Show the whole song. */
  fit() {
    this.look(0, this.song.duration);
  }

  // Beats ------------------------------------------------------------------------------------

  /** Record a beat at a time in seconds. What was moved by the offset stays where it is heard. */
  tap(time) {
    if (this.node.beats.linked || this.node.offset.linked) {
      this.say("Another node gives the beats or the offset: disconnect it to tap.");
      return;
    }
    const { own, beats } = this.heard;
    this.lastTap = Number(clamp(time, 0, this.song.duration - 0.001).toFixed(3));
    this.#write(withTap(own ? beats : [], this.lastTap));
    this.say(`Tapped ${clock(this.lastTap)}`);
  }

  /** Take back the last tap. */
  untap() {
    const { times } = parseTimes(String(this.node.beats.value ?? ""), this.song.duration);
    if (!times.length || this.node.beats.linked) return;
    const index = times.indexOf(this.lastTap);
    times.splice(index < 0 ? times.length - 1 : index, 1);
    this.lastTap = null;
    this.node.beats.value = formatTimes(times);
    this.draw();
  }

  /** Back to the detected beats. */
  clearTaps() {
    if (this.node.beats.linked) return;
    this.node.beats.value = "";
    this.say("");
  }

  #write(times) {
    if (this.offset) this.node.offset.value = 0;
    this.node.beats.value = formatTimes(times);
  }

  setOffset(milliseconds) {
    if (this.node.offset.linked) {
      this.say("Another node gives the offset: disconnect it to drag the beats.");
      return;
    }
    this.node.offset.value = clamp(Math.round(milliseconds), -MAX_OFFSET_MS, MAX_OFFSET_MS);
    this.draw();
  }

  // Pointer and keys ---------------------------------------------------------------------------

  #timeAt(event) {
    const { left, width } = this.lanes.getBoundingClientRect();
    return this.start + ((event.clientX - left) / width) * this.span;
  }

  #overBeats(event) {
    const { top, height } = this.lanes.getBoundingClientRect();
    const y = ((event.clientY - top) / height) * this.lanes.clientHeight;
    const lane = layout(this.lanes.clientHeight, this.song.sections.length > 0).beats;
    return y >= lane.top && y < lane.top + lane.height;
  }

  #onPress(event) {
    if (event.button !== 0 || !this.song) return;
    this.lanes.focus({ preventScroll: true });
    this.lanes.setPointerCapture(event.pointerId);
    const from = { x: event.clientX, time: this.#timeAt(event), start: this.start, offset: this.offset };
    const secondsPerPixel = this.span / this.lanes.getBoundingClientRect().width;
    const moves = this.#overBeats(event) ? "grid" : "view";
    let far = false;
    const move = (later) => {
      far ||= Math.abs(later.clientX - from.x) >= CLICK_PIXELS;
      if (!far) return;
      this.drag = moves;
      this.lanes.classList.add("dragging");
      const seconds = (later.clientX - from.x) * secondsPerPixel;
      if (moves === "grid") this.setOffset(from.offset + 1000 * seconds);
      else this.look(from.start - seconds, this.span);
    };
    const stop = (later) => {
      for (const name of ["pointermove", "pointerup", "pointercancel"]) {
        this.lanes.removeEventListener(name, name === "pointermove" ? move : stop);
      }
      this.drag = null;
      this.lanes.classList.remove("dragging");
      if (!far && later.type === "pointerup") this.seek(from.time);
    };
    this.lanes.addEventListener("pointermove", move);
    this.lanes.addEventListener("pointerup", stop);
    this.lanes.addEventListener("pointercancel", stop);
  }

  #onWheel(event) {
    event.preventDefault();
    event.stopPropagation();
    const pixels = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 16 : 1;
    const sideways = event.shiftKey ? event.deltaY || event.deltaX : event.deltaX;
    if (Math.abs(sideways) > Math.abs(event.shiftKey ? 0 : event.deltaY)) {
      this.look(this.start + (sideways * pixels * this.span) / this.lanes.clientWidth, this.span);
    } else {
      this.zoom(Math.exp(clamp(event.deltaY * pixels, -200, 200) * 0.003), this.#timeAt(event));
    }
  }

  #onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.key === "Tab") return;
    // Nothing that is typed here is meant for ComfyUI, whose shortcuts are single letters.
    event.stopPropagation();
    if (event.key === "Escape") {
      this.element.shadowRoot.activeElement?.blur();
      return;
    }
    const inside = event.composedPath()[0];
    if (!this.song || inside === this.curveChoice) return;
    if (inside !== this.lanes && (event.key === " " || event.key === "Enter")) return;
    const act = this.#keys(event)[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }

  #keys(event) {
    const fine = event.shiftKey ? 1 : 5;
    const step = this.span / (event.shiftKey ? 100 : 20);
    const nudge = (milliseconds) => () => this.setOffset(this.offset + milliseconds);
    return {
      " ": () => event.repeat || this.toggle(),
      t: () => {
        if (event.repeat) return;
        if (this.audio.paused) this.say("Press Space to play, then T on every beat.");
        // The event waited in the queue for a moment; the ear had it then.
        else this.tap(this.time - Math.max(0, performance.now() - event.timeStamp) / 1000);
      },
      Backspace: () => this.untap(),
      Delete: () => this.untap(),
      ArrowLeft: () => this.seek(this.time - step),
      ArrowRight: () => this.seek(this.time + step),
      Home: () => this.seek(0),
      End: () => this.seek(this.song.duration),
      "+": () => this.zoom(0.5),
      "=": () => this.zoom(0.5),
      "-": () => this.zoom(2),
      0: () => this.fit(),
      ",": nudge(-fine),
      "<": nudge(-fine),
      ".": nudge(fine),
      ">": nudge(fine),
    };
  }

  // Drawing ------------------------------------------------------------------------------------

  /** A line for the person at the right of the status bar; empty to take it away. */
  say(message) {
    this.message = message;
    this.draw();
  }

  /** Beats as the next run will give them. */
  get heard() {
    return corrected(this.song, String(this.node.beats.value ?? ""), this.offset);
  }

  /** Sees what changed outside: the inputs, the zoom of the page, an output that ComfyUI brought back. */
  #notice() {
    if (document.hidden) return;
    this.node.keepMounted(this.element);
    if (!this.song) {
      const output = this.node.lastOutput();
      if (output) this.show(output);
    } else if (this.drawn !== this.#appearance()) {
      this.draw();
    }
  }

  #appearance() {
    const { beats, offset } = this.node;
    const color = getComputedStyle(this.lanes).color;
    return [beats.value, offset.value, beats.linked, offset.linked, this.#pixelRatio(), color].join("|");
  }

  /** Device pixels per CSS pixel of the canvas; a zoomed graph scales the element. */
  #pixelRatio() {
    const scale = this.lanes.getBoundingClientRect().width / (this.lanes.offsetWidth || 1);
    return clamp(Math.round(4 * scale * devicePixelRatio) / 4, 0.5, 4) || 1;
  }

  draw() {
    const { clientWidth: width, clientHeight: height } = this.lanes;
    if (!this.song || !width || !height) return;
    this.drawn = this.#appearance();
    const ratio = this.#pixelRatio();
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    const style = getComputedStyle(this.lanes);
    const context = this.canvas.getContext("2d");
    context.scale(ratio, ratio);
    const heard = this.heard;
    drawLanes(context, {
      width,
      height,
      ratio,
      start: this.start,
      span: this.span,
      song: this.song,
      peaks: this.peaks,
      curve: this.curves[this.curveChoice.value] ?? new Uint8Array(1),
      heard,
      theme: { text: style.color, font: style.fontFamily },
    });
    this.lanes.setAttribute("aria-valuemax", this.song.duration.toFixed(2));
    this.#tell(heard);
    this.#place();
  }

  #tell({ own, bad, beats, downbeats }) {
    const same = (a, b) => a.length === b.length && a.every((time, index) => Math.abs(time - b[index]) < 0.001);
    const queued = same(beats, this.song.beats);
    const tempo = queued ? this.song.tempo : tempoOf(beats);
    const parts = [tempo ? `${tempo.toFixed(1)} BPM` : "no tempo", count(beats.length, "beat"), count(downbeats.length, "bar")];
    parts.push(own ? "your beats" : "detected");
    this.summary.textContent = this.summary.title = parts.join("  ·  ");
    const wrong = bad.length ? `Not a time in this song: ${bad.slice(0, 3).join(", ")}` : "";
    this.note.textContent = [wrong || this.message, queued ? "" : "Queue again to use this"].filter(Boolean).join("  ·  ");
    this.moved.textContent = `Offset ${this.offset > 0 ? "+" : ""}${this.offset} ms`;
    this.moved.disabled = !this.offset || this.node.offset.linked;
    this.clear.disabled = !String(this.node.beats.value ?? "").trim() || this.node.beats.linked;
  }
}

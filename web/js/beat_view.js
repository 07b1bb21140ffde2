/** The beat view: a song to see, hear, tap along with and move the beats of. An element without a framework. */

import { listenToGestures } from "./beat_gestures.js";
import { decode, drawLanes } from "./beat_lanes.js";
import { corrected, formatTimes, parseTimes, tempoOf, withTap } from "./beat_times.js";
import { BEAT_VIEW_STYLE } from "./beat_view_style.js";
import { attachShadow, make } from "./dom.js";
import { clamp, clock, counted } from "./numbers.js";

/** @typedef {import("./beat_lanes.js").Song} Song */

const EMPTY_HEIGHT = 40;
const SONG_HEIGHT = 350;
const SHORTEST_SPAN = 0.2;
const MAX_OFFSET_MS = 5000;
const WATCH_MS = 250;

/** The view that was played last: two songs at once help nobody. @type {BeatView | null} */
let lastPlayed = null;

/** A song with its beats. `element` goes into the page. */
export class BeatView {
  /**
   * @param {object} node what the view may ask of and tell the node around it
   * @param {{value: string, linked: boolean}} node.beats own beat times, as text
   * @param {{value: number, linked: boolean}} node.offset milliseconds
   * @param {() => Song | undefined} node.lastOutput what the last run gave
   * @param {(file: Song["audio"]) => string} node.audioUrl address of the song
   * @param {(element: HTMLElement) => void} node.keepMounted called often, to put the element back where it was lost
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
    this.dragging = false;
    this.#build();
    listenToGestures(this);
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

  /** What the beats are moved by, in milliseconds. */
  get offset() {
    return Number(this.node.offset.value) || 0;
  }

  /**
   * Show what a run of the node gave.
   *
   * @param {Song} song
   */
  show(song) {
    const first = this.song === null;
    const same = this.song?.duration === song.duration;
    this.song = song;
    this.peaks = decode(song.peaks);
    this.curves = Object.fromEntries(Object.entries(song.curves).map(([name, text]) => [name, decode(text)]));
    const chosen = this.curveChoice.value;
    const names = Object.keys(this.curves);
    this.curveChoice.replaceChildren(...names.map((name) => make("option", { text: name, value: name })));
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
    const frame = make("div", { className: "frame" }, this.hint, this.bar, this.lanes, this.status);
    attachShadow(this.element, BEAT_VIEW_STYLE, frame);
  }

  #listen() {
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
    if (lastPlayed !== this) lastPlayed?.audio.pause();
    lastPlayed = this;
    this.say("");
    this.audio.play().catch((error) => {
      if (error.name !== "AbortError") this.say(`The song cannot be played: ${error.message}`);
    });
  }

  /**
   * Go to a time.
   *
   * @param {number} time seconds
   */
  seek(time) {
    this.audio.currentTime = clamp(time, 0, this.song.duration);
    this.#place();
  }

  #follow() {
    this.#place();
    const leftView = this.time < this.start || this.time > this.start + this.span;
    if (leftView && !this.dragging) this.look(this.time - 0.05 * this.span, this.span);
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

  /**
   * Show a range, moved and cut so that it lies within the song.
   *
   * @param {number} start seconds
   * @param {number} span seconds
   */
  look(start, span) {
    this.span = clamp(span, Math.min(SHORTEST_SPAN, this.song.duration), this.song.duration);
    this.start = clamp(start, 0, this.song.duration - this.span);
    this.draw();
  }

  /**
   * Show more or less of the song.
   *
   * @param {number} factor of the seconds that are shown
   * @param {number | null} [around] second that stays where it is; else the cursor, or the middle without it in view
   */
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

  /**
   * Record a beat. What was moved by the offset stays where it is heard.
   *
   * @param {number} time seconds
   */
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

  /**
   * Move all beats.
   *
   * @param {number} milliseconds after where they were detected or tapped
   */
  setOffset(milliseconds) {
    if (this.node.offset.linked) {
      this.say("Another node gives the offset: disconnect it to drag the beats.");
      return;
    }
    this.node.offset.value = clamp(Math.round(milliseconds), -MAX_OFFSET_MS, MAX_OFFSET_MS);
    this.draw();
  }

  // Drawing ------------------------------------------------------------------------------------

  /**
   * Tell the person something, at the right of the status bar.
   *
   * @param {string} message "" takes it away
   */
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

  /** Draw everything anew. */
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
    const parts = [
      tempo ? `${tempo.toFixed(1)} BPM` : "no tempo",
      counted(beats.length, "beat"),
      counted(downbeats.length, "bar"),
      own ? "your beats" : "detected",
    ];
    this.summary.textContent = this.summary.title = parts.join("  ·  ");
    const wrong = bad.length ? `Not a time in this song: ${bad.slice(0, 3).join(", ")}` : "";
    const notes = [wrong || this.message, queued ? "" : "Queue again to use this"];
    this.note.textContent = notes.filter(Boolean).join("  ·  ");
    this.moved.textContent = `Offset ${this.offset > 0 ? "+" : ""}${this.offset} ms`;
    this.moved.disabled = !this.offset || this.node.offset.linked;
    this.clear.disabled = !String(this.node.beats.value ?? "").trim() || this.node.beats.linked;
  }
}

// The picture of a song on Audio Beat Envelope and Correct Beats: waveform or curve, beats, bars, parts, and the song
// itself playing. On Correct Beats a key taps beats, and dragging a beat line moves them all.
import { app } from "../../../scripts/app.js";
import { api } from "../../../scripts/api.js";

const NODES = { AudioBeatEnvelope: false, CorrectBeats: true }; // name -> whether it can be edited
const HEIGHT = 210;
const NEAREST_TAP = 0.12; // seconds: a key that bounces is one tap
const GRAB = 5; // pixels around a beat line
const PARTS = ["#5b8def", "#e07a5f", "#3fb68b", "#c58af0", "#e2b93b", "#5cc4d6", "#d96c9f", "#8a94a6"];
const COLOURS = { wave: "#6a9fd8", curve: "#f2a65a", beat: "#aab2c0", bar: "#ff5d73", cursor: "#ffffff", tap: "#7fe08a" };

function bytesOf(text, kind) {
  const raw = atob(text);
  const bytes = new Uint8Array(raw.length);
  for (let i = 0; i < raw.length; i++) bytes[i] = raw.charCodeAt(i);
  return new kind(bytes.buffer);
}

export function clock(seconds) {
  const tenths = Math.max(0, Math.round(seconds * 10));
  return `${Math.floor(tenths / 600)}:${String(Math.floor((tenths % 600) / 10)).padStart(2, "0")}.${tenths % 10}`;
}

function element(tag, text, title) {
  const made = document.createElement(tag);
  if (text) made.textContent = text;
  if (title) {
    made.title = title;
    made.setAttribute("aria-label", title);
  }
  return made;
}

class SongView {
  constructor(node, editable) {
    this.node = node;
    this.editable = editable;
    this.data = null;
    this.taps = [];
    this.dragged = 0; // seconds that the beats are moved by while dragging
    this.runs = 0;
    this.audio = new Audio();
    this.audio.preload = "auto";
    this.build();
    this.listen();
    this.observer = new ResizeObserver(() => this.draw());
    this.observer.observe(this.canvas);
  }

  build() {
    this.root = element("div");
    this.root.className = "songreel-view";
    this.root.tabIndex = 0;
    this.root.dataset.captureWheel = "true"; // else Nodes 2.0 gives the wheel to the graph
    this.root.setAttribute("role", "group");
    this.root.setAttribute("aria-label", "The song: Space plays, arrow keys seek, plus and minus zoom");
    Object.assign(this.root.style, {
      display: "flex", flexDirection: "column", gap: "4px", width: "100%", height: "100%", minHeight: `${HEIGHT}px`,
      boxSizing: "border-box", outlineOffset: "-1px", fontSize: "11px", color: "var(--input-text, #ddd)",
    });
    const bar = element("div");
    Object.assign(bar.style, { display: "flex", gap: "6px", alignItems: "center", flex: "none" });
    this.play = element("button", "▶", "Play or pause (Space)");
    this.time = element("span", "0:00.0");
    this.time.style.fontVariantNumeric = "tabular-nums";
    this.choice = element("select", "", "Curve to show");
    this.note = element("span", "Run once to see the song");
    Object.assign(this.note.style, {
      flex: "1", textAlign: "right", overflow: "hidden", whiteSpace: "nowrap", textOverflow: "ellipsis",
      color: "var(--descrip-text, #999)",
    });
    bar.append(this.play, this.time, this.choice);
    if (this.editable) {
      this.tap = element("button", "Tap", "Tap a beat (T) while the song plays");
      this.clear = element("button", "Clear taps", "Forget the tapped beats and use those heard");
      bar.append(this.tap, this.clear);
    }
    bar.append(this.note);
    for (const control of bar.querySelectorAll("button, select")) {
      Object.assign(control.style, {
        background: "var(--comfy-input-bg, #222)", color: "inherit", border: "1px solid var(--border-color, #4e4e4e)",
        borderRadius: "4px", padding: "1px 7px", font: "inherit", cursor: "pointer",
      });
    }
    this.canvas = element("canvas");
    Object.assign(this.canvas.style, {
      flex: "1", width: "100%", minHeight: "0", display: "block", borderRadius: "4px", touchAction: "none",
      background: "var(--comfy-input-bg, #222)",
    });
    this.root.append(bar, this.canvas);
  }

  listen() {
    this.play.addEventListener("click", () => this.toggle());
    this.choice.addEventListener("change", () => this.draw());
    this.tap?.addEventListener("click", () => this.addTap());
    this.clear?.addEventListener("click", () => this.setTaps([]));
    this.root.addEventListener("keydown", (event) => this.key(event));
    this.canvas.addEventListener("wheel", (event) => {
      event.preventDefault();
      event.stopPropagation();
      this.zoom(Math.exp(event.deltaY * 0.0015), this.timeAt(event));
    }, { passive: false });
    this.canvas.addEventListener("dblclick", (event) => {
      event.stopPropagation();
      this.show(0, this.duration);
    });
    this.canvas.addEventListener("pointerdown", (event) => this.press(event));
    this.audio.addEventListener("error", () => {
      if (this.audio.src) this.note.textContent = "The song cannot be played here";
    });
    for (const name of ["play", "pause", "seeked", "ended"]) this.audio.addEventListener(name, () => this.follow());
  }

  get duration() {
    return this.data?.duration ?? 1;
  }

  // What a run gave ------------------------------------------------------------------------------

  update(data) {
    this.runs += 1;
    const same = this.data?.duration === data.duration;
    this.data = data;
    this.dragged = 0;
    this.peaks = data.peaks ? bytesOf(data.peaks, Int8Array) : null;
    this.curves = Object.fromEntries(Object.entries(data.curves).map(([name, text]) => [name, bytesOf(text, Uint8Array)]));
    const chosen = this.choice.value;
    this.choice.replaceChildren(...Object.keys(this.curves).map((name) => element("option", name)));
    const wanted = this.node.widgets?.find((widget) => widget.name === "curve")?.value;
    this.choice.value = [chosen, wanted, "onset"].find((name) => name in this.curves) ?? "";
    const beats = data.beats.length;
    this.note.textContent = beats
      ? `${data.tempo.toFixed(1)} BPM · ${beats} beats · ${data.downbeats.length} bars`
      : `no beat (certainty ${Math.round(100 * (1 - data.confidence))} %)`;
    if (!same) [this.from, this.to] = [0, data.duration];
    this.taps = this.writtenTaps();
    this.findSong();
    this.draw();
  }

  // The sound file of the Load Audio node that this node's song comes from, through any nodes between.
  findSong() {
    const file = sourceFile(this.node);
    const url = file && api.apiURL(`/view?${new URLSearchParams(file)}`);
    this.play.disabled = !url;
    this.play.title = url ? "Play or pause (Space)" : "To hear the song here, let it come from Load Audio";
    if (url && this.url !== url) {
      this.url = url;
      this.audio.src = url;
    }
  }

  // Playing --------------------------------------------------------------------------------------

  toggle() {
    if (this.play.disabled) return;
    if (!this.audio.paused) return this.audio.pause();
    for (const other of SongView.all) if (other !== this) other.audio.pause();
    this.audio.play().catch((error) => (this.note.textContent = `The song cannot be played: ${error.name}`));
  }

  seek(time) {
    const to = Math.min(Math.max(time, 0), this.duration - 0.001);
    if (this.url) this.audio.currentTime = to;
    this.follow();
  }

  follow() {
    cancelAnimationFrame(this.request);
    const now = this.audio.currentTime;
    this.play.textContent = this.audio.paused ? "▶" : "❚❚";
    this.time.textContent = clock(now);
    if (!this.audio.paused) {
      const span = this.to - this.from;
      if (span < this.duration && (now > this.to || now < this.from)) this.show(now, now + span);
      this.request = requestAnimationFrame(() => this.follow());
    }
    this.draw();
  }

  // Zoom -----------------------------------------------------------------------------------------

  show(from, to) {
    const span = Math.min(Math.max(to - from, 0.25), this.duration);
    this.from = Math.min(Math.max(from, 0), this.duration - span);
    this.to = this.from + span;
    this.draw();
  }

  zoom(factor, around) {
    if (!this.data) return;
    this.show(around - (around - this.from) * factor, around + (this.to - around) * factor);
  }

  timeAt(event) {
    const box = this.canvas.getBoundingClientRect();
    return this.from + ((event.clientX - box.left) / box.width) * (this.to - this.from);
  }

  // Hands ----------------------------------------------------------------------------------------

  key(event) {
    if (!this.data || event.ctrlKey || event.metaKey || event.altKey || event.target.tagName === "SELECT") return;
    const now = this.audio.currentTime;
    const action = {
      " ": () => this.toggle(),
      ArrowLeft: () => this.seek(now - 1),
      ArrowRight: () => this.seek(now + 1),
      Home: () => this.seek(0),
      "+": () => this.zoom(0.7, now),
      "-": () => this.zoom(1 / 0.7, now),
      ...(this.editable ? { t: () => event.repeat || this.addTap(), T: () => event.repeat || this.addTap() } : {}),
    }[event.key];
    if (!action) return;
    // ComfyUI has its own meaning for many of these keys.
    event.preventDefault();
    event.stopPropagation();
    action();
  }

  press(event) {
    if (!this.data || event.button !== 0) return;
    event.preventDefault();
    event.stopPropagation();
    this.root.focus({ preventScroll: true });
    const [start, from, to] = [event.clientX, this.from, this.to];
    const perPixel = (to - from) / this.canvas.getBoundingClientRect().width;
    const moving = this.editable && this.nearBeat(this.timeAt(event), GRAB * perPixel);
    let moved = false;
    const move = (next) => {
      const distance = (next.clientX - start) * perPixel;
      moved ||= Math.abs(next.clientX - start) > 3;
      if (!moved) return;
      if (moving) this.dragged = distance;
      else this.show(from - distance, to - distance);
      this.draw();
    };
    const release = (last) => {
      this.canvas.removeEventListener("pointermove", move);
      this.canvas.removeEventListener("pointerup", release);
      this.canvas.removeEventListener("pointercancel", release);
      if (!moved) this.seek(this.timeAt(last));
      else if (moving) this.setWidget("nudge_ms", Math.round(1000 * ((this.data.offset ?? 0) + this.dragged)));
    };
    this.canvas.setPointerCapture(event.pointerId);
    this.canvas.addEventListener("pointermove", move);
    this.canvas.addEventListener("pointerup", release);
    this.canvas.addEventListener("pointercancel", release);
  }

  nearBeat(time, within) {
    return this.data.beats.some((beat) => Math.abs(beat - time) <= within);
  }

  // Taps -----------------------------------------------------------------------------------------

  addTap() {
    const now = this.audio.currentTime;
    if (!this.data || this.taps.some((tap) => Math.abs(tap - now) < NEAREST_TAP)) return;
    this.setTaps([...this.taps, now].sort((a, b) => a - b));
  }

  setTaps(taps) {
    this.taps = taps;
    this.setWidget("beats", taps.map((tap) => tap.toFixed(3)).join("\n"));
    this.draw();
  }

  writtenTaps() {
    const text = this.node.widgets?.find((widget) => widget.name === "beats")?.value ?? "";
    const lines = text.split("\n").filter(Boolean);
    return lines.every((line) => /^\d+(\.\d+)?$/.test(line)) ? lines.map(Number) : [];
  }

  setWidget(name, value) {
    const widget = this.node.widgets?.find((other) => other.name === name);
    if (!widget) return;
    widget.value = value;
    widget.callback?.(value, app.canvas, this.node);
    this.node.setDirtyCanvas?.(true, true);
  }

  // Drawing --------------------------------------------------------------------------------------

  draw() {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    if (!width || !height) return;
    const ratio = window.devicePixelRatio || 1;
    if (this.canvas.width !== Math.round(width * ratio) || this.canvas.height !== Math.round(height * ratio)) {
      this.canvas.width = Math.round(width * ratio);
      this.canvas.height = Math.round(height * ratio);
    }
    const pen = this.canvas.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    if (!this.data) return;
    const x = (time) => ((time - this.from) / (this.to - this.from)) * width;
    const strip = 16;
    const ruler = 13;
    const lanes = height - strip - ruler;
    const top = this.peaks ? Math.round(lanes * 0.5) : 0;
    if (this.peaks) this.drawPeaks(pen, x, width, 0, top);
    this.drawParts(pen, x, top, strip);
    this.drawCurve(pen, x, width, top + strip, lanes - top);
    this.drawBeats(pen, x, width, height - ruler, top, strip);
    this.drawRuler(pen, x, width, height);
    const now = x(this.audio.currentTime);
    pen.fillStyle = COLOURS.cursor;
    pen.fillRect(Math.round(now) - 0.5, 0, 1.5, height - ruler);
  }

  drawPeaks(pen, x, width, y, height) {
    const n = this.peaks.length / 2;
    const middle = y + height / 2;
    pen.fillStyle = COLOURS.wave;
    for (let column = 0; column < width; column++) {
      const [a, b] = this.span(column, width, n);
      if (a >= n || b <= 0) continue;
      let low = 127;
      let high = -127;
      for (let i = Math.max(a, 0); i < Math.min(b, n); i++) {
        low = Math.min(low, this.peaks[2 * i]);
        high = Math.max(high, this.peaks[2 * i + 1]);
      }
      const tall = Math.max(((high - low) / 254) * height * 0.94, 1);
      pen.fillRect(column, middle - (high / 127) * (height / 2) * 0.94, 1, tall);
    }
  }

  // The values of `n` equal parts of the song that fall on a column of pixels: [first, last + 1].
  span(column, width, n) {
    const per = (this.to - this.from) / width / this.duration * n;
    const first = Math.floor((this.from / this.duration) * n + column * per);
    return [first, Math.max(first + 1, Math.floor((this.from / this.duration) * n + (column + 1) * per))];
  }

  drawCurve(pen, x, width, y, height) {
    const curve = this.curves[this.choice.value];
    if (!curve) return;
    const line = new Path2D();
    const fill = new Path2D();
    fill.moveTo(0, y + height);
    for (let column = 0; column < width; column++) {
      const [a, b] = this.span(column, width, curve.length);
      let value = 0;
      for (let i = Math.max(a, 0); i < Math.min(b, curve.length); i++) value = Math.max(value, curve[i]);
      const at = y + height - 1 - (value / 255) * (height - 4);
      line[column ? "lineTo" : "moveTo"](column + 0.5, at);
      fill.lineTo(column + 0.5, at);
    }
    fill.lineTo(width, y + height);
    pen.fillStyle = `${COLOURS.curve}40`;
    pen.fill(fill);
    pen.strokeStyle = COLOURS.curve;
    pen.lineWidth = 1;
    pen.stroke(line);
  }

  drawParts(pen, x, y, height) {
    const letters = [...new Set(this.data.sections.map((part) => part[2]))].sort();
    pen.font = "10px sans-serif";
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    for (const [start, end, label, kind, energy] of this.data.sections) {
      const [left, right] = [x(start), x(end)];
      pen.globalAlpha = 0.3 + 0.5 * energy;
      pen.fillStyle = PARTS[letters.indexOf(label) % PARTS.length];
      pen.fillRect(left + 0.5, y + 1, right - left - 1, height - 2);
      pen.globalAlpha = 1;
      pen.fillStyle = "#fff";
      const text = kind && right - left > 70 ? `${label} ${kind}` : label;
      if (right - left > 12) pen.fillText(text, (Math.max(left, 0) + Math.min(right, this.canvas.clientWidth)) / 2, y + height / 2);
    }
  }

  drawBeats(pen, x, width, bottom, top, strip) {
    const bars = new Set(this.data.downbeats);
    const perBeat = this.data.beats.length > 1 ? (x(this.data.beats[1]) - x(this.data.beats[0])) : width;
    for (const beat of this.data.beats) {
      const at = Math.round(x(beat + this.dragged));
      if (at < -1 || at > width) continue;
      const bar = bars.has(beat);
      // Where beats crowd, only bars are whole lines.
      const short = !bar && perBeat < 7;
      pen.globalAlpha = bar ? 0.8 : 0.45;
      pen.fillStyle = bar ? COLOURS.bar : COLOURS.beat;
      if (top) pen.fillRect(at, short ? top - 6 : 0, 1, short ? 6 : top);
      pen.fillRect(at, short ? bottom - 6 : top + strip, 1, short ? 6 : bottom - top - strip);
    }
    pen.globalAlpha = 1;
    pen.fillStyle = COLOURS.tap;
    for (const tap of this.taps) {
      const at = x(tap);
      pen.fillRect(at - 1, bottom - 10, 2, 10);
    }
  }

  drawRuler(pen, x, width, height) {
    const span = this.to - this.from;
    const step = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1800].find((each) => (each / span) * width > 48) ?? 3600;
    pen.font = "9px sans-serif";
    pen.textBaseline = "bottom";
    pen.textAlign = "left";
    pen.fillStyle = "#9a9faa";
    for (let time = Math.ceil(this.from / step) * step; time < this.to; time += step) {
      const text = step < 1 ? clock(time) : clock(time).slice(0, -2);
      pen.fillRect(x(time), height - 12, 1, 3);
      pen.fillText(text, x(time) + 2, height);
    }
  }

  remove() {
    cancelAnimationFrame(this.request);
    this.observer.disconnect();
    this.audio.pause();
    this.audio.removeAttribute("src");
    SongView.all.delete(this);
  }
}

SongView.all = new Set();

// {filename, subfolder, type} of the Load Audio upstream of a node, or null.
function sourceFile(node, seen = new Set()) {
  if (!node || seen.has(node.id)) return null;
  seen.add(node.id);
  const widget = node.type === "LoadAudio" && node.widgets?.find((each) => each.name === "audio");
  if (widget && typeof widget.value === "string") {
    const [, path, type] = /^(.*?)(?: \[(\w+)\])?$/.exec(widget.value);
    const cut = path.lastIndexOf("/");
    return { filename: path.slice(cut + 1), subfolder: path.slice(0, Math.max(cut, 0)), type: type ?? "input" };
  }
  for (let slot = 0; slot < (node.inputs?.length ?? 0); slot++) {
    const kind = node.inputs[slot].type;
    if (kind !== "AUDIO" && kind !== "BEAT_ENVELOPE") continue;
    const found = sourceFile(node.getInputNode?.(slot), seen);
    if (found) return found;
  }
  return null;
}

app.registerExtension({
  name: "songreel.song_view",
  nodeCreated(node) {
    const type = node.comfyClass ?? node.type;
    if (!(type in NODES)) return;
    const view = new SongView(node, NODES[type]);
    SongView.all.add(view);
    node.songView = view;
    node.addDOMWidget("song_view", "songreel_view", view.root, {
      serialize: false,
      hideOnZoom: false,
      getMinHeight: () => HEIGHT,
    });
    const [executed, removed] = [node.onExecuted, node.onRemoved];
    node.onExecuted = function (output) {
      executed?.apply(this, arguments);
      const data = output?.songreel_view?.[0];
      if (data) view.update(data);
    };
    node.onRemoved = function () {
      removed?.apply(this, arguments);
      view.remove();
    };
    node.setSize([Math.max(node.size[0], 420), node.computeSize()[1]]);
  },
});

/** Draws the lanes of the beat view on a canvas: sections, waveform, curve, beats, time axis. */

import { clamp, clock } from "./numbers.js";

const BLUE = ["#4a7fb0", "#7db4e8"];
const AMBER = "#f0a050";
const RED = "#f0566c";
const TEAL = "#27b8a4";
const HUES = [212, 28, 150, 330, 265, 48, 185, 95];
const STEPS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600];
const LABEL_GAP = 6;
const LABEL_WIDTH = 22;

/**
 * @param {string} text base64
 * @returns {Uint8Array} one byte per value
 */
export function decode(text) {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

/**
 * Where the lanes lie.
 *
 * @param {number} height CSS pixels of all of them
 * @param {boolean} sections whether there is a band of sections
 * @returns {Record<"sections" | "wave" | "curve" | "beats" | "ruler", {top: number, height: number}>} CSS pixels
 */
export function layout(height, sections) {
  const band = sections ? 20 : 0;
  const ruler = 18;
  const beats = 46;
  const rest = Math.max(0, height - band - ruler - beats);
  const wave = Math.round(rest * 0.62);
  return {
    sections: { top: 0, height: band },
    wave: { top: band, height: wave },
    curve: { top: band + wave, height: rest - wave },
    beats: { top: band + rest, height: beats },
    ruler: { top: band + rest + beats, height: ruler },
  };
}

/**
 * What a run of the node sent.
 *
 * @typedef {object} Song
 * @property {number} duration seconds
 * @property {number} fps of the video
 * @property {number} n_frames of the video
 * @property {number} tempo beats per minute, 0 for none
 * @property {number[]} beats seconds
 * @property {number[]} downbeats seconds
 * @property {number[]} onsets seconds
 * @property {{beats: number[], downbeats: number[]}} detected before corrections
 * @property {{start: number, end: number, label: string, energy: number}[]} sections
 * @property {string} peaks base64, one byte per value
 * @property {Record<string, string>} curves base64 by the curve's name
 * @property {{filename: string, subfolder: string, type: string} | null} audio the song as a file of ComfyUI
 */

/**
 * What is drawn.
 *
 * @typedef {object} Scene
 * @property {number} width CSS pixels
 * @property {number} height CSS pixels
 * @property {number} ratio device pixels per CSS pixel
 * @property {number} start first second that is shown
 * @property {number} span seconds that are shown
 * @property {Song} song
 * @property {Uint8Array} peaks loudness over the song
 * @property {Uint8Array} curve values over the video's frames
 * @property {{own: boolean, beats: number[], downbeats: number[]}} heard the beats as the next run gives them
 * @property {{text: string, font: string}} theme colour and typeface
 */

/**
 * Draw all lanes.
 *
 * @param {CanvasRenderingContext2D} context
 * @param {Scene} scene
 */
export function drawLanes(context, scene) {
  const lanes = layout(scene.height, scene.song.sections.length > 0);
  context.clearRect(0, 0, scene.width, scene.height);
  context.textBaseline = "middle";
  drawRuler(context, scene, lanes);
  drawSections(context, scene, lanes.sections);
  drawWave(context, scene, lanes.wave);
  drawCurve(context, scene, lanes.curve);
  drawBeats(context, scene, lanes);
}

const xOf = (scene, time) => ((time - scene.start) / scene.span) * scene.width;

/** The times that are in view, with the index that each has in the list. */
function* inView(scene, times) {
  for (let index = firstFrom(times, scene.start); index < times.length; index++) {
    if (times[index] > scene.start + scene.span) return;
    yield [index, xOf(scene, times[index])];
  }
}

function firstFrom(times, time) {
  let [low, high] = [0, times.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle] < time) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** How many of the times are in view. */
const countInView = (scene, times) => firstFrom(times, scene.start + scene.span) - firstFrom(times, scene.start);

/**
 * For every device pixel: its left edge, the maximum and the mean of the values below it. Where a value is wider
 * than a pixel, `smooth` draws a line from one to the next.
 */
function* columns(scene, values, seconds, smooth) {
  const step = 1 / scene.ratio;
  const perPixel = values.length / seconds / (scene.width / scene.span);
  for (let x = 0; x < scene.width; x += step) {
    const from = (scene.start / seconds) * values.length + x * perPixel;
    if (from >= values.length) return;
    if (smooth && perPixel * step < 1) {
      const left = Math.max(0, Math.floor(from - 0.5));
      const part = clamp(from - 0.5 - left, 0, 1);
      const value = (values[left] * (1 - part) + values[Math.min(values.length - 1, left + 1)] * part) / 255;
      yield [x, value, 0.6 * value];
      continue;
    }
    const first = Math.floor(from);
    const last = Math.min(values.length, Math.max(first + 1, Math.ceil(from + perPixel * step)));
    let [top, sum] = [0, 0];
    for (let index = first; index < last; index++) {
      top = Math.max(top, values[index]);
      sum += values[index];
    }
    yield [x, top / 255, sum / (last - first) / 255];
  }
}

function drawRuler(context, scene, lanes) {
  const { text, font } = scene.theme;
  const step = STEPS.find((seconds) => (seconds / scene.span) * scene.width >= 62) ?? 1200;
  const digits = step >= 1 ? 0 : step >= 0.1 ? 1 : 2;
  context.font = `10px ${font}`;
  context.textAlign = "left";
  context.fillStyle = text;
  const middle = lanes.ruler.top + lanes.ruler.height / 2 + 1;
  for (let tick = Math.ceil(scene.start / step); tick * step <= scene.start + scene.span; tick++) {
    const x = Math.round(xOf(scene, tick * step));
    context.globalAlpha = 0.1;
    context.fillRect(x, lanes.wave.top, 1, lanes.ruler.top - lanes.wave.top);
    context.globalAlpha = 0.4;
    context.fillRect(x, lanes.ruler.top, 1, 4);
    context.globalAlpha = 0.7;
    const label = clock(tick * step, digits);
    const width = context.measureText(label).width;
    context.fillText(label, clamp(x - width / 2, 2, scene.width - width - 2), middle);
  }
  context.globalAlpha = 1;
}

function drawSections(context, scene, lane) {
  const labels = [...new Set(scene.song.sections.map((section) => section.label))];
  context.font = `600 11px ${scene.theme.font}`;
  context.textAlign = "left";
  for (const { start, end, label, energy } of scene.song.sections) {
    const left = Math.max(0, xOf(scene, start));
    const right = Math.min(scene.width, xOf(scene, end));
    if (right <= left) continue;
    const hue = HUES[labels.indexOf(label) % HUES.length];
    context.fillStyle = `hsl(${hue} 60% 50% / ${0.3 + 0.45 * Math.min(1, energy)})`;
    context.beginPath();
    context.roundRect(left + 0.5, lane.top + 1, Math.max(1, right - left - 1), lane.height - 4, 3);
    context.fill();
    if (context.measureText(label).width + 2 * LABEL_GAP < right - left) {
      context.fillStyle = scene.theme.text;
      context.fillText(label, left + LABEL_GAP, lane.top + lane.height / 2 - 0.5);
    }
  }
}

function drawWave(context, scene, lane) {
  const loudest = Math.max(1, ...chunkMaxima(scene.peaks)) / 255;
  const half = lane.height / 2 - 3;
  const middle = lane.top + lane.height / 2;
  const bars = [...columns(scene, scene.peaks, scene.song.duration, true)];
  BLUE.forEach((color, layer) => {
    context.fillStyle = color;
    for (const [x, top, mean] of bars) {
      const size = Math.max(0.5, ((layer ? mean * 0.75 : top) / loudest) * half);
      context.fillRect(x, middle - size, 1 / scene.ratio, 2 * size);
    }
  });
}

/** Maxima of parts, since an array of 30,000 is too long to be spread into arguments. */
function* chunkMaxima(values, size = 4096) {
  for (let start = 0; start < values.length; start += size) yield Math.max(...values.subarray(start, start + size));
}

function drawCurve(context, scene, lane) {
  const bottom = lane.top + lane.height;
  const seconds = scene.song.n_frames / scene.song.fps;
  const outline = new Path2D();
  let [first, last] = [null, 0];
  for (const [x, value] of columns(scene, scene.curve, seconds, false)) {
    const y = bottom - value * (lane.height - 6) - 1;
    if (first === null) outline.moveTo((first = x), y);
    outline.lineTo(x, y);
    outline.lineTo((last = x + 1 / scene.ratio), y);
  }
  if (first === null) return;
  const area = new Path2D(outline);
  area.lineTo(last, bottom);
  area.lineTo(first, bottom);
  context.fillStyle = AMBER;
  context.globalAlpha = 0.28;
  context.fill(area);
  context.globalAlpha = 1;
  context.strokeStyle = AMBER;
  context.lineWidth = 1.25;
  context.stroke(outline);
}

function drawBeats(context, scene, lanes) {
  const { wave, beats: lane } = lanes;
  const { own, beats, downbeats } = scene.heard;
  const { text, font } = scene.theme;
  const bars = new Set(downbeats);
  context.fillStyle = text;
  context.globalAlpha = 0.06;
  context.fillRect(0, lane.top, scene.width, lane.height);

  context.fillStyle = AMBER;
  context.globalAlpha = 0.7;
  for (const [, x] of inView(scene, scene.song.onsets)) context.fillRect(x - 0.5, lane.top, 1, 5);

  // What was detected stays in sight while own beats are tapped beside it.
  if (own) {
    context.fillStyle = text;
    context.globalAlpha = 0.25;
    for (const [, x] of inView(scene, scene.song.detected.beats)) context.fillRect(x - 0.5, lane.top + 34, 1, 12);
  }

  const crowd = Math.min(1, scene.width / Math.max(1, countInView(scene, beats)) / 9);
  const low = lane.top + lane.height;
  for (const [index, x] of inView(scene, beats)) {
    const bar = bars.has(beats[index]);
    context.fillStyle = bar ? RED : own ? TEAL : text;
    context.globalAlpha = bar ? 0.25 + 0.3 * crowd : 0.28 * crowd;
    context.fillRect(x - 0.5, wave.top, 1, lane.top - wave.top);
    context.globalAlpha = bar ? 1 : 0.35 + 0.5 * crowd;
    const top = lane.top + (bar ? 18 : 27);
    context.fillRect(x - (bar ? 1 : 0.75), top, bar ? 2 : 1.5, low - top);
  }

  context.globalAlpha = 1;
  context.fillStyle = RED;
  context.font = `600 10px ${font}`;
  context.textAlign = "left";
  const visible = Math.max(1, countInView(scene, downbeats));
  const every = 2 ** Math.max(0, Math.ceil(Math.log2((LABEL_WIDTH * visible) / scene.width)));
  for (const [index, x] of inView(scene, downbeats)) {
    if (index % every) continue;
    const width = context.measureText(index + 1).width;
    context.fillText(index + 1, clamp(x - width / 2, 2, scene.width - width - 2), lane.top + 11);
  }
}

/** The curve of a training as an element: loss of the steps, validation on unseen pictures, the step that is kept. */

import { attachShadow, make } from "./dom.js";
import { TRAINING_PLOT_STYLE } from "./training_plot_style.js";

const EMPTY_HEIGHT = 40;
const PLOT_HEIGHT = 190;
/**
 * How a training goes.
 *
 * @typedef {object} Curve
 * @property {number} done steps so far
 * @property {number} steps all of them
 * @property {[number, number][]} loss step and smoothed loss
 * @property {[number, number, number][]} validation step, loss of the subject, loss of the class
 */

// The drawing's own units; it is stretched to the element.
const [WIDTH, HEIGHT] = [1000, 300];
const SVG = "http://www.w3.org/2000/svg";

/**
 * The step that is kept: that with the least sum of both losses, the earliest of equals.
 *
 * @param {Curve["validation"]} validation
 * @returns {Curve["validation"][number] | undefined} undefined where nothing was validated
 */
export function bestOf(validation) {
  const sum = ([, subject, kept]) => subject + kept;
  return validation.reduce((best, entry) => (best && sum(best) <= sum(entry) ? best : entry), undefined);
}

/**
 * Round up to 1, 2 or 5 times a power of ten.
 *
 * @param {number} value above 0
 * @returns {number}
 */
export function roundUp(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((factor) => factor * power).find((rounded) => rounded >= value * 0.999);
}

/** The inline style that gives an element one of the plot's colours: loss, unseen or class. */
const inColour = (name) => `--colour: var(--${name})`;

function shape(tag, attributes) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

/** The plot and its legend. `element` goes into the page. */
export class TrainingPlot {
  /** Is empty until `show`. */
  constructor() {
    /** @type {Curve | null} */
    this.curve = null;
    this.element = make("div");
    this.status = make("div", { className: "status", role: "status" });
    this.area = make("div", { className: "area" });
    const hint = make("div", { className: "hint", text: "The loss curve appears here while it trains." });
    this.frame = make("div", { className: "frame" }, hint);
    attachShadow(this.element, TRAINING_PLOT_STYLE, this.frame);
  }

  /** Least height in CSS pixels. */
  get minHeight() {
    return this.curve ? PLOT_HEIGHT : EMPTY_HEIGHT;
  }

  /** @param {Curve} curve all of it so far */
  show(curve) {
    this.curve = curve;
    const withClass = curve.validation.some((entry) => entry[2]);
    const key = (text, name) => make("span", { text, style: inColour(name) });
    const legend = make("div", { className: "legend" });
    legend.append(key("loss, smoothed", "loss"), key("unseen pictures", "unseen"));
    if (withClass) legend.append(key("class, kept", "class"));
    this.#draw(curve, withClass);
    this.frame.replaceChildren(legend, this.area, this.status);
    this.status.textContent = this.#words(curve);
  }

  #draw({ steps, loss, validation }, withClass) {
    const values = [...loss.map((point) => point[1]), ...validation.flatMap((entry) => entry.slice(1))];
    const top = roundUp(Math.max(...values, 1e-6));
    const x = (step) => (step / Math.max(steps, 1)) * WIDTH;
    const y = (value) => HEIGHT - (Math.min(value, top) / top) * HEIGHT;
    const viewBox = `0 0 ${WIDTH} ${HEIGHT}`;
    const drawing = shape("svg", { viewBox, preserveAspectRatio: "none", "aria-hidden": "true" });
    const marks = [];
    for (const part of [0, 0.5, 1]) {
      drawing.append(shape("line", { class: "grid", x1: 0, x2: WIDTH, y1: y(part * top), y2: y(part * top) }));
      const tick = make("div", { className: "tick", text: Number((part * top).toPrecision(2)) });
      tick.style.top = `${100 - 100 * part}%`;
      marks.push(tick);
    }
    const line = (points, name) => {
      const places = points.map(([step, value]) => `${x(step)},${y(value)}`).join(" ");
      drawing.append(shape("polyline", { class: name, points: places, style: `stroke: var(--${name})` }));
    };
    const best = bestOf(validation);
    if (best) drawing.append(shape("line", { class: "best", x1: x(best[0]), x2: x(best[0]), y1: 0, y2: HEIGHT }));
    line(loss, "loss");
    if (withClass) line(validation.map((entry) => [entry[0], entry[2]]), "class");
    line(validation, "unseen");
    for (const entry of validation) {
      const dot = make("div", { className: entry === best ? "dot chosen" : "dot", style: inColour("unseen") });
      dot.style.left = `${(100 * x(entry[0])) / WIDTH}%`;
      dot.style.top = `${(100 * y(entry[1])) / HEIGHT}%`;
      dot.title = `step ${entry[0]}: ${entry[1].toFixed(4)} on unseen pictures, ${entry[2].toFixed(4)} of the class`;
      marks.push(dot);
    }
    this.area.replaceChildren(drawing, ...marks);
  }

  #words({ done, steps, loss, validation }) {
    const best = bestOf(validation);
    const words = [done < steps ? `Step ${done} of ${steps}` : `${steps} steps`];
    if (loss.length) words.push(`loss ${loss[loss.length - 1][1].toFixed(3)}`);
    if (best) {
      const [first, last] = [validation[0][1].toFixed(3), best[1].toFixed(3)];
      words.push(`unseen pictures ${first} to ${last}, best at step ${best[0]}`);
    }
    return words.join(" · ");
  }
}

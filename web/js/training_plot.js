/** The curve of a training as an element: loss of the steps, validation on unseen pictures, the step that is kept. */

const EMPTY_HEIGHT = 40;
const PLOT_HEIGHT = 190;
// The drawing's own units; it is stretched to the element.
const [WIDTH, HEIGHT] = [1000, 300];
const SVG = "http://www.w3.org/2000/svg";

const STYLE = `
:host { display: block; box-sizing: border-box; font-size: 12px; line-height: 1.4; min-width: 0;
  color: var(--input-text, #ddd); --loss: #5b9bd5; --unseen: #f2a65a; --class: #8f7ee7; }
* { box-sizing: border-box; }
.frame { display: flex; flex-direction: column; height: 100%; overflow: hidden; border-radius: 8px;
  border: 1px solid var(--border-color, #4e4e4e); background: var(--comfy-input-bg, #222); }
.hint { margin: auto; padding: 8px 12px; text-align: center; opacity: 0.75; }
.legend { display: flex; flex-wrap: wrap; gap: 2px 12px; padding: 6px 10px 0; flex: none; }
.legend span::before { content: ""; display: inline-block; width: 14px; height: 3px; border-radius: 2px; margin-right: 5px;
  vertical-align: middle; background: var(--colour); }
.area { position: relative; flex: 1; min-height: 110px; margin: 6px 10px 0 44px; }
svg { position: absolute; inset: 0; width: 100%; height: 100%; overflow: visible; }
svg * { vector-effect: non-scaling-stroke; }
polyline { fill: none; stroke-width: 1.6; stroke-linejoin: round; }
.grid { stroke: var(--border-color, #4e4e4e); stroke-width: 1; }
.best { stroke: var(--input-text, #ddd); stroke-width: 1; stroke-dasharray: 4 3; }
.dot { position: absolute; width: 7px; height: 7px; margin: -3.5px; border-radius: 50%; background: var(--colour); }
.dot.chosen { width: 11px; height: 11px; margin: -5.5px; border: 2px solid var(--input-text, #ddd); }
.tick { position: absolute; right: 100%; margin-right: 6px; transform: translateY(-50%); opacity: 0.7;
  font-variant-numeric: tabular-nums; }
.status { padding: 6px 10px; flex: none; font-variant-numeric: tabular-nums; }
`;

/** The entry of a validation with the least sum of both losses, the earliest of equals; undefined for none. */
export function bestOf(validation) {
  return validation.reduce((best, entry) => (best && best[1] + best[2] <= entry[1] + entry[2] ? best : entry), undefined);
}

/** A round number at or above a positive one: 1, 2, 5 times a power of ten. */
export function roundUp(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((factor) => factor * power).find((rounded) => rounded >= value * 0.999);
}

function make(tag, className, text = "", colour = "") {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  if (colour) element.style.setProperty("--colour", `var(--${colour})`);
  return element;
}

function shape(tag, attributes) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

/** @typedef {{done: number, steps: number, loss: number[][], validation: number[][]}} Curve
 * loss: [step, smoothed loss]; validation: [step, loss of the subject, loss of the class]. */
export class TrainingPlot {
  constructor() {
    this.curve = null;
    this.element = make("div", "");
    this.root = this.element.attachShadow({ mode: "open" });
    this.frame = make("div", "frame");
    this.frame.append(make("div", "hint", "The loss curve appears here while it trains."));
    this.status = make("div", "status");
    this.status.setAttribute("role", "status");
    this.area = make("div", "area");
    this.root.append(make("style", "", STYLE), this.frame);
  }

  get minHeight() {
    return this.curve ? PLOT_HEIGHT : EMPTY_HEIGHT;
  }

  /** @param {Curve} curve all of it so far */
  show(curve) {
    this.curve = curve;
    const withClass = curve.validation.some((entry) => entry[2]);
    const legend = make("div", "legend");
    legend.append(make("span", "", "loss, smoothed", "loss"), make("span", "", "unseen pictures", "unseen"));
    if (withClass) legend.append(make("span", "", "class, kept", "class"));
    this.#draw(curve, withClass);
    this.frame.replaceChildren(legend, this.area, this.status);
    this.status.textContent = this.#words(curve);
  }

  #draw({ steps, loss, validation }, withClass) {
    const values = [...loss.map((point) => point[1]), ...validation.flatMap((entry) => entry.slice(1))];
    const top = roundUp(Math.max(...values, 1e-6));
    const x = (step) => (step / Math.max(steps, 1)) * WIDTH;
    const y = (value) => HEIGHT - (Math.min(value, top) / top) * HEIGHT;
    const drawing = shape("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" });
    const marks = [];
    for (const part of [0, 0.5, 1]) {
      drawing.append(shape("line", { class: "grid", x1: 0, x2: WIDTH, y1: y(part * top), y2: y(part * top) }));
      const tick = make("div", "tick", String(Number((part * top).toPrecision(2))));
      tick.style.top = `${100 - 100 * part}%`;
      marks.push(tick);
    }
    const line = (points, colour, name) =>
      drawing.append(
        shape("polyline", { class: name, points: points.map(([step, value]) => `${x(step)},${y(value)}`).join(" "), style: `stroke: var(--${colour})` }),
      );
    const best = bestOf(validation);
    if (best) drawing.append(shape("line", { class: "best", x1: x(best[0]), x2: x(best[0]), y1: 0, y2: HEIGHT }));
    line(loss, "loss", "loss");
    if (withClass) line(validation.map((entry) => [entry[0], entry[2]]), "class", "class");
    line(validation, "unseen", "unseen");
    for (const entry of validation) {
      const dot = make("div", entry === best ? "dot chosen" : "dot", "", "unseen");
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
    if (best) words.push(`unseen pictures ${validation[0][1].toFixed(3)} to ${best[1].toFixed(3)}, best at step ${best[0]}`);
    return words.join(" · ");
  }
}

/** What pointer, wheel and keys do to the beat view. */

import { layout } from "./beat_lanes.js";
import { clamp } from "./numbers.js";

/** @typedef {import("./beat_view.js").BeatView} BeatView */

const CLICK_PIXELS = 3;
const PIXELS_PER_LINE = 16;

/**
 * Make a view listen to pointer, wheel and keys.
 *
 * @param {BeatView} view
 */
export function listenToGestures(view) {
  const { element, lanes } = view;
  element.addEventListener("keydown", (event) => onKey(view, event));
  // A renderer that draws nodes as HTML would take a press for the start of dragging the node.
  element.addEventListener("pointerdown", (event) => {
    if (event.button === 0) event.stopPropagation();
  });
  lanes.addEventListener("pointerdown", (event) => onPress(view, event));
  lanes.addEventListener("pointermove", (event) => lanes.classList.toggle("grid", isOverBeats(view, event)));
  lanes.addEventListener("dblclick", () => view.fit());
  lanes.addEventListener("wheel", (event) => onWheel(view, event), { passive: false });
}

/** The second of the song below the pointer. */
function timeAt(view, event) {
  const { left, width } = view.lanes.getBoundingClientRect();
  return view.start + ((event.clientX - left) / width) * view.span;
}

function isOverBeats(view, event) {
  const { top, height } = view.lanes.getBoundingClientRect();
  const y = ((event.clientY - top) / height) * view.lanes.clientHeight;
  const lane = layout(view.lanes.clientHeight, view.song.sections.length > 0).beats;
  return y >= lane.top && y < lane.top + lane.height;
}

/** A press is a click, which seeks, until it moves; then it drags the beats or what is shown. */
function onPress(view, event) {
  if (event.button !== 0 || !view.song) return;
  const { lanes } = view;
  lanes.focus({ preventScroll: true });
  lanes.setPointerCapture(event.pointerId);
  const from = { x: event.clientX, time: timeAt(view, event), start: view.start, offset: view.offset };
  const secondsPerPixel = view.span / lanes.getBoundingClientRect().width;
  const dragsBeats = isOverBeats(view, event);
  const listening = new AbortController();
  let far = false;
  const move = (later) => {
    far ||= Math.abs(later.clientX - from.x) >= CLICK_PIXELS;
    if (!far) return;
    view.dragging = true;
    lanes.classList.add("dragging");
    const seconds = (later.clientX - from.x) * secondsPerPixel;
    if (dragsBeats) view.setOffset(from.offset + 1000 * seconds);
    else view.look(from.start - seconds, view.span);
  };
  const stop = (later) => {
    listening.abort();
    view.dragging = false;
    lanes.classList.remove("dragging");
    if (!far && later.type === "pointerup") view.seek(from.time);
  };
  const { signal } = listening;
  lanes.addEventListener("pointermove", move, { signal });
  lanes.addEventListener("pointerup", stop, { signal });
  lanes.addEventListener("pointercancel", stop, { signal });
}

/** The wheel zooms around the pointer; sideways, or with Shift, it moves along the song. */
function onWheel(view, event) {
  event.preventDefault();
  event.stopPropagation();
  const pixels = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? PIXELS_PER_LINE : 1;
  const sideways = event.shiftKey ? event.deltaY || event.deltaX : event.deltaX;
  if (Math.abs(sideways) > Math.abs(event.shiftKey ? 0 : event.deltaY)) {
    view.look(view.start + (sideways * pixels * view.span) / view.lanes.clientWidth, view.span);
  } else {
    view.zoom(Math.exp(clamp(event.deltaY * pixels, -200, 200) * 0.003), timeAt(view, event));
  }
}

function onKey(view, event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.key === "Tab") return;
  // Nothing that is typed here is meant for ComfyUI, whose shortcuts are single letters.
  event.stopPropagation();
  if (event.key === "Escape") {
    view.element.shadowRoot.activeElement?.blur();
    return;
  }
  const inside = event.composedPath()[0];
  if (!view.song || inside === view.curveChoice) return;
  if (inside !== view.lanes && (event.key === " " || event.key === "Enter")) return;
  const act = actionsOf(view, event)[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if (!act) return;
  event.preventDefault();
  act();
}

/** What each key does. Shift makes steps smaller. */
function actionsOf(view, event) {
  const fine = event.shiftKey ? 1 : 5;
  const step = view.span / (event.shiftKey ? 100 : 20);
  const nudge = (milliseconds) => () => view.setOffset(view.offset + milliseconds);
  return {
    " ": () => event.repeat || view.toggle(),
    t: () => {
      if (event.repeat) return;
      if (view.audio.paused) view.say("Press Space to play, then T on every beat.");
      // The event waited in the queue for a moment; the ear had it then.
      else view.tap(view.time - Math.max(0, performance.now() - event.timeStamp) / 1000);
    },
    Backspace: () => view.untap(),
    Delete: () => view.untap(),
    ArrowLeft: () => view.seek(view.time - step),
    ArrowRight: () => view.seek(view.time + step),
    Home: () => view.seek(0),
    End: () => view.seek(view.song.duration),
    "+": () => view.zoom(0.5),
    "=": () => view.zoom(0.5),
    "-": () => view.zoom(2),
    0: () => view.fit(),
    ",": nudge(-fine),
    "<": nudge(-fine),
    ".": nudge(fine),
    ">": nudge(fine),
  };
}

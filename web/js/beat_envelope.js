/** Puts the beat view below the widgets of AudioBeatEnvelope and joins it to the node's inputs. */

import { api } from "../../../scripts/api.js";
import { app } from "../../../scripts/app.js";
import { BeatView } from "./beat_view.js";

const NODE = "AudioBeatEnvelope";
const MARGIN = 10;
const DEFAULT_WIDTH = 480;
const TEXT_HEIGHT = 66;

/** An input of the node as the view reads and writes it. */
function control(node, name) {
  const widget = () => node.widgets?.find((candidate) => candidate.name === name);
  return {
    get value() {
      return widget()?.value;
    },
    set value(value) {
      const found = widget();
      if (!found) return;
      found.value = value;
      found.callback?.(value);
      node.graph?.setDirtyCanvas?.(true, true);
    },
    /** Whether another node gives the value, so that the widget has no say. */
    get linked() {
      return node.inputs?.find((input) => input.widget?.name === name)?.link != null;
    },
  };
}

function audioUrl({ filename, subfolder, type }) {
  return api.apiURL(`/view?${new URLSearchParams({ filename, subfolder, type })}`);
}

function addView(node) {
  const view = new BeatView({
    beats: control(node, "beats"),
    offset: control(node, "offset_ms"),
    /** What the last run gave, where ComfyUI kept it: after undo, or when a tab comes back. */
    lastOutput: () => (node.graph?.isRootGraph === false ? undefined : app.nodeOutputs?.[node.id]?.songreel?.[0]),
    audioUrl,
    /** Nodes drawn as HTML keep the element of a node of the same id that was removed, as undo does. */
    keepMounted(element) {
      if (!element.isConnected) document.querySelector(`[data-songreel-left="${node.id}"]`)?.replaceWith(element);
    },
  });
  const widget = node.addDOMWidget("beat_view", "songreel_beat_view", view.element, {
    serialize: false,
    hideOnZoom: false,
    margin: MARGIN,
    getMinHeight: () => view.minHeight + 2 * MARGIN,
  });
  widget.serialize = false;
  widget.view = view;
  // Room that is left is for the view.
  const text = node.widgets.find((candidate) => candidate.name === "beats");
  if (text?.options) text.options.getMaxHeight = () => TEXT_HEIGHT;

  view.onGrow = () => {
    const [width, height] = node.computeSize();
    node.setSize([Math.max(node.size[0], width), Math.max(node.size[1], height)]);
  };

  const { onExecuted, onRemoved } = node;
  node.onExecuted = function (output) {
    onExecuted?.apply(this, arguments);
    if (output?.songreel?.[0]) view.show(output.songreel[0]);
  };
  node.onRemoved = function () {
    onRemoved?.apply(this, arguments);
    view.remove();
    view.element.dataset.songreelLeft = node.id;
  };
  node.setSize([Math.max(node.size[0], DEFAULT_WIDTH), Math.max(node.size[1], node.computeSize()[1])]);
}

app.registerExtension({
  name: "songreel.beat_envelope",
  nodeCreated(node) {
    if (node.comfyClass === NODE) addView(node);
  },
});

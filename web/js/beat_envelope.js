/** Puts the beat view below the widgets of AudioBeatEnvelope and joins it to the node's inputs. */

import { api } from "../../../scripts/api.js";
import { app } from "../../../scripts/app.js";
import { BeatView } from "./beat_view.js";
import { addElement, after, extendNodes, growNode, inputControl, limitTextHeight } from "./comfy_node.js";

const DEFAULT_WIDTH = 480;
const TEXT_HEIGHT = 66;

function audioUrl({ filename, subfolder, type }) {
  return api.apiURL(`/view?${new URLSearchParams({ filename, subfolder, type })}`);
}

/** @param {import("./comfy_node.js").GraphNode} node */
function addView(node) {
  const view = new BeatView({
    beats: inputControl(node, "beats"),
    offset: inputControl(node, "offset_ms"),
    /** What the last run gave, where ComfyUI kept it: after undo, or when a tab comes back. */
    lastOutput: () => (node.graph?.isRootGraph === false ? undefined : app.nodeOutputs?.[node.id]?.songreel?.[0]),
    audioUrl,
    /** Nodes drawn as HTML keep the element of a node of the same id that was removed, as undo does. */
    keepMounted(element) {
      if (!element.isConnected) document.querySelector(`[data-songreel-left="${node.id}"]`)?.replaceWith(element);
    },
  });
  addElement(node, "beat_view", view.element, () => view.minHeight).view = view;
  limitTextHeight(node, ["beats"], TEXT_HEIGHT);
  view.onGrow = () => growNode(node);
  after(node, "onExecuted", (output) => {
    if (output?.songreel?.[0]) view.show(output.songreel[0]);
  });
  after(node, "onRemoved", () => {
    view.remove();
    view.element.dataset.songreelLeft = String(node.id);
  });
  growNode(node, DEFAULT_WIDTH);
}

extendNodes("songreel.beat_envelope", "AudioBeatEnvelope", addView);

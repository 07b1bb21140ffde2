/** Puts the loss curve of a training into TrainIdentityLoRA: live while it trains, and still there after a reload. */

import { api } from "../../../scripts/api.js";
import { app } from "../../../scripts/app.js";
import { addPreviews } from "./identity_previews.js";
import { TrainingPlot } from "./training_plot.js";

const NODE = "TrainIdentityLoRA";
const EVENT = "songreel.training";
const MARGIN = 10;
const DEFAULT_WIDTH = 440;
const KEPT = "songreel.training";
const MOST_KEPT = 20;

/** The newest curve of each node, in this browser: figures only. */
function kept() {
  try {
    return JSON.parse(localStorage.getItem(KEPT)) ?? {};
  } catch {
    return {};
  }
}

function keyOf(node) {
  return node.graph?.id ? `${node.graph.id}/${node.id}` : null;
}

function keep(node, curve) {
  const key = keyOf(node);
  if (!key) return;
  const { [key]: _, ...others } = kept();
  const entries = [...Object.entries(others).slice(1 - MOST_KEPT), [key, curve]];
  try {
    localStorage.setItem(KEPT, JSON.stringify(Object.fromEntries(entries)));
  } catch {
    // A full or forbidden storage costs the curve after a reload, nothing else.
  }
}

/** The node that an execution id such as "3" or "7:3", within a subgraph, means. */
function nodeAt(id) {
  let graph = app.rootGraph ?? app.graph;
  let node;
  for (const part of String(id).split(":")) {
    node = graph?.getNodeById(part) ?? graph?.getNodeById(Number(part));
    graph = node?.subgraph;
  }
  return node;
}

function addCurve(node) {
  const plot = new TrainingPlot();
  const widget = node.addDOMWidget("training_curve", "songreel_training_curve", plot.element, {
    serialize: false,
    hideOnZoom: false,
    margin: MARGIN,
    getMinHeight: () => plot.minHeight + 2 * MARGIN,
  });
  widget.serialize = false;
  widget.plot = plot;

  function show(curve) {
    const grows = !plot.curve;
    plot.show(curve);
    if (!grows) return;
    const [width, height] = node.computeSize();
    node.setSize([Math.max(node.size[0], width), Math.max(node.size[1], height)]);
  }

  const previews = addPreviews(node);
  widget.heard = (curve) => {
    show(curve);
    previews.heard(curve);
    keep(node, curve);
  };
  const { onExecuted, onConfigure } = node;
  node.onExecuted = function (output) {
    onExecuted?.apply(this, arguments);
    if (output?.songreel_training?.[0]) widget.heard(output.songreel_training[0]);
  };
  node.onConfigure = function () {
    onConfigure?.apply(this, arguments);
    // The node is put into its graph after this.
    queueMicrotask(() => {
      const curve = kept()[keyOf(node)];
      if (!curve || plot.curve) return;
      show(curve);
      previews.heard(curve);
    });
  };
  node.setSize([Math.max(node.size[0], DEFAULT_WIDTH), Math.max(node.size[1], node.computeSize()[1])]);
}

api.addEventListener(EVENT, ({ detail }) => {
  const node = nodeAt(detail.node);
  if (node?.comfyClass !== NODE) return;
  node.widgets?.find((widget) => widget.name === "training_curve")?.heard(detail);
});

app.registerExtension({
  name: "songreel.training_curve",
  nodeCreated(node) {
    if (node.comfyClass === NODE) addCurve(node);
  },
});

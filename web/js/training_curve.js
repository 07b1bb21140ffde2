/** Puts the loss curve of a training into TrainIdentityLoRA: live while it trains, and still there after a reload. */

import { api } from "../../../scripts/api.js";
import { app } from "../../../scripts/app.js";
import { addElement, after, extendNodes, findWidget, growNode } from "./comfy_node.js";
import { addPreviews } from "./identity_previews.js";
import { TrainingPlot } from "./training_plot.js";

const NODE = "TrainIdentityLoRA";
const EVENT = "songreel.training";
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

/** The name under which a node's curve is kept; null while the node is in no saved graph. */
function keyOf(node) {
  return node.graph?.id ? `${node.graph.id}/${node.id}` : null;
}

/** Keep a node's curve, and of the others the newest. */
function keep(node, curve) {
  const key = keyOf(node);
  if (!key) return;
  const others = Object.entries(kept()).filter(([other]) => other !== key);
  const entries = [...others.slice(1 - MOST_KEPT), [key, curve]];
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
  const widget = addElement(node, "training_curve", plot.element, () => plot.minHeight);
  widget.plot = plot;

  function show(curve) {
    const grows = !plot.curve;
    plot.show(curve);
    if (grows) growNode(node);
  }

  const previews = addPreviews(node);
  widget.heard = (curve) => {
    show(curve);
    previews.heard(curve);
    keep(node, curve);
  };
  after(node, "onExecuted", (output) => {
    if (output?.songreel_training?.[0]) widget.heard(output.songreel_training[0]);
  });
  after(node, "onConfigure", () => {
    // The node is put into its graph after this.
    queueMicrotask(() => {
      const curve = kept()[keyOf(node)];
      if (!curve || plot.curve) return;
      show(curve);
      previews.heard(curve);
    });
  });
  growNode(node, DEFAULT_WIDTH);
}

api.addEventListener(EVENT, ({ detail }) => {
  const node = nodeAt(detail.node);
  if (node?.comfyClass !== NODE) return;
  findWidget(node, "training_curve")?.heard(detail);
});

extendNodes("songreel.training_curve", NODE, addCurve);

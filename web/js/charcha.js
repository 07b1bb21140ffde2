/** Puts the capture into CharchaCapture and joins it to the node's input `record`. */

import { api } from "../../../scripts/api.js";
import "./charcha_capture.js";
import { addElement, after, extendNodes, findWidget, growNode, inputControl } from "./comfy_node.js";
import { make } from "./dom.js";

const SIZE = [420, 620];
const MIN_HEIGHT = 300;

/** @param {import("./comfy_node.js").GraphNode} node */
function addCapture(node) {
  const record = inputControl(node, "record");
  const element = make("songreel-charcha", {
    base: api.apiURL("/songreel/charcha"),
    record: record.value ?? "",
    on: { "charcha-record": ({ detail }) => (record.value = detail.record) },
  });
  addElement(node, "capture", element, () => MIN_HEIGHT);
  const show = (value) => (element.record = value ?? "");
  after(node, "onConfigure", () => show(record.value));
  after(findWidget(node, "record"), "callback", show);
  after(node, "onRemoved", () => element.dispose());
  growNode(node, ...SIZE);
}

extendNodes("songreel.charcha", "CharchaCapture", addCapture);

/** Puts the capture into CharchaCapture and joins it to the node's input `record`. */

import { api } from "../../../scripts/api.js";
import { app } from "../../../scripts/app.js";
import "./charcha_capture.js";

const NODE = "CharchaCapture";
const MARGIN = 10;
const SIZE = [420, 620];
const MIN_HEIGHT = 300;

function addCapture(node) {
  const record = node.widgets.find((widget) => widget.name === "record");
  const element = document.createElement("songreel-charcha");
  element.setAttribute("base", api.apiURL("/songreel/charcha"));
  element.setAttribute("record", record.value ?? "");
  element.addEventListener("charcha-record", ({ detail }) => {
    record.value = detail.record;
    record.callback?.(detail.record);
    node.graph?.setDirtyCanvas?.(true, true);
  });
  const widget = node.addDOMWidget("capture", "songreel_charcha", element, {
    serialize: false,
    hideOnZoom: false,
    margin: MARGIN,
    getMinHeight: () => MIN_HEIGHT + 2 * MARGIN,
  });
  widget.serialize = false;
  const { onRemoved, onConfigure } = node;
  node.onConfigure = function () {
    onConfigure?.apply(this, arguments);
    element.record = record.value ?? "";
  };
  const { callback } = record;
  record.callback = function (value) {
    callback?.apply(this, arguments);
    element.record = value ?? "";
  };
  node.onRemoved = function () {
    onRemoved?.apply(this, arguments);
    element.dispose();
  };
  node.setSize([Math.max(node.size[0], SIZE[0]), Math.max(node.size[1], SIZE[1])]);
}

app.registerExtension({
  name: "songreel.charcha",
  nodeCreated(node) {
    if (node.comfyClass === NODE) addCapture(node);
  },
});

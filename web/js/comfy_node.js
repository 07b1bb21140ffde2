/** What the nodes of this pack share in ComfyUI's page: an element below the widgets, inputs, events, size. */

import { app } from "../../../scripts/app.js";

const MARGIN = 10;

/**
 * A node of ComfyUI's graph, as far as this pack uses it.
 *
 * @typedef {object} GraphNode
 * @property {number | string} id
 * @property {string} comfyClass
 * @property {[number, number]} size width and height
 * @property {any} graph
 * @property {any[]} [widgets]
 * @property {any[]} [inputs]
 * @property {() => [number, number]} computeSize the least size
 * @property {(size: [number, number]) => void} setSize
 * @property {(name: string, type: string, element: HTMLElement, options: object) => any} addDOMWidget
 */

/**
 * An input of a node, as a view reads and writes it.
 *
 * @typedef {object} InputControl
 * @property {any} value undefined while the node has no such widget
 * @property {boolean} linked whether another node gives the value, so that the widget has no say
 */

/**
 * Register an extension that adds something to every new node of one class.
 *
 * @param {string} name of the extension
 * @param {string} nodeClass
 * @param {(node: GraphNode) => void} add
 */
export function extendNodes(name, nodeClass, add) {
  app.registerExtension({
    name,
    nodeCreated(/** @type {GraphNode} */ node) {
      if (node.comfyClass === nodeClass) add(node);
    },
  });
}

/**
 * Put an element below the widgets of a node. Nothing of it is saved in the workflow.
 *
 * @param {GraphNode} node
 * @param {string} name of the widget
 * @param {HTMLElement} element
 * @param {() => number} minHeight least height of the element in CSS pixels; 0 where it takes no room
 * @returns {any} the widget
 */
export function addElement(node, name, element, minHeight) {
  const widget = node.addDOMWidget(name, `songreel_${name}`, element, {
    serialize: false,
    hideOnZoom: false,
    margin: MARGIN,
    getMinHeight: () => (minHeight() ? minHeight() + 2 * MARGIN : 0),
  });
  widget.serialize = false;
  return widget;
}

/**
 * Make a node as large as what is in it wants, and never smaller than it is.
 *
 * @param {GraphNode} node
 * @param {number} [width] a least width of its own
 * @param {number} [height] a least height of its own
 */
export function growNode(node, width = 0, height = 0) {
  const [least, low] = node.computeSize();
  node.setSize([Math.max(node.size[0], least, width), Math.max(node.size[1], low, height)]);
}

/**
 * Call a listener after a method of an object, such as a node's `onRemoved` or a widget's `callback`.
 *
 * @param {any} owner
 * @param {string} method the owner need not have it
 * @param {(...given: any[]) => void} listener gets what the method got
 */
export function after(owner, method, listener) {
  const before = owner[method];
  owner[method] = function (...given) {
    const result = before?.apply(this, given);
    listener(...given);
    return result;
  };
}

/**
 * @param {GraphNode} node
 * @param {string} name
 * @returns {any} the widget of that name, undefined when the node has none
 */
export const findWidget = (node, name) => node.widgets?.find((widget) => widget.name === name);

/**
 * @param {GraphNode} node
 * @param {string} name of the input
 * @returns {InputControl}
 */
export function inputControl(node, name) {
  return {
    get value() {
      return findWidget(node, name)?.value;
    },
    set value(value) {
      const widget = findWidget(node, name);
      if (!widget) return;
      widget.value = value;
      widget.callback?.(value);
      node.graph?.setDirtyCanvas?.(true, true);
    },
    get linked() {
      return node.inputs?.find((input) => input.widget?.name === name)?.link != null;
    },
  };
}

/**
 * Keep text widgets low, so that room which is left goes to the element below them.
 *
 * @param {GraphNode} node
 * @param {string[]} names
 * @param {number} height CSS pixels
 */
export function limitTextHeight(node, names, height) {
  for (const name of names) {
    const { options } = findWidget(node, name) ?? {};
    if (options) options.getMaxHeight = () => height;
  }
}

/** Elements, shadow roots and events: what every view in this folder is built with. Knows nothing of ComfyUI. */

/** Events that a form inside a node needs for itself: without this the graph below would act on them, too. */
const FORM_EVENTS = ["keydown", "pointerdown", "wheel", "copy", "paste"];

/**
 * What `make` can be told. Every property that is not named here becomes an attribute.
 *
 * @typedef {object} ElementOptions
 * @property {string} [className]
 * @property {string | number} [text] text content
 * @property {Record<string, (event: any) => void>} [on] listeners by the name of their event
 */

/**
 * Make an element.
 *
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {ElementOptions & Record<string, any>} [options]
 * @param {...(Node | string)} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function make(tag, { className, text, on = {}, ...attributes } = {}, ...children) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = String(text);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  for (const [name, listener] of Object.entries(on)) element.addEventListener(name, listener);
  element.append(...children);
  return element;
}

/**
 * Give an element a shadow root, so that the page's styles and the view's leave each other alone.
 *
 * @param {HTMLElement} host
 * @param {string} style CSS for what is in the shadow root
 * @param {...(Node | string)} children
 * @returns {ShadowRoot}
 */
export function attachShadow(host, style, ...children) {
  const root = host.attachShadow({ mode: "open" });
  root.append(make("style", { text: style }), ...children);
  return root;
}

/**
 * Keep events from what surrounds an element: keys and the wheel belong to the form, not to the graph below it.
 *
 * @param {HTMLElement} element
 * @param {string[]} [names] names of the events
 */
export function keepEvents(element, names = FORM_EVENTS) {
  for (const name of names) element.addEventListener(name, (event) => event.stopPropagation());
}

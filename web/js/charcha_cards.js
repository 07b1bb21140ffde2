/** The cards of the capture: consent, result, a captured person. Each is a list of elements; the caller acts. */

import { make } from "./dom.js";

const NAMES = {
  neutral: "neutral",
  turn_left: "left",
  turn_right: "right",
  look_up: "up",
  look_down: "down",
  open_mouth: "open mouth",
  smile: "smile",
  squint: "squint",
  stand_up: "farther",
};
const STATES = {
  active: "valid",
  revoked: "revoked: no node uses it any more",
  deleted: "deleted",
  expired: "expired",
  altered: "damaged",
  unknown: "not on this computer",
};
/** States in which there is still something to take back. */
const KEPT_STATES = ["active", "revoked", "expired"];

/**
 * What the person chose on the consent card.
 *
 * @typedef {object} Choices
 * @property {string} camera id
 * @property {string} token made-up name
 * @property {string} classWord
 * @property {boolean} light whether the screen changes colours
 * @property {boolean} voice whether prompts are spoken
 */

/** A sentence about what went wrong, as a list; empty without one. */
const problemLine = (text) => (text ? [make("p", { className: "problem", role: "alert", text })] : []);

const badge = (text, isGood) => make("p", {}, make("span", { className: isGood ? "badge" : "badge reduced", text }));

const button = (text, click, className = "") => make("button", { type: "button", text, className, on: { click } });

const labelled = (text, input) => make("label", {}, make("span", { text }), input);

/** Names and values, the values in a typewriter face. */
function facts(...pairs) {
  const parts = pairs.flatMap(([name, value]) => [
    make("dt", { text: name }),
    make("dd", {}, make("code", { text: value })),
  ]);
  return make("dl", {}, ...parts);
}

function checkbox(input, text, explanation = "") {
  const words = make("div", { text });
  if (explanation) words.append(make("small", { text: explanation }));
  return make("label", { className: "check" }, input, words);
}

/**
 * A list to choose from.
 *
 * @param {{id: string, label: string}[]} entries
 */
function choice(entries) {
  return make("select", {}, ...entries.map(({ id, label }) => make("option", { text: label, value: id })));
}

/**
 * A capture cannot begin.
 *
 * @param {string} problem
 * @param {() => void} onRetry
 * @returns {HTMLElement[]}
 */
export function failureCard(problem, onRetry) {
  return [make("h2", { text: "Capture" }), ...problemLine(problem), button("Try again", onRetry)];
}

/**
 * What the person agrees to, and how the capture is to be.
 *
 * @param {object} given
 * @param {{text: {title: string, text: string}[], class_words: string[]}} given.consent
 * @param {{id: string, label: string}[]} given.cameras
 * @param {string} given.camera id of the one that was used last
 * @param {string} given.token made-up name to begin with
 * @param {string} given.problem what went wrong before; empty when nothing did
 * @param {(choices: Choices) => void} onBegin
 * @returns {HTMLElement[]}
 */
export function consentCard({ consent, cameras, camera, token, problem }, onBegin) {
  const name = make("input", {
    type: "text",
    value: token,
    maxlength: "20",
    spellcheck: "false",
    autocomplete: "off",
    autocapitalize: "none",
  });
  const word = choice(consent.class_words.map((label) => ({ id: label, label })));
  const picker = choice(cameras);
  picker.value = camera || cameras[0]?.id || "";
  const agree = make("input", { type: "checkbox" });
  const light = make("input", { type: "checkbox" });
  light.checked = true;
  const voice = make("input", { type: "checkbox" });
  const begin = button("Start the camera", () => onBegin(choices()), "main");
  begin.disabled = true;
  agree.addEventListener("change", () => (begin.disabled = !agree.checked));
  const choices = () => ({
    camera: picker.value,
    token: name.value.trim(),
    classWord: word.value,
    light: light.checked,
    voice: voice.checked,
  });
  return [
    make("h2", { text: "Show that it is you" }),
    make("p", {
      className: "lead",
      text:
        "About a minute: look at the camera and follow six simple movements. " +
        "Sit in even light, hair and scarf off your face; glasses are fine.",
    }),
    ...problemLine(problem),
    ...consent.text.map(({ title, text }, index) => {
      const details = make("details", {}, make("summary", { text: title }), make("p", { text }));
      details.open = index === 0;
      return details;
    }),
    make("div", { className: "row" }, labelled("Made-up name, for prompts", name), labelled("Painted as a", word)),
    ...(cameras.length > 1 ? [make("div", { className: "row" }, labelled("Camera", picker))] : []),
    checkbox(
      light,
      "Change colours on the screen",
      "Proves that the face is before this very screen. Colours change at most twice a second, without saturated red: " +
        "fewer than three flashes in any second (WCAG 2.3.1). Leave it out if flicker troubles you. The record then " +
        "gets reduced assurance.",
    ),
    checkbox(voice, "Speak the prompts"),
    checkbox(agree, "I am the person before the camera, I have read the above, and I agree."),
    begin,
  ];
}

/**
 * A capture was passed.
 *
 * @param {any} result what the server said of it
 * @param {string[]} urls addresses of the pictures that were kept, in the order of `result.labels`
 * @param {() => void} onDone
 * @returns {HTMLElement[]}
 */
export function resultCard(result, urls, onDone) {
  const pictures = result.labels.map((label, index) =>
    make("li", {}, make("img", { src: urls[index], alt: "" }), make("span", { text: NAMES[label] ?? label })),
  );
  const full = result.assurance === "full";
  const advice =
    "The light check did not pass, so training may ask for another capture; draw the curtains or dim the lamps.";
  const copy = button("Copy the key", async () => {
    await navigator.clipboard?.writeText(result.owner_key).catch(() => {});
    copy.textContent = "Copied";
  });
  return [
    make("h2", { text: "Thank you, that is all" }),
    badge(full ? "Full assurance" : "Reduced assurance", full),
    ...(full ? [] : [make("p", { className: "lead", text: advice })]),
    make("ul", { className: "pictures" }, ...pictures),
    facts(["Name", result.token], ["Record", result.record], ["Valid until", result.expires]),
    make(
      "div",
      { className: "key" },
      make("b", { text: "Your key, shown only now" }),
      make("code", { text: result.owner_key }),
      make("p", {
        text:
          "With it you can take your consent back here, or use the record from another computer. " +
          "Keep it; do not put it into a workflow.",
      }),
      copy,
    ),
    button("Done", onDone, "main"),
  ];
}

/**
 * What the server could not remove, or leaves to the owner, in words; empty when nothing is left.
 *
 * @param {{left?: string[], finished?: string[]}} done its answer to revoke or delete
 * @returns {string}
 */
export function whatIsLeft({ left = [], finished = [] }) {
  const words = [];
  if (left.length) words.push(`These files could not be removed or were changed since: ${left.join(", ")}.`);
  if (finished.length) words.push(`Finished videos in the output folder are left to you: ${finished.join(", ")}.`);
  return words.join(" ");
}

/**
 * A person is captured.
 *
 * @param {{record: string, state: string, problem: string}} given
 * @param {() => void} onNew called for a new capture
 * @param {(verb: "revoke" | "delete", key: string) => void} onTakeBack called with the key as it was typed
 * @returns {HTMLElement[]}
 */
export function recordCard({ record, state, problem }, onNew, onTakeBack) {
  const key = make("input", { type: "text", autocomplete: "off", spellcheck: "false", "aria-label": "Your key" });
  const takeBack = make(
    "details",
    {},
    make("summary", { text: "Take the consent back" }),
    make("p", { text: "Enter the key that was shown after the capture." }),
    key,
    make(
      "div",
      { className: "row", style: "margin-top: 10px" },
      button("Revoke", () => onTakeBack("revoke", key.value.trim())),
      button("Delete", () => onTakeBack("delete", key.value.trim()), "danger"),
    ),
  );
  return [
    make("h2", { text: "A person is captured" }),
    badge(STATES[state] ?? state, state === "active"),
    ...problemLine(problem),
    facts(["Record", record]),
    button("New capture", onNew, "main"),
    ...(KEPT_STATES.includes(state) ? [takeBack] : []),
  ];
}

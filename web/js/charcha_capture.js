/** <songreel-charcha base="…" record="…">: consent, capture and result. Independent of ComfyUI.
 *
 * Fires "charcha-record" with detail.record when a capture was passed, or "" when its record was deleted.
 */

import { ask, Capture, CaptureError, listCameras, openCamera, requireSecureContext } from "./charcha_client.js";
import { CARD_STYLE, icon, STAGE_STYLE } from "./charcha_style.js";

const STEPS = 8;
const LEAVE_MS = 800;
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

/** @returns {HTMLElement} an element with properties, `on…` listeners and children */
function make(tag, { className = "", text = "", on = {}, ...attributes } = {}, ...children) {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  for (const [name, listener] of Object.entries(on)) element.addEventListener(name, listener);
  element.append(...children);
  return element;
}

export class CharchaElement extends HTMLElement {
  constructor() {
    super();
    this.camera = "";
    this.root = this.attachShadow({ mode: "open" });
    this.card = make("div", { className: "card" });
    this.root.append(make("style", { text: CARD_STYLE }), this.card);
    // The keyboard belongs to the form, not to the program around it.
    for (const kind of ["keydown", "keyup", "keypress", "pointerdown", "wheel", "paste", "copy"]) {
      this.addEventListener(kind, (event) => event.stopPropagation());
    }
  }

  get base() {
    return this.getAttribute("base") ?? "/songreel/charcha";
  }

  get record() {
    return this.getAttribute("record") ?? "";
  }

  set record(value) {
    if (value === this.record) return;
    this.setAttribute("record", value);
    if (!this.capture) this.#start();
  }

  connectedCallback() {
    clearTimeout(this.leaving);
    if (!this.shown) this.#start();
    this.shown = true;
  }

  disconnectedCallback() {
    // A page may take the element out and put it back at once.
    this.leaving = setTimeout(() => this.dispose(), LEAVE_MS);
  }

  /** Stop for good: the camera is released. */
  dispose() {
    this.release();
    for (const url of this.urls ?? []) URL.revokeObjectURL(url);
    this.urls = [];
  }

  /** Close camera, socket and stage. Safe at any time. */
  release(error) {
    this.capture?.stop(error);
    this.capture = null;
    for (const track of this.stream?.getTracks() ?? []) {
      track.onended = null;
      track.stop();
    }
    this.stream = null;
    if (this.stage) {
      this.stage.video.srcObject = null;
      this.stage.host.remove();
      this.stage = null;
    }
    document.removeEventListener("visibilitychange", this.onHidden);
    window.removeEventListener("pagehide", this.onLeave);
    window.speechSynthesis?.cancel();
    this.sound?.close().catch(() => {});
    this.sound = null;
  }

  // Cards --------------------------------------------------------------------------------------

  async #start() {
    if (this.record) return this.#showRecord();
    return this.#showConsent();
  }

  async #showConsent(problem = "") {
    let consent;
    try {
      requireSecureContext();
      consent = await ask(this.base, "consent");
    } catch (error) {
      return this.#show(
        make("h2", { text: "Capture" }),
        make("p", { className: "problem", role: "alert", text: error.message }),
        make("button", { type: "button", text: "Try again", on: { click: () => this.#start() } }),
      );
    }
    const cameras = await listCameras();
    const token = make("input", { type: "text", value: this.token ?? consent.token, maxlength: "20", spellcheck: "false", autocomplete: "off", autocapitalize: "none" });
    const word = make("select");
    for (const name of consent.class_words) word.append(make("option", { text: name, value: name }));
    const picker = make("select");
    for (const camera of cameras) picker.append(make("option", { text: camera.label, value: camera.id }));
    picker.value = this.camera || cameras[0]?.id || "";
    const agree = make("input", { type: "checkbox" });
    const light = make("input", { type: "checkbox" });
    light.checked = true;
    const voice = make("input", { type: "checkbox" });
    const begin = make("button", { className: "main", type: "button", text: "Start the camera" });
    begin.disabled = true;
    agree.addEventListener("change", () => (begin.disabled = !agree.checked));
    begin.addEventListener("click", () => {
      this.camera = picker.value;
      this.token = token.value.trim();
      this.#run({ consent: consent.version, token: this.token, class_word: word.value, light: light.checked }, voice.checked);
    });
    const check = (input, text, small = "") =>
      make("label", { className: "check" }, input, make("div", { text }, ...(small ? [make("small", { text: small })] : [])));
    const field = (text, input) => make("label", {}, make("span", { text }), input);
    this.#show(
      make("h2", { text: "Show that it is you" }),
      make("p", {
        className: "lead",
        text: "About a minute: look at the camera and follow six simple movements. Sit in even light, hair and scarf off your face; glasses are fine.",
      }),
      ...(problem ? [make("p", { className: "problem", role: "alert", text: problem })] : []),
      ...consent.text.map(({ title, text }, index) => {
        const details = make("details", {}, make("summary", { text: title }), make("p", { text }));
        details.open = index === 0;
        return details;
      }),
      make("div", { className: "row" }, field("Made-up name, for prompts", token), field("Painted as a", word)),
      ...(cameras.length > 1 ? [make("div", { className: "row" }, field("Camera", picker))] : []),
      check(
        light,
        "Change colours on the screen",
        "Proves that the face is before this very screen. Colours change at most twice a second; leave it out if flicker troubles you. The record then gets reduced assurance.",
      ),
      check(voice, "Speak the prompts"),
      check(agree, "I am the person before the camera, I have read the above, and I agree."),
      begin,
    );
  }

  #showResult({ result, pictures }) {
    this.urls = pictures.map((blob) => URL.createObjectURL(new Blob([blob], { type: "image/jpeg" })));
    const list = make("ul", { className: "pictures" });
    result.labels.forEach((label, index) =>
      list.append(make("li", {}, make("img", { src: this.urls[index], alt: "" }), make("span", { text: NAMES[label] ?? label }))),
    );
    const full = result.assurance === "full";
    const copy = make("button", { type: "button", text: "Copy the key" });
    copy.addEventListener("click", async () => {
      await navigator.clipboard?.writeText(result.owner_key).catch(() => {});
      copy.textContent = "Copied";
    });
    this.#show(
      make("h2", { text: "Thank you, that is all" }),
      make("p", {}, make("span", { className: `badge${full ? "" : " reduced"}`, text: full ? "Full assurance" : "Reduced assurance" })),
      ...(full
        ? []
        : [make("p", { className: "lead", text: "The light check did not pass, so training may ask for another capture; draw the curtains or dim the lamps." })]),
      list,
      make(
        "dl",
        {},
        ...[
          ["Name", result.token],
          ["Record", result.record],
          ["Valid until", result.expires],
        ].flatMap(([name, value]) => [make("dt", { text: name }), make("dd", {}, make("code", { text: value }))]),
      ),
      make(
        "div",
        { className: "key" },
        make("b", { text: "Your key, shown only now" }),
        make("code", { text: result.owner_key }),
        make("p", { text: "With it you can take your consent back here, or use the record from another computer. Keep it; do not put it into a workflow." }),
        copy,
      ),
      make("button", { className: "main", type: "button", text: "Done", on: { click: () => this.#start() } }),
    );
  }

  async #showRecord(problem = "") {
    let state = "unknown";
    try {
      ({ state } = await ask(this.base, "identity", { record: this.record, do: "status" }));
    } catch (error) {
      problem ||= error.message;
    }
    const key = make("input", { type: "text", autocomplete: "off", spellcheck: "false", "aria-label": "Your key" });
    const act = (text, verb, className = "") =>
      make("button", {
        type: "button",
        text,
        className,
        on: {
          click: async () => {
            if (verb === "delete" && !confirm("Delete the pictures, the training data and the models made from them?")) return;
            try {
              await ask(this.base, "identity", { record: this.record, do: verb, owner_key: key.value.trim() });
              this.#showRecord();
            } catch (error) {
              this.#showRecord(error.message);
            }
          },
        },
      });
    const usable = state === "active" || state === "revoked" || state === "expired";
    this.#show(
      make("h2", { text: "A person is captured" }),
      make("p", {}, make("span", { className: `badge${state === "active" ? "" : " reduced"}`, text: STATES[state] ?? state })),
      ...(problem ? [make("p", { className: "problem", role: "alert", text: problem })] : []),
      make("dl", {}, make("dt", { text: "Record" }), make("dd", {}, make("code", { text: this.record }))),
      make("button", {
        className: "main",
        type: "button",
        text: "New capture",
        on: {
          click: () => {
            this.#tell("");
            this.#showConsent();
          },
        },
      }),
      ...(usable
        ? [
            make(
              "details",
              {},
              make("summary", { text: "Take the consent back" }),
              make("p", { text: "Enter the key that was shown after the capture." }),
              key,
              make("div", { className: "row", style: "margin-top: 10px" }, act("Revoke", "revoke"), act("Delete", "delete", "danger")),
            ),
          ]
        : []),
    );
  }

  #show(...children) {
    this.card.replaceChildren(...children);
    this.card.scrollTop = 0;
    // On a small page the new card's beginning may lie above what is seen.
    document.scrollingElement?.scrollBy(0, Math.min(0, this.getBoundingClientRect().top));
  }

  #tell(record) {
    this.setAttribute("record", record);
    this.dispatchEvent(new CustomEvent("charcha-record", { detail: { record }, bubbles: true }));
  }

  // Capture ------------------------------------------------------------------------------------

  async #run(request, voice) {
    if (this.capture || this.opening) return;
    this.opening = true;
    this.voice = voice;
    try {
      this.stream = await openCamera(this.camera);
      const ticket = await ask(this.base, "start", request);
      if (!this.isConnected) throw new CaptureError("Cancelled.");
      this.#openStage();
      const video = this.stage.video;
      video.srcObject = this.stream;
      await video.play();
      this.capture = new Capture(this.base, video, (message) => this.#heard(message));
      this.stream.getVideoTracks()[0].onended = () => this.release(new CaptureError("The camera was lost. Connect it and try again."));
      this.onHidden = () => document.hidden && this.release(new CaptureError("The page was left. Keep it in front until the end."));
      this.onLeave = () => this.release();
      document.addEventListener("visibilitychange", this.onHidden);
      window.addEventListener("pagehide", this.onLeave);
      const done = await this.capture.run(ticket);
      this.release();
      this.#tell(done.result.record);
      this.#showResult(done);
    } catch (error) {
      this.release();
      this.#showConsent(error instanceof CaptureError ? error.message : "Something went wrong in the page. Try again.");
    } finally {
      this.opening = false;
    }
  }

  #openStage() {
    const host = make("div");
    const root = host.attachShadow({ mode: "open" });
    const dialog = make("dialog", { "aria-label": "Capture" });
    dialog.innerHTML = `<div class="stage">
      <ol class="steps" aria-hidden="true">${"<li></li>".repeat(STEPS)}</ol>
      <div class="lens"><video muted playsinline aria-label="Your camera"></video>
        <svg class="ring" viewBox="0 0 100 100" aria-hidden="true">
          <circle class="track" cx="50" cy="50" r="48" /><circle class="strength" cx="50" cy="50" r="48" pathLength="1" />
          <circle class="hold" cx="50" cy="50" r="48" pathLength="1" /></svg></div>
      <div class="panel"><span class="icon" style="grid-row: span 2"></span>
        <div class="words" role="status" aria-live="assertive"></div><div class="coach" role="status" aria-live="polite"></div></div>
      <div class="bar"><button type="button" class="cancel">Cancel</button></div></div>`;
    root.append(make("style", { text: STAGE_STYLE }), dialog);
    document.body.append(host);
    const find = (selector) => dialog.querySelector(selector);
    this.stage = { host, dialog, video: find("video"), words: find(".words"), coach: find(".coach"), icon: find(".icon") };
    this.stage.steps = [...dialog.querySelectorAll(".steps li")];
    this.stage.rings = { strength: find(".strength"), hold: find(".hold") };
    for (const ring of Object.values(this.stage.rings)) ring.style.strokeDasharray = "1";
    const cancel = () => this.release(new CaptureError("Cancelled. Nothing was kept."));
    find(".cancel").addEventListener("click", cancel);
    dialog.addEventListener("cancel", (event) => {
      event.preventDefault();
      cancel();
    });
    for (const kind of ["keydown", "keyup", "keypress"]) host.addEventListener(kind, (event) => event.stopPropagation());
    dialog.showModal();
    this.stage.words.textContent = "One moment";
    this.stage.icon.innerHTML = icon("neutral");
    this.#ring(0, 0);
    try {
      this.sound = new AudioContext();
    } catch {
      this.sound = null;
    }
  }

  #heard(message) {
    const { stage } = this;
    if (!stage) return;
    if (message.type === "prompt") {
      this.capture.begin();
      const change = stage.words.textContent !== message.say;
      stage.words.textContent = message.say;
      stage.icon.innerHTML = icon(message.action ?? (message.phase === "light" ? "light" : "neutral"));
      if (message.phase !== "light") this.#colour("#ffffff");
      const now = message.phase === "calibrate" ? 0 : message.phase === "light" ? 1 : message.step + 1;
      stage.steps.forEach((dot, index) => {
        dot.className = index < now ? "done" : index === now && message.phase !== "gap" ? "now" : "";
      });
      stage.coach.textContent = "";
      this.#ring(0, 0);
      if (change && message.phase === "action") {
        this.#beep(660, 0.12);
        this.#say(message.say);
      }
    } else if (message.type === "colour") {
      this.#colour(message.colour);
    } else if (message.type === "seen") {
      if (stage.coach.textContent !== message.say) stage.coach.textContent = message.say;
      this.#ring(message.strength, message.hold);
    } else if (message.type === "done") {
      this.#beep(880, 0.1);
      this.#beep(1175, 0.16, 0.1);
    } else if (message.type === "retry") {
      stage.coach.textContent = message.say;
      this.#beep(330, 0.25);
      this.#say(message.say);
    }
  }

  #colour(colour) {
    this.stage.dialog.style.background = colour;
  }

  #ring(strength, hold) {
    const { rings } = this.stage;
    rings.strength.style.strokeDashoffset = String(1 - strength);
    rings.hold.style.strokeDashoffset = String(1 - hold);
    rings.strength.style.visibility = strength > 0.02 ? "" : "hidden";
    rings.hold.style.visibility = hold > 0.02 ? "" : "hidden";
  }

  #beep(frequency, seconds, delay = 0) {
    if (!this.sound) return;
    const begin = this.sound.currentTime + delay;
    const tone = new OscillatorNode(this.sound, { frequency });
    const volume = new GainNode(this.sound, { gain: 0 });
    volume.gain.setValueAtTime(0, begin);
    volume.gain.linearRampToValueAtTime(0.12, begin + 0.01);
    volume.gain.exponentialRampToValueAtTime(0.001, begin + seconds);
    tone.connect(volume).connect(this.sound.destination);
    tone.start(begin);
    tone.stop(begin + seconds);
  }

  #say(text) {
    if (!this.voice || !window.speechSynthesis) return;
    window.speechSynthesis.cancel();
    window.speechSynthesis.speak(new SpeechSynthesisUtterance(text));
  }
}

if (!customElements.get("songreel-charcha")) customElements.define("songreel-charcha", CharchaElement);

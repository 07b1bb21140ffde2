/** The full-screen dialog while a capture runs: the mirrored camera, what to do now, coloured light, tones, speech. */

import { icon } from "./charcha_icons.js";
import { STAGE_STYLE } from "./charcha_style.js";
import { attachShadow, keepEvents, make } from "./dom.js";

const STEPS = 8;
const LEAST_ARC = 0.02;
const VOLUME = 0.12;

const CONTENT = `<div class="stage">
  <ol class="steps" aria-hidden="true">${"<li></li>".repeat(STEPS)}</ol>
  <div class="lens"><video muted playsinline aria-label="Your camera"></video>
    <svg class="ring" viewBox="0 0 100 100" aria-hidden="true">
      <circle class="track" cx="50" cy="50" r="48" /><circle class="strength" cx="50" cy="50" r="48" pathLength="1" />
      <circle class="hold" cx="50" cy="50" r="48" pathLength="1" /></svg></div>
  <div class="panel"><span class="icon" style="grid-row: span 2"></span>
    <div class="words" role="status" aria-live="assertive"></div>
    <div class="coach" role="status" aria-live="polite"></div></div>
  <div class="bar"><button type="button" class="cancel">Cancel</button></div></div>`;

/** Opens at once, above everything else on the page. */
export class CaptureStage {
  /**
   * @param {boolean} voice whether prompts are spoken
   * @param {() => void} onCancel called on the button and on Escape
   */
  constructor(voice, onCancel) {
    this.voice = voice;
    this.host = make("div");
    this.dialog = make("dialog", { "aria-label": "Capture" });
    this.dialog.innerHTML = CONTENT;
    attachShadow(this.host, STAGE_STYLE, this.dialog);
    document.body.append(this.host);
    const find = (selector) => this.dialog.querySelector(selector);
    /** @type {HTMLVideoElement} shows the camera */
    this.video = find("video");
    this.words = find(".words");
    this.coach = find(".coach");
    this.icon = find(".icon");
    this.steps = [...this.dialog.querySelectorAll(".steps li")];
    this.rings = { strength: find(".strength"), hold: find(".hold") };
    for (const ring of Object.values(this.rings)) ring.style.strokeDasharray = "1";
    find(".cancel").addEventListener("click", onCancel);
    this.dialog.addEventListener("cancel", (event) => {
      event.preventDefault();
      onCancel();
    });
    keepEvents(this.host, ["keydown", "keyup", "keypress"]);
    this.dialog.showModal();
    this.words.textContent = "One moment";
    this.icon.innerHTML = icon("neutral");
    this.#drawRings(0, 0);
    try {
      this.sound = new AudioContext();
    } catch {
      this.sound = null;
    }
  }

  /** Take the dialog away and be silent. */
  close() {
    this.video.srcObject = null;
    this.host.remove();
    window.speechSynthesis?.cancel();
    this.sound?.close().catch(() => {});
  }

  /**
   * Show a message of the server.
   *
   * @param {any} message its `type` says what it is; what has nothing to show is passed over
   */
  show(message) {
    if (message.type === "prompt") {
      this.#showPrompt(message);
    } else if (message.type === "colour") {
      this.#light(message.colour);
    } else if (message.type === "seen") {
      if (this.coach.textContent !== message.say) this.coach.textContent = message.say;
      this.#drawRings(message.strength, message.hold);
    } else if (message.type === "done") {
      this.#beep(880, 0.1);
      this.#beep(1175, 0.16, 0.1);
    } else if (message.type === "retry") {
      this.coach.textContent = message.say;
      this.#beep(330, 0.25);
      this.#speak(message.say);
    }
  }

  #showPrompt({ say, phase, action, step }) {
    const isNew = this.words.textContent !== say;
    this.words.textContent = say;
    this.icon.innerHTML = icon(action ?? (phase === "light" ? "light" : "neutral"));
    if (phase !== "light") this.#light("#ffffff");
    const now = phase === "calibrate" ? 0 : phase === "light" ? 1 : step + 1;
    this.steps.forEach((dot, index) => {
      dot.className = index < now ? "done" : index === now && phase !== "gap" ? "now" : "";
    });
    this.coach.textContent = "";
    this.#drawRings(0, 0);
    if (isNew && phase === "action") {
      this.#beep(660, 0.12);
      this.#speak(say);
    }
  }

  #light(colour) {
    this.dialog.style.background = colour;
  }

  /** How strong the movement is and how long it was held, each 0 to 1. */
  #drawRings(strength, hold) {
    for (const [name, value] of Object.entries({ strength, hold })) {
      const { style } = this.rings[name];
      style.strokeDashoffset = String(1 - value);
      style.visibility = value > LEAST_ARC ? "" : "hidden";
    }
  }

  #beep(frequency, seconds, delay = 0) {
    if (!this.sound) return;
    const begin = this.sound.currentTime + delay;
    const tone = new OscillatorNode(this.sound, { frequency });
    const volume = new GainNode(this.sound, { gain: 0 });
    volume.gain.setValueAtTime(0, begin);
    volume.gain.linearRampToValueAtTime(VOLUME, begin + 0.01);
    volume.gain.exponentialRampToValueAtTime(0.001, begin + seconds);
    tone.connect(volume).connect(this.sound.destination);
    tone.start(begin);
    tone.stop(begin + seconds);
  }

  #speak(text) {
    if (!this.voice || !window.speechSynthesis) return;
    window.speechSynthesis.cancel();
    window.speechSynthesis.speak(new SpeechSynthesisUtterance(text));
  }
}

/** <songreel-charcha base="…" record="…">: consent, capture and result. Independent of ComfyUI.
 *
 * Fires "charcha-record" with detail.record when a capture was passed, or "" when its record was deleted.
 */

import { consentCard, failureCard, recordCard, resultCard, whatIsLeft } from "./charcha_cards.js";
import { ask, Capture, CaptureError, listCameras, openCamera, requireSecureContext } from "./charcha_client.js";
import { CaptureStage } from "./charcha_stage.js";
import { CARD_STYLE } from "./charcha_style.js";
import { attachShadow, keepEvents, make } from "./dom.js";

const LEAVE_MS = 800;

/** The element. A page, or ComfyUI's node, puts it where there is room. */
export class CharchaElement extends HTMLElement {
  /** Is empty until it is in a page. */
  constructor() {
    super();
    this.camera = "";
    this.card = make("div", { className: "card" });
    attachShadow(this, CARD_STYLE, this.card);
    // The keyboard belongs to the form, not to the program around it.
    keepEvents(this, ["keydown", "keyup", "keypress", "pointerdown", "wheel", "paste", "copy"]);
  }

  /** Address of the server's routes. */
  get base() {
    return this.getAttribute("base") ?? "/songreel/charcha";
  }

  /** Id of the record that is shown, "" for none. */
  get record() {
    return this.getAttribute("record") ?? "";
  }

  /** Shows another record, but does not disturb a capture. */
  set record(value) {
    if (value === this.record) return;
    this.setAttribute("record", value);
    if (!this.capture) this.#start();
  }

  /** The browser put the element into a page. */
  connectedCallback() {
    clearTimeout(this.leaving);
    if (!this.shown) this.#start();
    this.shown = true;
  }

  /** The browser took the element out of its page. */
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

  /**
   * Close camera, socket and stage. Safe at any time.
   *
   * @param {CaptureError} [error] what the person is told
   */
  release(error) {
    this.capture?.stop(error);
    this.capture = null;
    for (const track of this.stream?.getTracks() ?? []) {
      track.onended = null;
      track.stop();
    }
    this.stream = null;
    this.stage?.close();
    this.stage = null;
    document.removeEventListener("visibilitychange", this.onHidden);
    window.removeEventListener("pagehide", this.onLeave);
  }

  // Cards --------------------------------------------------------------------------------------

  #start() {
    return this.record ? this.#showRecord() : this.#showConsent();
  }

  async #showConsent(problem = "") {
    let consent;
    try {
      requireSecureContext();
      consent = await ask(this.base, "consent");
    } catch (error) {
      this.#show(failureCard(error.message, () => this.#start()));
      return;
    }
    const cameras = await listCameras();
    const token = this.token ?? consent.token;
    const card = consentCard({ consent, cameras, camera: this.camera, token, problem }, (choices) => {
      const { camera, token, classWord, light, voice } = choices;
      this.camera = camera;
      this.token = token;
      this.#run({ consent: consent.version, token, class_word: classWord, light }, voice);
    });
    this.#show(card);
  }

  #showResult({ result, pictures }) {
    this.urls = pictures.map((blob) => URL.createObjectURL(new Blob([blob], { type: "image/jpeg" })));
    this.#show(resultCard(result, this.urls, () => this.#start()));
  }

  async #showRecord(problem = "") {
    let state = "unknown";
    try {
      ({ state } = await ask(this.base, "identity", { record: this.record, do: "status" }));
    } catch (error) {
      problem ||= error.message;
    }
    const renew = () => {
      this.#tell("");
      this.#showConsent();
    };
    const takeBack = (verb, key) => this.#takeBack(verb, key);
    this.#show(recordCard({ record: this.record, state, problem }, renew, takeBack));
  }

  async #takeBack(verb, key) {
    if (verb === "delete" && !confirm("Delete the pictures, the training data and the models made from them?")) return;
    try {
      const done = await ask(this.base, "identity", { record: this.record, do: verb, owner_key: key });
      this.#showRecord(whatIsLeft(done));
    } catch (error) {
      this.#showRecord(error.message);
    }
  }

  #show(children) {
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
    try {
      this.stream = await openCamera(this.camera);
      const ticket = await ask(this.base, "start", request);
      if (!this.isConnected) throw new CaptureError("Cancelled.");
      this.stage = new CaptureStage(voice, () => this.release(new CaptureError("Cancelled. Nothing was kept.")));
      const { video } = this.stage;
      video.srcObject = this.stream;
      await video.play();
      this.capture = new Capture(this.base, video, (message) => this.#heard(message));
      this.#watchForTheEnd();
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

  /** The capture ends with the camera, and when the page is left. */
  #watchForTheEnd() {
    const end = (message) => this.release(new CaptureError(message));
    this.stream.getVideoTracks()[0].onended = () => end("The camera was lost. Connect it and try again.");
    this.onHidden = () => document.hidden && end("The page was left. Keep it in front until the end.");
    this.onLeave = () => this.release();
    document.addEventListener("visibilitychange", this.onHidden);
    window.addEventListener("pagehide", this.onLeave);
  }

  #heard(message) {
    if (!this.stage) return;
    if (message.type === "prompt") this.capture.begin();
    this.stage.show(message);
  }
}

if (!customElements.get("songreel-charcha")) customElements.define("songreel-charcha", CharchaElement);

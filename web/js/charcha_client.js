/** Camera and socket of one capture. The server judges; this sends pictures and passes on what it hears. */

const PERIOD_MS = 125;
const MAX_IN_FLIGHT = 2;
const WIDTH = 640;
const JPEG_QUALITY = 0.86;
const PICTURES = 7;

/** What went wrong, in words for the person. */
export class CaptureError extends Error {}

const CAMERA_WORDS = {
  NotAllowedError: "The camera was not allowed. Allow it for this page in the browser's address bar, then try again.",
  NotFoundError: "There is no camera. Connect one, then try again.",
  NotReadableError: "Another program uses the camera. Close it, then try again.",
  OverconstrainedError: "This camera is no longer there. Choose another one.",
};

/**
 * Make sure that the browser may give a camera to this page.
 *
 * @throws {CaptureError} where it never does
 */
export function requireSecureContext() {
  if (!window.isSecureContext || !navigator.mediaDevices?.getUserMedia) {
    throw new CaptureError("Browsers open a camera only on https:// pages and on localhost. Open this page that way.");
  }
}

/**
 * Open a camera.
 *
 * @param {string} deviceId "" for the usual one
 * @returns {Promise<MediaStream>}
 * @throws {CaptureError} why it cannot be opened, for the person
 */
export async function openCamera(deviceId) {
  requireSecureContext();
  const size = { width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: 30 } };
  const which = deviceId ? { deviceId: { exact: deviceId } } : { facingMode: "user" };
  try {
    return await navigator.mediaDevices.getUserMedia({ video: { ...size, ...which }, audio: false });
  } catch (error) {
    throw new CaptureError(CAMERA_WORDS[error.name] ?? `The camera could not be opened (${error.name}).`);
  }
}

/**
 * Find the cameras.
 *
 * @returns {Promise<{id: string, label: string}[]>} browsers tell their names only once one was allowed
 */
export async function listCameras() {
  const devices = (await navigator.mediaDevices?.enumerateDevices?.()) ?? [];
  return devices
    .filter((device) => device.kind === "videoinput" && device.deviceId)
    .map((device, index) => ({ id: device.deviceId, label: device.label || `Camera ${index + 1}` }));
}

/**
 * Ask the server.
 *
 * @param {string} base address of the routes
 * @param {string} name of the route
 * @param {object} [body] sent as JSON; without one the question is a GET
 * @returns {Promise<any>} the answer's JSON
 * @throws {CaptureError} with the server's words when it refuses
 */
export async function ask(base, name, body) {
  const headers = { "Content-Type": "application/json" };
  const options = body && { method: "POST", headers, body: JSON.stringify(body) };
  let answer;
  try {
    answer = await fetch(`${base}/${name}`, { ...options, cache: "no-store", credentials: "same-origin" });
  } catch {
    throw new CaptureError("The server cannot be reached.");
  }
  const text = await answer.text();
  let data;
  try {
    data = JSON.parse(text);
  } catch {
    data = { error: text };
  }
  if (!answer.ok) throw new CaptureError(data.error || `The server refused (${answer.status}).`);
  return data;
}

/** One capture from the open camera to its end. */
export class Capture {
  /**
   * @param {string} base address of the routes
   * @param {HTMLVideoElement} video shows the camera
   * @param {(message: object) => void} onMessage every message of the server
   */
  constructor(base, video, onMessage) {
    this.base = base;
    this.video = video;
    this.onMessage = onMessage;
    this.canvas = document.createElement("canvas");
    this.sequence = 0;
    this.inFlight = 0;
    this.pictures = [];
  }

  /**
   * Capture from the beginning to the end.
   *
   * @param {object} ticket what the server gave at the start
   * @returns {Promise<{result: any, pictures: Blob[]}>} rejects with CaptureError when it is not passed
   */
  run(ticket) {
    return new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
      const address = new URL(`${this.base}/watch`, location.href);
      address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
      this.socket = new WebSocket(address);
      this.socket.binaryType = "blob";
      this.socket.onopen = () => this.socket.send(JSON.stringify(ticket));
      this.socket.onmessage = (event) => this.#heard(event.data);
      this.socket.onclose = () => this.stop(new CaptureError("The connection to the server was closed."));
      this.timer = setInterval(() => this.#send(), PERIOD_MS);
    });
  }

  /**
   * End now. Safe to call twice.
   *
   * @param {CaptureError} [error] what `run` rejects with
   */
  stop(error = new CaptureError("Cancelled.")) {
    clearInterval(this.timer);
    if (this.socket) {
      this.socket.onclose = this.socket.onmessage = null;
      this.socket.close();
    }
    this.canvas.width = this.canvas.height = 0;
    this.reject?.(error);
  }

  #heard(data) {
    if (typeof data !== "string") {
      this.pictures.push(data);
      if (this.pictures.length === PICTURES) {
        // Only now the server keeps them: without this page nobody would hold their key.
        this.socket.send(JSON.stringify({ have: this.result.record }));
        this.resolve({ result: this.result, pictures: this.pictures });
        this.stop();
      }
      return;
    }
    const message = JSON.parse(data);
    if (message.type === "seen") this.inFlight -= 1;
    if (message.type === "result") {
      this.result = message;
      clearInterval(this.timer);
    }
    this.onMessage(message);
    if (message.type === "failed") this.stop(new CaptureError(message.say));
  }

  async #send() {
    const { video, canvas, socket } = this;
    if (!this.started && !video.videoWidth) return;
    if (socket.readyState !== WebSocket.OPEN || this.inFlight >= MAX_IN_FLIGHT || this.encoding || !this.begun) return;
    this.encoding = true;
    try {
      if (!this.started) {
        this.started = true;
        canvas.width = WIDTH;
        canvas.height = Math.round((WIDTH * video.videoHeight) / video.videoWidth);
      }
      canvas.getContext("2d", { alpha: false }).drawImage(video, 0, 0, canvas.width, canvas.height);
      const picture = await new Promise((done) => canvas.toBlob(done, "image/jpeg", JPEG_QUALITY));
      if (!picture || socket.readyState !== WebSocket.OPEN) return;
      const number = new DataView(new ArrayBuffer(4));
      number.setUint32(0, this.sequence);
      this.sequence += 1;
      this.inFlight += 1;
      socket.send(new Blob([number.buffer, picture]));
    } finally {
      this.encoding = false;
    }
  }

  /** Pictures are sent from the server's first word on. */
  begin() {
    this.begun = true;
  }
}

/** Beat times as text and as numbers; the same rules as `nodes/song/audio/beat_times.py`. */

const TIME = /^(?:(\d{1,4}):(?=[0-5]?\d(?:\.|$)))?(\d{1,6}(?:\.\d*)?|\.\d+)$/;
const BEATS_PER_BAR = 4;
/** Taps nearer than this to one that is there take its place, so that a passage can be tapped again. */
const SAME_BEAT = 0.08;

/**
 * Read beat times.
 *
 * @param {string} text entries in seconds or m:ss, apart by commas, semicolons, spaces or lines
 * @param {number} duration seconds
 * @returns {{times: number[], bad: string[]}} ascending times, each once, and the entries that are none
 */
export function parseTimes(text, duration) {
  const times = new Set();
  const bad = [];
  for (const entry of text.split(/[\s,;]+/).filter(Boolean)) {
    const match = TIME.exec(entry);
    const seconds = match ? 60 * Number(match[1] ?? 0) + Number(match[2]) : NaN;
    if (seconds < duration) times.add(seconds);
    else bad.push(entry);
  }
  return { times: [...times].sort((a, b) => a - b), bad };
}

/**
 * @param {number[]} times seconds
 * @returns {string} as `parseTimes` reads them
 */
export const formatTimes = (times) => times.map((time) => time.toFixed(3)).join(", ");

/**
 * The beats that the node will give.
 *
 * @param {{duration: number, detected: {beats: number[], downbeats: number[]}}} song times in seconds
 * @param {string} text own beat times, "" for the detected ones
 * @param {number} offsetMs
 * @returns {{own: boolean, bad: string[], beats: number[], downbeats: number[]}} whether the beats are the person's
 *   own, what could not be read, and the times in seconds
 */
export function corrected(song, text, offsetMs) {
  const { times, bad } = parseTimes(text, song.duration);
  const own = times.length > 0;
  const inSong = (time) => time >= 0 && time < song.duration;
  const moved = (list) => list.map((time) => time + offsetMs / 1000).filter(inSong);
  return {
    own,
    bad,
    beats: moved(own ? times : song.detected.beats),
    downbeats: moved(own ? times.filter((_, index) => index % BEATS_PER_BAR === 0) : song.detected.downbeats),
  };
}

/**
 * Beat times with one more.
 *
 * @param {number[]} times ascending
 * @param {number} tap seconds
 * @returns {number[]} ascending; beats that the tap is meant to be are left out
 */
export function withTap(times, tap) {
  return [...times.filter((time) => Math.abs(time - tap) >= SAME_BEAT), tap].sort((a, b) => a - b);
}

/**
 * The tempo of the median interval.
 *
 * @param {number[]} beats seconds
 * @returns {number} beats per minute, 0 when there is no interval
 */
export function tempoOf(beats) {
  const gaps = beats.slice(1).map((time, index) => time - beats[index]).sort((a, b) => a - b);
  return gaps.length ? 60 / gaps[gaps.length >> 1] : 0;
}

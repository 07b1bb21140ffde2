/** Numbers as people read them. */

/**
 * Seconds as m:ss with decimals, rounded as nodes/base/timing.py does.
 *
 * @param {number} seconds below 0 counts as 0
 * @param {number} [digits] decimals
 * @returns {string} 61.5 with one digit is "1:01.5"
 */
export function clock(seconds, digits = 3) {
  const unit = 10 ** digits;
  const total = Math.max(0, Math.floor(seconds * unit + 0.5));
  const whole = Math.floor(total / unit);
  const decimals = digits ? `.${String(total % unit).padStart(digits, "0")}` : "";
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}${decimals}`;
}

/**
 * A number with its noun.
 *
 * @param {number} number
 * @param {string} noun in the singular; the plural is made with an s
 * @returns {string} "1 beat", "3 beats"
 */
export const counted = (number, noun) => `${number} ${noun}${number === 1 ? "" : "s"}`;

/**
 * The nearest number within bounds.
 *
 * @param {number} value
 * @param {number} low
 * @param {number} high
 * @returns {number}
 */
export const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

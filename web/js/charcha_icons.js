/** Drawings of the movements that the capture asks for. */

const FACE = '<circle cx="32" cy="32" r="22" /><path d="M25 27v2M39 27v2" />';
const MOUTH = '<path d="M25 41h14" />';
const ARROWS = {
  turn_left: "M12 32H2m0 0 5-5m-5 5 5 5",
  turn_right: "M52 32h10m0 0-5-5m5 5-5 5",
  look_up: "M32 12V2m0 0-5 5m5-5 5 5",
  look_down: "M32 52v10m0 0-5-5m5 5 5-5",
};
const FACES = {
  open_mouth: `${FACE}<ellipse cx="32" cy="42" rx="6" ry="7" fill="currentColor" />`,
  smile: `${FACE}<path d="M22 38c3 10 17 10 20 0z" fill="#fff" /><path d="M24 42h16" />`,
  squint: '<circle cx="32" cy="32" r="22" /><path d="M21 28l8 1M43 28l-8 1M22 22l7 3M42 22l-7 3M25 42h14" />',
  stand_up: `<g transform="translate(14 14) scale(.56)">${FACE}${MOUTH}</g><path d="M6 6l10 10M58 6 48 16M6 58l10-10M58 58 48 48" />`,
  light: `${FACE}${MOUTH}<path d="M32 2v5M32 57v5M2 32h5M57 32h5M11 11l3 3M50 50l3 3M11 53l3-3M50 14l3-3" />`,
};

/**
 * A drawing of a movement. Its arrows point where the mirrored picture of the camera moves.
 *
 * @param {string} name of the action, or "light"; a plain face for any other
 * @returns {string} SVG
 */
export function icon(name) {
  const arrow = ARROWS[name];
  const inner = FACES[name] ?? `${FACE}${MOUTH}${arrow ? `<path d="${arrow}" />` : ""}`;
  return `<svg viewBox="0 0 64 64" aria-hidden="true" fill="none" stroke="currentColor" stroke-width="2.4"
    stroke-linecap="round" stroke-linejoin="round">${inner}</svg>`;
}

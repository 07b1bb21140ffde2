/** The rules of nodes/story/edit.py for the text of changed shots: one block a shot, `m:ss.mmm prompt`. */

import { clock } from "./numbers.js";

const HEAD = /^(?:(\d+):)?(\d+):(\d+(?:\.\d+)?)\s+(\S.*)$/;
const SAME_SECONDS = 0.05;

/**
 * The blocks of a text: what stands before the first, then one for each shot.
 *
 * @param {string} text
 * @returns {{seconds: number | null, prompt?: string, lines: string[]}[]}
 */
function blocks(text) {
  const found = [{ seconds: null, lines: [] }];
  for (const line of text.split("\n")) {
    const match = HEAD.exec(line.trimEnd());
    if (match) {
      const seconds = Number(match[1] ?? 0) * 3600 + Number(match[2]) * 60 + Number(match[3]);
      found.push({ seconds, prompt: match[4], lines: [line] });
    } else found.at(-1).lines.push(line);
  }
  return found;
}

const isOf = (block, seconds) => block.seconds !== null && Math.abs(block.seconds - seconds) <= SAME_SECONDS;

/**
 * The prompt that a text gives to a shot.
 *
 * @param {string} text
 * @param {number} seconds start of the shot
 * @returns {string | undefined} undefined where it does not name the shot
 */
export function editedPrompt(text, seconds) {
  return blocks(text).findLast((block) => isOf(block, seconds))?.prompt;
}

/**
 * Write another prompt for one shot. What else the text says of that shot (negative, seed) stays.
 *
 * @param {string} text
 * @param {number} seconds start of the shot
 * @param {string | null} prompt null takes the shot out of the text, so that it is told again
 * @returns {string} the new text
 */
export function withPrompt(text, seconds, prompt) {
  const kept = blocks(text);
  const plain = prompt?.split(/\s+/).filter(Boolean).join(" ");
  const index = kept.findLastIndex((block) => isOf(block, seconds));
  if (!plain) {
    if (index >= 0) kept.splice(index, 1);
  } else if (index >= 0) {
    kept[index].lines[0] = `${clock(seconds)} ${plain}`;
  } else {
    const after = kept.findIndex((block) => block.seconds !== null && block.seconds > seconds);
    kept.splice(after < 0 ? kept.length : after, 0, { seconds, lines: [`${clock(seconds)} ${plain}`] });
  }
  return kept
    .flatMap((block) => block.lines)
    .join("\n")
    .trim();
}

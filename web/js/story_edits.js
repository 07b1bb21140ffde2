/** The rules of nodes/story/edit.py for the text of changed shots: one block a shot, `m:ss.mmm prompt`. */

const HEAD = /^(?:(\d+):)?(\d+):(\d+(?:\.\d+)?)\s+(\S.*)$/;
const SAME_SECONDS = 0.05;

/** Seconds as m:ss.mmm, as the server writes them. */
export function clock(seconds) {
  const total = Math.floor(seconds * 1000 + 0.5);
  const pad = (number, digits) => String(number).padStart(digits, "0");
  return `${Math.floor(total / 60000)}:${pad(Math.floor(total / 1000) % 60, 2)}.${pad(total % 1000, 3)}`;
}

/** The blocks of a text: what stands before the first, then one for each shot. */
function blocks(text) {
  const found = [{ seconds: null, prompt: null, lines: [] }];
  for (const line of text.split("\n")) {
    const match = HEAD.exec(line.trimEnd());
    if (match) {
      const seconds = Number(match[1] ?? 0) * 3600 + Number(match[2]) * 60 + Number(match[3]);
      found.push({ seconds, prompt: match[4], lines: [line] });
    } else found.at(-1).lines.push(line);
  }
  return found;
}

const of = (block, seconds) => block.seconds !== null && Math.abs(block.seconds - seconds) <= SAME_SECONDS;

/** The prompt that a text gives to the shot which starts at `seconds`; undefined where it does not name it. */
export function editedPrompt(text, seconds) {
  return blocks(text).findLast((block) => of(block, seconds))?.prompt;
}

/**
 * The text with another prompt for one shot. What else it says of that shot (negative, seed) stays.
 * @param {string} text
 * @param {number} seconds start of the shot
 * @param {string | null} prompt null takes the shot out of the text, so that it is told again
 */
export function withPrompt(text, seconds, prompt) {
  const kept = blocks(text);
  const plain = prompt?.split(/\s+/).filter(Boolean).join(" ");
  const index = kept.findLastIndex((block) => of(block, seconds));
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

/** Puts the table of shots below the widgets of LyricsToStoryPrompts and joins it to the node's input `edits`. */

import { addElement, after, extendNodes, findWidget, growNode, inputControl, limitTextHeight } from "./comfy_node.js";
import { StoryTable } from "./story_table.js";

const TEXT_HEIGHT = 60;

/** @param {import("./comfy_node.js").GraphNode} node */
function addTable(node) {
  const table = new StoryTable(inputControl(node, "edits"));
  addElement(node, "story_table", table.element, () => table.minHeight).table = table;
  limitTextHeight(node, ["captions", "vocabulary", "negative", "edits"], TEXT_HEIGHT);
  const edits = findWidget(node, "edits");
  if (edits) {
    after(edits, "callback", () => {
      if (table.shots.length) table.refresh();
    });
  }
  after(node, "onExecuted", (output) => {
    if (!output?.songreel_story?.[0]) return;
    table.show(output.songreel_story[0]);
    growNode(node);
  });
}

extendNodes("songreel.story_table", "LyricsToStoryPrompts", addTable);

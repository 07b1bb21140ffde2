/** What the table of shots looks like. */

import { PANEL_STYLE } from "./panel_style.js";

export const STORY_TABLE_STYLE = `${PANEL_STYLE}
.strip { display: flex; height: 10px; flex: none; }
.strip > button { flex-basis: 0; min-width: 0; padding: 0; border: 0; border-left: 1px solid #0007; cursor: pointer; }
.rows { flex: 1; overflow-y: auto; }
.row { display: grid; grid-template-columns: 5px 62px 1fr 22px; gap: 8px; align-items: start; padding: 4px 6px 4px 0;
  border-top: 1px solid var(--line); }
.row:first-child { border-top: 0; }
.mood { align-self: stretch; border-radius: 0 3px 3px 0; }
.time { font-variant-numeric: tabular-nums; opacity: 0.8; padding-top: 2px; }
.lyric { font-style: italic; opacity: 0.65; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.prompt { padding: 1px 4px; margin-left: -4px; border-radius: 4px; min-height: 1.4em; overflow-wrap: anywhere;
  cursor: text; }
.prompt:hover { background: #ffffff12; }
.prompt:focus { background: #00000040; outline: 2px solid var(--accent); outline-offset: -1px; }
.row.changed .prompt { color: #f2c14e; }
.back { font: inherit; color: inherit; width: 22px; height: 22px; padding: 0; border-radius: 5px; cursor: pointer;
  border: 1px solid var(--line); background: var(--button); visibility: hidden; }
.row.changed .back { visibility: visible; }
.status { padding: 4px 8px; border-top: 1px solid var(--line); opacity: 0.85; flex: none; }
`;

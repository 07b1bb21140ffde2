/** What the beat view looks like. */

import { PANEL_STYLE } from "./panel_style.js";

export const BEAT_VIEW_STYLE = `${PANEL_STYLE}
.bar { display: flex; flex-wrap: wrap; align-items: center; gap: 6px; padding: 6px; }
.bar > .space { flex: 1; }
button, select { font: inherit; color: inherit; height: 24px; padding: 0 8px; border-radius: 5px; cursor: pointer;
  border: 1px solid var(--line); background: var(--button); white-space: nowrap; }
button:hover:not(:disabled) { border-color: var(--accent); }
button:disabled { opacity: 0.4; cursor: default; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: -1px; }
.play { width: 34px; display: grid; place-items: center; }
.play::before { content: ""; width: 10px; height: 12px; background: currentColor;
  clip-path: polygon(0 0, 100% 50%, 0 100%); }
.play[aria-pressed="true"]::before { clip-path: polygon(0 0, 35% 0, 35% 100%, 0 100%, 0 0, 65% 0, 100% 0, 100% 100%,
  65% 100%, 65% 0); }
.time, .offset { font-variant-numeric: tabular-nums; }
.time { min-width: 9.5em; }
.small { width: 24px; padding: 0; }
.lanes { position: relative; flex: 1; min-height: 240px; touch-action: none; cursor: crosshair; overflow: hidden; }
.lanes.grid { cursor: ew-resize; }
.lanes.dragging { cursor: grabbing; }
canvas { position: absolute; inset: 0; width: 100%; height: 100%; }
.cursor { position: absolute; top: 0; bottom: 0; left: -1px; width: 2px; background: var(--input-text, #fff);
  box-shadow: 0 0 3px #000a; pointer-events: none; will-change: transform; }
.cursor::before { content: ""; position: absolute; left: -4px; border: 5px solid transparent; border-bottom: 0;
  border-top-color: var(--input-text, #fff); }
.status { display: flex; gap: 10px; padding: 5px 8px; border-top: 1px solid var(--line); }
.status > :first-child { flex: 1; min-width: 0; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.note { color: #e8963f; white-space: nowrap; }
`;

/** What the curve of a training looks like. */

import { PANEL_STYLE } from "./panel_style.js";

export const TRAINING_PLOT_STYLE = `${PANEL_STYLE}
:host { --loss: #5b9bd5; --unseen: #f2a65a; --class: #8f7ee7; }
.legend { display: flex; flex-wrap: wrap; gap: 2px 12px; padding: 6px 10px 0; flex: none; }
.legend span::before { content: ""; display: inline-block; width: 14px; height: 3px; border-radius: 2px; margin-right: 5px;
  vertical-align: middle; background: var(--colour); }
.area { position: relative; flex: 1; min-height: 110px; margin: 6px 10px 0 44px; }
svg { position: absolute; inset: 0; width: 100%; height: 100%; overflow: visible; }
svg * { vector-effect: non-scaling-stroke; }
polyline { fill: none; stroke-width: 1.6; stroke-linejoin: round; }
.grid { stroke: var(--line); stroke-width: 1; }
.best { stroke: var(--ink); stroke-width: 1; stroke-dasharray: 4 3; }
.dot { position: absolute; width: 7px; height: 7px; margin: -3.5px; border-radius: 50%; background: var(--colour); }
.dot.chosen { width: 11px; height: 11px; margin: -5.5px; border: 2px solid var(--ink); }
.tick { position: absolute; right: 100%; margin-right: 6px; transform: translateY(-50%); opacity: 0.7;
  font-variant-numeric: tabular-nums; }
.status { padding: 6px 10px; flex: none; font-variant-numeric: tabular-nums; }
`;

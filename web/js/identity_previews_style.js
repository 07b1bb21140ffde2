/** What the samples of a training look like, and the form that asks for the owner's key. */

import { PANEL_STYLE } from "./panel_style.js";

export const IDENTITY_PREVIEWS_STYLE = `${PANEL_STYLE}
.frame { display: block; overflow: auto; padding: 8px 10px; }
p { margin: 0 0 6px; }
form { display: flex; gap: 6px; margin: 0; }
input { flex: 1; min-width: 0; font: inherit; color: inherit; padding: 3px 6px; border-radius: 5px; background: #00000040;
  border: 1px solid var(--line); }
button { font: inherit; color: inherit; padding: 3px 12px; border-radius: 5px; cursor: pointer;
  border: 1px solid var(--line); background: var(--button); }
figure { margin: 0 0 8px; }
figcaption { margin-bottom: 3px; opacity: 0.8; font-variant-numeric: tabular-nums; }
.set { display: grid; grid-template-columns: repeat(3, 1fr); gap: 6px; }
img { display: block; width: 100%; aspect-ratio: 1; object-fit: cover; border-radius: 6px; }
.problem { color: #f2a65a; margin: 6px 0 0; }
`;

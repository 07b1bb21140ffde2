/** How the capture looks, in the node, on its own page and while it runs. */

export const CARD_STYLE = `
:host { display: block; box-sizing: border-box; min-width: 0; font: 14px/1.5 system-ui, sans-serif; color-scheme: light dark;
  --ink: var(--input-text, light-dark(#1d2330, #e8eaf0)); --soft: color-mix(in srgb, var(--ink) 68%, transparent);
  --line: var(--border-color, light-dark(#d9dde5, #3b404c)); --ground: var(--comfy-input-bg, light-dark(#fff, #1c1f27));
  --accent: #2f6fed; color: var(--ink); }
* { box-sizing: border-box; }
[hidden] { display: none !important; }
.card { height: 100%; max-height: 100%; overflow: auto; padding: 20px; border: 1px solid var(--line); border-radius: 14px;
  background: var(--ground); }
h2 { margin: 0 0 4px; font-size: 20px; line-height: 1.25; letter-spacing: -0.01em; }
p { margin: 0 0 12px; }
.lead { color: var(--soft); margin-bottom: 16px; }
details { border-top: 1px solid var(--line); padding: 8px 0; }
.main + details { margin-top: 16px; }
details:last-of-type { border-bottom: 1px solid var(--line); margin-bottom: 16px; }
summary { cursor: pointer; font-weight: 600; border-radius: 6px; }
details p { margin: 6px 0 4px; color: var(--soft); }
.row { display: flex; flex-wrap: wrap; align-items: flex-end; gap: 10px; margin-bottom: 12px; }
.row > label { flex: 1 1 150px; min-width: 0; }
label > span { display: block; font-size: 12px; font-weight: 600; margin-bottom: 4px; }
input[type="text"], select { width: 100%; height: 38px; padding: 0 10px; font: inherit; color: inherit; border-radius: 8px;
  border: 1px solid var(--line); background: transparent; }
select option { color: CanvasText; background: Canvas; }
.check { display: flex; gap: 10px; align-items: flex-start; margin-bottom: 10px; cursor: pointer; }
.check input { width: 18px; height: 18px; margin: 2px 0 0; flex: none; accent-color: var(--accent); }
.check small { display: block; color: var(--soft); font-size: 12px; }
button { font: inherit; font-weight: 600; min-height: 40px; padding: 0 16px; border-radius: 10px; cursor: pointer; color: inherit;
  border: 1px solid var(--line); background: transparent; }
button:hover:not(:disabled) { border-color: var(--accent); }
button:disabled { opacity: 0.45; cursor: default; }
button.main { color: #fff; background: var(--accent); border-color: var(--accent); width: 100%; min-height: 46px; margin-top: 6px; }
button.main:hover:not(:disabled) { background: #245ed0; }
button.danger { color: #e5484d; }
:focus-visible { outline: 3px solid color-mix(in srgb, var(--accent) 55%, transparent); outline-offset: 2px; }
.problem { padding: 10px 12px; border-radius: 10px; margin-bottom: 14px; background: color-mix(in srgb, #d97706 16%, transparent);
  border: 1px solid color-mix(in srgb, #d97706 45%, transparent); }
.pictures { display: grid; grid-template-columns: repeat(4, 1fr); gap: 6px; margin: 12px 0; padding: 0; list-style: none; }
.pictures img { display: block; width: 100%; aspect-ratio: 1; object-fit: cover; border-radius: 8px; }
.pictures li { font-size: 11px; color: var(--soft); text-align: center; }
dl { display: grid; grid-template-columns: auto 1fr; gap: 4px 12px; margin: 0 0 14px; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
code { font: 12px ui-monospace, monospace; overflow-wrap: anywhere; }
.key { padding: 10px 12px; border-radius: 10px; border: 1px dashed var(--accent); margin-bottom: 14px; }
.key code { display: block; margin: 4px 0 8px; font-size: 13px; user-select: all; }
.badge { display: inline-block; padding: 2px 10px; border-radius: 99px; font-size: 12px; font-weight: 600;
  background: color-mix(in srgb, #16a34a 20%, transparent); }
.badge.reduced { background: color-mix(in srgb, #d97706 22%, transparent); }
`;

export const STAGE_STYLE = `
:host { font: 16px/1.4 system-ui, sans-serif; }
* { box-sizing: border-box; }
[hidden] { display: none !important; }
dialog { border: 0; padding: 0; margin: 0; width: 100vw; height: 100dvh; max-width: none; max-height: none;
  background: #fff; color: #151a24; overflow: hidden; }
dialog::backdrop { background: #fff; }
.stage { height: 100%; display: flex; flex-direction: column; align-items: center; justify-content: center; gap: min(3dvh, 24px);
  padding: 16px; }
.steps { display: flex; gap: 8px; margin: 0; padding: 0; list-style: none; }
.steps li { width: 10px; height: 10px; border-radius: 50%; background: #c7cdd8; }
.steps li.done { background: #16a34a; }
.steps li.now { background: #2f6fed; box-shadow: 0 0 0 3px #2f6fed40; }
.lens { position: relative; width: min(78vw, 46dvh); aspect-ratio: 1; }
video { position: absolute; inset: 5%; width: 90%; height: 90%; object-fit: cover; border-radius: 50%; transform: scaleX(-1);
  background: #d9dde5; }
.ring { position: absolute; inset: 0; width: 100%; height: 100%; transform: rotate(-90deg); }
.ring circle { fill: none; stroke-width: 3.2; }
.ring .track { stroke: #00000018; }
.ring .strength { stroke: #8fb3f8; transition: stroke-dashoffset 0.12s linear; }
.ring .hold { stroke: #16a34a; transition: stroke-dashoffset 0.12s linear; }
.panel { display: grid; grid-template-columns: auto 1fr; align-items: center; gap: 4px 16px; width: min(92vw, 480px); min-height: 104px;
  padding: 14px 18px; border-radius: 16px; background: #fffffff2; box-shadow: 0 2px 18px #00000022; }
.panel svg { width: 60px; height: 60px; grid-row: span 2; }
.panel svg * { vector-effect: non-scaling-stroke; }
.words { font-size: clamp(18px, 2.6dvh, 24px); font-weight: 650; line-height: 1.2; letter-spacing: -0.01em; }
.coach { min-height: 1.4em; color: #4a5263; }
.bar { display: flex; gap: 10px; }
button { font: inherit; font-size: 15px; font-weight: 600; min-height: 44px; padding: 0 20px; border-radius: 12px; cursor: pointer;
  color: #151a24; background: #fffffff2; border: 1px solid #00000022; }
button:hover { border-color: #2f6fed; }
:focus-visible { outline: 3px solid #2f6fed90; outline-offset: 2px; }
@media (prefers-reduced-motion: reduce) { .ring circle { transition: none !important; } }
`;

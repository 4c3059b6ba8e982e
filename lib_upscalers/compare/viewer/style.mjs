// The look, in the colours of the page around it.

export const STYLE = `
:host { display: block; container-type: inline-size;
  --ink: var(--body-text-color, CanvasText);
  --paper: var(--block-background-fill, var(--background-fill-primary, Canvas));
  --line: var(--border-color-primary, color-mix(in srgb, CanvasText 22%, Canvas));
  --accent: var(--color-accent, #4f46e5);
  --bad: color-mix(in srgb, #e53e3e 65%, var(--ink));
  color: var(--ink); font: inherit; font-size: 14px; line-height: 1.4; }
* { box-sizing: border-box; }
[hidden] { display: none !important; }
p { margin: 0; }
.bar { display: flex; flex-wrap: wrap; gap: 6px 10px; align-items: center; margin: 0 0 8px; }
.bar label { display: inline-flex; gap: 5px; align-items: center; }
.bar select { max-width: 13rem; }
button, select { font: inherit; color: var(--ink); background: var(--paper);
  border: 1px solid var(--line); border-radius: 6px; padding: 4px 10px; min-height: 32px;
  cursor: pointer; }
button:hover { border-color: var(--accent); }
button:is([aria-pressed="true"], [aria-selected="true"], .get) { border-color: var(--accent);
  background: color-mix(in srgb, var(--accent) 30%, var(--paper)); box-shadow: inset 0 0 0 1px var(--accent); }
button:focus-visible, select:focus-visible, input:focus-visible, a:focus-visible,
summary:focus-visible, .stage:focus-visible, .table:focus-visible {
  outline: 2px solid var(--accent); outline-offset: 2px; }
input { accent-color: var(--accent); }
.zooms { display: inline-flex; gap: 4px; align-items: center; }
.zoom { min-width: 3.6rem; text-align: center; font-variant-numeric: tabular-nums; }
.notes p { padding: 6px 10px; margin-bottom: 8px; border: 1px solid var(--line); border-radius: 6px; }
.first { position: relative; border: 1px solid var(--line); border-radius: 8px; margin: 0 0 10px;
  padding: 10px 40px 10px 14px; background: color-mix(in srgb, var(--accent) 8%, var(--paper)); }
.first ol { margin: 0; padding-left: 1.2rem; }
.first h3 { margin: 8px 0 2px; font-size: 14px; }
.first dl { display: grid; grid-template-columns: max-content 1fr; gap: 2px 12px; margin: 0; }
.first dt { font-weight: 600; }
.first dd { margin: 0; }
.first > button { position: absolute; top: 6px; right: 6px; padding: 0 10px; }
.stage { display: grid; gap: 6px; border-radius: 8px; }
.cell { margin: 0; min-width: 0; border: 1px solid var(--line); border-radius: 8px;
  overflow: hidden; background: var(--paper); }
.cell[data-state="failed"] { border-color: var(--bad); }
.port { position: relative; overflow: hidden; cursor: grab;
  background: repeating-conic-gradient(#8883 0% 25%, transparent 0% 50%) 0 0 / 16px 16px; }
.cell:not([data-state="finished"]) .port { background: none; }
.port:active { cursor: grabbing; }
canvas { display: block; position: absolute; inset: 0; }
.note { position: absolute; inset: 0; display: flex; flex-direction: column; gap: 8px; padding: 12px;
  align-items: center; text-align: center; overflow: auto;
  overflow-wrap: anywhere; background: var(--paper); }
/* In the middle, unless there is more than fits: then from its beginning. */
.note > :first-child { margin-top: auto; }
.note > :last-child { margin-bottom: auto; }
.note:empty, .cell[data-state="finished"] .note { display: none; }
.cell[data-state="failed"] .note { color: var(--bad); }
progress { appearance: none; width: min(14rem, 90%); height: 8px; border: 0; border-radius: 4px;
  overflow: hidden; background: var(--line); }
progress::-webkit-progress-bar { background: var(--line); }
progress::-webkit-progress-value { background: var(--accent); }
progress::-moz-progress-bar { background: var(--accent); }
.whole { width: 100%; margin-bottom: 8px; }
.caption { padding: 6px 10px 8px; border-top: 1px solid var(--line); min-height: 40px; }
.caption b { display: block; }
.name { display: flex; white-space: pre; }
.name span { overflow: hidden; text-overflow: ellipsis; }
.facts { display: flex; flex-wrap: wrap; gap: 0 10px; font-variant-numeric: tabular-nums;
  font-size: 12.5px; opacity: 0.85; }
.caption details { font-size: 12.5px; }
.caption summary { cursor: pointer; width: fit-content; padding: 2px 0; }
.caption dl { display: grid; grid-template-columns: auto 1fr; gap: 1px 10px; margin: 4px 0; }
.caption dd { margin: 0; overflow-wrap: anywhere; }
.caption .actions { display: flex; flex-wrap: wrap; gap: 4px 10px; align-items: center; }
.caption .actions button { min-height: 26px; padding: 1px 8px; font-size: 12.5px; }
/* Some themes have links that can hardly be read. */
a { color: color-mix(in srgb, var(--link-text-color, LinkText) 60%, var(--ink)); }
.table { position: relative; overflow-x: auto; margin-top: 10px; border-radius: 6px; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: 5px 7px; font-size: 13px; border-bottom: 1px solid var(--line); text-align: right;
  white-space: nowrap; }
th:first-child { text-align: left; position: sticky; left: 0; background: var(--paper);
  max-width: 14rem; overflow: hidden; z-index: 1; }
th button { border: 0; background: none; padding: 2px 0; font-weight: 600; min-height: 26px; }
th[aria-sort] button { text-decoration: underline; }
td.best { font-weight: 700; background: color-mix(in srgb, var(--accent) 18%, transparent); }
.legend { font-size: 13px; position: sticky; left: 0; }
.legend summary { cursor: pointer; width: fit-content; padding: 6px 7px; }
.legend dl { display: grid; grid-template-columns: auto 1fr; gap: 3px 12px; margin: 2px 7px 6px;
  max-width: 60rem; }
.legend dt { font-weight: 600; }
.legend dd { margin: 0; overflow-wrap: anywhere; }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
.plots { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(22rem, 100%), 1fr));
  gap: 14px; margin-top: 12px; }
.plot { margin: 0; display: grid; grid-template-columns: minmax(0, 8rem) 1fr; gap: 2px 8px; }
.plot figcaption { grid-column: 1 / -1; font-weight: 600; }
.names { display: grid; grid-auto-rows: 1fr; }
.names span { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; align-self: center;
  font-size: 12px; }
.plot > div:last-child { display: flex; flex-direction: column; }
.names { padding-bottom: 18px; }
.scale { display: flex; justify-content: space-between; font-size: 12px; height: 18px; opacity: 0.8; }
svg { width: 100%; display: block; }
.box { fill: color-mix(in srgb, var(--accent) 35%, transparent); stroke: var(--accent); }
.whisker { stroke: var(--ink); opacity: 0.6; }
.median { stroke: var(--ink); stroke-width: 2; }
.foot { display: flex; flex-wrap: wrap; gap: 6px 12px; align-items: center; margin-top: 10px; }
.foot code { flex: 1 1 16rem; min-width: 0; overflow: hidden; text-overflow: ellipsis;
  white-space: nowrap; font-size: 12px; opacity: 0.85; user-select: all; }
.blind { text-align: center; margin-bottom: 8px; }
.blind .bar { justify-content: center; margin-top: 6px; }
:host(:fullscreen), :host([over-page]) { display: flex; flex-direction: column; padding: 8px;
  background: var(--background-fill-primary, Canvas); overflow: hidden; min-height: 0 !important; }
:host([over-page]) { position: fixed; inset: 0; z-index: 10000; height: 100dvh; }
:host(:is(:fullscreen, [over-page])) :is(.first, .notes, .table, .several, .foot, .whole) { display: none; }
:host(:is(:fullscreen, [over-page])) .stage { flex: 1 1 0; min-height: 0; overflow: auto;
  align-content: start; }
@media (max-height: 560px) {
  :host(:is(:fullscreen, [over-page])) { padding: 4px; }
  :host(:is(:fullscreen, [over-page])) .bars { display: flex; gap: 10px; overflow-x: auto;
    margin-bottom: 4px; }
  :host(:is(:fullscreen, [over-page])) .bar { flex-wrap: nowrap; flex: none; margin: 0; }
  :host(:is(:fullscreen, [over-page])) .full { order: -1; position: sticky; left: 0; z-index: 2; }
  :host(:is(:fullscreen, [over-page])) .caption { min-height: 0; padding: 1px 8px; font-size: 12px; }
  :host(:is(:fullscreen, [over-page])) .caption > :not(b) { display: none; }
}
@container (max-width: 600px) {
  .first dl { grid-template-columns: 1fr; }
  .bar select { max-width: 8.5rem; }
  button, select { min-height: 36px; }
}
`;

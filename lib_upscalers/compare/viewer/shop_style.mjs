// The look of the page of models, beside that of the viewer.

export const SHOP_STYLE = `
.menus { display: contents; }
.cards { display: grid; gap: 10px; grid-template-columns: repeat(auto-fill, minmax(min(19rem, 100%), 1fr)); }
.card { display: flex; flex-direction: column; gap: 4px; min-width: 0; padding: 10px 12px;
  border: 1px solid var(--line); border-radius: 8px; background: var(--paper);
  content-visibility: auto; contain-intrinsic-size: auto 9rem; }
.cards:has(details[open]) > .card:not(:has(details[open])) { align-self: start; }
.card b { font-size: 15px; overflow-wrap: anywhere; }
.by, .hint, .count { font-size: 12.5px; opacity: 0.85; overflow-wrap: anywhere; }
.count { margin: 0 0 8px; min-height: 1.2em; }
.problem { color: var(--bad); font-size: 12.5px; }
.bar > [role="tablist"] { display: flex; flex-wrap: wrap; gap: 6px 10px; }
.actions { display: flex; flex-wrap: wrap; gap: 6px 10px; align-items: center; margin-top: auto; padding-top: 4px; }
.has { font-weight: 600; }
.card summary { cursor: pointer; width: fit-content; padding: 4px 0; }
.card dl { display: grid; grid-template-columns: auto 1fr; gap: 2px 10px; margin: 6px 0; font-size: 12.5px; }
.card dd { margin: 0; overflow-wrap: anywhere; }
.card code { font-size: 12px; overflow-wrap: anywhere; opacity: 0.8; }
.card .text { white-space: pre-line; overflow-wrap: anywhere; max-height: 16rem; overflow-y: auto; }
.pair { position: relative; overflow: hidden; border-radius: 6px; background: #8882; min-height: 6rem; }
.pair img { display: block; width: 100%; }
.pair .before { position: absolute; inset: 0; height: 100%; object-fit: fill;
  clip-path: inset(0 calc(100% - var(--at)) 0 0); }
.card input[type="range"] { width: 100%; }
.card input[type="text"] { flex: 1 1 7rem; min-width: 0; }
input[type="search"], input[type="text"] { font: inherit; color: var(--ink); background: var(--paper);
  border: 1px solid var(--line); border-radius: 6px; padding: 4px 10px; min-height: 32px; }
input[type="search"] { flex: 1 1 8rem; min-width: 0; }
.said p, .job { padding: 6px 10px; margin-bottom: 8px; border: 1px solid var(--line); border-radius: 6px;
  overflow-wrap: anywhere; }
.job { display: flex; flex-wrap: wrap; gap: 6px 10px; align-items: center; }
.job span { flex: 1 1 10rem; min-width: 0; }
.job[data-state="failed"] { border-color: var(--bad); }
`;

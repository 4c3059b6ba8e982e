// The look of the page "Which one?", beside that of the viewer.

export const GUIDE_STYLE = `
.questions { display: grid; gap: 10px; grid-template-columns: repeat(auto-fit, minmax(min(16rem, 100%), 1fr)); }
fieldset { min-width: 0; margin: 0; padding: 6px 12px 10px; border: 1px solid var(--line); border-radius: 8px; }
legend { float: left; width: 100%; font-weight: 600; padding: 4px 0; }
legend + label { clear: both; }
fieldset label { display: flex; gap: 8px; align-items: baseline; padding: 4px 0; cursor: pointer; }
.answer { margin: 12px 0; padding: 12px 14px; border: 2px solid var(--accent); border-radius: 8px;
  display: flex; flex-direction: column; gap: 10px; max-width: 60rem; overflow-wrap: anywhere; }
.answer b { font-size: 1.1em; }
.answer li b { font-size: inherit; }
.answer ul, section ul { margin: 0; padding-left: 1.2rem; }
.answer .bar { margin: 0; }
.heading { opacity: 0.8; }
.time, .taste { font-variant-numeric: tabular-nums; }
.problem { color: var(--bad); }
h3 { margin: 18px 0 8px; font-size: 1.05rem; }
.pictures { display: grid; gap: 10px; grid-template-columns: repeat(auto-fill, minmax(min(19rem, 100%), 1fr)); margin-top: 8px; max-width: 76rem; }
figure { margin: 0; border: 1px solid var(--line); border-radius: 8px; overflow: hidden; background: var(--paper); }
figure img { display: block; width: 100%; aspect-ratio: 4 / 3; object-fit: cover; image-rendering: pixelated; }
figcaption { padding: 6px 10px 8px; font-size: 13px; }
section details { border-bottom: 1px solid var(--line); padding: 4px 0; max-width: 60rem; }
section summary { cursor: pointer; padding: 5px 0; font-weight: 600; }
section details p { padding: 2px 0 8px; }
code { overflow-wrap: anywhere; }
`;

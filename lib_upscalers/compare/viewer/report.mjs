// A page that holds its pictures as texts, of which scripts alone would be too large to run.

/** @typedef {import("./items.mjs").Session} Session */
/** @typedef {import("./several.mjs").Several} Several */

/**
 * Return the address of a picture that a page holds as base64, and forget the text.
 * @param {string} id
 */
async function addressOf(id) {
  const holder = document.getElementById(id);
  const answer = await fetch(`data:image/png;base64,${holder?.textContent ?? ""}`);
  holder?.remove();
  return URL.createObjectURL(await answer.blob());
}

/**
 * Show a comparison whose addresses are the ids of such texts, or the figures of several.
 * @param {Session | Several} view
 */
export async function showReport(view) {
  const pictures = view.kind === "several" ? [] :
    [view.source, view.reference, ...view.entries.map(({ result }) => result)];
  for (const shown of pictures) {
    if (shown) shown.url = await addressOf(shown.url);
  }
  const viewer = document.querySelector("upscaler-lab-viewer");
  /** @type {import("./element.mjs").ViewerElement | null} */ (viewer)?.show(view);
}

// Loads the viewer into a page of a WebUI or of the app, once somebody sees the place for it: a
// WebUI's page is opened more often than our tab, and has thousands of elements to make by then.

/** @type {Set<string>} */
const loaded = new Set();
/** @type {WeakSet<Element>} */
const watched = new WeakSet();
const PLACES = "[data-upscaler-lab]";
let willLook = false;

/** @param {Element} place */
function scriptOf(place) {
  return place.getAttribute("data-upscaler-lab") ?? "";
}

/** @param {Element} place */
function isMissing(place) {
  return scriptOf(place) !== "" && !loaded.has(scriptOf(place));
}

/** @param {Element} place */
async function load(place) {
  if (!isMissing(place)) return;
  const script = scriptOf(place);
  loaded.add(script);
  try {
    await import(new URL(script, document.baseURI).href);
  } catch (error) {
    loaded.delete(script);
    console.error("The viewer could not be loaded:", error);
  }
}

// What is in a tab that is not open has no size.
const shown = new ResizeObserver((changes) => {
  for (const { target, contentRect } of changes) if (contentRect.width > 0) void load(target);
});

function look() {
  willLook = false;
  for (const place of document.querySelectorAll(PLACES)) {
    // What is ours in other tabs is translated by the viewer, too.
    const { localization } = /** @type {{localization?: object}} */ (globalThis);
    if (Object.keys(localization ?? {}).length > 0) void load(place);
    if (!watched.has(place)) shown.observe(place);
    watched.add(place);
  }
}

/** Look at most once for each time that the page is drawn: it changes hundreds of times at first. */
function lookSoon() {
  if (willLook) return;
  willLook = true;
  requestAnimationFrame(look);
}

/**
 * Load the viewer when a link in another tab leads to it, and press the link again.
 * @param {Event} event
 */
async function follow(event) {
  const link = event.target instanceof Element && event.target.closest("[data-upscaler-lab-which]");
  const places = [...document.querySelectorAll(PLACES)].filter(isMissing);
  if (!(link instanceof HTMLElement) || places.length === 0) return;
  event.preventDefault();
  event.stopPropagation();
  await Promise.all(places.map(load));
  if (!places.some(isMissing)) link.click();
}

document.addEventListener("click", (event) => void follow(event), true);
new MutationObserver(lookSoon).observe(document.documentElement, { childList: true, subtree: true });
lookSoon();

// What to do first and where things are, above the sample that a new page shows.

import { button, make } from "./dom.mjs";
import { say } from "./words.mjs";

/** @typedef {{place: string, text: string}} Place */

/**
 * Return the places that a page names.
 * @param {string | null} written a JSON list
 * @returns {Place[]}
 */
export function placesOf(written) {
  /** @type {unknown} */
  const places = JSON.parse(written ?? "[]");
  if (!Array.isArray(places)) return [];
  return places.map(({ place, text }) => ({ place: String(place), text: String(text) }));
}

/**
 * Make the first steps.
 * @param {Place[]} places
 * @param {() => void} onClose
 */
export function firstSteps(places, onClose) {
  const steps = [
    say("Below is a sample, drawn and compared on this computer: nothing was fetched."),
    say("Drop a picture of yours anywhere here, choose 1 to 12 upscalers and press Compare."),
    say("All results show the same spot: the wheel zooms, dragging moves, F fills the screen."),
  ];
  const list = make("dl", {}, ...places.flatMap(({ place, text }) =>
    [make("dt", {}, say(place)), make("dd", {}, say(text))]));
  const close = button("×", say("Hide these lines"), onClose);
  close.setAttribute("aria-label", say("Hide these lines"));
  return make("section", { class: "first", "aria-label": say("First steps") }, close,
    make("ol", {}, ...steps.map((step) => make("li", {}, step))),
    ...(places.length ? [make("h3", {}, say("Where things are")), list] : []));
}

// Names the buttons that take a chosen upscaler out of the menu: gradio calls them by a number.

import { say } from "./words.mjs";

/** The menu of the comparison's upscalers. */
export const NAMES = "upscaler-lab-names";

/**
 * Name each button by what it takes away.
 * @param {ParentNode} menu what holds the menu
 */
export function nameTokens(menu) {
  for (const token of menu.querySelectorAll(`#${NAMES} .token`)) {
    const title = say("Remove {name}", { name: (token.textContent ?? "").trim() });
    const remove = token.querySelector(".token-remove");
    if (remove && remove.getAttribute("title") !== title) remove.setAttribute("title", title);
  }
}

// The menu of languages in the app's page and in reports.

import { menu } from "./dom.mjs";

/** @type {{upscalerLabLanguage?: {code: string, names: Record<string, string>,
 *   choose: (code: string) => void}}} */
const app = /** @type {any} */ (globalThis);

/** Shows the languages that there are; the page is loaded again in the chosen one. */
export class LanguageElement extends HTMLElement {
  connectedCallback() {
    const known = app.upscalerLabLanguage;
    if (!known || Object.keys(known.names).length < 2) return;
    const names = Object.entries(known.names);
    const choice = menu("Language", names, known.code, known.choose);
    choice.lang = "en";
    choice.setAttribute("translate", "no");
    this.replaceChildren(choice);
  }
}

// Chooses the language of the app's page or of a report, before the viewer is there: the one that was
// chosen here, or the browser's. Whoever makes the page replaces the two empty lists.

/** @type {Record<string, string>} each by its code, such as ru_RU, with its name in itself */
const LANGUAGES = {};
/** @type {Record<string, Record<string, string>>} the texts of those that need not be fetched */
const TABLES = {};
const KEY = "upscaler-lab-language";
const ENGLISH = "en";

/** @type {{localization?: Record<string, string>,
 *   upscalerLabLanguage?: {code: string, names: Record<string, string>, choose: (code: string) => void}}} */
const reader = /** @type {any} */ (globalThis);

function wanted() {
  const codes = Object.keys(LANGUAGES);
  let chosen = "";
  try {
    chosen = localStorage.getItem(KEY) ?? "";
  } catch {
    // A page without storage follows the browser.
  }
  for (const wish of chosen ? [chosen] : navigator.languages) {
    const [language] = wish.toLowerCase().split(/[-_]/);
    if (language === ENGLISH) return ENGLISH;
    const known = codes.find((code) => code === wish) ??
      codes.find((code) => code.toLowerCase().split("_")[0] === language);
    if (known) return known;
  }
  return ENGLISH;
}

/** @param {string} code */
function choose(code) {
  try {
    localStorage.setItem(KEY, code);
  } catch {
    return;
  }
  location.reload();
}

const code = wanted();
document.documentElement.setAttribute("data-upscaler-lab-alone", "");
document.documentElement.lang = code.split("_")[0] ?? code;
reader.localization = TABLES[code] ?? {};
reader.upscalerLabLanguage = { code, names: { [ENGLISH]: "English", ...LANGUAGES }, choose };
if (code !== ENGLISH && !TABLES[code]) {
  try {
    const answer = await fetch(new URL(`languages/${code}.json`, document.baseURI));
    reader.localization = await answer.json();
  } catch (error) {
    console.error("The language could not be loaded:", error);
  }
}

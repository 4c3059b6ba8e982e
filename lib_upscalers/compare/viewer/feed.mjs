// The way between the viewer and the program that serves the page: it writes what is to be shown
// into an element, and the viewer presses buttons, which ask for the message.

/** @type {{upscalerLab?: {message: () => string, confirm: () => void}}} */
const page = /** @type {any} */ (globalThis);
const LAST = "upscaler-lab-session";

/**
 * Press a button of the page that hands a message on.
 * @param {string} id
 * @param {string} message
 * @param {() => void} confirm called when it is done, by what the button does
 */
export function send(id, message, confirm = () => {}) {
  page.upscalerLab = { message: () => message, confirm };
  pressButton(id);
}

/**
 * Press a button of the page, if it is there.
 * @param {string} id its own, or that of what holds it
 */
export function pressButton(id) {
  const element = document.getElementById(id);
  const press = element instanceof HTMLButtonElement ? element : element?.querySelector("button");
  press?.click();
}

/**
 * Return the comparison that the page's address asks for, once; a reload shows the last one.
 * @returns {string}
 */
function askedSession() {
  const address = new URL(location.href);
  const asked = address.searchParams.get("session") ?? "";
  if (asked) {
    address.searchParams.delete("session");
    history.replaceState(history.state, "", address);
  }
  return asked;
}

/** @returns {string} the comparison that is asked for, or the last in this tab, or else in any */
export function lastSession() {
  const asked = askedSession();
  if (asked) return asked;
  try {
    return sessionStorage.getItem(LAST) ?? localStorage.getItem(LAST) ?? "";
  } catch {
    return "";
  }
}

/** @param {string} name */
export function rememberSession(name) {
  try {
    sessionStorage.setItem(LAST, name);
    localStorage.setItem(LAST, name);
  } catch {
    // A page without storage forgets it.
  }
}

/**
 * Call back with every new text that an element's data hold, once it is there.
 * @param {string} id
 * @param {(text: string) => void} onText
 * @returns {() => void} stops it
 */
export function follow(id, onText) {
  let last = "";
  return watch(id, "data-feed", () => {
    const holder = document.querySelector(`#${CSS.escape(id)} [data-feed]`);
    const text = holder?.getAttribute("data-feed") ?? "";
    if (!text || text === last) return;
    last = text;
    onText(text);
  });
}

/**
 * Call back when an element is there, and whenever an attribute or anything in it has changed.
 * @param {string} id
 * @param {string} attribute
 * @param {(holder: Element) => void} onChange gets what holds the element
 * @returns {() => void} stops it
 */
export function watch(id, attribute, onChange) {
  /** @type {MutationObserver | undefined} */
  let observer;
  const begin = () => {
    const element = document.getElementById(id);
    if (!element) {
      waiting = setTimeout(begin, 200);
      return;
    }
    // The element itself may be replaced by the page; what holds it stays.
    const holder = element.parentElement ?? element;
    observer = new MutationObserver(() => onChange(holder));
    observer.observe(holder, {
      attributes: true, attributeFilter: [attribute], childList: true, subtree: true,
    });
    onChange(holder);
  };
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let waiting;
  begin();
  return () => {
    clearTimeout(waiting);
    observer?.disconnect();
  };
}

/**
 * Press every link that asks for it, once: what was made for the user is saved at once.
 * @returns {() => void} stops it
 */
export function pressLinks() {
  const observer = new MutationObserver(() => {
    for (const link of document.querySelectorAll("a[data-press]")) {
      link.removeAttribute("data-press");
      if (link instanceof HTMLAnchorElement) link.click();
    }
  });
  observer.observe(document.body, { childList: true, subtree: true });
  return () => observer.disconnect();
}

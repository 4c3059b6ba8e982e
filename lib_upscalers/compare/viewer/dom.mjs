// Making elements; text never becomes markup.

/**
 * Make an element.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, string>} attributes
 * @param {(Node | string)[]} children strings become text
 * @returns {HTMLElementTagNameMap[K]}
 */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

const STRENGTH = /, \d+(\.\d+)?$/;

/**
 * Make an element with a name in it, which is cut where there is no room for it; a denoising
 * strength at its end stays, because cells may differ in that alone.
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, string>} attributes
 * @param {string} name
 * @returns {HTMLElementTagNameMap[K]}
 */
export function named(tag, attributes, name) {
  const end = STRENGTH.exec(name)?.[0] ?? "";
  const start = make("span", {}, name.slice(0, name.length - end.length));
  return make(tag, attributes, make("span", { class: "name", title: name }, start, end));
}

/**
 * Make a button; one without a word is read aloud by its title.
 * @param {string} text
 * @param {string} title
 * @param {() => void} onClick
 */
export function button(text, title, onClick) {
  const element = make("button", { type: "button", title }, text);
  if (title && !/[\p{L}\d]/u.test(text)) element.setAttribute("aria-label", title);
  element.addEventListener("click", onClick);
  return element;
}

/**
 * Make a menu of names with its label.
 * @param {string} label
 * @param {[string, string][]} options value and text
 * @param {string} value
 * @param {(value: string) => void} onChange
 */
export function menu(label, options, value, onChange) {
  const select = make("select", { "aria-label": label });
  for (const [key, text] of options) select.append(make("option", { value: key }, text));
  select.value = value;
  select.addEventListener("change", () => onChange(select.value));
  return make("label", {}, make("span", {}, label), select);
}

const REACHABLE = "button, input, select, summary, a";

/**
 * Draw a part of a page again; who has come there by the keyboard stays at the same control.
 * @param {HTMLElement} part
 * @param {() => void} draw
 */
export function redraw(part, draw) {
  const focused = part.querySelector(":focus");
  const place = focused ? [...part.querySelectorAll(REACHABLE)].indexOf(focused) : -1;
  draw();
  if (place < 0 || part.querySelector(":focus")) return;
  const controls = [...part.querySelectorAll(REACHABLE)];
  const again = /** @type {HTMLElement | undefined} */ (controls[Math.min(place, controls.length - 1)]);
  again?.focus({ preventScroll: true });
}

/**
 * Say for some seconds that something was done, wherever the page is scrolled to.
 * @param {HTMLElement} page
 * @param {string} text
 */
export function confirmIn(page, text) {
  const note = make("div", { class: "lab-confirmation", role: "status" }, text);
  page.append(note);
  setTimeout(() => note.remove(), 8000);
}

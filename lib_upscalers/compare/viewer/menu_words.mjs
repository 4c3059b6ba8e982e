// Shows what is chosen in gradio's menus in the reader's words; the program's value stays English.

import { translated } from "./words.mjs";

/** The field of a menu in gradio 3 to 6, and its list. */
export const MENU = ".secondary-wrap > input";
export const MENU_LIST = "ul.options, [role=listbox]";

/**
 * Have a menu's field show translations of the values that the program gives it.
 *
 * Nothing tells of a value that a program sets: therefore the property is replaced. Whoever reads it
 * gets the value that was set, or what somebody has typed since.
 * @param {HTMLInputElement} field
 */
export function translateMenu(field) {
  if (Object.hasOwn(field, "value")) return;
  const property = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(field), "value");
  if (!property?.get || !property.set) return;
  const { get, set } = property;
  let value = get.call(field);
  let shown = value;
  /** @param {string} next */
  const show = (next) => {
    value = next;
    shown = translated(next);
    set.call(field, shown);
  };
  Object.defineProperty(field, "value", {
    configurable: true,
    enumerable: true,
    get: () => {
      const there = get.call(field);
      return there === shown ? value : there;
    },
    set: show,
  });
  if (translated(value) !== value) show(value);
}

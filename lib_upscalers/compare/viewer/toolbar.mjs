// The buttons and menus above the cells.

import { button, make, menu, redraw } from "./dom.mjs";
import { say } from "./words.mjs";

/** @typedef {import("./stage.mjs").Mode | "blind"} Mode */
/** @typedef {import("./stage.mjs").Settings} Settings */
/** @typedef {import("./items.mjs").Item} Item */
/**
 * @typedef {object} Actions
 * @property {(mode: Mode) => void} mode
 * @property {() => void} changed settings were changed
 * @property {() => void} swap
 * @property {(factor: number) => void} zoom
 * @property {() => void} fit
 * @property {() => void} actual
 * @property {(name: string) => void} sibling show the comparison of another seed
 * @property {() => void} fullScreen
 */

/** @type {readonly [Mode, string, string][]} */
const MODES = Object.freeze([
  ["grid", "Grid", "All results, the same part of each"],
  ["slider", "Slider", "Two results with a divider between them"],
  ["blink", "Blink", "Two results in the same place, by turns"],
  ["difference", "Difference", "By how much each differs from another"],
  ["lens", "Lens", "A magnifier in every cell, at the same spot"],
  ["blind", "Blind test", "Choose the better one without knowing names"],
]);

/** Shows what fits the mode. */
export class Toolbar {
  /**
   * @param {Settings & {source: boolean, chosen: Mode}} settings
   * @param {Actions} actions
   */
  constructor(settings, actions) {
    this.settings = settings;
    this.actions = actions;
    this.modes = make("div", { class: "bar modes", role: "group", "aria-label": say("How to compare") });
    this.options = make("div", { class: "bar options" });
    this.zoomText = make("output", { class: "zoom", "aria-label": say("Zoom") });
    this.written = "";
    this.isFull = false;
  }

  /**
   * @param {Item[]} items
   * @param {[string, string][]} siblings names and titles of comparisons of other seeds
   * @param {string} current the name of this one
   */
  show(items, siblings = [], current = "") {
    const { chosen, a, b, vertical, smooth, source } = this.settings;
    const names = items.map(({ key, label }) => `${key}:${label}`);
    const text = JSON.stringify([names, siblings, current, chosen, a, b, vertical, smooth, source, this.isFull]);
    if (text === this.written) return;
    this.written = text;
    const modes = MODES.map(([mode, label, title]) => {
      const press = button(say(label), say(title), () => this.actions.mode(mode));
      press.setAttribute("aria-pressed", String(mode === chosen));
      return press;
    });
    redraw(this.modes, () => this.modes.replaceChildren(...modes));
    const seeds = siblings.length > 1
      ? [menu(say("Picture"), siblings, current, (name) => this.actions.sibling(name))]
      : [];
    const options = [...seeds, ...this.optionsOf(items), ...this.common()];
    redraw(this.options, () => this.options.replaceChildren(...options));
  }

  /** @param {Item[]} items */
  optionsOf(items) {
    const { settings, actions } = this;
    /** @type {[string, string][]} */
    const options = items.map(({ key, label }) => [key, label]);
    const choose = (/** @type {"a" | "b"} */ side, /** @type {string} */ label) =>
      menu(label, options, settings[side], (value) => {
        settings[side] = value;
        actions.changed();
      });
    if (settings.chosen === "slider") {
      return [choose("a", "A"), choose("b", "B"), button(say("Swap"), say("A and B change places"), actions.swap),
        this.toggle(say("Upright"), "vertical", say("Drag the divider, or move it with the keys [ and ]"))];
    }
    if (settings.chosen === "blink") {
      return [choose("a", "A"), choose("b", "B"),
        button(say("Blink"), say("Show the other one (space bar); 1 to 9 choose"), actions.swap)];
    }
    if (settings.chosen === "difference") {
      return [choose("a", say("Against")), this.range(say("Amplified"), "gain", 1, 32)];
    }
    if (settings.chosen === "lens") return [this.range(say("Magnified"), "lens", 2, 16)];
    return [];
  }

  /**
   * @param {string} label
   * @param {"gain" | "lens"} name
   * @param {number} least
   * @param {number} most
   */
  range(label, name, least, most) {
    const range = make("input", { type: "range", min: String(least), max: String(most), step: "1" });
    range.value = String(this.settings[name]);
    const text = make("output", {}, `${range.value}x`);
    range.addEventListener("input", () => {
      this.settings[name] = Number(range.value);
      text.value = `${range.value}x`;
      this.actions.changed();
    });
    return make("label", {}, make("span", {}, label), range, text);
  }

  /**
   * @param {string} label
   * @param {"vertical" | "smooth" | "source"} name
   * @param {string} title
   */
  toggle(label, name, title = "") {
    const box = make("input", { type: "checkbox" });
    box.checked = this.settings[name];
    box.addEventListener("change", () => {
      this.settings[name] = box.checked;
      this.actions.changed();
    });
    return make("label", title ? { title } : {}, box, make("span", {}, label));
  }

  common() {
    const { actions } = this;
    const zoom = make("span", { class: "zooms" },
      button("−", say("Zoom out (−)"), () => actions.zoom(1 / 1.5)), this.zoomText,
      button("+", say("Zoom in (+)"), () => actions.zoom(1.5)),
      button(say("Fit"), say("Show all of it (0)"), actions.fit),
      button("1:1", say("One pixel on one of the screen (*, or double click)"), actions.actual));
    const full = button(this.isFull ? say("Leave full screen") : say("Full screen"),
      say("Show the comparison alone, or in the page again (F)"), actions.fullScreen);
    full.setAttribute("aria-pressed", String(this.isFull));
    full.className = "full";
    const all = ["grid", "difference", "lens"].includes(this.settings.chosen);
    return [...(all ? [this.toggle(say("Input"), "source", say("Show the picture that was enlarged, too"))] : []),
      this.toggle(say("Smooth"), "smooth", say("Blend enlarged pixels instead of showing them as squares")), zoom, full];
  }

  /** @param {number} zoom */
  showZoom(zoom) {
    const text = `${zoom < 0.1 ? (100 * zoom).toFixed(1) : Math.round(100 * zoom)} %`;
    if (this.zoomText.value !== text) this.zoomText.value = text;
  }
}

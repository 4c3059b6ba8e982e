// The element <upscaler-lab-viewer>: give it what to show, or the id of what feeds it.

import { BlindTest } from "./blind_test.mjs";
import { writeCaption } from "./caption.mjs";
import { button, confirmIn, make } from "./dom.mjs";
import { firstSteps, placesOf } from "./first_steps.mjs";
import { asksForFullScreen, FullScreen } from "./full_screen.mjs";
import { follow, lastSession, pressLinks, rememberSession, send, watch } from "./feed.mjs";
import { takePictures } from "./intake.mjs";
import { itemsOf } from "./items.mjs";
import { translateInside } from "./page_words.mjs";
import { meanRows, plots } from "./several.mjs";
import { Stage } from "./stage.mjs";
import { STYLE } from "./style.mjs";
import { FigureTable, valuesOf } from "./table.mjs";
import { NAMES, nameTokens } from "./token_names.mjs";
import { Toolbar } from "./toolbar.mjs";
import { say } from "./words.mjs";

/** @typedef {import("./items.mjs").Item} Item */
/** @typedef {import("./items.mjs").Session} Session */
/** @typedef {import("./several.mjs").Several} Several */
/** @typedef {import("./toolbar.mjs").Mode} Mode */

const KEEP = Object.freeze([["html", "Report"], ["png", "Grid PNG"], ["csv", "CSV"], ["json", "JSON"]]);

/**
 * Shows a comparison. Attributes: `feed`, the id of the element whose `data-feed` is shown;
 * `uses`, a JSON list of what results can be used for; `picture`, the id of the input into which
 * dropped and pasted pictures are put; `places`, a JSON list of where things are in the page.
 */
export class ViewerElement extends HTMLElement {
  constructor() {
    super();
    /** @type {import("./stage.mjs").Settings & {source: boolean, chosen: Mode}} */
    this.settings = {
      mode: "grid", chosen: "grid", a: "", b: "", showB: false, gain: 8, vertical: true, split: 0.5,
      smooth: false, source: true, lens: 4, columns: 0,
    };
    /** @type {Session | null} */
    this.session = null;
    /** @type {[Item, Item] | null} */
    this.pair = null;
    this.stopFeed = () => {};
    /** @param {KeyboardEvent} event */
    this.onKey = (event) => {
      const here = this.full.isOn || this.matches(":hover, :focus-within");
      if (!here || !asksForFullScreen(event, this.full.isOn)) return;
      event.preventDefault();
      void this.full.toggle();
    };
    const shadow = this.attachShadow({ mode: "open" });
    this.stageElement = make("div", {
      class: "stage", tabindex: "0", role: "group", "aria-label": say(
        "Results. Wheel or + and − zoom, drag or arrow keys move, 0 shows all, * shows single pixels."),
    });
    /** @type {import("./caption.mjs").Captions} */
    this.captions = {
      nameless: false, uses: this.usesOf(), refused: {},
      onUse: (/** @type {number} */ use, /** @type {Item} */ item) => this.use(use, item),
    };
    this.stage = new Stage(this.stageElement, this.settings,
      (caption, items) => writeCaption(caption, items, this.heading(items), this.captions),
      (command) => this.choose(command));
    this.toolbar = new Toolbar(this.settings, {
      mode: (mode) => this.setMode(mode),
      changed: () => this.render(),
      swap: () => this.choose("swap"),
      zoom: (factor) => this.stage.zoomBy(factor),
      fit: () => this.stage.fit(),
      actual: () => this.stage.zoomBy(1 / this.stage.view.zoom),
      sibling: (name) => send(`${this.getAttribute("feed")}-restore`, name),
      fullScreen: () => void this.full.toggle(),
    });
    this.full = new FullScreen(this, (on) => {
      this.toolbar.isFull = on;
      this.stage.fills = on;
      this.render();
      this.stageElement.focus();
    });
    /** @type {import("./blind_test.mjs").Keeper} */
    this.keeper = { picks: [], storing: false, send: null };
    this.blind = new BlindTest((pair) => {
      this.pair = pair;
      this.render();
    }, this.keeper);
    this.table = new FigureTable();
    this.notes = make("div", { class: "notes" });
    this.first = make("div");
    this.seen = new IntersectionObserver((entries) => this.firstSeen(entries));
    /** The comparison that was asked for and has not come yet; "" where none was. */
    this.asked = "";
    this.whole = make("progress", { class: "whole", max: "1", "aria-label": say("All upscalers") });
    this.several = make("div", { class: "several" });
    this.foot = make("div", { class: "foot" });
    const bars = make("div", { class: "bars" }, this.toolbar.modes, this.toolbar.options);
    shadow.append(make("style", {}, STYLE), this.first, this.notes, this.whole, bars, this.blind.element, this.stageElement, this.table.element, this.several,
      this.foot);
    translateInside(shadow);
    this.whole.hidden = true;
    this.stageElement.addEventListener("lab-drawn", () =>
      this.toolbar.showZoom(this.stage.view.zoom));
  }

  connectedCallback() {
    this.stage.start();
    document.addEventListener("keydown", this.onKey);
    this.captions.uses = this.usesOf();
    const feed = this.getAttribute("feed");
    if (!feed) return;
    this.keeper.send = (message) => send(`${feed}-picks`, JSON.stringify(message));
    const stops = [
      follow(feed, (text) => this.show(JSON.parse(text))), pressLinks(),
      watch(NAMES, "title", nameTokens),
    ];
    const picture = this.getAttribute("picture");
    if (picture) stops.push(takePictures(this, picture, (taken) => this.confirmPicture(taken)));
    this.stopFeed = () => stops.forEach((stop) => stop());
    const last = lastSession();
    if (last) this.askFor(last);
    else this.seen.observe(this);
  }

  /**
   * Ask for the sample when somebody sees the page who has compared nothing yet.
   * @param {IntersectionObserverEntry[]} entries
   */
  firstSeen(entries) {
    if (!entries.some(({ isIntersecting }) => isIntersecting)) return;
    this.seen.disconnect();
    this.askFor("");
  }

  /**
   * Ask for a stored session, "" for the sample, until one is shown: the page may not listen yet.
   * @param {string} name
   */
  askFor(name, tries = 5, wait = 300) {
    setTimeout(() => {
      if (this.session?.name || !this.isConnected || !tries) return;
      this.asked = name;
      send(`${this.getAttribute("feed")}-restore`, name);
      this.askFor(name, tries - 1, 3000);
    }, wait);
  }

  disconnectedCallback() {
    this.stage.stop();
    this.seen.disconnect();
    this.stopFeed();
    document.removeEventListener("keydown", this.onKey);
  }

  /** @param {boolean} taken */
  confirmPicture(taken) {
    if (taken && this.full.isOn) void this.full.leave();
    confirmIn(document.body, taken
      ? say("The picture is in: press Compare.") : say("That is no picture that can be taken."));
  }

  usesOf() {
    /** @type {unknown} */
    const uses = JSON.parse(this.getAttribute("uses") ?? "[]");
    if (!Array.isArray(uses)) return [];
    return uses.map(({ label, told }) => ({ label: String(label), told: String(told) }));
  }

  /**
   * Show a comparison, or the figures of several.
   * @param {Session | Several} view
   */
  show(view) {
    if (view.kind === "several") {
      this.showSeveral(view);
      return;
    }
    // Another choice of upscalers does not take away what was compared, nor does the last comparison
    // that was asked for before another one came.
    const late = view.name === this.asked && this.session?.name !== view.name;
    if (view.name === this.asked) this.asked = "";
    if ((!view.name || view.sample || late) && this.session?.name) return;
    // Of another seed one wants to see the same cells, at the same place.
    const sibling = view.name in (this.session?.siblings ?? {});
    const other = this.session?.name !== view.name && !sibling;
    this.session = view;
    this.captions.refused = view.refused ?? {};
    if (view.picks) this.keeper.picks = view.picks;
    this.keeper.storing = view.storing ?? this.keeper.storing;
    if (view.name && !view.sample) rememberSession(view.name);
    this.first.replaceChildren(...(view.sample
      ? [firstSteps(placesOf(this.getAttribute("places")), () => this.first.replaceChildren())]
      : []));
    const items = itemsOf(view);
    const keys = items.map(({ key }) => key);
    if (other || !keys.includes(this.settings.a) || !keys.includes(this.settings.b)) {
      this.settings.a = view.reference ? "reference" : "e0";
      this.settings.b = `e${view.entries.length - 1}`;
    }
    if (other) this.settings.source = !view.columns;
    if (other && this.settings.chosen === "blind") this.setMode("grid");
    this.render();
  }

  /** @param {Several} view */
  showSeveral(view) {
    const progress = make("p", { role: "status" },
      say("{done} of {pictures} pictures", { done: view.done, pictures: view.pictures }));
    const table = new FigureTable();
    table.show(meanRows(view), view.measures);
    this.several.replaceChildren(progress, table.element, plots(view));
  }

  /** @param {Mode} mode */
  setMode(mode) {
    const { settings } = this;
    settings.chosen = mode;
    settings.mode = mode === "blind" ? "grid" : mode;
    settings.showB = false;
    this.captions.nameless = mode === "blind";
    this.pair = null;
    const done = this.session?.entries.filter(({ result }) => result).length ?? 0;
    if (mode === "blind" && this.session && done > 1) {
      this.blind.start(itemsOf(this.session).filter(({ entry, shown }) => entry && shown));
    } else {
      const text = mode === "blind" ? say("Compare two upscalers or more first.") : "";
      this.blind.element.replaceChildren(text);
    }
    this.render();
  }

  /** @param {number | "swap"} command */
  choose(command) {
    const { settings, session } = this;
    if (!session) return;
    if (command === "swap" && settings.mode === "blink") {
      settings.showB = !settings.showB;
    } else if (command === "swap") {
      [settings.a, settings.b] = [settings.b, settings.a];
    } else if (session.entries[command - 1]) {
      settings[settings.mode === "slider" || settings.showB ? "b" : "a"] = `e${command - 1}`;
    }
    this.render();
  }

  /**
   * Return the cells that the mode shows.
   * @param {Item[]} items
   * @returns {[string, Item[]][]}
   */
  groups(items) {
    const { settings } = this;
    const first = items.find(({ key }) => key === settings.a) ?? items[0];
    const second = items.find(({ key }) => key === settings.b) ?? items[0];
    if (settings.chosen === "blind") {
      return (this.pair ?? []).map((item, index) => [`blind${index}`, [item]]);
    }
    if (settings.mode === "slider") return [["pair", [first, second]]];
    if (settings.mode === "blink") return [["pair", [settings.showB ? second : first]]];
    const all = items.filter(({ key }) => key !== "source" || settings.source);
    return all.map((item) => {
      const differs = settings.mode === "difference" && item !== first;
      return [item.key, differs ? [item, first] : [item]];
    });
  }

  /** @param {Item[]} items */
  heading(items) {
    const { settings } = this;
    const [first, second] = items;
    if (settings.chosen === "blind") return first === this.pair?.[0] ? say("Left") : say("Right");
    if (settings.mode === "blink") return `${settings.showB ? "B" : "A"}: ${first.label}`;
    if (!second) return first.label;
    if (settings.mode === "slider") return `${first.label}  |  ${second.label}`;
    return `${first.label} − ${second.label}`;
  }

  render() {
    const { session } = this;
    if (!session) return;
    const items = itemsOf(session);
    const blind = this.settings.chosen === "blind";
    const matrix = !blind && !["slider", "blink"].includes(this.settings.chosen);
    this.settings.columns = matrix ? (session.columns ?? 0) : 0;
    this.toolbar.show(items, Object.entries(session.siblings ?? {}), session.name);
    this.toolbar.options.hidden = false;
    this.blind.element.hidden = !blind;
    this.stage.show(this.groups(items), { width: session.width, height: session.height });
    this.table.show(
      session.entries.filter(({ result }) => result)
        .map((entry) => ({ name: entry.name, values: valuesOf(entry) })),
      session.measures,
    );
    this.table.element.hidden = blind || !session.entries.some(({ result }) => result);
    this.renderNotes(session);
    this.renderFoot(session);
  }

  /** @param {Session} session */
  renderNotes({ notes, trial, entries }) {
    const lines = trial ? [`${say("Test")}: ${trial}.`, ...notes] : notes;
    const text = JSON.stringify(lines);
    if (this.notes.dataset.written !== text) {
      this.notes.dataset.written = text;
      this.notes.replaceChildren(...lines.map((line) => make("p", {}, line)));
    }
    const ended = entries.filter(({ state }) => !["idle", "waiting", "running"].includes(state));
    const part = entries.reduce((sum, { state, fraction }) =>
      sum + (state === "running" ? (fraction ?? 0) : 0), ended.length);
    this.whole.value = entries.length ? part / entries.length : 0;
    this.whole.hidden = !entries.some(({ state }) => state === "waiting" || state === "running");
  }

  /** @param {Session} session */
  renderFoot({ name, settings }) {
    const feed = this.getAttribute("feed");
    const text = feed ? `${name} ${settings}` : settings;
    if (!settings || this.foot.dataset.written === text) return;
    this.foot.dataset.written = text;
    const code = make("code", { title: say("Settings to share") }, settings);
    const copy = button(say("Copy settings"), say("Copy them as text"), () => {
      void navigator.clipboard?.writeText(settings);
    });
    const keep = feed
      ? KEEP.map(([kind, label]) => {
        const title = say("Keep it as {kind}", { kind: kind.toUpperCase() });
        return button(say(label), title, () =>
          send(`${feed}-keep`, JSON.stringify({ session: name, kind })));
      })
      : [];
    this.foot.replaceChildren(...keep, code, copy);
  }

  /**
   * @param {number} use
   * @param {Item} item
   */
  use(use, item) {
    const { session } = this;
    if (!session?.source || !item.entry) return;
    void this.full.leave();
    const { name } = item.entry;
    const scale = Number((session.width / session.source.width).toFixed(2));
    const message = JSON.stringify({ session: session.name, upscaler: name });
    const told = say(this.captions.uses[use].told, { name, scale });
    send(`${this.getAttribute("feed")}-use-${use}`, message, () => confirmIn(document.body, told));
  }
}

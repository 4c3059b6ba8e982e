// The blind test: two results without names, again and again; then who won.

import { bradleyTerry, pairsOf, ranksOf } from "./blind.mjs";
import { button, make, menu, redraw } from "./dom.mjs";
import { between, pickOf, tallies } from "./picks.mjs";
import { say } from "./words.mjs";

/** @typedef {import("./items.mjs").Item} Item */
/** @typedef {import("./picks.mjs").Pick} Pick */
/**
 * What is stored of a user's picks, and the way to store more.
 * @typedef {object} Keeper
 * @property {Pick[]} picks
 * @property {boolean} storing
 * @property {((message: object) => void) | null} send null where nothing is stored, as in a report
 */

const OLD = "upscaler-lab-picks";
const MOST_TALLIES = 3;
/** @type {readonly [string, string][]} */
const KINDS = Object.freeze([["", "not named"], ["drawing", "drawing"], ["photograph", "photograph"]]);

/**
 * Return the picks that an older version left in the browser, and remove them there.
 * @returns {Pick[]}
 */
function oldPicks() {
  try {
    const held = JSON.parse(localStorage.getItem(OLD) ?? "[]");
    localStorage.removeItem(OLD);
    return held.filter((/** @type {any} */ each) =>
      typeof each?.better === "string" && typeof each.worse === "string")
      .map((/** @type {any} */ { better, worse, half }, /** @type {number} */ at) => ({
        id: `browser-${at}-${better}-${worse}`.slice(0, 300), better, worse, half: Boolean(half), kind: "",
        better_strength: null, worse_strength: null,
      }));
  } catch {
    return [];
  }
}

/** Asks which of two is better until all pairs were shown. */
export class BlindTest {
  /**
   * @param {(pair: [Item, Item] | null) => void} onPair null at the end of a round
   * @param {Keeper} keeper
   */
  constructor(onPair, keeper = { picks: [], storing: false, send: null }) {
    this.onPair = onPair;
    this.keeper = keeper;
    this.element = make("div", { class: "blind" });
    /** @type {Item[]} */
    this.items = [];
    /** @type {[number, number][]} */
    this.pairs = [];
    this.at = 0;
    /** @type {Pick[]} those of this page, oldest first */
    this.picks = [];
    this.kind = "";
  }

  /** @param {Item[]} items results to choose from */
  start(items) {
    this.items = items;
    this.pairs = pairsOf(items.length, Math.random);
    this.at = 0;
    if (this.keeper.send) {
      const old = oldPicks();
      if (old.length) this.keeper.send({ action: "add", picks: old });
      this.keeper.picks.push(...old);
    }
    this.ask();
  }

  ask() {
    const pair = this.pairs[this.at];
    if (!pair) {
      this.tell();
      return;
    }
    const choose = (/** @type {number} */ better) => () => this.pick(better);
    /** @type {[string, string][]} */
    const kinds = KINDS.map(([key, text]) => [key, say(text)]);
    const question = make("p", { role: "status" },
      say("Which is better? {at} of {all}", { at: this.at + 1, all: this.pairs.length }));
    const answers = make("div", { class: "bar" },
      button(`◀ ${say("Left")}`, say("The left one is better"), choose(0)),
      button(say("Both alike"), say("Neither is better"), choose(-1)),
      button(`${say("Right")} ▶`, say("The right one is better"), choose(1)),
      menu(say("Kind of picture"), kinds, this.kind, (kind) => { this.kind = kind; }));
    redraw(this.element, () => this.element.replaceChildren(question, answers));
    this.onPair([this.items[pair[0]], this.items[pair[1]]]);
  }

  /** @param {number} better 0 the left one, 1 the right one, -1 neither */
  pick(better) {
    const [left, right] = this.pairs[this.at].map((index) => this.items[index]);
    const [won, lost] = better === 1 ? [right, left] : [left, right];
    const id = `${Date.now().toString(36)}-${Math.random().toString(36).slice(2)}`;
    this.picks.push(pickOf(id, won, lost, better === -1, this.kind));
    // All of the last picks, in case the page was busy with the one before.
    this.keeper.send?.({ action: "add", picks: this.picks.slice(-5) });
    this.at += 1;
    this.ask();
  }

  /** All that is known: what was stored before, and what was picked since. */
  get known() {
    const here = new Set(this.picks.map(({ id }) => id));
    return [...this.keeper.picks.filter(({ id }) => !here.has(id)), ...this.picks];
  }

  tell() {
    this.onPair(null);
    const labels = new Set(this.items.map(({ label }) => label));
    const strengths = bradleyTerry(between(this.known, labels));
    const places = ranksOf(strengths.map(({ share }) => share));
    const rows = strengths.map(({ name, share, wins, shown }, index) =>
      make("tr", {}, make("th", { scope: "row" }, name), make("td", {}, String(places[index])),
        make("td", {}, `${(100 * share).toFixed(0)} %`),
        make("td", {}, say("{wins} of {shown}", { wins, shown }))));
    const head = make("tr", {}, ...["Upscaler", "Place", "Strength", "Picked"].map((text) =>
      make("th", { scope: "col" }, say(text))));
    const parts = [
      make("p", { role: "status" }, say("What you prefer, over all rounds with these upscalers:")),
      make("div", { class: "table" }, make("table", {}, make("thead", {}, head), make("tbody", {}, ...rows))),
      ...this.sentences(),
      make("div", { class: "bar" },
        button(say("Another round"), say("Show all pairs again"), () => this.start(this.items)),
        ...this.keeping()),
    ];
    redraw(this.element, () => this.element.replaceChildren(...parts));
  }

  sentences() {
    const names = new Set(this.items.map(({ label, entry }) => entry?.upscaler || label));
    const here = this.known.filter(({ better, worse }) => names.has(better) && names.has(worse));
    return tallies(here).slice(0, MOST_TALLIES).map(({ better, worse, wins, pairs }) =>
      make("p", {}, say("You preferred {better} to {worse} {wins} of {pairs} times.",
        { pairs, better, worse, wins })));
  }

  /** The switch, and the buttons that export and delete what is stored. */
  keeping() {
    const { keeper } = this;
    const { send } = keeper;
    if (!send) return [];
    const box = make("input", { type: "checkbox" });
    box.checked = keeper.storing;
    box.addEventListener("change", () => {
      keeper.storing = box.checked;
      send({ action: "switch", storing: box.checked });
    });
    return [
      make("label", { title: say("In a small file of the program on this computer") }, box,
        make("span", {}, say("Store my picks"))),
      button(say("Export picks"), say("All of them, as JSON"), () => send({ action: "export" })),
      button(say("Forget all picks"), say("Delete what is stored"), () => {
        keeper.picks = [];
        this.picks = [];
        send({ action: "forget" });
        this.start(this.items);
      }),
    ];
  }
}

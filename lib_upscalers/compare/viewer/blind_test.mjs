// The blind test: two results without names, again and again; then who won.

import { bradleyTerry, pairsOf } from "./blind.mjs";
import { button, make } from "./dom.mjs";
import { say } from "./words.mjs";

/** @typedef {import("./items.mjs").Item} Item */
/** @typedef {import("./blind.mjs").Pick} Pick */

const KEPT = "upscaler-lab-picks";
const MOST_KEPT = 2000;

/** @returns {Pick[]} */
function keptPicks() {
  try {
    const kept = JSON.parse(localStorage.getItem(KEPT) ?? "[]");
    return Array.isArray(kept) ? kept.filter((each) => typeof each?.better === "string") : [];
  } catch {
    return [];
  }
}

/** @param {Pick[]} picks */
function keep(picks) {
  try {
    localStorage.setItem(KEPT, JSON.stringify(picks.slice(-MOST_KEPT)));
  } catch {
    // A page without storage, such as a report from a file, counts this round alone.
  }
}

/** Asks which of two is better until all pairs were shown. */
export class BlindTest {
  /**
   * @param {(pair: [Item, Item] | null) => void} onPair null at the end of a round
   */
  constructor(onPair) {
    this.onPair = onPair;
    this.element = make("div", { class: "blind" });
    /** @type {Item[]} */
    this.items = [];
    /** @type {[number, number][]} */
    this.pairs = [];
    this.at = 0;
    this.picks = keptPicks();
  }

  /** @param {Item[]} items results to choose from */
  start(items) {
    this.items = items;
    this.pairs = pairsOf(items.length, Math.random);
    this.at = 0;
    this.ask();
  }

  ask() {
    const pair = this.pairs[this.at];
    if (!pair) {
      this.tell();
      return;
    }
    const choose = (/** @type {number} */ better) => () => this.pick(better);
    this.element.replaceChildren(
      make("p", { role: "status" },
        say("Which is better? {at} of {all}", { at: this.at + 1, all: this.pairs.length })),
      make("div", { class: "bar" },
        button(`◀ ${say("Left")}`, say("The left one is better"), choose(0)),
        button(say("Both alike"), say("Neither is better"), choose(-1)),
        button(`${say("Right")} ▶`, say("The right one is better"), choose(1))),
    );
    this.onPair([this.items[pair[0]], this.items[pair[1]]]);
  }

  /** @param {number} better 0 the left one, 1 the right one, -1 neither */
  pick(better) {
    const [left, right] = this.pairs[this.at].map((index) => this.items[index].label);
    const won = better === 1 ? right : left;
    const lost = better === 1 ? left : right;
    this.picks.push({ better: won, worse: lost, half: better === -1 });
    keep(this.picks);
    this.at += 1;
    this.ask();
  }

  tell() {
    this.onPair(null);
    const here = new Set(this.items.map(({ label }) => label));
    const known = this.picks.filter(({ better, worse }) => here.has(better) && here.has(worse));
    const rows = bradleyTerry(known).map(({ name, share, wins, shown }, index) =>
      make("tr", {}, make("td", {}, String(index + 1)), make("th", { scope: "row" }, name),
        make("td", {}, `${(100 * share).toFixed(0)} %`),
        make("td", {}, say("{wins} of {shown}", { wins, shown }))));
    const head = make("tr", {}, ...["Place", "Upscaler", "Strength", "Picked"].map((text) =>
      make("th", { scope: "col" }, say(text))));
    this.element.replaceChildren(
      make("p", { role: "status" }, say("What you prefer, over all rounds with these upscalers:")),
      make("div", { class: "table" }, make("table", {}, make("thead", {}, head), make("tbody", {}, ...rows))),
      make("div", { class: "bar" },
        button(say("Another round"), say("Show all pairs again"), () => this.start(this.items)),
        button(say("Forget all picks"), say("Start the tally anew"), () => {
          this.picks = [];
          keep([]);
          this.start(this.items);
        })),
    );
  }
}

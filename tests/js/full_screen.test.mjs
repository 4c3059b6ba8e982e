import assert from "node:assert/strict";
import test from "node:test";

import {
  asksForFullScreen, FullScreen, isTyping,
} from "../../lib_upscalers/compare/viewer/full_screen.mjs";
import { FakeElement } from "./fake_page.mjs";

/** An element on a page that can show it alone, or cannot. */
function elementOn(able) {
  const element = new FakeElement("div");
  let shown = null;
  Object.assign(element, {
    hasAttribute: (name) => element.attributes.has(name),
    removeAttribute: (name) => element.attributes.delete(name),
    matches: () => shown === element,
    requestFullscreen: async () => {
      if (!able) throw new TypeError("not here");
      shown = element;
      element.fire("fullscreenchange");
    },
  });
  globalThis.document = {
    exitFullscreen: async () => {
      shown = null;
      element.fire("fullscreenchange");
    },
  };
  return element;
}

for (const [title, able] of [["the browser's own", true], ["over the page, where there is none", false]]) {
  test(`full screen begins and ends: ${title}`, async () => {
    const element = elementOn(able);
    const seen = [];
    const full = new FullScreen(element, (on) => seen.push(on));
    assert.equal(full.isOn, false);
    await full.toggle();
    assert.equal(full.isOn, true);
    assert.equal(element.getAttribute("over-page"), able ? null : "");
    await full.toggle();
    assert.equal(full.isOn, false);
    await full.leave();
    assert.deepEqual(seen, [true, false], "once for each change");
  });
}

const press = (key, more = {}, target = {}) => ({ key, composedPath: () => [target], ...more });

test("F asks for it, and Escape for its end, where nothing is written", () => {
  for (const key of ["f", "F"]) assert.ok(asksForFullScreen(press(key), false));
  assert.ok(!asksForFullScreen(press("g"), true));
  assert.ok(!asksForFullScreen(press("Escape"), false));
  assert.ok(asksForFullScreen(press("Escape"), true));
  for (const name of ["ctrlKey", "metaKey", "altKey", "defaultPrevented"]) {
    assert.ok(!asksForFullScreen(press("f", { [name]: true }), false), name);
  }
  assert.ok(!asksForFullScreen(press("f", {}, { tagName: "TEXTAREA" }), false));
});

test("text fields and menus take letters, other controls do not", () => {
  const input = (type) => ({ tagName: "INPUT", getAttribute: () => type });
  for (const each of [{ tagName: "SELECT" }, input("text"), input(null), { isContentEditable: true }]) {
    assert.ok(isTyping(each));
  }
  for (const each of [null, undefined, { tagName: "BUTTON" }, input("range"), input("checkbox")]) {
    assert.ok(!isTyping(each));
  }
});

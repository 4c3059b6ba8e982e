import assert from "node:assert/strict";
import test from "node:test";

import { button, confirmIn, make, menu, named, redraw } from "../../lib_upscalers/compare/viewer/dom.mjs";
import { providePage } from "./fake_page.mjs";

providePage();

test("text never becomes markup, and attributes are set as they are", () => {
  const element = make("p", { title: "<b>" }, "<script>", make("b", {}, "bold"));
  assert.equal(element.children[0], "<script>");
  assert.equal(element.getAttribute("title"), "<b>");
  assert.equal(element.textContent, "<script>bold");
  assert.equal(make("hr").children.length, 0);
});

test("of a name that is cut the denoising strength stays", () => {
  const partsOf = (name) => {
    const [whole] = named("b", { title: "t" }, name).children;
    assert.equal(whole.textContent, name);
    return [whole.children[0].textContent, whole.children[1]];
  };
  assert.deepEqual(partsOf("4x, long, 0.45"), ["4x, long", ", 0.45"]);
  assert.deepEqual(partsOf("4x, 1"), ["4x", ", 1"]);
  assert.deepEqual(partsOf("Lab Fast 2x"), ["Lab Fast 2x", ""]);
});

test("a button sends no form and does what it is for", () => {
  let pressed = 0;
  const element = button("Fit", "Show all of it", () => { pressed += 1; });
  element.fire("click");
  assert.equal(pressed, 1);
  assert.equal(element.getAttribute("type"), "button");
  assert.equal(element.getAttribute("title"), "Show all of it");
});

test("a button without a word is read by its title", () => {
  assert.equal(button("×", "Close", () => {}).getAttribute("aria-label"), "Close");
  assert.equal(button("×", "", () => {}).getAttribute("aria-label"), null);
});

test("what is drawn again leaves the keyboard where it was", () => {
  const part = make("div");
  const draw = (...texts) => () => part.replaceChildren(...texts.map((text) => button(text, "", () => {})));
  const focused = () => part.querySelector(":focus")?.textContent;
  redraw(part, draw("a", "b", "c"));
  assert.equal(focused(), undefined, "it was elsewhere");
  part.children[2].focus();
  redraw(part, draw("d", "e", "f"));
  assert.equal(focused(), "f");
  redraw(part, () => {});
  redraw(part, draw("g"));
  assert.equal(focused(), "g");
  redraw(part, draw());
  assert.equal(focused(), undefined);
});

test("a menu shows what is chosen, and hands on another choice", () => {
  const chosen = [];
  const label = menu("Mode", [["a", "First"], ["b", "Second"]], "b", (value) => chosen.push(value));
  const select = label.querySelector("select");
  assert.equal(select.value, "b");
  assert.equal(select.getAttribute("aria-label"), "Mode");
  assert.deepEqual(select.all("option").map((each) => each.textContent), ["First", "Second"]);
  select.value = "a";
  select.fire("change");
  assert.deepEqual(chosen, ["a"]);
});

test("what was done is said for some seconds", (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const page = make("div");
  confirmIn(page, "Set in Extras.");
  assert.equal(page.textContent, "Set in Extras.");
  assert.equal(page.children[0].getAttribute("role"), "status");
  context.mock.timers.tick(60_000);
  assert.equal(page.children.length, 0);
});

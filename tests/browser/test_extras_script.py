"""The page's part of Extras' line on two ticked scripts, called as WebUIs' Gradio calls it."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from lib_upscalers.ui.extras_order import INPUTS, READ_PAGE, Choices

if TYPE_CHECKING:
    from playwright.sync_api import Browser

pytestmark = pytest.mark.browser
_PAGE = """
<div id="extras_image"></div>
<div id="extras_resize_mode"><div class="tab-nav">
  <button class="selected">Scale by</button><button>Scale to</button>
</div></div>
"""
# Gradio 3.41 and 4.40: the inputs and then the outputs, from a function that it makes of the text,
# and in the same turn in which a value changes, before the page shows it.
_CALL = """async ([script, values, outputs, source]) => {
    const AsyncFunction = Object.getPrototypeOf(async function () {}).constructor;
    const call = new AsyncFunction("given", `return await (${script})(...given);`);
    const read = call([...values, ...outputs]);
    if (source) {
        document.querySelector("#extras_image").append(
            Object.assign(document.createElement("img"), {src: source}));
        const [by, to] = document.querySelectorAll("button");
        by.classList.remove("selected");
        to.classList.add("selected");
    }
    return await read;
}"""


def _picture(width: int, height: int) -> str:
    file = io.BytesIO()
    Image.new("RGB", (width, height)).save(file, "PNG")
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"


@pytest.mark.parametrize("outputs", [[], ["the line as it was"]])
def test_the_script_reads_what_the_page_is_about_to_show(
    browser: Browser, outputs: list[str]
) -> None:
    page = browser.new_page()
    page.set_content(_PAGE)
    values = [*range(len(INPUTS) - 1), ""]
    nothing = Choices(*page.evaluate(_CALL, [READ_PAGE, values, outputs, ""]))
    assert nothing.seen() == (False, None)
    read = Choices(*page.evaluate(_CALL, [READ_PAGE, values, outputs, _picture(40, 24)]))
    page.close()
    assert list(read[:-1]) == values[:-1]
    exact, size = read.seen()
    assert exact
    assert size is not None
    assert (size.width, size.height) == (40, 24)

"""The comparison on a page, as tests drive and read it."""

from __future__ import annotations

import base64
import io
import math
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

import numpy as np
from PIL import Image
from playwright.sync_api import expect

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from playwright.sync_api import Locator, Page

PATIENCE_MS = 180_000


def viewer(page: Page) -> Locator:
    return page.locator("upscaler-lab-viewer")


def cell(page: Page, name: str) -> Locator:
    return viewer(page).locator(".cell").filter(has=page.locator(f'b[title="{name}"]'))


def ask(page: Page, script: str) -> Any:  # noqa: ANN401 - whatever JSON can hold
    """Ask the viewer, which the script knows as `v`."""
    return viewer(page).evaluate(f"v => {script}")


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)


def open_accordion(page: Page, accordion: str) -> None:
    page.get_by_text(accordion, exact=True).first.click()


def take_sample(page: Page) -> None:
    button(page, "Sample picture").click()
    expect(page.locator("#upscaler-lab-picture img")).to_be_visible()


def drop(page: Page, path: Path) -> None:
    page.locator("#upscaler-lab-picture input[type=file]").set_input_files(path)
    expect(page.locator("#upscaler-lab-picture img")).to_be_attached()


def settle(page: Page) -> None:
    """Wait until nobody is working and all that is there is drawn."""
    page.wait_for_function(
        """() => {
            const viewer = document.querySelector("upscaler-lab-viewer");
            const session = viewer?.session;
            return session?.name && session.entries.every(({state, figures}) =>
                !["waiting", "running"].includes(state)
                && (state !== "finished" || Object.keys(figures).length));
        }""",
        timeout=PATIENCE_MS,
    )
    expect(button(page, "Compare")).to_be_enabled(timeout=PATIENCE_MS)
    drawn(page)


def drawn(page: Page) -> None:
    page.wait_for_function(
        """() => {
            const {stage} = document.querySelector("upscaler-lab-viewer");
            const urls = [...stage.cells.values()].flatMap(({items}) =>
                items.flatMap(({shown}) => shown ? [shown.url] : []));
            // A page that is still loading has none.
            const ready = urls.every((url) => stage.pictures.isReady(url));
            return urls.length && ready && !stage.waiting;
        }""",
        timeout=PATIENCE_MS,
    )


def compare(page: Page) -> None:
    before = ask(page, "v.session?.name")
    button(page, "Compare").click()
    page.wait_for_function(
        "before => (document.querySelector('upscaler-lab-viewer').session?.name || before)"
        " !== before",
        arg=before or "",
        timeout=PATIENCE_MS,
    )
    settle(page)


def result_file(page: Page, index: int) -> NDArray[np.uint8]:
    """Return a result as it comes over the wire."""
    address = ask(page, f"v.session.entries[{index}].result.url")
    answer = page.request.get(urljoin(page.url, address))
    assert answer.headers["content-type"] == "image/png"
    return np.array(Image.open(io.BytesIO(answer.body())))


def shown_pixels(page: Page, key: str) -> NDArray[np.uint8]:
    """Return the pixels of the screen that a cell shows: RGBA."""
    address = ask(page, f"v.stage.cells.get('{key}').canvas.toDataURL('image/png')")
    return np.array(Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2]))))


def zoom_to(page: Page, x: float, y: float, zoom: float) -> dict[str, float]:
    """Show a spot; return the view that came of it."""
    ask(page, f"v.stage.move({{x: {x}, y: {y}, zoom: {zoom}}})")
    page.wait_for_function("() => !document.querySelector('upscaler-lab-viewer').stage.waiting")
    return ask(page, "v.stage.view")


def expected_pixels(
    picture: NDArray[np.uint8], view: dict[str, float], shape: tuple[int, ...], frame: int
) -> NDArray[np.uint8]:
    """Return the pixels that a cell should show of a picture, all of it filled."""
    zoom = view["zoom"] * frame / picture.shape[1]
    left = math.floor(shape[1] / 2 - view["x"] * view["zoom"] + 0.5)
    top = math.floor(shape[0] / 2 - view["y"] * view["zoom"] + 0.5)
    columns = ((np.arange(shape[1]) + 0.5 - left) / zoom).astype(int)
    rows = ((np.arange(shape[0]) + 0.5 - top) / zoom).astype(int)
    return picture[rows][:, columns]

"""One WebUI for all tests, and what each of them cannot do.

WEBUI_ROOT=~/stable-diffusion-webui WEBUI_PYTHON=~/stable-diffusion-webui/venv/bin/python \
WEBUI_ARGS="--skip-prepare-environment --ckpt-dir …" python -m pytest tests/webui

On a machine that is busy with other work, WEBUI_PATIENCE says how many seconds to wait for an
answer in place of 400. WEBUI_RELOADS says how often the UI is reloaded in place of 2.
"""

from __future__ import annotations

import os
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import browser
from tests.models.networks import compact_file, esrgan_state
from tests.models.tiny import random_network, save
from tests.webui import jobs
from tests.webui.host import WebUI, named_by_environment
from tests.webui.page_parts import PATIENCE_MS, open_page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from playwright.sync_api import Browser, Page

__all__ = ["browser"]

_EARLY = "its API tells of settings that were there before extensions were loaded, and no others"
# (WebUI, what a test needs) -> why that WebUI cannot do it.
CANNOT: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        ("Neo", "any size"): "it rounds all but Hires. fix to multiples of 64 (processing.py, 976)",
        ("Neo", "settings in the API"): _EARLY,
        ("Neo", "refiner_checkpoint"): "its refiner is off in Hires. fix (sd_samplers_common, 248)",
        ("Forge", "settings in the API"): _EARLY,
        # Its ControlNet imports the API's models (lib_controlnet/api.py, 9; models.py, 210).
        ("reForge", "settings in the API"): _EARLY,
    }
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark every test in this folder, and skip them all where there is no WebUI."""
    here = Path(__file__).parent
    skip = pytest.mark.skip(
        reason="needs a WebUI: name its folder in WEBUI_ROOT, its Python in WEBUI_PYTHON and "
        "further flags in WEBUI_ARGS"
    )
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.webui)
            if "WEBUI_ROOT" not in os.environ:
                item.add_marker(skip)


def _networks(data: Path) -> None:
    """Put networks where the WebUI looks by itself, and where only we do; some of them bad."""
    ours, theirs = data / "models" / "upscale_models", data / "models" / "ESRGAN"
    ours.mkdir(parents=True)
    theirs.mkdir()
    save(esrgan_state("4x"), ours / f"{jobs.FOUR}.safetensors")
    compact_file(ours / f"{jobs.GONE}.safetensors", seed=3)
    (ours / "Test broken.pth").write_bytes(b"PK\x03\x04 and then nothing of use")
    whole = (ours / f"{jobs.FOUR}.safetensors").read_bytes()
    (ours / "Test cut.safetensors").write_bytes(whole[: len(whole) // 2])
    # In the old format, for A1111 refuses what the newest torch writes.
    save(random_network("Compact").state_dict(), theirs / f"{jobs.TWO}.pth", legacy=True)


class Bare:
    """What the WebUI lists and makes without the extension."""

    def __init__(self, ui: WebUI) -> None:
        warm_up(ui)
        self.upscalers = ui.names()
        self.modes = ui.names("latent-upscale-modes")
        self.img2img = jobs.generate(ui, "img2img", jobs.img2img())
        pixel = next(name for name in ("Lanczos", jobs.TWO) if name in self.upscalers)
        names = (pixel, *self.modes[:1])
        self.hires = {name: jobs.generate_again(ui, jobs.txt2img(ui, name)) for name in names}


def warm_up(ui: WebUI) -> None:
    """Take one checkpoint of several, and do what is not quite the same the first time."""
    jobs.take_first_checkpoint(ui)
    jobs.generate(ui, "img2img", jobs.img2img())
    jobs.generate(ui, "txt2img", jobs.txt2img(ui))


@pytest.fixture(scope="session")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Bare:
    """What the WebUI does without the extension; it is stopped again."""
    ui = named_by_environment(tmp_path_factory.mktemp("bare"))
    _networks(ui.data)
    try:
        ui.start()
        return Bare(ui)
    finally:
        ui.stop()


@pytest.fixture(scope="session")
def webui(bare: Bare, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebUI]:
    """The WebUI with the extension; never two WebUIs at once, for memory."""
    ui = named_by_environment(tmp_path_factory.mktemp("webui"))
    _networks(ui.data)
    ui.install()
    ui.install_neighbour()
    try:
        ui.start()
        warm_up(ui)
        yield ui
    finally:
        ui.stop()


@pytest.fixture
def needs(webui: WebUI) -> Callable[[str], None]:
    """Skip, with the reason, where the WebUI cannot do what is named."""

    def check(what: str) -> None:
        reason = CANNOT.get((webui.kind, what))
        if reason:
            pytest.skip(f"{webui.kind} cannot: {reason}")

    return check


@pytest.fixture
def page(webui: WebUI, browser: Browser) -> Iterator[Page]:
    """The WebUI's page, ready to be used."""
    context = browser.new_context(viewport={"width": 1280, "height": 1000})
    found = context.new_page()
    # The server and the browser share the processor with a network at work.
    expect.set_options(timeout=PATIENCE_MS // 2)
    open_page(webui, found)
    yield found
    context.close()
    expect.set_options(timeout=5_000)

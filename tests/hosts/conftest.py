"""Hosts to run the extension in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lib_upscalers.hosts.webui import start
from tests.hosts.webui_model import KINDS, WebUI
from tests.upscaling.test_upscaler import save_network

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WIDGETS = ("lines", "slider", "radio", "dropdown", "check", "checks")


def load(webui: WebUI) -> None:
    """Load our scripts as the WebUI does, then let it make its list and its page."""
    start.start(dict.fromkeys(WIDGETS, object))
    webui.modelloader.load_upscalers()
    for callback in webui.callbacks["on_before_ui"]:
        callback()


# What is quick runs on one host alone.
_EACH = (KINDS[0], *(pytest.param(kind, marks=pytest.mark.slow) for kind in KINDS[1:]))


@pytest.fixture(params=_EACH)
def bare(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[WebUI]:
    """A host with a few networks, without the extension."""
    models = tmp_path / "models"
    save_network(models / "ESRGAN" / "Theirs 2x.pth")
    save_network(models / "DAT" / "Ours 2x.pth")
    webui = WebUI(request.param, models)
    webui.install(monkeypatch)
    yield webui
    start.release()


@pytest.fixture
def webui(bare: WebUI) -> WebUI:
    """A host with the extension loaded."""
    load(bare)
    return bare

"""Our engine is offered once, where the WebUI's own was slow and ours is faster."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from lib_upscalers.hosts.webui import options
from lib_upscalers.hosts.webui.engine_offer import EngineOffer
from lib_upscalers.hosts.webui.start import extension

if TYPE_CHECKING:
    from tests.hosts.webui_model import WebUI

pytestmark = pytest.mark.parametrize("bare", ["a1111"], indirect=True)


class Clock:
    """Ticks by what the test says at each look."""

    def __init__(self, *steps: float) -> None:
        self.now, self.steps = 0.0, list(steps)

    def __call__(self) -> float:
        self.now += self.steps.pop(0)
        return self.now


def offers(webui: WebUI, *steps: float) -> EngineOffer:
    """Return what offers, after a run of the WebUI's that took the second step."""
    made = extension().networks.offer = EngineOffer(extension().engine, Clock(*steps))
    webui.state.begin("extras")
    webui.resize(Image.new("RGB", (96, 96), "red"), 192, 192, "Theirs 2x")
    webui.state.end()
    return made


def test_a_slow_run_is_offered_once(webui: WebUI) -> None:
    # Theirs takes 4 s; ours 0.5 s the first time, 0.3 s again: 0.2 s are for the file.
    made = offers(webui, 0, 4, 0, 0.5, 0, 0.3)
    found = made.offer()
    assert found is not None
    assert found[0] == "Theirs 2x"
    assert found[1:] == pytest.approx((4.0, 0.5))
    assert made.offer() is None
    assert offers(webui, 0, 4, 0, 0.5, 0, 0.3).offer() is None


def test_nothing_is_offered_that_is_no_gain(webui: WebUI) -> None:
    assert offers(webui, 0, 2).offer() is None, "quick enough"
    assert offers(webui, 0, 4, 0, 3.5, 0, 3.5).offer() is None, "not faster"
    with sys.modules["modules.call_queue"].queue_lock:
        assert offers(webui, 0, 4).offer() is None, "busy"
    webui.opts.set(options.HOST_NETWORKS.key, value=True)
    assert offers(webui).offer() is None, "it is ours already"


def test_the_button_saves_the_setting_and_replaces_the_entries(
    webui: WebUI, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved: list[str] = []
    monkeypatch.setattr(webui.opts, "save", saved.append, raising=False)
    monkeypatch.setattr(webui.shared, "config_filename", "config.json", raising=False)
    extension().networks.offer.accept()
    assert options.value(options.HOST_NETWORKS) is True
    assert saved == ["config.json"]
    entry = next(each for each in webui.shared.sd_upscalers if each.name == "Theirs 2x")
    assert entry.scaler.original.name == "ESRGAN"

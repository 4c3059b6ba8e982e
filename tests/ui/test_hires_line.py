"""The line below the Hires. fix dropdown."""

from __future__ import annotations

import sys
from html import escape
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from lib_upscalers.guide.rules import guide
from lib_upscalers.ui.hires_line import INPUTS, Knowledge, connect, sentence, with_guide
from lib_upscalers.upscaling.prospect import Prospect

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest


class Control:
    """A component that records who listens to it."""

    def __init__(self) -> None:
        self.heard: list[Callable[..., Any]] = []

    def change(self, function: Callable[..., Any], *_: object, **__: object) -> None:
        self.heard.append(function)

    focus = change


def test_every_line_ends_with_a_link_to_the_guide() -> None:
    for line in (sentence(Prospect(), 2), sentence(Prospect("ESRGAN", 4, 10), 2), ""):
        shown = with_guide(line)
        assert shown.count("<small>") == shown.count("</small>") == 1
        assert shown.startswith(line.removesuffix("</small>"))
        assert f'title="{escape(guide().short)}"' in shown
        assert "data-upscaler-lab-which" in shown


def test_the_line_follows_a_run_unless_it_shows_a_training(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gradio", SimpleNamespace(update=lambda **values: values))
    training: list[bool] = [False]
    knowledge = Knowledge(
        lambda _: None, lambda _: Prospect(), lambda: 20, lambda: training[0], lambda: None
    )
    follow = connect([], [Control() for _ in INPUTS], knowledge)
    gallery = Control()
    follow(gallery)
    (run_ended,) = gallery.heard
    chosen = ("Lanczos", 0.5, 2, 0, 0)
    assert "A kernel" in run_ended(*chosen)[0]
    training[0] = True
    assert run_ended(*chosen) == ({}, {}, {})
    follow(object())

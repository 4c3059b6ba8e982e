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
    monkeypatch.setitem(sys.modules, "gradio", SimpleNamespace(update=dict))
    training: list[bool] = [False]
    knowledge = Knowledge(
        outlook=lambda _: None,
        prospect=lambda _: Prospect(),
        minutes=lambda: 20,
        training=lambda: training[0],
        tiny=lambda: None,
        alike=lambda _: None,
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


def test_the_line_comes_with_the_accordion_and_explains_the_webuis_own_modes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "gradio", SimpleNamespace(update=dict))
    alike = {"Latent": "Latent (bilinear)"}.get
    knowledge = Knowledge(
        outlook=lambda _: None,
        prospect=lambda _: None,
        minutes=lambda: 20,
        training=lambda: False,
        tiny=lambda: None,
        alike=alike,
    )
    accordion = Control()
    connect([], [Control() for _ in INPUTS], knowledge, [accordion])
    (explain,) = accordion.heard
    line, *offers = explain("Latent", 0.3, 2, 0, 0)
    assert "smooth, loses contrast" in line
    assert "is below that" in line
    assert offers == [{"visible": False}, {"visible": False}]
    assert explain("unknown", 0.3, 2, 0, 0)[0] == with_guide("")

"""The line below the Hires. fix dropdown."""

from __future__ import annotations

from html import escape

from lib_upscalers.guide.rules import guide
from lib_upscalers.ui.hires_line import sentence, with_guide
from lib_upscalers.upscaling.prospect import Prospect


def test_every_line_ends_with_a_link_to_the_guide() -> None:
    for line in (sentence(Prospect(), 2), sentence(Prospect("ESRGAN", 4, 10), 2), ""):
        shown = with_guide(line)
        assert shown.count("<small>") == shown.count("</small>") == 1
        assert shown.startswith(line.removesuffix("</small>"))
        assert f'title="{escape(guide().short)}"' in shown
        assert "data-upscaler-lab-which" in shown

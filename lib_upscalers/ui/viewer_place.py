"""Build the HTML of the viewer's place in a page."""

from __future__ import annotations

import base64
import json
from html import escape
from typing import TYPE_CHECKING

from lib_upscalers.compare.viewer_script import viewer_script

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lib_upscalers.ui.result_use import Use

_STYLE = """
<style>
.upscaler-lab-hidden { display: none !important; }
.lab-alert { margin: 0; padding: 0.6rem 0.9rem; border: 1px solid #d14343; border-radius: 8px;
  background: color-mix(in srgb, #d14343 10%, transparent); overflow-wrap: anywhere; }
.lab-download { display: inline-block; margin: 0.2rem 1rem 0.2rem 0; text-decoration: underline; }
.lab-version { margin: 0.5rem 0 0; text-align: right; font-size: 0.8rem; opacity: 0.7; }
.lab-confirmation { position: fixed; z-index: 1000; left: 50%; bottom: 1.5rem; max-width: 90vw;
  transform: translateX(-50%); padding: 0.6rem 1rem; border-radius: 8px; color: #fff;
  background: #14532d; box-shadow: 0 2px 12px #0008; }
upscaler-lab-viewer { min-height: 12rem; }
.lab-drop { outline: 3px dashed var(--color-accent, #4f46e5) !important; outline-offset: -3px; }
#upscaler-lab-said:not(:has(p)), #upscaler-lab-kept:not(:has(a, p)) { display: none !important; }
</style>
"""


def _script_address() -> str:
    """Return the viewer as an address that a page can import from, whatever it may fetch."""
    return "data:text/javascript;base64," + base64.b64encode(viewer_script().encode()).decode()


def viewer_place(
    uses: Sequence[Use], feed: str, picture: str, places: Sequence[tuple[str, str]]
) -> str:
    """Return the HTML of the viewer, with the style of the tab around it.

    Args:
        uses: What results can be used for.
        feed: The elem_id of what feeds it.
        picture: The elem_id of the input that dropped and pasted pictures are put into.
        places: Where things are in the page, and what is there.
    """
    labels = escape(json.dumps([{"label": use.label, "told": use.told} for use in uses]))
    where = escape(json.dumps([{"place": place, "text": text} for place, text in places]))
    return (
        f'{_STYLE}<div data-upscaler-lab="{_script_address()}">'
        f'<upscaler-lab-viewer feed="{feed}" uses="{labels}" picture="{picture}" '
        f'places="{where}">'
        "</upscaler-lab-viewer></div>"
    )

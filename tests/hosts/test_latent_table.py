"""The table of what each latent mode does for each model family in each WebUI."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from lib_upscalers.hosts.webui import start
from lib_upscalers.latent.spaces import SPACES
from tests.checks import ROOT
from tests.hosts.test_latent_context import LAB, TRIP, load_model, one_host

if TYPE_CHECKING:
    from lib_upscalers.latent.outlook import Outlook
    from lib_upscalers.latent.spaces import KnownSpace
    from tests.hosts.webui_model import WebUI

# Which families a WebUI loads: HOSTS' sources, read or run in November 2026. AUTOMATIC1111 and
# reForge have flags for them, Forge flags and one family without, Neo a tiny decoder's name.
FLAGGED = {"sd1": "is_sd1", "sdxl": "is_sdxl", "sd3": "is_sd3"}
NEO = ("sd1", "sdxl", "flux1", "flux2", "wan21", "wan22", "qwen-image-21")
HEAD = [
    "| models | AUTOMATIC1111, reForge: Lab | Forge: Lab | Forge Neo: Lab | Forge Neo: TAESD |",
    "|---|---|---|---|---|",
]
USED = {
    LAB: "our network",
    TRIP: "round trip",
    "Latent (bilinear)": "bilinear",
    None: "not loaded",
}


def load_flagged(webui: WebUI, name: str, known: KnownSpace) -> bool:
    model = SimpleNamespace(decode_first_stage=0)
    if name in FLAGGED:
        setattr(model, FLAGGED[name], True)
    shared: Any = webui.shared
    shared.sd_model = model
    assert known.space.name == name
    return name in FLAGGED


def load_forge(webui: WebUI, name: str, known: KnownSpace) -> bool:
    if load_flagged(webui, name, known) and name != "sd3":
        return True
    shared: Any = webui.shared
    shared.sd_model = SimpleNamespace(is_webui_legacy_model=lambda: False)
    return name == "flux1"


def load_neo(webui: WebUI, name: str, known: KnownSpace) -> bool:
    channels = known.space.channels * (4 if known.packed else 1)
    load_model(webui, known.decoder, channels)
    return name in NEO


def cell(outlook: Outlook | None, known: KnownSpace, *, has_files: bool) -> str:
    """Return what a mode does, without and with the files of the tiny autoencoder."""
    text = USED[None if outlook is None else outlook.used]
    if text == "bilinear" and not has_files:
        files = " and ".join(f"`{name}.pth`" for name in reversed(known.tiny))
        return f"bilinear; with {files} round trip"
    return text


@one_host
def test_the_documentation_has_the_table_of_modes(webui: WebUI) -> None:
    latents = start.extension().latents
    sys.modules["modules.sd_models"].model_data.sd_model = SimpleNamespace(decode_first_stage=0)
    rows: list[str] = []
    for name, known in SPACES.items():
        cells: list[str] = []
        for load, mode in (
            (load_flagged, LAB),
            (load_forge, LAB),
            (load_neo, LAB),
            (load_neo, TRIP),
        ):
            outlook = latents.outlook(mode) if load(webui, name, known) else None
            cells.append(cell(outlook, known, has_files=False))
        if set(cells) != {"not loaded"}:
            rows.append(f"| {', '.join(known.models)} | {' | '.join(cells)} |")
    page = (ROOT / "docs" / "explanation" / "latent.md").read_text(encoding="utf-8")
    table = "\n".join(HEAD + rows)
    assert table in page, f"put this into docs/explanation/latent.md:\n{table}"

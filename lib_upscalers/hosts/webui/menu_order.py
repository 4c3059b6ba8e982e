"""Order the entries of the WebUI's menus, and leave out those that the user has hidden."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lib_upscalers.hosts.webui.scaler import file_of
from lib_upscalers.latent import LATENT_MODES
from lib_upscalers.models.catalogue.model_marks import Mark, ModelMarks

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path


def hires_menu(
    modes: Iterable[str], upscalers: Sequence[str], favourites: Sequence[str]
) -> list[str]:
    """Return the menu of Hires. fix: modes, upscalers of pixels, modes that few people need.

    Args:
        modes: The names in the WebUI's table of latent modes.
        upscalers: The names of the other entries, in order.
        favourites: The modes that come first of all.
    """
    named = sorted(modes, key=lambda name: name not in favourites)
    known = {name for name in named if name in LATENT_MODES and name not in favourites}
    rare = [name for name in named if name in known and LATENT_MODES[name].rare]
    return [*(name for name in named if name not in rare), *upscalers, *rare]


def upscaler_menu(entries: Sequence[Any], data_folder: Path) -> list[str]:
    """Return the names of upscalers of pixels: favourites before others, hidden ones left out.

    What the WebUI lists before its first network, such as "None", stays first.

    Args:
        entries: The WebUI's list.
        data_folder: Where the user's marks are stored.
    """
    marks = ModelMarks(data_folder).all()
    if not marks:
        return [str(entry.name) for entry in entries]
    files = [file_of(entry) for entry in entries]
    found = [Mark() if file is None else marks.get(str(file.resolve()), Mark()) for file in files]
    first = next((at for at, file in enumerate(files) if file is not None), len(files))
    shown = [at for at, mark in enumerate(found) if not mark.hidden]
    shown.sort(key=lambda at: at >= first and not found[at].favourite)
    return [str(entries[at].name) for at in shown]

"""Convert sessions to the viewer's data, with addresses for their files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lib_upscalers.compare.metrics import METRICS
from lib_upscalers.compare.session import means

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lib_upscalers.compare.session import Entry, Session, StoredPicture

    UrlOf = Callable[[StoredPicture], str]


def measures() -> list[dict[str, Any]]:
    """Return the viewer's data for each measure, in the order of the table."""
    return [
        {
            "name": name,
            "label": each.label,
            "unit": each.unit,
            "better": each.better,
            "digits": each.digits,
            "explanation": each.explanation,
        }
        for name, each in METRICS.items()
    ]


def _picture(shown: StoredPicture | None, url_of: UrlOf) -> dict[str, Any] | None:
    if shown is None:
        return None
    return {
        "url": url_of(shown),
        "file": shown.file.rsplit("/", 1)[-1],
        "width": shown.width,
        "height": shown.height,
        "bytes": shown.size_bytes,
    }


def _entry_data(entry: Entry, url_of: UrlOf) -> dict[str, Any]:
    cost = entry.cost
    return {
        "name": entry.name,
        "kind": entry.kind,
        "scale": entry.scale,
        "architecture": entry.architecture,
        "licence": entry.licence,
        "modelBytes": entry.size_bytes,
        "state": entry.state,
        "fraction": entry.fraction,
        "text": entry.text,
        "result": _picture(entry.result, url_of),
        "figures": dict(entry.figures),
        "kept": entry.cached,
        "upscaler": entry.upscaler,
        "strength": entry.strength,
        "cost": None
        if cost is None
        else {
            "loadSeconds": cost.load_seconds,
            "runSeconds": cost.run_seconds,
            "peakBytes": cost.peak_bytes,
            "peakOf": cost.peak_of,
            "passes": cost.passes,
            "tiles": cost.tiles,
            "precision": cost.precision,
            "device": cost.device,
            "tiling": cost.tiling,
            "enlargeSeconds": cost.enlarge_seconds,
        },
    }


def view_of(session: Session, url_of: UrlOf) -> dict[str, Any]:
    """Return a session as the viewer's data.

    Args:
        session: What was compared.
        url_of: Returns the address under which the browser gets a picture.
    """
    return {
        "kind": "session",
        "name": session.name,
        "title": session.title,
        "trial": session.trial,
        "notes": list(session.notes),
        "settings": session.settings,
        "version": session.version,
        "width": session.width,
        "height": session.height,
        "source": _picture(session.source, url_of),
        "reference": _picture(session.reference, url_of),
        "measures": measures(),
        "entries": [_entry_data(entry, url_of) for entry in session.entries],
        "columns": session.columns,
        "siblings": dict(session.siblings),
    }


def view_of_names(names: Sequence[str]) -> dict[str, Any]:
    """Return the viewer's data before a comparison: an empty entry for each upscaler."""
    idle = {"kind": "pixel", "state": "idle", "figures": {}, "result": None, "cost": None}
    return {
        "kind": "session",
        "name": "",
        "title": "",
        "trial": "",
        "notes": [],
        "settings": "",
        "version": "",
        "width": 0,
        "height": 0,
        "source": None,
        "reference": None,
        "measures": measures(),
        "entries": [{**idle, "name": name} for name in names],
    }


def view_of_several(sessions: Sequence[Session], pictures: int) -> dict[str, Any]:
    """Return the viewer's data for several pictures: all figures of each upscaler.

    Args:
        sessions: The finished ones.
        pictures: How many pictures there are in all.
    """
    return {
        "kind": "several",
        "pictures": pictures,
        "done": len(sessions),
        "measures": measures(),
        "rows": [{"name": name, "figures": figures} for name, figures in means(sessions).items()],
    }

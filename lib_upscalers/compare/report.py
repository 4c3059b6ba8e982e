"""Export a comparison: one HTML file, a labelled grid, tables."""

from __future__ import annotations

import base64
import csv
import io
import json
from html import escape
from typing import TYPE_CHECKING, Any

from lib_upscalers.compare.grid import labelled_grid
from lib_upscalers.compare.metrics import METRICS
from lib_upscalers.compare.view import view_of, view_of_several
from lib_upscalers.compare.viewer_script import (
    as_script_text,
    language_script,
    viewer_script,
)
from lib_upscalers.geometry import Size
from lib_upscalers.pictures.files import read_picture
from lib_upscalers.version import VERSION
from lib_upscalers.words import Translator, catalogue, language_names, languages

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from lib_upscalers.compare.session import Entry, Session, StoredPicture
    from lib_upscalers.compare.store import Store
    from lib_upscalers.pictures.picture import Picture

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data: blob:; \
connect-src data: blob:; script-src 'unsafe-inline'; style-src 'unsafe-inline'">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ margin: 0; padding: 1rem; font: 15px/1.5 system-ui, sans-serif; background: Canvas;
color: CanvasText; }}
h1 {{ font-size: 1.3rem; margin: 0 0 0.75rem; overflow-wrap: anywhere; }}
td {{ padding: 0.1rem 0.6rem; }}
footer {{ margin-top: 1rem; font-size: 0.8rem; opacity: 0.7; display: flex; gap: 1rem;
align-items: center; justify-content: space-between; }}
</style>
</head>
<body>
<h1>{title}</h1>
<upscaler-lab-viewer>{plain}</upscaler-lab-viewer>
<footer>Upscaler Lab {version}<upscaler-lab-language></upscaler-lab-language></footer>
{pictures}
<script type="module">
{language}
</script>
<script type="module">
{script}
showReport({data});
</script>
</body>
</html>
"""
# A preview in a mail program or on a phone runs no scripts.
_WITHOUT_SCRIPTS = (
    "The pictures are in this file, but what shows it here runs no JavaScript: save the file and "
    "open it in a browser. It needs no network."
)
_COSTS = (
    *("load_seconds", "run_seconds", "peak_bytes", "peak_of"),
    *("passes", "tiles", "precision", "tiling", "enlarge_seconds"),
)


def html_report(sessions: Sequence[Session], store: Store) -> str:
    """Return a page that needs no other file.

    Args:
        sessions: Of one, the page holds the viewer and the pictures, lossless; of several, the
            means and a box plot for each measure.
        store: Where the pictures are.

    Raises:
        OSError: A picture no longer exists.
    """
    upscalers = f"{len(sessions[0].entries)} upscalers compared" if sessions else "Nothing compared"
    if len(sessions) != 1:
        title = f"{upscalers} on {len(sessions)} pictures"
        return _page(title, view_of_several(sessions, len(sessions)), _plain(sessions))
    (session,) = sessions
    pictures: list[str] = []

    def place_of(shown: StoredPicture) -> str:
        data = base64.b64encode(store.path(shown.file).read_bytes()).decode()
        place = f"picture-{len(pictures)}"
        pictures.append(f'<script type="text/plain" id="{place}">{data}</script>')
        return place

    places: dict[str, str] = {}

    def noted(shown: StoredPicture) -> str:
        return places.setdefault(shown.file, place_of(shown))

    view = view_of(session, noted)
    # From this `reopening` makes a session again.
    held = as_script_text(_with_places(session, places))
    pictures.append(f'<script type="application/json" id="session">{held}</script>')
    return _page(f"{session.title or 'Picture'}: {upscalers}", view, _plain(sessions), pictures)


def _with_places(session: Session, places: Mapping[str, str]) -> Any:  # noqa: ANN401 - JSON
    """Return a session as data, in which pictures have their places in the report."""
    values = json.loads(session.to_json())
    values["name"], values["siblings"] = "", {}
    for shown in (values["source"], values["reference"], *(e["result"] for e in values["entries"])):
        if shown is not None:
            shown["file"] = places[shown["file"]]
    return values


def _plain(sessions: Sequence[Session]) -> str:
    """Return what is seen until a script runs: a hint in every language, and the figures."""
    hints = [
        _WITHOUT_SCRIPTS,
        *(Translator(catalogue(code))(_WITHOUT_SCRIPTS) for code in languages()),
    ]
    values: dict[str, dict[str, list[float]]] = {}
    for session in sessions:
        for entry in session.entries:
            figures = values.setdefault(entry.name, {})
            for name, value in entry.figures.items():
                if name in METRICS:
                    figures.setdefault(name, []).append(value)
    shown = [name for name in METRICS if any(name in figures for figures in values.values())]
    rows = [["", *(METRICS[name].label for name in shown)]]
    for upscaler, figures in values.items():
        rows.append([upscaler, *(_mean(figures.get(name, ()), name) for name in shown)])
    cells = ("".join(f"<td>{escape(cell)}</td>" for cell in row) for row in rows)
    table = "".join(f"<tr>{row}</tr>" for row in cells)
    text = "".join(f"<p>{escape(hint)}</p>" for hint in hints)
    # It is in every language already.
    return f'<div translate="no">{text}<table>{table}</table></div>'


def _mean(values: Sequence[float], name: str) -> str:
    return f"{sum(values) / len(values):.{METRICS[name].digits}f}" if values else ""


def _page(title: str, view: dict[str, Any], plain: str, pictures: Sequence[str] = ()) -> str:
    script = viewer_script()
    tables = {code: _table(code, script, [title, *_texts(view)]) for code in languages()}
    return _PAGE.format(
        title=escape(title),
        version=VERSION,
        plain=plain,
        pictures="\n".join(pictures),
        language=language_script(language_names(), tables),
        script=script,
        data=as_script_text(view),
    )


def _table(code: str, script: str, texts: Iterable[str]) -> dict[str, str]:
    """Return the texts of a language that a report can show: of the viewer, and of its data."""
    held = catalogue(code)
    translate = Translator(held)
    # A single word may be a name.
    read = {text: translate(text) for text in texts if " " in text}
    labels = {text for each in METRICS for text in (METRICS[each].label, METRICS[each].unit)}
    shown = {text: held[text] for text in held if text in labels or f'"{text}"' in script}
    return {**shown, **{text: other for text, other in read.items() if other != text}}


def _texts(value: object) -> Iterator[str]:
    """Yield every text in a JSON value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list)):
        several: Any = value.values() if isinstance(value, dict) else value
        for each in several:
            yield from _texts(each)


def _label(entry: Entry) -> str:
    figures = [
        f"{METRICS[name].label} {value:.{METRICS[name].digits}f}"
        for name, value in entry.figures.items()
        if name in METRICS and METRICS[name].needs_reference
    ]
    seconds = "" if entry.cost is None else f"{entry.cost.run_seconds:.2f} s"
    return "  ".join([entry.name, *figures[:2], seconds]).strip()


def grid(session: Session, store: Store) -> Picture:
    """Return all results in one picture, under their names.

    Raises:
        ImageError: A picture no longer exists.
    """
    done = [(entry, entry.result) for entry in session.entries if entry.result is not None]
    pictures = (read_picture(store.path(shown.file)) for _, shown in done)
    labels = [" ".join(_label(entry).split()) for entry, _ in done]
    return labelled_grid(pictures, labels, Size(session.width, session.height))


def _cell(value: object) -> object:
    """Return a value that a spreadsheet shows as text and does not run as a formula."""
    risky = isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r"))
    return f"'{value}" if risky else value


def csv_table(sessions: Sequence[Session]) -> str:
    """Return a line for each picture and upscaler: state, costs, figures."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    first = ["picture", "test", "upscaler", "strength", "state", "width", "height"]
    writer.writerow([*first, *_COSTS, *METRICS, "version"])
    for session in sessions:
        for entry in session.entries:
            size = [session.width, session.height]
            costs = [getattr(entry.cost, name, "") for name in _COSTS]
            figures = [entry.figures.get(name, "") for name in METRICS]
            name, strength = entry.upscaler or entry.name, entry.strength
            start = [session.title, session.trial, name, "" if strength is None else strength]
            cells = [*start, entry.state, *size, *costs, *figures, session.version]
            writer.writerow([_cell(value) for value in cells])
    return stream.getvalue()


def json_table(sessions: Sequence[Session]) -> str:
    """Return all data of the comparisons, without the paths of files."""
    values = [json.loads(session.to_json()) for session in sessions]
    for each in values:
        for name in ("name", "source", "reference", "siblings"):
            del each[name]
        for entry in each["entries"]:
            del entry["result"], entry["fraction"]
    return json.dumps(values, ensure_ascii=False, indent=2) + "\n"

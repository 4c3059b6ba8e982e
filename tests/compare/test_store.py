"""Files, settings and reports of comparisons."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
import subprocess
import sys
import time
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

import lib_upscalers
from lib_upscalers.compare import report
from lib_upscalers.compare.align import Trial
from lib_upscalers.compare.grid import labelled_grid
from lib_upscalers.compare.request import MOST, ComparisonRequest
from lib_upscalers.compare.store import Store, fingerprint, saved_name
from lib_upscalers.compare.viewer_script import FOLDER, viewer_script
from lib_upscalers.errors import InputError
from lib_upscalers.geometry import Size
from lib_upscalers.pictures.picture import Picture
from lib_upscalers.targets import Target
from lib_upscalers.version import VERSION
from tests.cases import each_case
from tests.compare.fakes import HOSTILE, Fate, candidate, make, picture

if TYPE_CHECKING:
    from lib_upscalers.compare.session import Session

ROOT = Path(lib_upscalers.__file__).resolve().parent.parent
REQUESTS = [
    ComparisonRequest(("Nearest", HOSTILE), Target(scale=2.5)),
    ComparisonRequest(("a", "b", "c"), Target(size=Size(640, 480))),
    ComparisonRequest(("a", "b"), Target(scale=3.0), Trial(3, "Box", 75)),
]


def _compared(folder: Path, names: tuple[str, ...] = (HOSTILE, "b")) -> tuple[Session, Store]:
    work = make(folder, [candidate(name, Fate()) for name in names], trial=Trial(2))
    *_, last = work.run()
    return last, work.store


@each_case("asked", REQUESTS)
def test_settings_come_back_from_their_text(asked: ComparisonRequest) -> None:
    text = asked.to_text("9.9")
    assert "\n" not in text
    assert ComparisonRequest.parse(text) == asked


@each_case(
    "text, reason",
    [
        ("", "no JSON"),
        ("[]", "other JSON"),
        ('{"upscaler-lab": 1}', "no list"),
        ('{"upscaler-lab": 2, "upscalers": ["a", "b"]}', "newer"),
        ('{"upscaler-lab": 1, "upscalers": ["a", 3]}', "no list"),
        ('{"upscaler-lab": 1, "upscalers": ["a", "b"], "size": 3}', "wrong kind"),
        ('{"upscaler-lab": 1, "upscalers": ["a", "b"], "scale": -1}', "scale"),
        ('{"upscaler-lab": 1, "upscalers": ["a", "b"], "scale": NaN}', "scale"),
        ('{"upscaler-lab": 1, "upscalers": ["a", "b"], "test": {}}', "wrong kind"),
        ('{"upscaler-lab": 1, "upscalers": ["a", "b"], "test": {"shrink": 9}}', "2, 3 or 4"),
        ('{"upscaler-lab": 1, "upscalers": []}', "1 to 12"),
        ('{"upscaler-lab": 1, "upscalers": ["a", "a"]}', "twice"),
    ],
)
def test_other_settings_are_refused_with_a_reason(text: str, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        ComparisonRequest.parse(text)


def test_no_more_than_twelve() -> None:
    names = tuple(map(str, range(MOST + 1)))
    assert ComparisonRequest(names[:MOST], Target(scale=2.0))
    with pytest.raises(InputError, match="13"):
        ComparisonRequest(names, Target(scale=2.0))


def test_what_was_not_used_for_longest_leaves(tmp_path: Path) -> None:
    store = Store(tmp_path, most_bytes=3 * picture().pixels.nbytes, most_seconds=1000)
    keys = [store.key(str(i)) for i in range(5)]
    files = [store.path(store.put_picture(key, "x", picture()).file) for key in keys]
    now = files[0].stat().st_mtime
    for age, file in enumerate(files):
        os.utime(file, (now - age, now - age))
    os.utime(files[1], (now - 2000, now - 2000))
    store.tidy()
    assert [file.exists() for file in files] == [True, False, True, False, False]


def test_places_cannot_be_guessed_but_are_found_again(tmp_path: Path) -> None:
    first, other = Store(tmp_path / "a"), Store(tmp_path / "b")
    assert first.key("x", "y") == Store(tmp_path / "a").key("x", "y")
    assert first.key("x", "y") != other.key("x", "y"), "the secret is the folder's own"
    assert first.key("x", "y") != first.key("xy", "")
    assert len(first.key("x")) >= 32


@each_case("name", ["", "..", "../secret", "0" * 31, "/etc/passwd", "0" * 32])
def test_only_sessions_are_loaded(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="no longer there"):
        Store(tmp_path).load(name)


def test_a_session_of_another_version_is_told(tmp_path: Path) -> None:
    session, store = _compared(tmp_path)
    path = tmp_path / "sessions" / f"{session.name}.json"
    values = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**values, "new": 1}), encoding="utf-8")
    with pytest.raises(InputError, match="compare again"):
        store.load(session.name)


def test_pictures_are_told_apart() -> None:
    grey = Picture(picture().pixels[..., :1])
    clear = Picture(picture().pixels, np.zeros((24, 32), np.uint8))
    prints = {fingerprint(each) for each in (picture(), picture(32, 24), grey, clear)}
    assert len(prints) == 4
    assert fingerprint(picture()) == fingerprint(picture())


@each_case(
    "text", ["a", "../../etc/x", 'a/b\\c:*?"<>|', "…", "x" * 300, "漢" * 80, "🦊" * 90, HOSTILE]
)
def test_saved_names_are_valid_everywhere(text: str) -> None:
    for name in (saved_name(text, "2x"), saved_name("2x", text), saved_name(text, text, text)):
        assert re.fullmatch(r"[\w.()+-]+", name)
        assert not name.startswith(".")
        assert len(name.encode()) <= 120


def test_long_names_are_told_apart_and_end_with_what_was_done() -> None:
    names = {
        saved_name("漢" * 80 + end, f"{'Upscaler' * part}, 0.{strength}", "40x40")
        for end in "ab"
        for part in (1, 20)
        for strength in (3, 6)
    }
    assert len(names) == 8
    assert "-Upscaler_0.3-40x40-" in saved_name("漢" * 80, "Upscaler, 0.3", "40x40")


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [str(value) for name, value in attrs if name in ("src", "href")]


def test_a_report_holds_everything_and_no_markup_of_a_name(tmp_path: Path) -> None:
    session, store = _compared(tmp_path)
    html = report.html_report([session], store)
    seen = _Tags()
    seen.feed(html)
    # The language, the viewer, what opens the comparison again, and four pictures.
    assert seen.tags.count("script") == 3 + 4
    assert "img" not in seen.tags
    assert seen.addresses == []
    assert f"Upscaler Lab {VERSION}" in html
    # Addresses of standards, of papers, and of links that a person follows.
    allowed = r"(?!www\.w3\.org|doi\.org|\$\{where\})"
    assert not re.search(f"https?://{allowed}", html), "nothing from elsewhere"
    found = re.search(r"showReport\((\{.*\})\);", html)
    assert found
    assert json.loads(found[1])["entries"][0]["name"] == HOSTILE


def test_a_report_of_several_pictures_holds_their_figures(tmp_path: Path) -> None:
    session, store = _compared(tmp_path)
    html = report.html_report([session, session], store)
    assert "text/plain" not in html, "pictures would be too many"
    found = re.search(r"showReport\((\{.*\})\);", html)
    assert found
    view = json.loads(found[1])
    assert (view["kind"], view["done"], view["pictures"]) == ("several", 2, 2)
    assert view["rows"][0]["name"] == HOSTILE
    assert view["rows"][0]["figures"]["psnr"] == [session.entries[0].figures["psnr"]] * 2


@each_case("count", [1, 2])
def test_a_report_without_scripts_says_how_to_see_it_and_has_the_figures(
    tmp_path: Path, count: int
) -> None:
    session, store = _compared(tmp_path)
    html = report.html_report([session] * count, store)
    found = re.search("<upscaler-lab-viewer>(.*?)</upscaler-lab-viewer>", html)
    assert found
    assert "open it in a browser" in found[1]
    assert "откройте его в браузере" in found[1]  # noqa: RUF001
    assert f"{session.entries[1].figures['psnr']:.2f}" in found[1]
    assert HOSTILE not in found[1], "a name is no markup"


def test_a_report_has_the_units_in_other_languages(tmp_path: Path) -> None:
    session, store = _compared(tmp_path)
    assert '"dB":"дБ"' in report.html_report([session], store).replace('": "', '":"')


def test_no_name_of_the_viewer_is_there_twice() -> None:
    """All of its modules are one script, in which a second one would be a syntax error."""
    made = re.compile(r"(?m)^(?:export )?(?:async )?(?:function\*?|class|const|let) (\w+)")
    names = made.findall(viewer_script())
    assert len(names) > 100
    assert sorted(names) == sorted(set(names))


def test_json_cannot_end_its_script() -> None:
    text = report.as_script_text({"x": "</script><!-- \u2028"})
    assert "<" not in text
    assert json.loads(text) == {"x": "</script><!-- \u2028"}


def test_tables_hold_all_figures(tmp_path: Path) -> None:
    session, _ = _compared(tmp_path, ("=HYPERLINK(1)", "b"))
    rows = list(csv.DictReader(io.StringIO(report.csv_table([session]))))
    assert [row["upscaler"] for row in rows] == ["'=HYPERLINK(1)", "b"]
    assert float(rows[0]["psnr"]) == session.entries[0].figures["psnr"]
    assert rows[0]["version"] == session.version != ""
    text = report.json_table([session])
    assert json.loads(text)[0]["version"] == session.version
    assert json.loads(text)[0]["entries"][1]["figures"] == dict(session.entries[1].figures)
    assert session.source.file not in text, "where files lie is nobody's business"


def test_the_grid_shows_every_pixel(tmp_path: Path) -> None:
    session, store = _compared(tmp_path)
    grid = report.grid(session, store)
    pixels = np.array(grid.pixels)
    windows = np.lib.stride_tricks.sliding_window_view(pixels, (session.height, session.width, 3))
    shape = session.entries[0].result
    assert shape
    found = [
        (windows[y, x, 0] == expected).all()
        for expected in (_stored(store, session),)
        for y in range(windows.shape[0])
        for x in range(windows.shape[1])
    ]
    assert sum(found) == 2


def _stored(store: Store, session: Session) -> np.ndarray:
    from lib_upscalers.pictures.files import read_picture

    assert session.entries[0].result
    return read_picture(store.path(session.entries[0].result.file)).pixels


def test_labels_in_any_script_do_no_harm() -> None:
    labels = ["猫 ünï", "x" * 400, "\u202e<b>"]
    grid = labelled_grid([picture()] * 3, labels, Size(32, 24))
    assert grid.pixels.shape[2] == 3


@pytest.mark.slow
def test_the_modules_are_one_script_that_node_understands(tmp_path: Path) -> None:
    script = viewer_script()
    assert "import " not in re.sub(r"//.*|/\*.*?\*/", "", script, flags=re.DOTALL)
    assert "</script" not in script
    for module in FOLDER.glob("*.mjs"):
        names = re.findall(
            r"^(?:export )?(?:const|class|function) (\w+)", module.read_text(), re.MULTILINE
        )
        for name in names:
            if module.name not in ("loader.mjs", "language.mjs"):
                found = re.findall(rf"^(?:const|class|function) {name}\b", script, re.MULTILINE)
                assert len(found) == 1, f"{name} of {module.name}"
    path = tmp_path / "viewer.mjs"
    path.write_text(script, encoding="utf-8")
    node = shutil.which("node")
    command = [node, "--check", str(path)] if node else [sys.executable, "-c", ""]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_uploads_leave_after_six_hours_with_their_folder(tmp_path: Path) -> None:
    store = Store(tmp_path)
    kept, old = (store.make_folder("uploads", name) for name in ("kept", "old"))
    for folder, hours in ((kept, 5.9), (old, 6.1)):
        (folder / "sent.png").write_bytes(b"x")
        then = time.time() - hours * 3600
        os.utime(folder / "sent.png", (then, then))
    store.tidy()
    assert [path.name for path in store.uploads.glob("*/*")] == ["sent.png"]
    assert (kept / "sent.png").is_file()
    then = time.time() - 7 * 3600
    os.utime(old, (then, then))
    store.tidy()
    assert [path.name for path in store.uploads.iterdir()] == ["kept"]

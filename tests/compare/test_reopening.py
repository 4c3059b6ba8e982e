"""Comparisons that are opened again."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import numpy as np
import pytest

from lib_upscalers.compare.reopening import open_again
from lib_upscalers.compare.report import csv_table, html_report, json_table
from lib_upscalers.compare.session import Cost, Entry, Session
from lib_upscalers.compare.store import Store
from lib_upscalers.errors import InputError
from lib_upscalers.pictures.files import read_picture
from lib_upscalers.pictures.picture import Picture
from tests.cases import each_case

if TYPE_CHECKING:
    from pathlib import Path

    from lib_upscalers.compare.session import StoredPicture


def picture(side: int, value: int) -> Picture:
    return Picture(np.full((side, side, 3), value, np.uint8), None)


def made(store: Store) -> Session:
    """A comparison of finished pictures, one of which failed."""
    name = store.new_name()
    entries = [
        Entry(
            f"Upscaler {number}, 0.3",
            "network",
            state="finished",
            result=store.put_picture(name, f"result {number}", picture(8, 50 * number)),
            cost=Cost(0.0, 1.5, enlarge_seconds=0.5),
            figures={"psnr": 30.0 + number},
            upscaler=f"Upscaler {number}",
            strength=0.3,
            steps=7,
        )
        for number in (1, 2)
    ]
    session = Session(
        name=name,
        title="<b>Seed 5</b>",
        source=store.put_picture(name, "source", picture(4, 9)),
        width=8,
        height=8,
        entries=(*entries, Entry("Failed, 0.3", "latent", state="failed", text="no memory")),
        columns=3,
    )
    store.save(session)
    return session


def plain(session: Session) -> object:
    """Return all of a session but names, which are others in every store."""
    values = json.loads(session.to_json())
    del values["name"]
    for each in (values["source"], *(e["result"] for e in values["entries"] if e["result"])):
        del each["file"]
    return values


def same_pixels(store: Store, first: StoredPicture, other: Store, second: StoredPicture) -> bool:
    pictures = (read_picture(s.path(p.file)).pixels for s, p in ((store, first), (other, second)))
    return bool(np.array_equal(*pictures))


def written(tmp_path: Path) -> tuple[Store, Session, Path]:
    store = Store(tmp_path / "first")
    session = made(store)
    report = tmp_path / "report.html"
    report.write_text(html_report([session], store), encoding="utf-8")
    return store, session, report


def test_a_report_opens_elsewhere_with_all_that_it_had(tmp_path: Path) -> None:
    store, session, report = written(tmp_path)
    other = Store(tmp_path / "other")
    opened = open_again(report, other)
    assert plain(opened) == plain(session)
    assert other.load(opened.name) == opened
    assert same_pixels(store, session.source, other, opened.source)
    for before, after in zip(session.entries, opened.entries, strict=True):
        assert (before.result is None) == (after.result is None)
        if before.result and after.result:
            assert same_pixels(store, before.result, other, after.result)


def test_a_report_of_a_report_is_the_same(tmp_path: Path) -> None:
    _, session, report = written(tmp_path)
    other = Store(tmp_path / "other")
    report.write_text(html_report([open_again(report, other)], other), encoding="utf-8")
    assert plain(open_again(report, Store(tmp_path / "third"))) == plain(session)


def test_a_stored_session_opens(tmp_path: Path) -> None:
    store, session, _ = written(tmp_path)
    file = store.folder / "sessions" / f"{session.name}.json"
    assert open_again(file, store).name == session.name, "its own store has it already"
    other = Store(tmp_path / "other")
    opened = open_again(file, other)
    assert plain(opened) == plain(session)
    assert opened.name != session.name


def test_nothing_runs_any_more_in_a_session_that_broke_off(tmp_path: Path) -> None:
    store, session, _ = written(tmp_path)
    store.save(session.with_entry(2, Entry("Third", "latent", state="running", fraction=0.5)))
    opened = open_again(
        store.folder / "sessions" / f"{session.name}.json", Store(tmp_path / "other")
    )
    assert opened.entries[2].state == "stopped"


def test_a_file_that_shows_no_comparison_is_refused(tmp_path: Path) -> None:
    store, session, report = written(tmp_path)
    whole = report.read_text("utf-8")
    file = store.folder / "sessions" / f"{session.name}.json"
    cases = {
        "figures.json": (json_table([session]), "figures alone"),
        "figures.csv": (csv_table([session]), "cannot be read"),
        "several.html": (html_report([session, session], store), "holds none"),
        "other.html": ("<!doctype html><p>Hello</p>", "holds none"),
        "cut.html": (whole.replace('id="picture-1"', 'id="picture-9"'), "missing"),
        "damaged.html": (re.sub(r'(id="picture-1">)\w+', r"\1AAAA", whole), "damaged"),
        "away.json": (file.read_text("utf-8").replace("/result", "/gone"), "no longer there"),
        "empty.json": ("", "cannot be read"),
    }
    for name, (text, reason) in cases.items():
        path = tmp_path / "sessions" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        with pytest.raises(InputError, match=reason):
            open_again(path, Store(tmp_path / "other"))
    with pytest.raises(InputError, match="cannot be read"):
        open_again(tmp_path / "missing.html", store)


@each_case("number", ["NaN", "Infinity", "1e999", "9" * 400])
def test_a_number_that_no_page_can_show_is_refused(tmp_path: Path, number: str) -> None:
    store, session, _ = written(tmp_path)
    text = session.to_json()
    for held in ('"psnr": 31.0', '"run_seconds": 1.5', '"strength": 0.3'):
        odd = text.replace(held, f"{held.split()[0]} {number}", 1)
        assert odd != text
        (tmp_path / "odd.json").write_text(odd, encoding="utf-8")
        with pytest.raises(InputError, match="cannot be read"):
            open_again(tmp_path / "odd.json", store)


@pytest.mark.slow
@each_case(
    "file",
    ["../../secret.png", "/etc/passwd", "a\0.png", "..\\secret.png", "C:secret.png", "\ud800.png"],
)
def test_a_session_names_no_file_outside_its_folder(tmp_path: Path, file: str) -> None:
    store, session, _ = written(tmp_path)
    text = session.to_json().replace(session.source.file, json.dumps(file)[1:-1])
    path = tmp_path / "foreign" / "sessions" / "a.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="cannot be read"):
        open_again(path, store)

"""The picks of blind tests."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from lib_upscalers.compare.picks import Pick, PickStore, Preference, pick_from, tallies
from lib_upscalers.errors import InputError
from tests.cases import each_case

if TYPE_CHECKING:
    from pathlib import Path

FILE = "blind-picks.json"


def pick(number: int, better: str, worse: str, *, half: bool = False, kind: str = "") -> Pick:
    return Pick(str(number), better, worse, half, kind)


def test_picks_are_there_the_next_time(tmp_path: Path) -> None:
    PickStore(tmp_path / "new").add([pick(1, "A", "B"), pick(2, "B", "A", kind="drawing")])
    again = PickStore(tmp_path / "new").read()
    assert again.storing
    assert [(each.better, each.kind) for each in again.picks] == [("A", ""), ("B", "drawing")]


def test_a_pick_that_was_sent_twice_counts_once(tmp_path: Path) -> None:
    store = PickStore(tmp_path)
    store.add([pick(1, "A", "B")])
    store.add([pick(1, "A", "B"), pick(2, "A", "B"), pick(2, "A", "B")])
    assert [each.id for each in store.read().picks] == ["1", "2"]


def test_switched_off_nothing_is_stored_and_what_is_there_stays(tmp_path: Path) -> None:
    store = PickStore(tmp_path)
    store.add([pick(1, "A", "B")])
    store.switch(storing=False)
    store.add([pick(2, "A", "B")])
    assert [each.id for each in store.read().picks] == ["1"]
    store.switch(storing=True)
    store.add([pick(3, "A", "B")])
    assert [each.id for each in store.read().picks] == ["1", "3"]


def test_picks_are_deleted(tmp_path: Path) -> None:
    store = PickStore(tmp_path)
    store.add([pick(1, "Private", "B")])
    store.switch(storing=False)
    store.forget()
    assert store.read().picks == ()
    assert not store.read().storing, "the switch stays as it is"
    assert "Private" not in (tmp_path / FILE).read_text("utf-8")


def test_an_export_has_all_but_the_pages_marks(tmp_path: Path) -> None:
    store = PickStore(tmp_path)
    finished = replace(pick(7, "A", "B", kind="drawing"), better_strength=0.3, worse_strength=0.6)
    store.add([finished])
    (exported,) = json.loads(store.export())["picks"]
    assert exported == {
        "better": "A",
        "worse": "B",
        "half": False,
        "kind": "drawing",
        "better_strength": 0.3,
        "worse_strength": 0.6,
    }


@each_case("text", ["{", "[]", '{"picks": 3}', '{"storing": true, "picks": {}}', "\x00"])
def test_a_damaged_file_counts_as_none(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text, encoding="utf-8")
    assert PickStore(tmp_path).read().picks == ()


def test_picks_of_a_file_that_cannot_be_read_are_left_out(tmp_path: Path) -> None:
    good = {"id": "1", "better": "A", "worse": "B", "half": True}
    values = {"storing": True, "picks": [good, 3, {**good, "kind": "cat"}, {"id": "2"}]}
    (tmp_path / FILE).write_text(json.dumps(values), encoding="utf-8")
    assert [each.id for each in PickStore(tmp_path).read().picks] == ["1"]


@each_case(
    "values",
    [
        None,
        [],
        {},
        {"id": "1", "better": "A"},
        {"id": "", "better": "A", "worse": "B"},
        {"id": "1", "better": 3, "worse": "B"},
        {"id": "1", "better": "A", "worse": "B" * 301},
        {"id": "1", "better": "A", "worse": "B", "half": "yes"},
        {"id": "1", "better": "A", "worse": "B", "kind": "cat"},
        {"id": "1", "better": "A", "worse": "B", "better_strength": 2},
        {"id": "1", "better": "A", "worse": "B", "more": 1},
    ],
)
def test_what_is_no_pick_is_refused(values: object) -> None:
    with pytest.raises(InputError, match="Expected a pick"):
        pick_from(values)


def test_a_tally_counts_what_won_and_pairs() -> None:
    picks = [*(pick(i, "A", "B") for i in range(3)), pick(3, "B", "A"), pick(4, "B", "C")]
    picks += [pick(5, "A", "B", half=True), pick(6, "A", "A")]
    assert tallies(picks) == [Preference("A", "B", 3, 5), Preference("B", "C", 1, 1)]


def test_tallies_are_by_kind_of_picture(tmp_path: Path) -> None:
    store = PickStore(tmp_path)
    kinds = ["drawing", "photograph", ""]
    store.add(pick(number, "A", "B", kind=kind) for number, kind in enumerate(kinds))
    assert store.tallies("drawing") == [Preference("A", "B", 2, 2)], "and those of no named kind"
    assert store.tallies() == [Preference("A", "B", 3, 3)]

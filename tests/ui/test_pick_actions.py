"""What the viewer's blind test asks of the program around it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from lib_upscalers.compare.picks import Pick, PickStore
from lib_upscalers.compare.session import Entry, Session, State, StoredPicture
from lib_upscalers.errors import InputError
from lib_upscalers.ui.pick_actions import act_on_picks, stored_picks
from tests.cases import each_case

if TYPE_CHECKING:
    from pathlib import Path

PICK = {"id": "1", "better": "A", "worse": "B", "half": False, "kind": "drawing"}


def ask(store: PickStore, **message: Any) -> str | None:  # noqa: ANN401
    return act_on_picks(store, json.dumps(message))


def session(state: State = "finished") -> Session:
    entries = tuple(
        Entry(f"{name}, 0.3", "network", state=state, upscaler=name, strength=0.3)
        for name in ("A", "B")
    )
    return Session("0" * 32, "", StoredPicture("a.png", 1, 1), 2, 2, entries)


def test_messages_store_switch_export_and_delete(tmp_path: Path) -> None:
    store = PickStore(tmp_path)
    assert ask(store, action="add", picks=[PICK]) is None
    assert ask(store, action="switch", storing=False) is None
    ask(store, action="add", picks=[{**PICK, "id": "2"}])
    exported = ask(store, action="export")
    assert exported is not None
    assert len(json.loads(exported)["picks"]) == 1
    ask(store, action="forget")
    assert store.read().picks == ()


def test_what_an_older_version_left_in_the_browser_is_taken(tmp_path: Path) -> None:
    store = PickStore(tmp_path)
    ask(store, action="add", picks=[{**PICK, "id": str(number)} for number in range(2000)])
    assert len(store.read().picks) == 2000


@each_case(
    "message",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"action": "add"}',
        '{"action": "add", "picks": {}}',
        '{"action": "add", "picks": [3]}',
        '{"action": "switch", "storing": "no"}',
        '{"action": "format"}',
        "9" * (1 << 21),
    ],
)
def test_other_messages_are_refused(tmp_path: Path, message: str) -> None:
    with pytest.raises(InputError, match="Expected"):
        act_on_picks(PickStore(tmp_path), message)


def test_a_blind_test_starts_with_the_picks_of_its_upscalers(tmp_path: Path) -> None:
    store = PickStore(tmp_path)
    store.add([Pick("1", "A", "B"), Pick("2", "A", "C")])
    found = stored_picks(store, session())
    assert found["storing"]
    assert [each["id"] for each in found["picks"]] == ["1"]
    assert stored_picks(store, session("running")) == {}, "not while it runs"

"""The page "Which one?", without a browser."""

from __future__ import annotations

import html
import json
from typing import TYPE_CHECKING, Any

import pytest

from lib_upscalers.compare.picks import Pick
from lib_upscalers.compare.store import Store
from lib_upscalers.hosts.standalone import StandaloneHost
from lib_upscalers.ui.compare_actions import CompareActions
from lib_upscalers.ui.guide_actions import GuideActions
from lib_upscalers.upscaling.upscaler import Upscaler

if TYPE_CHECKING:
    from pathlib import Path

ANSWERS = {"picture": "drawing", "state": "clean", "strength": "low", "budget": "little"}


@pytest.fixture
def actions(tmp_path: Path) -> GuideActions:
    host = StandaloneHost((tmp_path,), "cpu", own_data_folder=tmp_path / "data")
    store = Store(tmp_path / "store")
    return GuideActions(CompareActions(Upscaler(host), host, store, str, lambda: tmp_path))


def fed(text: str) -> dict[str, Any]:
    return json.loads(html.unescape(text.partition('data-feed="')[2].rpartition('"')[0]))


def message(**more: object) -> str:
    return json.dumps({"answers": {**ANSWERS, **more}})


def test_the_page_comes_once_with_texts_and_folders(actions: GuideActions, tmp_path: Path) -> None:
    page = fed(actions.open())["page"]
    assert [each["name"] for each in page["questions"]] == list(ANSWERS)
    assert str(tmp_path) in page["folders"]
    assert all(each["url"].startswith("data:image/webp;base64,") for each in page["pictures"])
    assert fed(actions.answer(message()))["page"] is None


def test_answers_give_advice_of_what_is_here(actions: GuideActions) -> None:
    advice = fed(actions.answer(message()))["advice"]
    assert advice["first"]["name"] == "Lab Anime 2x"
    assert advice["second"]["name"] in actions.comparing.names()
    assert actions.pair(message()) == [advice["first"]["name"], advice["second"]["name"]]


def test_a_webuis_own_entries_are_advised_with_their_notes(actions: GuideActions) -> None:
    actions.names = lambda: ["Latent (Lab)", "Lab Anime 2x"]
    actions.notes = lambda name: f"{name} is softer here." if name == "Latent (Lab)" else ""
    advice = fed(actions.answer(message()))["advice"]
    assert advice["first"]["name"] == "Latent (Lab)"
    assert advice["notes"] == {"Latent (Lab)": "Latent (Lab) is softer here."}
    assert actions.pair(message()) == ["Lab Anime 2x"], "what the comparison here lists"


def test_other_answers_are_refused(actions: GuideActions) -> None:
    for text in ("", "{}", message(budget="endless"), '{"answers": 3}'):
        assert fed(actions.answer(text))["problem"].startswith("Expected")
        assert fed(actions.measure(text))["problem"].startswith("Expected")
        assert actions.pair(text) == []


def test_picks_of_that_kind_of_picture_count(actions: GuideActions) -> None:
    def prefer(first: str, kind: str) -> list[Pick]:
        return [Pick(f"{first} {kind} {i}", first, "Lab Anime 2x", kind=kind) for i in range(9)]

    actions.comparing.picks.add(prefer("Lab Fine 2x", "photograph"))
    assert fed(actions.answer(message()))["advice"]["taste"] is None
    actions.comparing.picks.add(prefer("Lab Fine 2x", "drawing"))
    advice = fed(actions.answer(message()))["advice"]
    assert advice["first"]["name"] == "Lab Fine 2x"
    assert (advice["taste"]["wins"], advice["taste"]["pairs"]) == (9, 9)


@pytest.mark.slow
def test_what_is_advised_is_measured(actions: GuideActions) -> None:
    feed = fed(actions.measure(message()))
    assert feed["problem"] == ""
    seconds = feed["advice"]["seconds"]
    assert set(seconds) == {feed["advice"]["first"]["name"], feed["advice"]["second"]["name"]}
    assert all(value > 0 for value in seconds.values())
    assert fed(actions.answer(message()))["advice"]["seconds"] == seconds, "and remembered"


def test_an_upscaler_that_fails_is_named(actions: GuideActions) -> None:
    actions.names = lambda: ["R-ESRGAN 4x+ Anime6B"]
    feed = fed(actions.measure(message(budget="much")))
    assert "R-ESRGAN 4x+ Anime6B" in feed["problem"]

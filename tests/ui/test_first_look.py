"""The sample that a new user sees, compared already."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from lib_upscalers import StandaloneHost, Upscaler
from lib_upscalers.compare.store import Store
from lib_upscalers.ui.compare_actions import CompareActions
from lib_upscalers.ui.first_look import FirstLook

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def actions(tmp_path: Path) -> CompareActions:
    host = StandaloneHost(own_data_folder=tmp_path / "data")
    upscaler, store = Upscaler(host), Store(tmp_path / "store")
    first = FirstLook(upscaler, host, store)
    return CompareActions(upscaler, host, store, str, lambda: tmp_path, first_look=first)


@pytest.mark.slow
def test_the_sample_is_compared_once_and_again_when_it_is_gone(actions: CompareActions) -> None:
    first = actions.first_look
    assert first is not None
    session = first.session()
    assert [entry.state for entry in session.entries] == ["finished"] * 3
    assert first.session() is session
    shutil.rmtree(actions.store.folder / "pictures")
    assert first.session() is not session


def test_a_page_that_has_no_comparison_gets_the_sample(actions: CompareActions) -> None:
    for name in ("", "0" * 32, None):
        shown = actions.restore_or_sample(name)
        assert "&quot;sample&quot;: true" in shown
        assert "Lab Fast 2x" in shown
    assert actions.first_look is not None
    own = actions.first_look.session().name
    assert "&quot;sample&quot;: false" in actions.restore_or_sample(own)


def test_a_store_that_cannot_be_written_shows_nothing(actions: CompareActions) -> None:
    actions.store.folder.write_text("no folder")
    assert actions.restore_or_sample("") == ""

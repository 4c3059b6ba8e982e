"""The helper that runs many cases as one test."""

from __future__ import annotations

import logging
import os
import sys
from typing import TYPE_CHECKING

import pytest

from tests.cases import each_case

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    import torch


def test_every_combination_runs() -> None:
    seen: list[tuple[int, str, str]] = []

    @each_case("number", [1, 2])
    @each_case("first, second", [("a", "b"), ("c", "d")])
    def record(number: int, first: str, second: str) -> None:
        seen.append((number, first, second))

    record()
    assert seen == [(1, "a", "b"), (1, "c", "d"), (2, "a", "b"), (2, "c", "d")]


def test_a_failure_names_all_cases_that_failed_and_shows_the_first() -> None:
    @each_case("number", range(5))
    def is_small(number: int) -> None:
        assert number < 3, f"{number} is large"

    with pytest.raises(AssertionError) as caught:
        is_small()
    text = str(caught.value)
    assert text.startswith("2 of 5 cases failed:")
    assert "number=3: AssertionError: 3 is large" in text
    assert "number=4: AssertionError: 4 is large" in text
    assert isinstance(caught.value.__cause__, AssertionError)


def test_it_is_skipped_only_if_every_case_is() -> None:
    ran: list[int] = []

    @each_case("number", [1, 2])
    def skip_some(number: int, least: int) -> None:
        if number < least:
            pytest.skip("too small")
        ran.append(number)

    skip_some(least=2)
    assert ran == [2]
    with pytest.raises(pytest.skip.Exception, match="too small"):
        skip_some(least=3)


@each_case("again", [False, True])
def test_generators_start_afresh_in_each_case(
    again: bool, rng: np.random.Generator, torch_rng: torch.Generator
) -> None:
    import numpy as np
    import torch

    assert rng.random() == np.random.default_rng(20260101).random(), again
    other = torch.Generator().manual_seed(20260101)
    assert torch.equal(torch.rand(2, generator=torch_rng), torch.rand(2, generator=other)), again


def test_no_case_at_all_is_a_mistake() -> None:
    with pytest.raises(AssertionError, match="no cases of number"):
        each_case("number", [])


@each_case("number", [1, 2])
def test_a_case_finds_the_fixtures_as_if_it_were_alone(
    number: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert not list(tmp_path.iterdir())
    assert not caplog.records
    assert capsys.readouterr().out == ""
    assert "A_CASE" not in os.environ
    (tmp_path / "file").touch()
    logging.getLogger("lib_upscalers").warning("case %d", number)
    sys.stdout.write("written")
    monkeypatch.setenv("A_CASE", "1")

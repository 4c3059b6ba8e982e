"""The request for finished pictures."""

from __future__ import annotations

import pytest

from lib_upscalers.compare.finished import MOST_CELLS, FinishedRequest, parse_strengths
from lib_upscalers.errors import InputError, UnknownNameError
from tests.cases import each_case


@each_case(
    "text, expected",
    [
        ("0.3, 0.45", (0.3, 0.45)),
        ("0.2-0.6:0.1", (0.2, 0.3, 0.4, 0.5, 0.6)),
        ("0.3 - 0.5", (0.3, 0.4, 0.5)),
        (" .5 ; 1 ", (0.5, 1.0)),
        ("0.3,0.3, 0.2-0.3", (0.3, 0.2)),
        ("0.25-0.55:0.2", (0.25, 0.45)),
    ],
)
def test_strengths_are_read(text: str, expected: tuple[float, ...]) -> None:
    assert parse_strengths(text) == expected


@each_case(
    "text",
    [
        "",
        " , ",
        "abc",
        "0",
        "1.5",
        "-0.3",
        "0.6-0.2",
        "0.1-0.9:0.001",
        "nan",
        "inf",
        "0.3-",
        "1e-9999",
    ],
)
def test_what_is_no_strength_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="Expected"):
        parse_strengths(text)


def test_a_range_of_small_strengths_has_no_zero() -> None:
    assert parse_strengths("0.00002-0.00004:0.00001") == (0.00002, 0.00003, 0.00004)


def test_cells_are_rows_of_strengths() -> None:
    request = FinishedRequest(("A", "B"), (0.3, 0.45))
    names = [cell.name for cell in request.cells]
    assert names == ["A, 0.3", "B, 0.3", "A, 0.45", "B, 0.45"]


@each_case(
    "upscalers, strengths, steps",
    [
        ((), (0.3,), 0),
        (("A",), (0.3,), 0),
        (("A", "A"), (0.3,), 0),
        (tuple("ABCDEFGHIJKLM"), (0.3,), 0),
        (("A", "B"), (0.3,), 151),
        (("A", "B"), (0.3,), -1),
    ],
)
def test_what_cannot_be_compared_is_refused(
    upscalers: tuple[str, ...], strengths: tuple[float, ...], steps: int
) -> None:
    with pytest.raises(InputError, match="Expected"):
        FinishedRequest(upscalers, strengths, steps)


def test_many_pictures_are_made_only_if_that_is_confirmed() -> None:
    upscalers, strengths = tuple("ABCDEFGHIJKL"), (0.1, 0.2, 0.3, 0.4)
    with pytest.raises(InputError, match=f"{MOST_CELLS} pictures at most"):
        FinishedRequest(upscalers, strengths)
    assert len(FinishedRequest(upscalers, strengths, confirmed=True).cells) == 48


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(UnknownNameError, match="Lanczos"):
        FinishedRequest(("Lanczoz", "Nearest"), (0.3,)).check_names(["Lanczos", "Nearest"])

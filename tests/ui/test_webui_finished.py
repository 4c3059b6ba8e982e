"""What an API may hand to the script "Compare upscalers in Hires. fix"."""

from __future__ import annotations

import pytest

from lib_upscalers.errors import InputError
from lib_upscalers.ui.webui_finished import outlook, request_of
from tests.cases import each_case

NAMES = ["Lanczos", "Nearest"]


@each_case(
    "values",
    [
        (None, "0.3", 0, False),
        ("Lanczos", "0.3", 0, False),
        (["Lanczos"], "0.3", 0, False),
        (NAMES, None, 0, False),
        (NAMES, ["0.3"], 0, False),
        (NAMES, True, float("inf"), False),
        (NAMES, "0.3", float("inf"), False),
        (NAMES, "0.3", float("nan"), False),
        (NAMES, "0.3", 1e300, False),
        (NAMES, "0.3", True, False),
        (NAMES, "0.3", "5", False),
        (NAMES, "nan", 0, False),
        (NAMES, "0.3-0.6:0", 0, False),
        (NAMES, "0.3-inf", 0, False),
    ],
)
def test_what_makes_no_sense_is_one_sentence(
    values: tuple[object, object, object, object],
) -> None:
    with pytest.raises(InputError, match="Expected"):
        request_of(*values)
    assert "Expected" in outlook(*values)


def test_a_number_is_a_strength() -> None:
    assert request_of(NAMES, 0.4, 3.0, None).strengths == (0.4,)

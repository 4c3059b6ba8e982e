"""What Extras says where both scripts that enlarge are ticked."""

from __future__ import annotations

import pytest

from lib_upscalers.geometry import Size
from lib_upscalers.hosts.webui.extras import size_of_job
from lib_upscalers.ui.extras_order import Choices, describe
from tests.cases import each_case

BOTH = Choices(
    *(True, "Lanczos", 4.0, 0, 512, 512, True),
    *(True, "Lab Fast 2x", "None", "None", "Scale", 2.0, 1024, 1024, 2048, "0 100 50"),
)


@each_case(
    "changes, shown",
    [
        ({}, "100 x 50 → Upscale → 400 x 200 → Upscaler Lab → 800 x 400."),
        ({"page": "0 0 0"}, "</b> Upscale → Upscaler Lab."),
        ({"page": "nonsense"}, "</b> Upscale → Upscaler Lab."),
        ({"most": 200}, "Upscale → 200 x 96 → Upscaler Lab → 400 x 192."),
        ({"page": "1 100 50"}, "Upscale → 512 x 512 → Upscaler Lab → 1024 x 1024."),
        ({"page": "1 100 50", "crop": False}, "Upscale → 1024 x 512 → Upscaler Lab"),
        ({"size_by": "Longest side"}, "Upscale → 400 x 200 → Upscaler Lab → 2048 x 1024."),
        ({"our_scale": 0}, "Upscale → 400 x 200 → Expected a scale over 0"),
    ],
)
def test_order_and_final_size_are_shown(changes: dict[str, object], shown: str) -> None:
    assert shown in describe(BOTH._replace(**changes), size_of_job, ours_first=False)  # type: ignore[arg-type]


def test_another_order_is_shown_as_it_is() -> None:
    text = describe(BOTH, size_of_job, ours_first=True)
    assert "100 x 50 → Upscaler Lab → 200 x 100 → Upscale → 800 x 400." in text


@pytest.mark.parametrize(
    "changes", [{"theirs": False}, {"ours": False}, {"upscaler": "None"}, {"upscaler_1": "None"}]
)
def test_one_alone_needs_no_words(changes: dict[str, object]) -> None:
    assert describe(BOTH._replace(**changes), size_of_job, ours_first=False) == ""  # type: ignore[arg-type]


def test_the_sizes_are_those_of_the_job() -> None:
    assert size_of_job(Size(10, 20), "Exact size", 2, 64, 32, 9) == Size(64, 32)

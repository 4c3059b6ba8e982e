"""The measure of hollow, doubled and beaded lines, on faults that are drawn."""

from __future__ import annotations

from dataclasses import astuple
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image, ImageFilter

from lib_upscalers.training import measure
from lib_upscalers.training.drawing.damage import DAMAGES
from lib_upscalers.training.line_faults import line_faults

if TYPE_CHECKING:
    from lib_upscalers.training.drawing.degrade import Bytes

PAPER = 235


def hollow(picture: Bytes) -> Bytes:
    """Lighten what is ink on all sides."""
    inner = np.asarray(Image.fromarray(picture).filter(ImageFilter.MaxFilter(3))) < 100
    return np.where(inner, 140, picture).astype(np.uint8)


def doubled(picture: Bytes) -> Bytes:
    """Add a fainter copy, nine pixels away."""
    copy = PAPER - 0.4 * (PAPER - np.roll(picture, (7, 6), (0, 1)).astype(float))
    return np.minimum(picture, copy).astype(np.uint8)


def beaded(picture: Bytes) -> Bytes:
    """Make ink stronger and weaker in patches."""
    y, x = np.mgrid[: picture.shape[0], : picture.shape[1]]
    share = 0.8 + 0.2 * np.sin(x / 2.5) * np.sin(y / 2.5)
    return (PAPER - (PAPER - picture) * share[..., None]).astype(np.uint8)


def test_a_perfect_result_has_no_faults() -> None:
    assert astuple(line_faults(lambda same: same, 1)) == pytest.approx((0, 0, 0))


@pytest.mark.parametrize("fault", [hollow, doubled, beaded])
def test_each_fault_is_found_and_not_taken_for_another(fault: measure.Enlarge) -> None:
    found = line_faults(fault, 1)

    amounts = dict(zip(("hollow", "doubled", "beaded"), astuple(found), strict=True))
    this = amounts.pop(fault.__name__)
    assert this > 3
    assert this > 3 * max(amounts.values())


def test_softness_alone_is_none_of_them() -> None:
    def soft(picture: Bytes) -> Bytes:
        return np.asarray(Image.fromarray(picture).filter(ImageFilter.GaussianBlur(1)))

    assert max(astuple(line_faults(soft, 1))) < 2


def test_damaged_lines_come_out_worse() -> None:
    clean, damaged = (
        line_faults(lambda small: measure.lanczos(small, 2), 2, harm)
        for harm in (None, DAMAGES["jpeg"].apply)
    )

    assert damaged.doubled > clean.doubled
    assert damaged.beaded > clean.beaded

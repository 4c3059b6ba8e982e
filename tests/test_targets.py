"""Targets and passes: exact sizes, the least work that suffices."""

from __future__ import annotations

import math

import pytest

from lib_upscalers.errors import TargetError
from lib_upscalers.geometry import Size
from lib_upscalers.targets import Target, least_passes, reduced_size, stretching
from tests.cases import each_case


@each_case("scale", [0, -1, math.nan, math.inf, 1000])
def test_a_scale_that_makes_no_sense_is_refused_with_what_came(scale: float) -> None:
    with pytest.raises(TargetError, match=f"at most 64, but got {scale:g}"):
        Target(scale=scale)


@each_case("size", [Size(0, 10), Size(10, -1)])
def test_a_size_that_makes_no_sense_is_refused_with_what_came(size: Size) -> None:
    with pytest.raises(TargetError, match=f"got {size}"):
        Target(size=size)


def test_exactly_one_of_scale_and_size_is_given() -> None:
    for target in ({}, {"scale": 2.0, "size": Size(5, 5)}):
        with pytest.raises(TargetError, match="exactly one"):
            Target(**target)


def test_a_size_far_over_the_picture_is_refused() -> None:
    with pytest.raises(TargetError, match="10x10"):
        Target(size=Size(641, 10)).resolve(Size(10, 10))


@each_case(
    "size, scale, expected",
    [
        (Size(333, 333), 2, Size(666, 666)),
        (Size(1, 300), 0.001, Size(1, 1)),
        (Size(100, 51), 1.5, Size(150, 76)),
        (Size(5, 7), 1, Size(5, 7)),
    ],
)
def test_a_scale_gives_the_exact_size(size: Size, scale: float, expected: Size) -> None:
    assert Target(scale=scale).resolve(size) == expected


@each_case("scale", [2, 3, 4, 8])
@each_case("factor", [0.5, 1.0, 1.3, 2.0, 3.0, 4.0, 7.9, 8.0, 8.1])
def test_the_passes_suffice_and_one_less_does_not(scale: int, factor: float) -> None:
    size = Size(97, 41)
    target = Target(scale=factor).resolve(size)
    passes = least_passes(size, target, scale)

    def reaches(count: int) -> bool:
        return size.width * scale**count >= target.width and (
            size.height * scale**count >= target.height
        )

    assert reaches(passes)
    assert passes == 1 or not reaches(passes - 1)


@each_case(
    "width, height, passes", [(10, 40, 2), (40, 10, 2), (10, 41, 3), (5, 20, 1), (10, 10, 1)]
)
def test_the_side_that_grows_most_decides(width: int, height: int, passes: int) -> None:
    assert least_passes(Size(10, 10), Size(width, height), 2) == passes


@each_case("factor", [0.5, 1.0, 2.0, 8.0])
def test_a_network_that_does_not_enlarge_runs_once(factor: float) -> None:
    size = Size(30, 20)
    assert least_passes(size, Target(scale=factor).resolve(size), 1) == 1


@each_case("scale", [2, 3, 4])
@each_case("left", [1, 2, 3])
def test_a_reduced_picture_still_reaches_the_target_and_a_smaller_one_does_not(
    scale: int, left: int
) -> None:
    target = Size(1000, 333)
    size = reduced_size(Size(900, 400), target, scale, left)
    factor = scale**left
    assert size.width * factor >= target.width
    assert size.height * factor >= target.height
    assert (size.width - 1) * factor < target.width
    assert (size.height - 1) * factor < target.height


def test_a_picture_that_is_small_enough_is_not_reduced() -> None:
    assert reduced_size(Size(10, 10), Size(80, 80), 4, 1) == Size(10, 10)


def test_only_another_shape_is_stretching() -> None:
    for before, after, stretched in (
        ((512, 512), (2480, 3508), True),
        ((512, 512), (2480, 2480), False),
        ((333, 517), (666, 1034), False),
        ((333, 517), (100, 155), False),
        ((3, 1000), (1, 250), False),
        ((640, 480), (960, 540), True),
        ((1000, 500), (1000, 510), True),
    ):
        note = stretching(Size(*before), Size(*after))
        assert bool(note) is stretched, (before, after)
        if note:
            assert f"{before[0]}x{before[1]}" in note[0]


def test_one_side_alone_keeps_the_shape() -> None:
    picture = Size(640, 480)
    assert picture.with_sides(1280, 0) == picture.with_sides(0, 960) == Size(1280, 960)
    assert picture.with_sides(10, 10) == Size(10, 10)
    assert Size(1000, 1).with_sides(100, 0) == Size(100, 1)

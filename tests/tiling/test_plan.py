"""The plan: every picture is covered once, by tiles that obey their rules."""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest

from lib_upscalers.geometry import Region, Size
from lib_upscalers.tiling.plan import (
    Rules,
    Tile,
    plan_thrifty_tiles,
    plan_tiles,
    split_tile,
)
from tests.cases import each_case


def random_case(seed: int) -> tuple[Size, Rules, int, int | None]:
    rng = random.Random(seed)  # noqa: S311
    size = Size(rng.randint(1, 300), rng.randint(1, 300))
    rules = Rules(
        halo=rng.choice([0, 1, 4, 8, 16, 33]),
        alignment=rng.choice([1, 1, 2, 4, 8, 16]),
        minimum=rng.choice([0, 0, 16, 64]),
        square=rng.random() < 0.2,
        padded=rng.random() < 0.3,
        uniform=rng.random() < 0.3,
    )
    return size, rules, rng.choice([64, 900, 4096, 20_000, 10**9]), rng.choice([None, 32, 64, 150])


def assert_covers(tiles: tuple[Tile, ...], region: Region) -> None:
    seen = np.zeros((region.height, region.width), dtype=int)
    for tile in tiles:
        core = tile.core.shifted(-region.x, -region.y)
        seen[core.rows, core.columns] += 1
    assert seen.min() == seen.max() == 1


def assert_obeys(tile: Tile, size: Size, rules: Rules) -> None:
    needed = tile.core.grown(rules.halo)
    if not rules.padded:
        assert Region.whole(size).contains(tile.source)
        needed = needed.clipped(Region.whole(size))
    assert tile.source.contains(needed)
    assert tile.source.x % rules.alignment == 0
    assert tile.source.y % rules.alignment == 0
    if not rules.padded:
        assert tile.source.width >= min(rules.minimum, size.width)
        assert tile.source.height >= min(rules.minimum, size.height)


@pytest.mark.slow
@each_case("seed", range(300))
def test_cores_cover_the_picture_once_and_sources_obey_the_rules(seed: int) -> None:
    size, rules, max_pixels, max_side = random_case(seed)
    tiles = plan_tiles(size, rules, max_pixels=max_pixels, max_side=max_side)
    assert_covers(tiles, Region.whole(size))
    for tile in tiles:
        assert_obeys(tile, size, rules)


@pytest.mark.slow
@each_case("seed", range(300))
def test_halves_cover_the_core_once_and_are_smaller(seed: int) -> None:
    size, rules, max_pixels, max_side = random_case(seed)
    for tile in plan_tiles(size, rules, max_pixels=max_pixels, max_side=max_side)[:3]:
        halves = split_tile(tile, size, rules)
        if not halves:
            assert (
                min(tile.core.width, tile.core.height) <= max(8, 2 * rules.alignment, rules.minimum)
                or rules.halo
            )
            continue
        assert_covers(halves, tile.core)
        for half in halves:
            assert_obeys(half, size, rules)
            assert half.source.area < tile.source.area


@pytest.mark.slow
@each_case("seed", range(100))
def test_tiles_stay_within_the_limits_and_are_near_equal(seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311
    size = Size(rng.randint(1, 2000), rng.randint(1, 2000))
    rules = Rules(halo=rng.choice([0, 4, 16]), alignment=rng.choice([1, 2, 8]))
    side = rng.choice([None, 96, 200])
    limit = rng.choice([8_000, 40_000, 200_000])
    tiles = plan_tiles(size, rules, max_pixels=limit, max_side=side)
    assert max(tile.source.area for tile in tiles) <= limit
    if side:
        assert max(max(t.source.width, t.source.height) for t in tiles) <= side
    widths = {tile.core.width for tile in tiles}
    heights = {tile.core.height for tile in tiles}
    # The last core ends with the picture, not at an aligned place: one more unit of difference.
    assert max(widths) - min(widths) <= 2 * rules.alignment
    assert max(heights) - min(heights) <= 2 * rules.alignment


@each_case("seed", range(60))
def test_no_even_grid_within_the_limits_runs_fewer_pixels(seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311
    size = Size(rng.randint(20, 400), rng.randint(20, 400))
    halo = rng.choice([0, 3, 8, 16])
    limit = rng.choice([3_000, 10_000, 30_000])

    def lengths(total: int, count: int) -> list[int]:
        cuts = [total * i // count for i in range(count + 1)]
        pairs = itertools.pairwise(cuts)
        return [min(total, b + halo) - max(0, a - halo) for a, b in pairs]

    costs = [
        sum(across) * sum(down)
        for nx, ny in itertools.product(range(1, size.width // 16 + 1), range(1, 25))
        if ny <= max(1, size.height // 16)
        for across, down in [(lengths(size.width, nx), lengths(size.height, ny))]
        if max(across) * max(down) <= limit
    ]
    tiles = plan_tiles(size, Rules(halo=halo), max_pixels=limit)
    assert sum(tile.source.area for tile in tiles) <= min(costs)


def test_a_picture_that_fits_is_one_tile_without_padding() -> None:
    (tile,) = plan_tiles(Size(37, 11), Rules(halo=16), max_pixels=10_000)
    assert tile == Tile(Region(0, 0, 37, 11), Region(0, 0, 37, 11))


@each_case("seed", range(40))
def test_uniform_sources_have_one_size_wherever_the_alignment_allows(seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311
    size = Size(rng.randint(100, 700), rng.randint(100, 700))
    rules = Rules(halo=rng.choice([4, 16]), uniform=True)
    tiles = plan_tiles(size, rules, max_pixels=10_000)
    assert len({tile.source.size for tile in tiles}) == 1


@pytest.mark.slow
@each_case("width, height, most", [(30_000, 30_000, 400_000), (60, 30_000, 6_000)])
def test_even_an_enormous_picture_is_planned(width: int, height: int, most: int) -> None:
    tiles = plan_tiles(Size(width, height), Rules(halo=16), max_pixels=most)
    assert sum(tile.core.area for tile in tiles) == width * height
    assert max(tile.source.area for tile in tiles) <= most


@pytest.mark.slow
@each_case("halo", [0, 5, 16, 64])
@each_case("most", [20_000, 60_000, 200_000])
def test_thrifty_tiles_cost_little_more_and_are_never_larger(halo: int, most: int) -> None:
    size, rules = Size(512, 512), Rules(halo=halo)
    plain = plan_tiles(size, rules, max_pixels=most)
    thrifty = plan_thrifty_tiles(size, rules, max_pixels=most)
    assert_covers(thrifty, Region.whole(size))

    def cost(tiles: tuple[Tile, ...]) -> int:
        return sum(tile.source.area for tile in tiles)

    def largest(tiles: tuple[Tile, ...]) -> int:
        return max(tile.source.area for tile in tiles)

    assert cost(thrifty) <= 1.05 * cost(plain)
    assert 10_000 < largest(thrifty) <= largest(plain)

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from lib_upscalers.errors import UnknownNameError
from lib_upscalers.training.drawing import damage, degrade, raster, shapes, synthetic, textures

if TYPE_CHECKING:
    from lib_upscalers.training.drawing.degrade import Bytes

SIDE = 48


@pytest.mark.slow
@pytest.mark.parametrize("kind", list(synthetic.KINDS))
def test_a_picture_depends_on_its_seed_alone(kind: str) -> None:
    first = synthetic.draw(kind, SIDE, 3)
    synthetic.draw(kind, SIDE, 4)

    np.testing.assert_array_equal(first, synthetic.draw(kind, SIDE, 3))
    assert (first != synthetic.draw(kind, SIDE, 4)).any()


@pytest.mark.slow
@pytest.mark.parametrize("kind", list(synthetic.KINDS))
@pytest.mark.parametrize("side", [16, 48, 81])
def test_a_picture_has_the_size_and_the_range_asked_for(kind: str, side: int) -> None:
    picture = synthetic.draw(kind, side, 5)

    assert picture.shape == (side, side, 3)
    assert picture.dtype == np.uint8


@pytest.mark.slow
@pytest.mark.parametrize("kind", list(synthetic.KINDS))
def test_pictures_use_dark_and_light_and_have_edges(kind: str) -> None:
    pictures = np.stack([synthetic.draw(kind, SIDE, seed) for seed in range(8)]).astype(float)

    assert pictures.max() - pictures.min() > 150
    assert np.abs(np.diff(pictures, axis=2)).max() > 60


def test_every_kind_has_a_share() -> None:
    assert all(max(kind.share, kind.drawn) > 0 for _, kind in synthetic.KINDS.items())


@pytest.mark.slow
def test_drawings_are_mostly_line_art_and_crisp() -> None:
    shares = {name: kind.drawn for name, kind in synthetic.KINDS.items()}
    crisp, usual = (
        np.stack([synthetic.draw("line art", SIDE, seed, crisp=each) for seed in range(6)])
        for each in (True, False)
    )
    steps = [np.abs(np.diff(each.astype(float), axis=2)) for each in (crisp, usual)]

    assert shares["line art"] + shares["painting"] > 0.5 * sum(shares.values())
    assert np.mean(steps[0] ** 2) > 1.1 * np.mean(steps[1] ** 2)


def test_an_unknown_kind_is_named_with_the_known_ones() -> None:
    with pytest.raises(UnknownNameError, match="line art"):
        synthetic.draw("line arts", SIDE, 0)


@pytest.mark.parametrize("texture", sorted(set(textures.TEXTURES), key=lambda each: each.__name__))
def test_textures_are_normalised(texture: textures.Texture) -> None:
    values = texture(np.random.default_rng(1), 64)

    assert values.shape == (64, 64)
    assert values.dtype == np.float32
    assert abs(float(values.mean())) < 1e-3
    assert float(values.std()) == pytest.approx(1, abs=1e-2)


@pytest.mark.parametrize("way", degrade.SHRINKINGS, ids=str)
@pytest.mark.parametrize("scale", [2, 4])
def test_shrinking_gives_the_exact_size_and_keeps_flat_colours(
    way: degrade.Shrinking, scale: int
) -> None:
    colour = np.array([0, 130, 255], np.uint8)

    small = degrade.shrink(np.broadcast_to(colour, (24, 40, 3)).copy(), scale, way)

    assert small.shape == (24 // scale, 40 // scale, 3)
    assert small.dtype == np.uint8
    assert (small == colour).all()


@pytest.mark.slow
@pytest.mark.parametrize("kind", list(damage.DAMAGES))
def test_damage_keeps_size_colours_and_what_is_flat_and_takes_detail(kind: str) -> None:
    apply = damage.DAMAGES[kind].apply
    flat = np.broadcast_to(np.array([200, 30, 90], np.uint8), (SIDE, SIDE - 3, 3))
    losses: list[float] = []
    for seed in range(6):
        small = synthetic.draw("line art", SIDE, seed)[:, 3:]
        before = small.copy()
        made, again, still = (
            apply(np.random.default_rng(seed), each) for each in (small, small, flat)
        )

        np.testing.assert_array_equal(made, again)
        np.testing.assert_array_equal(small, before)
        assert (made.shape, made.dtype) == (small.shape, np.uint8), seed
        assert np.abs(made.mean((0, 1)) - small.mean((0, 1))).max() < 3, seed
        assert np.abs(still.astype(int) - flat).max() <= 3, seed
        losses.append(float(np.abs(made.astype(int) - small).mean()))
    assert min(losses) > 0.1


def test_a_round_trip_fits_any_size_and_is_used_where_there_is_one() -> None:
    seen: list[tuple[int, ...]] = []

    def code(picture: Bytes) -> Bytes:
        seen.append(picture.shape)
        return picture

    small = synthetic.draw("painting", SIDE, 1)[:, 5:]
    trip = damage.shifted_round_trip(code)
    for seed in range(20):
        np.testing.assert_array_equal(trip(np.random.default_rng(seed), small), small)
    assert {side % 8 for shape in seen for side in shape[:2]} == {0}
    assert len(set(seen)) > 1
    seen.clear()
    for seed in range(20):
        damage.damage(np.random.default_rng(seed), small, trip)
    assert 3 < len(seen) < 17


def test_a_polygon_covers_its_area() -> None:
    corners = np.array([[4.0, 4.0], [20.0, 4.0], [20.0, 14.0], [4.0, 14.0]])

    patch = raster.fill((32, 32), corners)

    assert patch is not None
    assert float(patch.alpha.sum()) == pytest.approx(160, rel=0.1)


def test_what_lies_beside_the_canvas_is_no_patch() -> None:
    assert raster.fill((32, 32), np.array([[90.0, 9.0], [99.0, 9.0], [99.0, 20.0]])) is None


def test_painting_with_half_the_opacity_goes_half_the_way() -> None:
    canvas = np.zeros((8, 8, 3), np.float32)

    raster.paint(canvas, raster.Patch(0, 0, np.ones((8, 8), np.float32)), np.ones(3, "f4"), 0.5)

    np.testing.assert_allclose(canvas, 0.5)


def test_a_stroke_is_thin_at_its_ends() -> None:
    widths = shapes.taper(np.random.default_rng(2), 40, 6.0)

    assert widths.max() == pytest.approx(6, rel=0.05)
    assert max(widths[0], widths[-1]) <= widths.max()
    assert widths.min() > 0


def test_a_curve_has_about_the_length_asked_for() -> None:
    way = shapes.curve(np.random.default_rng(3), (5.0, 5.0), 0.3, 60.0)

    steps = np.diff(way, axis=0)
    assert math.isclose(float(np.hypot(steps[:, 0], steps[:, 1]).sum()), 60, rel_tol=0.1)

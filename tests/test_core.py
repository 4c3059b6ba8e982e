"""Registry, geometry, progress, errors: what everything else stands on."""

from __future__ import annotations

import pytest

from lib_upscalers import errors
from lib_upscalers.errors import Cancelled, ImageError, UnknownNameError, UpscalerError
from lib_upscalers.geometry import Region, Size
from lib_upscalers.progress import NULL, SubRange
from lib_upscalers.registry import Registry, unknown_name


@pytest.fixture
def fruits() -> Registry[int]:
    registry: Registry[int] = Registry("a fruit")
    for number, name in enumerate(("Pear", "Apple", "Quince")):
        registry.add(name, number)
    return registry


def test_a_registry_keeps_order_and_finds_by_name(fruits: Registry[int]) -> None:
    assert list(fruits) == ["Pear", "Apple", "Quince"]
    assert list(fruits.items()) == [("Pear", 0), ("Apple", 1), ("Quince", 2)]
    assert len(fruits) == 3
    assert fruits["Apple"] == 1
    assert "Apple" in fruits
    assert "apple" not in fruits


def test_adding_returns_what_was_added(fruits: Registry[int]) -> None:
    assert fruits.add("Plum", 7) == 7
    assert fruits["Plum"] == 7


def test_a_second_entry_of_one_name_is_refused(fruits: Registry[int]) -> None:
    with pytest.raises(ValueError, match="a new name for a fruit, but 'Apple' is taken"):
        fruits.add("Apple", 9)
    assert fruits["Apple"] == 1
    assert len(fruits) == 3


@pytest.mark.parametrize("wrong", ["Aple", "apple", "APPLES"])
def test_an_unknown_name_suggests_the_nearest(fruits: Registry[int], wrong: str) -> None:
    with pytest.raises(UnknownNameError, match=f"a fruit, but got {wrong!r}; did you mean 'Apple'"):
        fruits[wrong]


def test_a_name_like_no_other_lists_what_there_is(fruits: Registry[int]) -> None:
    with pytest.raises(UnknownNameError, match="known ones: 'Apple', 'Pear', 'Quince'"):
        fruits["xyz"]


def test_an_empty_registry_says_so() -> None:
    assert "known ones: none" in str(unknown_name("a fruit", "Apple", []))


def test_sizes() -> None:
    size = Size(4, 3)
    assert size.area == 12
    assert size.scaled(5) == Size(20, 15)
    assert str(size) == "4x3"


def test_a_region_knows_its_edges() -> None:
    region = Region(2, 3, 5, 7)
    assert region == Region.between(2, 3, 7, 10)
    assert (region.right, region.bottom, region.area) == (7, 10, 35)
    assert region.size == Size(5, 7)
    assert (region.columns, region.rows) == (slice(2, 7), slice(3, 10))
    assert Region.whole(Size(5, 7)) == Region(0, 0, 5, 7)


def test_region_arithmetic_commutes_with_the_pixels_it_names() -> None:
    region = Region(2, 3, 5, 7)
    inside = {(x, y) for x in range(*region.columns.indices(99)) for y in range(3, 10)}
    scaled = region.scaled(2)
    assert {(x // 2, y // 2) for x in range(scaled.x, scaled.right) for y in range(6, 20)} == inside
    moved = region.shifted(-1, 4)
    assert {(x + 1, y - 4) for x in range(moved.x, moved.right) for y in range(7, 14)} == inside
    assert region.grown(2).grown(-2) == region


def test_clipping_is_what_two_regions_share() -> None:
    picture = Region(0, 0, 10, 10)
    assert Region(-3, 4, 20, 2).clipped(picture) == Region(0, 4, 10, 2)
    assert picture.clipped(Region(-3, 4, 20, 2)) == Region(0, 4, 10, 2)
    assert Region(3, 4, 2, 2).clipped(picture) == Region(3, 4, 2, 2)


@pytest.mark.parametrize(
    ("other", "within"),
    [
        (Region(0, 0, 10, 10), True),
        (Region(3, 3, 1, 1), True),
        (Region(-1, 0, 5, 5), False),
        (Region(0, -1, 5, 5), False),
        (Region(6, 0, 5, 5), False),
        (Region(0, 6, 5, 5), False),
    ],
)
def test_containing(other: Region, within: bool) -> None:
    assert Region(0, 0, 10, 10).contains(other) is within


class Listener:
    def __init__(self) -> None:
        self.told: list[tuple[float, str]] = []

    def update(self, step: int, total: int, text: str = "") -> None:
        self.told.append((step / total, text))

    def check_cancelled(self) -> None:
        raise Cancelled


def test_a_part_of_a_job_is_a_part_of_the_whole() -> None:
    listener = Listener()
    part = SubRange(listener, 0.5, 1.0, "second half: ")
    inner = SubRange(part, 0.0, 0.5, "first quarter of it: ")
    part.update(0, 4, "begins")
    inner.update(2, 2)
    part.update(4, 4, "ends")
    expected = [0.5, 0.75, 1.0]
    assert [fraction for fraction, _ in listener.told] == pytest.approx(expected, abs=1e-3)
    assert listener.told[0][1] == "second half: begins"
    assert listener.told[1][1] == "second half: first quarter of it: "


def test_a_part_without_any_steps_is_done() -> None:
    listener = Listener()
    SubRange(listener, 0.25, 0.5).update(0, 0)
    assert listener.told[0][0] == pytest.approx(0.5)


def test_cancelling_goes_through_parts() -> None:
    with pytest.raises(Cancelled):
        SubRange(SubRange(Listener(), 0, 0.5), 0, 0.5).check_cancelled()
    NULL.update(1, 2, "nobody listens")
    NULL.check_cancelled()


def test_every_error_but_cancelling_is_of_one_tree() -> None:
    classes = {
        value
        for value in vars(errors).values()
        if isinstance(value, type) and issubclass(value, BaseException)
    }
    assert {each for each in classes if not issubclass(each, UpscalerError)} == {Cancelled}
    assert issubclass(ImageError, ValueError)
    documented = errors.__doc__ or ""
    assert all(each.__name__ in documented for each in classes)

"""Sizes and regions in whole pixels; x runs right, y runs down."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator

Border = Literal["none", "reflect", "replicate", "wrap"]
"""What lies beyond the edges of a picture: nothing, its mirror image, its last pixel, or itself."""


def row_strips(height: int, row_bytes: int, *, strip_bytes: int = 4 << 20) -> Iterator[slice]:
    """Yield the rows of a picture from the top, in strips that fit into little memory.

    Args:
        height: How many rows there are.
        row_bytes: Bytes of a row; a strip has one row at least.
        strip_bytes: The most bytes of a strip.
    """
    step = max(1, strip_bytes // max(1, row_bytes))
    for top in range(0, height, step):
        yield slice(top, min(top + step, height))


@dataclass(frozen=True)
class Size:
    """Width and height of a picture."""

    width: int
    height: int

    @property
    def area(self) -> int:
        """How many pixels there are."""
        return self.width * self.height

    def scaled(self, factor: int) -> Size:
        """Return the size `factor` times as large on each side."""
        return Size(self.width * factor, self.height * factor)

    def with_sides(self, width: int, height: int) -> Size:
        """Return the size of these sides; one that is 0 follows the shape of this size."""
        if not height:
            height = max(1, round(self.height * width / self.width))
        return Size(width or max(1, round(self.width * height / self.height)), height)

    def fitted_into(self, width: int, height: int) -> Size:
        """Return the largest size of this shape, to whole pixels, within these sides."""
        factor = min(width / self.width, height / self.height)
        return Size(max(1, round(self.width * factor)), max(1, round(self.height * factor)))

    def has_shape_of(self, other: Size) -> bool:
        """Return whether width and height are in proportion, but for a pixel of rounding."""
        return (
            abs(self.height - self.width * other.height / other.width) <= 1
            or abs(self.width - self.height * other.width / other.height) <= 1
        )

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"


@dataclass(frozen=True)
class Region:
    """A rectangle: pixels x <= column < x + width, y <= row < y + height."""

    x: int
    y: int
    width: int
    height: int

    @classmethod
    def between(cls, left: int, top: int, right: int, bottom: int) -> Region:
        """Return the region from (left, top) to (right, bottom), which is excluded."""
        return cls(left, top, right - left, bottom - top)

    @classmethod
    def whole(cls, size: Size) -> Region:
        """Return the region that is all of a picture of that size."""
        return cls(0, 0, size.width, size.height)

    @property
    def right(self) -> int:
        """The first column after the region."""
        return self.x + self.width

    @property
    def bottom(self) -> int:
        """The first row below the region."""
        return self.y + self.height

    @property
    def size(self) -> Size:
        """Its width and height."""
        return Size(self.width, self.height)

    @property
    def area(self) -> int:
        """How many pixels it has."""
        return self.width * self.height

    def scaled(self, factor: int) -> Region:
        """Return the same region of a picture `factor` times as large."""
        return Region(self.x * factor, self.y * factor, self.width * factor, self.height * factor)

    def shifted(self, dx: int, dy: int) -> Region:
        """Return the region moved right by `dx` and down by `dy`."""
        return Region(self.x + dx, self.y + dy, self.width, self.height)

    def grown(self, pixels: int) -> Region:
        """Return the region with `pixels` more on every side."""
        return Region(
            self.x - pixels, self.y - pixels, self.width + 2 * pixels, self.height + 2 * pixels
        )

    def clipped(self, to: Region) -> Region:
        """Return the intersection of the region and `to`."""
        return Region.between(
            max(self.x, to.x),
            max(self.y, to.y),
            min(self.right, to.right),
            min(self.bottom, to.bottom),
        )

    def contains(self, other: Region) -> bool:
        """Return whether `other` is entirely inside."""
        return (
            self.x <= other.x
            and self.y <= other.y
            and other.right <= self.right
            and other.bottom <= self.bottom
        )

    @property
    def rows(self) -> slice:
        """Its rows, to index an array with."""
        return slice(self.y, self.bottom)

    @property
    def columns(self) -> slice:
        """Its columns, to index an array with."""
        return slice(self.x, self.right)

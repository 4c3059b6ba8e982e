"""Resolve the size of a result, and the number of passes of a network that reach it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real
from typing import cast

from lib_upscalers.errors import TargetError
from lib_upscalers.geometry import Size

MOST_SCALE = 64.0


@dataclass(frozen=True)
class Target:
    """A scale or an exact size: one of the two.

    Attributes:
        scale: How many times as wide and high, over 0 and at most 64.
        size: The exact size.
    """

    scale: float | None = None
    size: Size | None = None

    def __post_init__(self) -> None:
        """Check its values.

        Raises:
            TargetError: One is invalid.
        """
        if (self.scale is None) == (self.size is None):
            raise TargetError(
                f"Expected a scale or a size, but got scale {self.scale} and size {self.size}: "
                "give exactly one of them."
            )
        scale, size = cast("object", self.scale), cast("object", self.size)
        if not isinstance(scale, Real | None) or not isinstance(size, Size | None):
            raise TargetError(
                f"Expected a number as scale or a Size as size, but got {self.scale!r} and "
                f"{self.size!r}: use Target(scale=2) or Target(size=Size(1920, 1080))."
            )
        if self.scale is not None and not 0 < self.scale <= MOST_SCALE:
            raise TargetError(
                f"Expected a scale over 0 and at most {MOST_SCALE:g}, but got {self.scale:g}: "
                "use a scale such as 2, or give an exact size."
            )
        if self.size is not None and min(self.size.width, self.size.height) < 1:
            raise TargetError(
                f"Expected a size of at least 1x1, but got {self.size}: use one such as 1920x1080."
            )

    def resolve(self, size: Size) -> Size:
        """Return the exact size for a picture of `size`, rounded to whole pixels.

        Raises:
            TargetError: It is more than 64 times as wide or high.
        """
        if self.size is None:
            scale = self.scale or 1.0
            return Size(max(1, round(size.width * scale)), max(1, round(size.height * scale)))
        if _factor(size, self.size) > MOST_SCALE:
            raise TargetError(
                f"Expected a size of at most {MOST_SCALE:g} times {size} on each side, but got "
                f"{self.size}: use a smaller size."
            )
        return self.size


@dataclass(frozen=True)
class SizeRequest:
    """A size as the user writes it, for pictures of any shape.

    Attributes:
        width: In pixels; None: it follows the picture's shape.
        height: Likewise; one of the two is given.
        fit: Whether these are the sides that a result of the picture's own shape has to fit into.
    """

    width: int | None
    height: int | None
    fit: bool = False

    @property
    def is_exact(self) -> bool:
        """Whether all pictures get this size, whatever their shape."""
        return bool(self.width and self.height) and not self.fit

    def described(self) -> list[int | str | None]:
        """Return what tells this request from others, as JSON holds it."""
        return [self.width, self.height, *(["fit"] if self.fit else [])]

    def resolve(self, picture: Size) -> Size:
        """Return the size for a picture; a missing side follows the picture's shape."""
        width, height = self.width or 0, self.height or 0
        return (picture.fitted_into if self.fit else picture.with_sides)(width, height)


def target_for(asked: SizeRequest | None, scale: float, picture: Size) -> Target:
    """Return the target for a picture of that size: what was asked for, or else by the scale.

    Raises:
        TargetError: It is invalid.
    """
    return Target(scale=scale) if asked is None else Target(size=asked.resolve(picture))


def stretching(size: Size, target: Size) -> tuple[str, ...]:
    """Return the note that a result of another shape deserves; empty if the shape is kept."""
    if target.has_shape_of(size):
        return ()
    return (f"Stretched from {size} to {target}: a width or a height alone keeps the shape.",)


def _factor(size: Size, target: Size) -> float:
    return max(target.width / size.width, target.height / size.height)


def least_passes(size: Size, target: Size, scale: int) -> int:
    """Return how often a network has to run so that the result is not below the target.

    A network runs once at least, even if the target is not larger than the picture, because the
    user chose it for its effect. One that does not enlarge runs exactly once.

    Args:
        size: The picture's size.
        target: The requested size.
        scale: The network's scale.
    """
    passes, width, height = 1, size.width * scale, size.height * scale
    while scale > 1 and (width < target.width or height < target.height):
        passes, width, height = passes + 1, width * scale, height * scale
    return passes


def reduced_size(size: Size, target: Size, scale: int, passes_left: int) -> Size:
    """Return the least size from which the remaining passes still reach the target.

    Args:
        size: The size before those passes.
        target: The requested size.
        scale: The network's scale.
        passes_left: How many passes remain.
    """
    factor = scale**passes_left
    return Size(
        min(size.width, math.ceil(target.width / factor)),
        min(size.height, math.ceil(target.height / factor)),
    )


def pass_sizes(size: Size, target: Size, scale: int, *, reduced: bool) -> list[Size]:
    """Return the sizes of the pictures on which a network runs, one a pass.

    Args:
        size: The picture's size.
        target: The requested size.
        scale: The network's scale.
        reduced: Whether a picture is reduced before a further pass to the least that suffices.
    """
    count = least_passes(size, target, scale)
    sizes: list[Size] = []
    for i in range(count):
        if reduced and i:
            size = reduced_size(size, target, scale, count - i)
        sizes.append(size)
        size = size.scaled(scale)
    return sizes

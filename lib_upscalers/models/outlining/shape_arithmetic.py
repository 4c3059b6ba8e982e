"""Compute the shapes that torch's operators give."""

from __future__ import annotations

import math
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, cast

from lib_upscalers.models.reading.outline import NotOutlinedError

if TYPE_CHECKING:
    from collections.abc import Sequence

    Shape = tuple[int, ...]


def broadcast(shapes: Sequence[Shape]) -> list[int]:
    """Return the shape that tensors have together.

    Raises:
        NotOutlinedError: They do not fit.
    """
    sides: list[int] = []
    for column in zip_longest(*(shape[::-1] for shape in shapes), fillvalue=1):
        larger = {side for side in column if side != 1}
        if len(larger) > 1:
            raise NotOutlinedError
        sides.append(larger.pop() if larger else 1)
    return sides[::-1]


def indexed(shape: Shape, index: Any) -> list[int]:  # noqa: ANN401 - torch's own
    """Return the shape of a part.

    Raises:
        NotOutlinedError: The index is a tensor or a list, or out of range.
    """
    indices: list[Any] = list(cast("Any", index)) if isinstance(index, tuple) else [index]
    if ... in indices:
        at = indices.index(...)
        taken = sum(each is not None for each in indices) - 1
        indices[at : at + 1] = [slice(None)] * (len(shape) - taken)
    left, made = list(shape), list[int]()
    for each in indices:
        if each is None:
            made.append(1)
        elif isinstance(each, slice):
            made.append(len(range(*each.indices(left.pop(0)))))
        elif type(each) is int and -left[0] <= each < left[0]:
            left.pop(0)
        else:
            raise NotOutlinedError
    return made + left


def sides_of(sizes: Sequence[Any]) -> list[int]:
    """Return a shape from numbers or from one list of them."""
    first: Any = sizes[0] if len(sizes) == 1 else sizes
    listed: Any = first if isinstance(first, (tuple, list)) else (first,)
    return [int(each) for each in listed]


def viewed(shape: Shape, sides: list[int]) -> list[int]:
    """Return the shape of a view, of whose sides one may be -1.

    Raises:
        NotOutlinedError: It has another number of elements.
    """
    count, known = math.prod(shape), math.prod(side for side in sides if side != -1)
    if sides.count(-1) == 1 and known and count % known == 0:
        return [count // known if side == -1 else side for side in sides]
    if known != count or -1 in sides:
        raise NotOutlinedError
    return sides

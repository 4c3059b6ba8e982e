"""Facts that our own architectures state about a network, and how they read its sizes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

_GIVES: Mapping[int, tuple[int, ...]] = {1: (1, 3), 3: (3, 1), 4: (4,)}


@dataclass(frozen=True)
class Description:
    """Facts for the descriptor of a network, in the terms of spandrel's ImageModelDescriptor.

    Attributes:
        scale: Output pixels an input pixel, on each side.
        takes: Channels of the pictures that it takes.
        gives: Channels of those that it gives.
        tags: Its sizes in words, such as "48nf".
        multiple_of: What width and height must be a multiple of.
        minimum: The least width and height.
    """

    scale: int
    takes: int
    gives: int
    tags: tuple[str, ...] = ()
    multiple_of: int = 1
    minimum: int = 0


def count_blocks(names: Collection[str], prefix: str) -> int:
    """Return how many blocks of a list are named: ``prefix`` and 0, 1, 2 and so on."""
    numbers = {name[len(prefix) :].split(".", 1)[0] for name in names if name.startswith(prefix)}
    return next(i for i in range(len(numbers) + 1) if str(i) not in numbers)


def shuffled(count: int, takes: int) -> tuple[int, int] | None:
    """Return by how much a pixel shuffle enlarges, and how many channels it gives.

    Args:
        count: How many channels it shuffles.
        takes: How many the network takes: it gives as many, or turns grey into colour or back.

    Returns:
        None if no supported network is so.
    """
    for gives in _GIVES.get(takes, ()):
        scale = math.isqrt(max(count, 0) // gives)
        if scale and scale * scale * gives == count:
            return scale, gives
    return None


def scale_of(state: Mapping[str, Any], name: str, gives: int) -> int:
    """Return the scale of a pixel shuffle from the weights of the convolution before it.

    Args:
        state: The state dict.
        name: The name of these weights.
        gives: Channels after the shuffle.

    Raises:
        ValueError: They fit no scale.
    """
    channels = int(state[name].shape[0])
    scale = math.isqrt(channels // gives)
    if scale < 1 or scale * scale * gives != channels:
        raise ValueError(f"{name} makes {channels} channels, which fit no scale")
    return scale

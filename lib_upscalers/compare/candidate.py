"""Declare the type Candidate: a way to enlarge pictures, to be compared with others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from lib_upscalers.geometry import Size
    from lib_upscalers.pictures.picture import Picture
    from lib_upscalers.progress import Progress
    from lib_upscalers.targets import Target

Kind = Literal["pixel", "network", "latent"]


class Outcome(Protocol):
    """A picture, and what it cost; `upscale.Result` is one."""

    @property
    def picture(self) -> Picture:
        """The result, of the exact size."""
        ...

    @property
    def passes(self) -> int:
        """How often a network ran; 0 if none did."""
        ...

    @property
    def tiles(self) -> int:
        """In how many tiles, over all passes."""
        ...

    @property
    def tiling(self) -> str:
        """The decisions about tiles, in words, or ""."""
        ...

    @property
    def load_seconds(self) -> float:
        """Time to load a network; next to nothing if it was loaded."""
        ...

    @property
    def run_seconds(self) -> float:
        """Time for everything else."""
        ...

    @property
    def precision(self) -> str:
        """In which precision, or ""."""
        ...

    @property
    def device(self) -> str:
        """Where it ran, or ""."""
        ...


def _no_needs(size: Size, target: Size) -> int:
    del size, target
    return 0


@dataclass(frozen=True)
class Candidate:
    """A way to enlarge pictures.

    Attributes:
        name: Its name; unique in a comparison.
        kind: What it is.
        run: Enlarges a picture. Raises an `UpscalerError`, or `Cancelled`; any other exception is a
            bug.
        identity: Returns a text that changes whenever the result for one picture may: the
            network's file, settings, seeds. Called right before `run`; may raise as that does.
        scale: The scale that it was made for; None: any.
        architecture: Of a network, or how it interpolates.
        licence: Of a network, if it is known.
        size_bytes: Of the network's file.
        needs: Returns the least bytes of main memory that it needs, for a picture of the first size
            and a result of the second.
        prepare: Imports what `run` needs; called before it, so that neither the time nor the memory
            of imports counts as the first network's.
    """

    name: str
    kind: Kind
    run: Callable[[Picture, Target, Progress], Outcome]
    identity: Callable[[], str]
    scale: int | None = None
    architecture: str = ""
    licence: str | None = None
    size_bytes: int | None = None
    needs: Callable[[Size, Size], int] = _no_needs
    prepare: Callable[[], None] | None = None

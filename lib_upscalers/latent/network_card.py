"""The card of a latent network: which latents it is for, and what it was measured to be worth.

It lies in the network's own file, as text in a tensor of bytes, so that whoever has the file has
the card. Readers of weights pass over it.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, cast

from lib_upscalers.errors import ModelFileError
from lib_upscalers.latent.context import LatentSpace

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch

CARD = "card"
SPACE_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_HASH = re.compile(r"[0-9a-f]{0,64}")
_LONGEST = 16 << 10
_LONGEST_NAME = 40
# Decibels, ratios, minutes: nothing of a card is larger.
_MOST = 1e9


@dataclass(frozen=True)
class Figures:
    """What a network was measured to be worth, on drawings that its training has not seen.

    Each was halved, encoded, enlarged twofold as a latent, and decoded. PSNR is that of luma, in
    dB, against the drawing itself, the mean of all.

    Attributes:
        network: PSNR of the network's results.
        bilinear: PSNR of bilinear interpolation.
        pixels: PSNR of the pixel route: the small drawing enlarged by Lanczos, encoded, decoded.
        original: PSNR of the drawing itself, encoded and decoded; none can be better.
        round_trip: PSNR of "Latent (TAESD)", with Lanczos; None where there is no
            tiny autoencoder.
        seams: How much more the luma changes at the borders of latent values than between them,
            in the network's results, by the same of the original encoded and decoded; 1 is none.
        drawings: How many there were.
    """

    network: float
    bilinear: float
    pixels: float
    original: float
    round_trip: float | None
    seams: float
    drawings: int

    @property
    def rival(self) -> tuple[str, float]:
        """The mode that would be used without the network, in words, and its PSNR."""
        if self.round_trip is not None:
            return "the round trip", self.round_trip
        return "bilinear", self.bilinear

    @property
    def loses(self) -> bool:
        """Whether what would be used without the network is closer to the drawings."""
        return self.network < self.rival[1]

    def sentence(self) -> str:
        """Return the figures in one line, for a person."""
        trip = "" if self.round_trip is None else f"the round trip {self.round_trip:.1f}, "
        return (
            f"{self.drawings} held-out drawings, enlarged twofold: {self.network:.1f} dB; bilinear "
            f"{self.bilinear:.1f}, {trip}the pixel route {self.pixels:.1f}, encoded and decoded "
            f"alone {self.original:.1f}. Seams {self.seams:.2f} (1 is none)."
        )


@dataclass(frozen=True)
class NetworkCard:
    """What belongs to a network.

    Attributes:
        space: Which latents it enlarges.
        vae_hash: The beginning of the hash of the autoencoder that it was made with, hex digits;
            "" where that is not known.
        steps: Of its training.
        minutes: Of its training.
        figures: What it is worth; None where that was not measured.
    """

    space: LatentSpace
    vae_hash: str = ""
    steps: int = 0
    minutes: float = 0.0
    figures: Figures | None = None


def card_tensor(card: NetworkCard) -> torch.Tensor:
    """Return the card as it lies in a file, uint8."""
    import torch

    return torch.frombuffer(bytearray(json.dumps(asdict(card)).encode()), dtype=torch.uint8)


def read_card(state: Mapping[str, Any]) -> NetworkCard | None:
    """Return the card in a state dict; None if there is none.

    The file may be a stranger's: what the card says is checked to be possible, not to be true.

    Raises:
        ModelFileError: There is one, but not as `card_tensor` makes it.
    """
    held = state.get(CARD)
    if held is None:
        return None
    try:
        return _card(_text(held))
    except (
        ValueError,
        ArithmeticError,
        TypeError,
        LookupError,
        AttributeError,
        RecursionError,
    ) as error:
        raise ModelFileError(
            "Expected the card of a latent network, but it cannot be read "
            f"({' '.join(str(error).split())[:100] or type(error).__name__}); get the file again."
        ) from error


def _text(held: torch.Tensor) -> dict[str, Any]:
    if str(held.dtype) != "torch.uint8" or held.ndim != 1 or held.numel() > _LONGEST:
        raise ValueError("it is no text, or too long")
    return cast("dict[str, Any]", json.loads(bytes(held.tolist())))


def _card(held: dict[str, Any]) -> NetworkCard:
    space, digest, figures = held["space"], held["vae_hash"], held["figures"]
    name = space["name"]
    if len(name) > _LONGEST_NAME or not SPACE_NAME.fullmatch(name):
        raise ValueError("it names no latent space")
    if not _HASH.fullmatch(digest):
        raise ValueError("its hash is none")
    known = LatentSpace(name, _count(space["channels"]), _count(space["factor"]))
    worth = None if figures is None else _figures(figures)
    return NetworkCard(known, digest, _count(held["steps"]), _number(held["minutes"]), worth)


def _figures(held: dict[str, Any]) -> Figures:
    trip = held["round_trip"]
    return Figures(
        *(_number(held[name]) for name in ("network", "bilinear", "pixels", "original")),
        round_trip=None if trip is None else _number(trip),
        seams=_number(held["seams"]),
        drawings=_count(held["drawings"]),
    )


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("a number is none")  # noqa: TRY004 - one kind for all that is wrong
    if not math.isfinite(value) or abs(value) > _MOST:
        raise ValueError("a number is too large")
    return float(value)


def _count(value: object) -> int:
    number = _number(value)
    if number < 0 or number != int(number):
        raise ValueError("a number is no count")
    return int(number)

"""Enlarge a latent by the name of a mode; the layers above call this alone."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lib_upscalers.errors import (
    Cancelled,
    InputError,
    MemoryExhaustedError,
    ModelError,
    TargetError,
    UpscalerError,
)
from lib_upscalers.latent.autocast import without_autocast
from lib_upscalers.latent.finishers import OFF, Finishers, finish
from lib_upscalers.latent.mode_registry import LATENT_MODES, LatentMode, latent_mode
from lib_upscalers.tiling.executor import OutOfMemory, memory_signal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import torch

    from lib_upscalers.geometry import Size
    from lib_upscalers.latent.context import LatentContext

__all__ = [
    "LATENT_MODES",
    "Fallback",
    "Finishers",
    "LatentMode",
    "latent_mode",
    "upscale_latent",
]

_LOCAL = "Latent (Catmull-Rom)"
# In how many parts the second mode of a blend is computed.
_PARTS = 4
_log = logging.getLogger("lib_upscalers")


@dataclass(frozen=True)
class Fallback:
    """A mode that was used instead of the chosen one.

    Attributes:
        chosen: The name of the mode that was asked for.
        used: The name of the mode that made the result.
        reason: The reason, in one line.
    """

    chosen: str
    used: str
    reason: str


def upscale_latent(
    samples: torch.Tensor,
    size: Size,
    mode: str,
    finishers: Finishers = OFF,
    seeds: int | Sequence[int] = 0,
    context: LatentContext | None = None,
    on_fallback: Callable[[Fallback], None] | None = None,
) -> torch.Tensor:
    """Enlarge (or shrink) a latent.

    Every item of the batch and every frame of a video is enlarged by itself. A constant stays
    constant, except by the learned mode and the round trip. NaN and Inf stay in their place: the
    values that touch them become NaN or Inf, the others are computed as if they were 0.

    Args:
        samples: Shape (N, C, H, W) or (N, C, T, H, W), any float dtype, device and strides.
        size: The new width and height, in latent values.
        mode: A name in `LATENT_MODES`.
        finishers: The steps afterwards.
        seeds: For the noise, if there is any: one an item, or that of the first item, which the
            others count up from.
        context: What the host knows of the model, for the learned mode and the round trip. If that
            is not enough, or fails in any way, the next best mode is used, which is logged in one
            line.
        on_fallback: Called once for each mode that was replaced by another one.

    Returns:
        A new tensor with the new height and width, of the same dtype, device and dimensions,
        computed in float32 without gradients; a bit-equal copy if the size is the same and
        `finishers` are off.

    Raises:
        InputError: The latent is empty, not of a float dtype or of another shape, or there are
            not as many seeds as items.
        TargetError: A side of `size` is below 1.
        UnknownNameError: There is no such mode; the text suggests the nearest ones.
        Cancelled: The user stopped an upscaler of the round trip.
    """
    import torch

    entries = [LATENT_MODES[mode]]
    if finishers.blend and finishers.blend_with is not None:
        entries.append(LATENT_MODES[finishers.blend_with])
    _check(samples, size)
    every_seed = _one_seed_each(seeds, samples.shape[0])
    if not finishers.active and _plane_size(samples) == (size.height, size.width):
        return samples.detach().clone(memory_format=torch.contiguous_format)
    with torch.no_grad():
        small = _fold(samples)
        whole = small if bool(torch.isfinite(small).all()) else small.nan_to_num(0.0, 0.0, 0.0)
        if whole is not small:
            entries = [_local_mode(entry) for entry in entries]
        attempts = _Attempts(size, context, on_fallback)
        result = _enlarge(whole, size, entries, finishers.blend, attempts)
        finish(result, whole, finishers, every_seed)
        largest = min(torch.finfo(samples.dtype).max, torch.finfo(result.dtype).max)
        result.clamp_(-largest, largest)  # overshoot would be infinite in the latent's own dtype
        if whole is not small:
            _restore_not_finite(result, small)
        return _unfold(result.to(samples.dtype), samples)


def _check(samples: torch.Tensor, size: Size) -> None:
    if samples.ndim not in (4, 5) or not samples.is_floating_point() or not samples.numel():
        raise InputError(
            "Expected a latent of float values, of shape (N, C, H, W) or (N, C, T, H, W) with no "
            f"side 0, but got {samples.dtype} of shape {tuple(samples.shape)}."
        )
    if min(size.width, size.height) < 1:
        raise TargetError(f"Expected a target of at least 1x1 latent value, but got {size}.")


def _one_seed_each(seeds: int | Sequence[int], items: int) -> Sequence[int]:
    """Return a seed for every item."""
    if isinstance(seeds, int):
        return range(seeds, seeds + items)
    if len(seeds) != items:
        raise InputError(
            f"Expected a seed for each of {items} items, but got {len(seeds)}; give as many, or "
            "one number to count up from."
        )
    return seeds


def _plane_size(samples: torch.Tensor) -> tuple[int, int]:
    return samples.shape[-2], samples.shape[-1]


def _fold(samples: torch.Tensor) -> torch.Tensor:
    """Return (N * T, C, H, W), float32 and contiguous."""
    import torch

    values = samples.to(torch.float32)
    if samples.ndim == 5:
        values = values.transpose(1, 2).flatten(0, 1)
    return values.contiguous()


def _unfold(result: torch.Tensor, samples: torch.Tensor) -> torch.Tensor:
    """Reshape a result to the dimensions of `samples`."""
    if samples.ndim == 4:
        return result
    return result.unflatten(0, (samples.shape[0], samples.shape[2])).transpose(1, 2).contiguous()


def _enlarge(
    small: torch.Tensor,
    size: Size,
    entries: Sequence[LatentMode],
    blend: float,
    attempts: _Attempts,
) -> torch.Tensor:
    """Run one mode, or two and mix them."""
    if _plane_size(small) == (size.height, size.width):
        return small.clone()
    first, *others = entries
    second = others[0] if others else first
    if second is first:
        return attempts.run(first, small)
    if second.mixes and not first.mixes:
        first, second, blend = second, first, 1 - blend
    result = attempts.run(first, small)
    # In parts, because two whole results and their scratch memory would be too much.
    step = small.shape[1] if second.mixes else -(-small.shape[1] // _PARTS)
    for planes, part in zip(result.split(step, 1), small.split(step, 1), strict=True):
        planes.lerp_(attempts.run(second, part), blend)
    return result


class _Attempts:
    """Runs modes, and the next best one for each that cannot run.

    Args:
        size: Of the results.
        context: What the host knows of the model.
        on_fallback: Called once for each mode that was replaced by another one.
    """

    def __init__(
        self,
        size: Size,
        context: LatentContext | None,
        on_fallback: Callable[[Fallback], None] | None,
    ) -> None:
        self._size = size
        self._context = context
        self._on_fallback = on_fallback
        self._replaced: dict[str, LatentMode] = {}

    def run(self, chosen: LatentMode, small: torch.Tensor) -> torch.Tensor:
        """Run a mode, or the best one that can run instead of it."""
        entry, reasons = self._replaced.get(chosen.name, chosen), list[str]()
        while True:
            try:
                result = self._run_mode(entry, small)
                break
            except UpscalerError as error:
                if not entry.otherwise:
                    raise
                if str(error) not in reasons:
                    reasons.append(str(error))
                entry = LATENT_MODES[entry.otherwise]
        if reasons:
            self._replaced[chosen.name] = entry
            self._report(Fallback(chosen.name, entry.name, " ".join(reasons)))
        return result

    def _report(self, fallback: Fallback) -> None:
        _log.warning(
            "%r cannot be used here: %r is used instead. %s",
            fallback.chosen,
            fallback.used,
            fallback.reason,
        )
        if self._on_fallback is not None:
            self._on_fallback(fallback)

    def _run_mode(self, entry: LatentMode, small: torch.Tensor) -> torch.Tensor:
        """Run a mode, or raise an UpscalerError with the reason why it cannot run."""
        if entry.enlarge is not None:
            return entry.enlarge(small, self._size)
        if self._context is None or entry.within is None:
            raise ModelError("Nothing is known of the model that the latent belongs to.")
        try:
            # Under a host's autocast convolutions would run in half precision.
            with memory_signal(), without_autocast(small.device):
                result = entry.within(small, self._size, self._context)
                _check_result(
                    result, entry, (*small.shape[:2], self._size.height, self._size.width)
                )
                return result
        except (UpscalerError, Cancelled):
            raise
        except OutOfMemory as error:
            raise MemoryExhaustedError(
                f"The device has not enough memory for it ({error})."
            ) from None
        except Exception as error:  # a host's autoencoder and a network's code can raise anything
            _log.debug("%r failed", entry.name, exc_info=True)
            raise ModelError(
                f"{entry.name!r} failed ({type(error).__name__}: "
                f"{' '.join(str(error).split())[:200]})."
            ) from error


def _check_result(result: torch.Tensor, entry: LatentMode, shape: tuple[int, ...]) -> None:
    """Check what a host's autoencoder or somebody's network gave.

    Raises:
        ModelError: It has another shape, or NaN or Inf.
    """
    import torch

    if result.shape != shape:
        raise ModelError(
            f"Expected {entry.name!r} to give a latent of shape {shape}, but got "
            f"{tuple(result.shape)}."
        )
    if not bool(torch.isfinite(result).all()):
        raise ModelError(f"Expected {entry.name!r} to give numbers, but got NaN or Inf.")


def _local_mode(entry: LatentMode) -> LatentMode:
    """Return the mode itself, or another one if it would spread what is not finite."""
    if not entry.spreads:
        return entry
    _log.warning(
        "The latent holds NaN or Inf, which %r would spread over the picture: %r is used instead.",
        entry.name,
        _LOCAL,
    )
    return LATENT_MODES[_LOCAL]


def _restore_not_finite(result: torch.Tensor, small: torch.Tensor) -> None:
    """Set the values of a result that touch NaN or Inf, in place."""
    import torch
    from torch.nn.functional import interpolate

    touched = interpolate(small, result.shape[-2:], mode="area")
    torch.where(torch.isfinite(touched), result, touched, out=result)

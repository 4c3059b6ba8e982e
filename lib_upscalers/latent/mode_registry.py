"""Declare the type of a latent mode, and the registry of all modes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from lib_upscalers.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch

    from lib_upscalers.geometry import Size
    from lib_upscalers.latent.context import LatentContext

Family = Literal["learned", "round trip", "kernel", "spherical", "spectral"]
Enlarge: TypeAlias = "Callable[[torch.Tensor, Size], torch.Tensor]"
EnlargeWithin: TypeAlias = "Callable[[torch.Tensor, Size, LatentContext], torch.Tensor]"


@dataclass(frozen=True)
class LatentMode:
    """A way of enlarging a latent.

    Attributes:
        name: Its name in menus, infotexts and on axes.
        family: What kind of method it is.
        explanation: One line that helps to choose.
        enlarge: From samples (N, C, H, W), float32 and finite, and a size to a new tensor (N, C,
            size.height, size.width), float32, on the same device; every item by itself, without
            changing its argument. Called by `upscale_latent` alone, which does the rest. None if
            only `within` can do it.
        clean_from: The lowest denoising strength at which pictures look clean afterwards, 0 for
            any; None if it was not measured. How it is measured: docs/explanation/latent.md.
        twins: The (mode, antialias) arguments of `torch.nn.functional.interpolate` with the same
            result when enlarging, so that a host's own mode is not listed twice.
        directional: Whether rows and columns are treated differently: turning the latent by 90
            degrees then changes the result a little.
        spreads: Whether every value depends on all of its channel, so that a NaN would too.
        mixes: Whether the values of a channel depend on other channels.
        within: Instead of `enlarge`, for modes that need a context. Raises UpscalerError, with one
            line, if it cannot be done.
        otherwise: The mode that is used then; "" for modes that never fail so.
        rare: Whether few people need it, so that menus omit it until rare modes are switched on.
    """

    name: str
    family: Family
    explanation: str
    enlarge: Enlarge | None
    clean_from: float | None = None
    twins: tuple[tuple[str, bool], ...] = ()
    directional: bool = False
    spreads: bool = False
    mixes: bool = False
    within: EnlargeWithin | None = None
    otherwise: str = ""
    rare: bool = False


LATENT_MODES: Registry[LatentMode] = Registry("a latent mode")


def latent_mode(
    name: str,
    family: Family,
    explanation: str,
    *,
    clean_from: float | None = None,
    twins: tuple[tuple[str, bool], ...] = (),
    directional: bool = False,
    spreads: bool = False,
    mixes: bool = False,
    rare: bool = False,
) -> Callable[[Enlarge], Enlarge]:
    """Register the decorated function in `LATENT_MODES`; see `LatentMode` for the arguments."""

    def enter(enlarge: Enlarge) -> Enlarge:
        mode = LatentMode(
            *(name, family, explanation, enlarge, clean_from, twins, directional, spreads, mixes),
            rare=rare,
        )
        LATENT_MODES.add(name, mode)
        return enlarge

    return enter


def latent_mode_within(
    name: str, family: Family, explanation: str, *, otherwise: str, clean_from: float | None = None
) -> Callable[[EnlargeWithin], EnlargeWithin]:
    """Register the decorated function as a mode that needs a context."""

    def enter(within: EnlargeWithin) -> EnlargeWithin:
        mode = LatentMode(
            name,
            family,
            explanation,
            None,
            clean_from,
            directional=True,
            spreads=True,
            mixes=True,
            within=within,
            otherwise=otherwise,
        )
        LATENT_MODES.add(name, mode)
        return within

    return enter

"""Convert the ways in which files name their colour space, other than ICC, to ICC profiles.

ITU-T H.273 (code points), https://www.itu.int/rec/T-REC-H.273; PNG's gAMA, cHRM, sRGB and cICP,
https://www.w3.org/TR/png-3/#11addnlcolinfo; TIFF 6.0, section 20.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from lib_upscalers.pictures.icc import (
    SRGB_PRIMARIES,
    Primaries,
    gamma_curve,
    grey_profile,
    offset_curve,
    rgb_profile,
    table_curve,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray
    from PIL import Image

_D65 = (0.3127, 0.3290)
_C = (0.310, 0.316)
_PRIMARIES: Mapping[int, Primaries] = {
    1: SRGB_PRIMARIES,
    4: (*_C, 0.67, 0.33, 0.21, 0.71, 0.14, 0.08),
    5: (*_D65, 0.64, 0.33, 0.29, 0.60, 0.15, 0.06),
    6: (*_D65, 0.630, 0.340, 0.310, 0.595, 0.155, 0.070),
    7: (*_D65, 0.630, 0.340, 0.310, 0.595, 0.155, 0.070),
    8: (*_C, 0.681, 0.319, 0.243, 0.692, 0.145, 0.049),
    9: (*_D65, 0.708, 0.292, 0.170, 0.797, 0.131, 0.046),
    10: (1 / 3, 1 / 3, 1.0, 0.0, 0.0, 1.0, 0.0, 0.0),
    11: (0.314, 0.351, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
    12: (*_D65, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
    22: (*_D65, 0.630, 0.340, 0.295, 0.605, 0.155, 0.077),
}
_UNSPECIFIED = 2
_SRGB_TRANSFER, _PQ, _HLG = 13, 16, 18
# Diffuse white, in candela a square metre of PQ and as light of HLG: ITU-R BT.2408, section 2.2.
_PQ_WHITE, _PQ_MOST = 203.0, 10_000.0
_HLG_WHITE = 0.265
# How far a gamma may be from 1/0.45455 and still be what old programs write for sRGB.
_NEAR = 0.002
_TIFF_WHITE, _TIFF_PRIMARIES, _TIFF_TRANSFER = 318, 319, 301


class CodePoints(NamedTuple):
    """Colour primaries and transfer characteristics by the numbers of ITU-T H.273."""

    primaries: int
    transfer: int

    @property
    def is_srgb(self) -> bool:
        """Whether they mean sRGB, or are unspecified."""
        return self.primaries in (1, _UNSPECIFIED) and self.transfer in (
            _SRGB_TRANSFER,
            _UNSPECIFIED,
        )

    @property
    def is_hdr(self) -> bool:
        """Whether white is not the brightest: PQ or HLG."""
        return self.transfer in (_PQ, _HLG)


def profile_of_points(points: CodePoints, *, grey: bool) -> bytes | None:
    """Return the ICC profile of code points; None for sRGB and for unknown numbers.

    Values of PQ and HLG that are brighter than diffuse white are white in programs that do not
    support the profile's `cicp` tag.
    """
    if points.is_srgb:
        return None
    primaries = _PRIMARIES.get(1 if points.primaries == _UNSPECIFIED else points.primaries)
    transfer = _SRGB_TRANSFER if points.transfer == _UNSPECIFIED else points.transfer
    curve = _curve(transfer)
    if primaries is None or curve is None:
        return None
    name = f"H.273 primaries {points.primaries}, transfer {points.transfer}"
    if grey:
        return grey_profile(name, curve)
    return rgb_profile(name, primaries, curve, (points.primaries, transfer))


def _curve(transfer: int) -> bytes | None:
    gammas: Mapping[int, float] = {4: 2.2, 5: 2.8, 8: 1.0}
    if transfer in gammas:
        return gamma_curve(gammas[transfer])
    if transfer in (1, 6, 11, 12, 14, 15):
        return offset_curve(1 / 0.45, 0.099, 4.5, 0.081)
    if transfer == 7:
        return offset_curve(1 / 0.45, 0.1115, 4.0, 0.0913)
    if transfer == _SRGB_TRANSFER:
        return offset_curve(2.4, 0.055, 12.92, 0.04045)
    functions: Mapping[int, Callable[[NDArray[np.float64]], NDArray[np.float64]]] = {
        _PQ: lambda values: _pq_light(values) * (_PQ_MOST / _PQ_WHITE),
        17: lambda values: values**2.6 * (52.37 / 48),
        _HLG: lambda values: _hlg_light(values) / _HLG_WHITE,
    }
    function = functions.get(transfer)
    return None if function is None else table_curve(function)


def _pq_light(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the light, of 10,000 candela a square metre, of PQ values (SMPTE ST 2084)."""
    m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 32, 3424 / 4096, 2413 / 128, 2392 / 128
    power = values ** (1 / m2)
    return (np.maximum(power - c1, 0) / (c2 - c3 * power)) ** (1 / m1)


def _hlg_light(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the scene's light of HLG values (ITU-R BT.2100)."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    return np.where(values <= 0.5, values**2 / 3, (np.exp((values - c) / a) + b) / 12)


def profile_of_tags(image: Image.Image) -> tuple[bytes | None, tuple[str, ...]]:
    """Return the ICC profile that PNG's gAMA and cHRM or TIFF's tags mean, and notes.

    None means sRGB: there are no tags, or those that old programs write for sRGB.
    """
    if image.format == "TIFF":
        primaries, gamma, note = _tiff_colours(image)
    else:
        gamma = image.info.get("gamma")
        primaries = image.info.get("chromaticity")
        note = ()
        if "srgb" in image.info:
            return None, ()
    power = float(gamma) if isinstance(gamma, (int, float)) and 0.01 < gamma < 100 else None
    if power is None and not primaries:
        return None, note
    corners: Primaries = tuple(primaries) if primaries else SRGB_PRIMARIES  # type: ignore[assignment]
    usual = power is None or abs(power - 0.45455) < _NEAR
    if usual and np.allclose(corners, SRGB_PRIMARIES, atol=0.002):
        return None, note
    curve = _curve(_SRGB_TRANSFER) if power is None else gamma_curve(1 / power)
    if curve is None:
        return None, note
    if image.mode in ("1", "L", "LA", "I", "I;16", "I;16B", "F"):
        return grey_profile("Gamma of the file", curve), note
    profile = rgb_profile("Primaries and gamma of the file", corners, curve)
    if profile is None:
        note = (*note, "The file's primaries make no sense and are left out.")
    return profile, note


def _tiff_colours(
    image: Image.Image,
) -> tuple[tuple[float, ...] | None, float | None, tuple[str, ...]]:
    tags: Mapping[int, Any] = getattr(image, "tag_v2", {})
    note = ()
    if _TIFF_TRANSFER in tags:
        note = ("The file's table of brightness (TransferFunction) is left out.",)
    try:
        white = tuple(float(each) for each in tags.get(_TIFF_WHITE, _D65))
        corners = tuple(float(each) for each in tags[_TIFF_PRIMARIES])
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None, None, note
    return ((*white, *corners) if len(white) == 2 and len(corners) == 6 else None), None, note

"""Make ICC profiles of primaries and a curve, and turn those of grey into RGB and back.

ICC.1:2022, https://www.color.org/specification/ICC.1-2022-05.pdf.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

Primaries = tuple[float, float, float, float, float, float, float, float]
"""CIE xy of white, red, green and blue."""

SRGB_PRIMARIES: Primaries = (0.3127, 0.3290, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)

_D50 = np.array([0.9642, 1.0, 0.8249])
# Bradford's cone responses, ICC.1:2022 annex E.
_BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)
_TABLE_ENTRIES = 4096
_HEADER_BYTES = 128
_DATE = (2026, 1, 1, 0, 0, 0)


def gamma_curve(gamma: float) -> bytes:
    """Return the curve tag of light = value ** gamma."""
    return _parametric(0, gamma)


def offset_curve(gamma: float, offset: float, slope: float, start: float) -> bytes:
    """Return the curve tag of a power function with a straight start, as sRGB has it.

    light = ((value + offset) / (1 + offset)) ** gamma from `start` on, value / slope below.
    """
    whole = 1 + offset
    return _parametric(3, gamma, 1 / whole, offset / whole, 1 / slope, start)


def table_curve(light: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> bytes:
    """Return the curve tag of a function from values in [0, 1] to light, cut off at 1."""
    entries = np.clip(light(np.linspace(0, 1, _TABLE_ENTRIES)), 0, 1)
    numbers = np.rint(entries * 65535).astype(">u2")
    return b"curv\0\0\0\0" + struct.pack(">I", len(numbers)) + numbers.tobytes()


def _parametric(kind: int, *parameters: float) -> bytes:
    return b"para\0\0\0\0" + struct.pack(">HH", kind, 0) + b"".join(map(_fixed, parameters))


def _fixed(value: float) -> bytes:
    return struct.pack(">i", round(value * 65536))


def rgb_profile(
    name: str, primaries: Primaries, curve: bytes, cicp: tuple[int, int] | None = None
) -> bytes | None:
    """Return the profile of an RGB space; None where the primaries span none.

    Args:
        name: The name that programs show.
        primaries: CIE xy of white, red, green and blue.
        curve: A curve tag, for all three channels.
        cicp: Primaries and transfer of ITU-T H.273, for programs that support HDR.
    """
    matrix = _matrix(primaries)
    if matrix is None:
        return None
    colours, adaptation = matrix
    tags = {
        b"rXYZ": _xyz(colours[:, 0]),
        b"gXYZ": _xyz(colours[:, 1]),
        b"bXYZ": _xyz(colours[:, 2]),
        b"rTRC": curve,
        b"gTRC": curve,
        b"bTRC": curve,
        b"chad": b"sf32\0\0\0\0" + b"".join(map(_fixed, adaptation.ravel())),
    }
    if cicp is not None:
        tags[b"cicp"] = b"cicp\0\0\0\0" + bytes((*cicp, 0, 1))
    return _profile(name, b"RGB ", tags)


def grey_profile(name: str, curve: bytes) -> bytes:
    """Return the profile of grey pixels with that curve tag."""
    return _profile(name, b"GRAY", {b"kTRC": curve})


def for_pixels(profile: bytes, *, grey: bool) -> bytes | None:
    """Return a profile for grey or for RGB pixels that has the same greys as this one.

    Returns:
        `profile` itself where it is one; None where its greys are not defined by a curve.
    """
    space = profile[16:20]
    if space == (b"GRAY" if grey else b"RGB "):
        return profile
    curve = _find_tag(profile, b"rTRC" if space == b"RGB " else b"kTRC")
    if curve is None or space not in (b"RGB ", b"GRAY"):
        return None
    if grey:
        return grey_profile("Grey of an RGB profile", curve)
    return rgb_profile("RGB of a grey profile", SRGB_PRIMARIES, curve)


def _matrix(primaries: Primaries) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Return RGB to XYZ under D50, and the adaptation from the primaries' own white."""
    white, *corners = (np.array([x, y, 1 - x - y]) for x, y in _pairs(primaries))
    columns = np.array(corners).T
    if not np.isfinite(columns).all() or white[1] <= 0 or abs(np.linalg.det(columns)) < 1e-6:
        return None
    white = white / white[1]
    scale = np.linalg.solve(columns, white)
    responses = (_BRADFORD @ _D50) / (_BRADFORD @ white)
    adaptation = np.linalg.inv(_BRADFORD) @ np.diag(responses) @ _BRADFORD
    result = adaptation @ (columns * scale)
    return (result, adaptation) if np.abs(result).max() < 100 else None


def _pairs(primaries: Primaries) -> list[tuple[float, float]]:
    return [(primaries[i], primaries[i + 1]) for i in range(0, 8, 2)]


def _xyz(values: NDArray[np.float64]) -> bytes:
    return b"XYZ \0\0\0\0" + b"".join(map(_fixed, values))


def _text(text: str) -> bytes:
    encoded = text.encode("utf-16-be")
    head = struct.pack(">II2s2sII", 1, 12, b"en", b"US", len(encoded), 28)
    return b"mluc\0\0\0\0" + head + encoded


def _profile(name: str, space: bytes, tags: Mapping[bytes, bytes]) -> bytes:
    everything = {
        b"desc": _text(name),
        b"cprt": _text("No copyright, use freely"),
        b"wtpt": _xyz(_D50),
        **tags,
    }
    offset = _HEADER_BYTES + 4 + 12 * len(everything)
    offset += -offset % 4
    table, body = struct.pack(">I", len(everything)), b""
    places: dict[bytes, int] = {}
    for tag, data in everything.items():
        if data not in places:
            places[data] = offset + len(body)
            body += data + bytes(-len(data) % 4)
        table += struct.pack(">4sII", tag, places[data], len(data))
    size = offset + len(body)
    version = b"\x04\x40\0\0" if b"cicp" in tags else b"\x04\x30\0\0"
    head = struct.pack(">II4s4s4s4s", size, 0, version, b"mntr", space, b"XYZ ")
    head += struct.pack(">6H", *_DATE) + b"acsp" + bytes(28) + b"".join(map(_fixed, _D50))
    return (head.ljust(_HEADER_BYTES, b"\0") + table).ljust(offset, b"\0") + body


def _find_tag(profile: bytes, signature: bytes) -> bytes | None:
    try:
        (count,) = struct.unpack_from(">I", profile, _HEADER_BYTES)
        for i in range(min(count, 100)):
            tag, offset, size = struct.unpack_from(">4sII", profile, _HEADER_BYTES + 4 + 12 * i)
            if tag == signature and offset + size <= len(profile):
                return profile[offset : offset + size]
    except struct.error:
        return None
    return None

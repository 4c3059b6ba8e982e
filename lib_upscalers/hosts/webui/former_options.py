"""Convert settings of former versions to today's."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

from lib_upscalers.latent import LATENT_MODES

if TYPE_CHECKING:
    from collections.abc import Mapping

_LISTED = "upscaler_lab_latent_modes"
_BLEND_WITH = "upscaler_lab_blend_with"
_HIDDEN, _RARE = "upscaler_lab_hidden_latent_modes", "upscaler_lab_rare_latent_modes"
# Names of modes in former versions, and today's.
FORMER_MODES: Mapping[str, str] = MappingProxyType(
    {"Latent (TAESD: pixel upscaler)": "Latent (TAESD)"}
)
# The modes of the last version that stored which ones it listed.
_KNOWN = (
    "Latent (Lab)",
    "Latent (TAESD)",
    "Latent (nearest-exact)",
    "Latent (area)",
    "Latent (bilinear)",
    "Latent (bicubic)",
    "Latent (Catmull-Rom)",
    "Latent (Mitchell)",
    "Latent (Hermite)",
    "Latent (B-spline)",
    "Latent (Lanczos2)",
    "Latent (Lanczos3)",
    "Latent (Lanczos4)",
    "Latent (Magic Kernel Sharp)",
    "Latent (bislerp)",
    "Latent (Fourier)",
)


def carry_over(values: dict[str, Any]) -> None:
    """Replace the list of listed latent modes by that of hidden ones.

    Afterwards the same modes are listed, and newer ones. If both settings exist, the newer one
    counts.

    Args:
        values: The WebUI's settings by key; changed. The WebUI writes them when it next saves.
    """
    _rename_modes(values)
    listed = values.pop(_LISTED, None)
    if not isinstance(listed, list) or _HIDDEN in values:
        return
    there = [name for name in _KNOWN if name in LATENT_MODES]
    rare = any(LATENT_MODES[name].rare for name in there if name in listed)
    values[_RARE] = rare
    # Rare ones are not listed by default, unless one of them was.
    values[_HIDDEN] = [
        name for name in there if name not in listed and (rare or not LATENT_MODES[name].rare)
    ]


def _rename_modes(values: dict[str, Any]) -> None:
    for key in (_LISTED, _HIDDEN, _BLEND_WITH):
        held = values.get(key)
        if isinstance(held, list):
            named = cast("list[Any]", held)
            values[key] = [FORMER_MODES.get(str(name), name) for name in named]
        elif isinstance(held, str):
            values[key] = FORMER_MODES.get(held, held)

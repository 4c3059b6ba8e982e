"""Convert settings of former versions to today's."""

from __future__ import annotations

from typing import Any

from lib_upscalers.latent import LATENT_MODES

_LISTED = "upscaler_lab_latent_modes"
_HIDDEN, _RARE = "upscaler_lab_hidden_latent_modes", "upscaler_lab_rare_latent_modes"
# The modes of the last version that stored which ones it listed.
_KNOWN = (
    "Latent (Lab)",
    "Latent (TAESD: pixel upscaler)",
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

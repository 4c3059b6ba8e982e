"""Upscalers for pictures and latents, without a WebUI.

::

    from lib_upscalers import StandaloneHost, Target, Upscaler, read_picture, write_picture

    upscaler = Upscaler(StandaloneHost())
    picture = read_picture("in.png")
    result = upscaler.run(picture, upscaler.find("Lanczos"), Target(scale=2))
    write_picture(result.picture, "out.png")
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lib_upscalers.errors import Cancelled, UpscalerError
    from lib_upscalers.geometry import Size
    from lib_upscalers.hosts.standalone import StandaloneHost
    from lib_upscalers.pictures.files import read_picture, write_picture
    from lib_upscalers.pictures.picture import Picture
    from lib_upscalers.targets import Target
    from lib_upscalers.upscaling.choices import Choice
    from lib_upscalers.upscaling.settings import Settings
    from lib_upscalers.upscaling.upscaler import Result, Upscaler

__all__ = [
    "Cancelled",
    "Choice",
    "Picture",
    "Result",
    "Settings",
    "Size",
    "StandaloneHost",
    "Target",
    "Upscaler",
    "UpscalerError",
    "read_picture",
    "write_picture",
]

_HOMES: Mapping[str, str] = {
    "Cancelled": "errors",
    "Choice": "upscaling.choices",
    "Picture": "pictures.picture",
    "Result": "upscaling.upscaler",
    "Settings": "upscaling.settings",
    "Size": "geometry",
    "StandaloneHost": "hosts.standalone",
    "Target": "targets",
    "Upscaler": "upscaling.upscaler",
    "UpscalerError": "errors",
    "read_picture": "pictures.files",
    "write_picture": "pictures.files",
}


def __getattr__(name: str) -> object:
    """Import a public name when it is first used, so that importing the package is free."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    """Return the public names and the loaded attributes."""
    return sorted({*globals(), *__all__})

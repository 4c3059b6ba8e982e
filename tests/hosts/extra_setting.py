"""A pytest plugin: one more setting of the engine, as if it were written in the library.

It has to be loaded before any other module of the library.
"""

from __future__ import annotations

from dataclasses import dataclass

from lib_upscalers.upscaling import settings


@dataclass(frozen=True)
class _Settings(settings.Settings):
    sparkle: str = settings.described(
        "dim",
        settings.EngineSetting(
            "Sparkle", "how much it sparkles", choices_listed=("dim", "bright"), infotext="sparkle"
        ),
    )


settings.Settings = _Settings  # type: ignore[misc]
settings.ENGINE_SETTINGS = settings.settings_described(_Settings)

"""Errors in one line for people."""

from __future__ import annotations

from lib_upscalers.errors import UpscalerError


def describe(error: BaseException) -> str:
    """Return what a person should read about an error, in one line."""
    text = " ".join(str(error).split())
    if isinstance(error, UpscalerError):
        return text
    if isinstance(error, MemoryError):
        return (
            "Expected enough memory, but it ran out: close other programs, or choose a smaller "
            "picture or size."
        )
    return f"{type(error).__name__}: {text} (a fault of this program; --verbose shows where)"

"""Describe errors in one line for the user."""

from __future__ import annotations

from lib_upscalers.errors import UpscalerError


def describe(error: BaseException) -> str:
    """Return an error's description for the user, in one line."""
    text = " ".join(str(error).split())
    if isinstance(error, UpscalerError):
        return text
    if _lacks_memory(error):
        return (
            "Expected enough memory, but it ran out: close other programs, or choose a smaller "
            "picture or size."
        )
    if isinstance(error, OSError) and error.strerror:
        place = "" if error.filename is None else f" ({error.filename})"
        return f"The system refused it: {error.strerror}{place}."
    return (
        f"{type(error).__name__}: {text} (a fault of this program; --verbose shows where, and "
        "`upscalers doctor` what a bug report needs)"
    )


def _lacks_memory(error: BaseException) -> bool:
    from lib_upscalers.tiling.exhaustion import lacks_memory

    return lacks_memory(error)

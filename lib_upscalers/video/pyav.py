"""Open video files with PyAV, an optional package, and hide how its versions differ."""

from __future__ import annotations

from contextlib import contextmanager
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from lib_upscalers.errors import ImageError, UpscalerError

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path
    from types import ModuleType

_ADVICE = "run pip install 'upscaler-lab[video]' (or pip install av)"


def load_av() -> ModuleType:
    """Return PyAV.

    Raises:
        UpscalerError: It is not installed.
    """
    try:
        import av
    except ImportError as error:
        raise UpscalerError(
            f"Expected the package av, which reads and writes videos, but it is not installed: "
            f"{_ADVICE}."
        ) from error
    return av


@contextmanager
def opened(path: Path) -> Generator[Any]:
    """Open a video to read.

    Raises:
        ImageError: There is none, or it cannot be read.
        UpscalerError: PyAV is not installed.
    """
    av = load_av()
    try:
        container = _open(av, path)
    except FileNotFoundError as error:
        raise ImageError(f"Expected a video, but there is no file {path}.") from error
    except (OSError, ValueError) as error:
        raise ImageError(
            f"Expected a video, but {path} cannot be read as one ({_reason(error)}): convert it to "
            "MKV or MP4."
        ) from error
    with container:
        yield container


def _open(av: ModuleType, path: Path) -> Any:
    try:
        return av.open(str(path), metadata_errors="replace")
    except TypeError:  # since version 19 nothing else is done
        return av.open(str(path))


def _reason(error: BaseException) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__


def fraction(value: Any) -> Fraction | None:
    """Return a rational number of PyAV's; None for none."""
    if value is None:
        return None
    if isinstance(value, Fraction):
        return value
    return Fraction(int(value.num), int(value.den)) if value.den else None

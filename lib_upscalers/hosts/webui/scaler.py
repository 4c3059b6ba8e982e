"""Provide upscaler objects of our own for the WebUI's list."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lib_upscalers.errors import Cancelled
from lib_upscalers.geometry import Size
from lib_upscalers.targets import Target

if TYPE_CHECKING:
    from PIL.Image import Image

    from lib_upscalers.hosts.webui.engine import Engine
    from lib_upscalers.upscaling.choices import Choice

# Pillow's number of it; only the picture modules import Pillow.
_LANCZOS = 1


class Scaler:
    """Enlarges with the network in the file that an entry of the WebUI's list names.

    It has what callers use of the WebUI's class ``Upscaler`` and is not one of its subclasses,
    because the WebUI would make an instance of each of them and list it.

    Args:
        engine: Enlarges the picture.
        title: The name of the entry.
    """

    name = "Upscaler Lab"
    model_name = "Upscaler Lab"
    model_path = None
    model_url = None
    scale = 1

    def __init__(self, engine: Engine, title: str) -> None:
        self._engine = engine
        self._title = title

    def upscale(self, img: Image, scale: float, selected_model: str | None = None) -> Image:
        """Return an image of the exact size, the nearest whole one to `scale` times as large.

        If the user stops it, the image is only resized, as by the WebUI's own upscalers.

        Args:
            img: Of any mode.
            scale: 1 or more; the network runs once at least.
            selected_model: The path of the network's file.

        Raises:
            UpscalerError: It cannot be done; the text says why.
        """
        size = Target(scale=scale).resolve(Size(img.width, img.height))
        choice = self._choice(selected_model)
        try:
            return self._engine.enlarge(img, choice, Target(size=size))
        except Cancelled:
            self._engine.stopped.set()
            return resize_when_stopped(img, size)

    def do_upscale(self, img: Image, selected_model: str | None = None) -> Image:
        """Run the network once and return its result."""
        choice = self._choice(selected_model)
        return self.upscale(img, choice.scale or 1, selected_model)

    def _choice(self, path: str | None) -> Choice:
        return replace(self._engine.upscaler.in_file(Path(str(path))), name=self._title)


class KernelScaler(Scaler):
    """Resamples with one of our kernels, for a WebUI that lacks it."""

    def _choice(self, path: str | None) -> Choice:
        del path
        return self._engine.upscaler.find(self._title)


class StandIn(Scaler):
    """Replaces one of the WebUI's own upscalers for its file.

    Args:
        engine: Enlarges the picture.
        title: The name of the entry.
        path: The file; the WebUI's entry may name the address from which it was downloaded.
        original: The WebUI's own object, which has all other attributes.
    """

    def __init__(self, engine: Engine, title: str, path: Path, original: Any) -> None:
        super().__init__(engine, title)
        self._path = path
        self.original = original
        for name in ("name", "model_name", "model_path", "model_url", "scale"):
            setattr(self, name, getattr(original, name, None))

    def __getattr__(self, name: str) -> Any:
        """Return an attribute that ours lacks."""
        return getattr(self.original, name)

    def _choice(self, path: str | None) -> Choice:
        del path
        return super()._choice(str(self._path))


def resize_when_stopped(image: Image, size: Size) -> Image:
    """Return the result of the WebUI's own upscalers when the user has stopped the work."""
    return image.resize((size.width, size.height), _LANCZOS)


def file_of(entry: Any) -> Path | None:
    """Return the file of an entry of the WebUI's list; None if it has none that exists."""
    # The first is an address where the file was downloaded (realesrgan_model.py:24).
    names = (getattr(entry, "local_data_path", None), entry.data_path)
    paths = [Path(str(name)) for name in names if name]
    return next((path for path in paths if path.is_file()), None)

"""Begin Hires. fix from a picture: read its generation parameters, and set a job by them."""

from __future__ import annotations

import base64
import io
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from lib_upscalers.compare.starting_point import (
    Made,
    StartingPoint,
    check_sides,
    differences,
    starting_point,
)
from lib_upscalers.errors import ImageError, InputError
from lib_upscalers.file_writing import writing
from lib_upscalers.geometry import Size
from lib_upscalers.hosts.webui.full_vae import loaded_model
from lib_upscalers.hosts.webui.host_modules import host_module
from lib_upscalers.pictures.bit_depth import to_depth
from lib_upscalers.pictures.formats import flattened
from lib_upscalers.pictures.picture import Picture, decoding, from_pil, has_alpha, to_pil

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence
    from pathlib import Path

    from PIL.Image import Image

_NO_PARAMETERS = (
    "Expected a picture with generation parameters, or a prompt above for the second pass, but "
    "there is neither: write the prompt that it was made with, or take another picture."
)
# Settings that would load other weights: the page says instead that they differ.
_LEFT = ("sd_model_checkpoint", "sd_vae", "forge_additional_modules")


@dataclass(frozen=True)
class Start:
    """From which picture a comparison begins.

    Attributes:
        image: RGB, of the size of the first pass.
        point: What its generation parameters say; None if it has none.
        overrides: Settings that it was made with and that are others now.
    """

    image: Image
    point: StartingPoint | None
    overrides: dict[str, Any]

    @property
    def enlarged(self) -> bool:
        """Whether the first pass has to be made again from its seed."""
        return self.point is not None and self.point.enlarged


class PictureStart:
    """Reads the picture of the script's page.

    Args:
        file_of: Returns the file that a page has uploaded; None for any other value.
    """

    def __init__(self, file_of: Callable[[object], Path | None]) -> None:
        self._file_of = file_of

    def read(self, value: object) -> Start | None:
        """Return where to begin; None for no picture.

        Args:
            value: A file that was uploaded, or through the API a picture's file as base64.

        Raises:
            InputError: It is no such picture, or one that cannot be a first pass.
        """
        if value is None or value == "":
            return None
        image = self._image(value)
        size = Size(*image.size)
        values = _parsed(image)
        point = starting_point(values, size)
        if point is None:
            check_sides(size)
            return Start(_as_rgb(image), None, {})
        overrides = {name: each for _, name, each in _overrides(values) if name not in _LEFT}
        return Start(_as_rgb(image), point, overrides)

    def note(self, value: object) -> str:
        """Return as HTML what will be done with a picture, before anything runs."""
        try:
            start = self.read(value)
        except InputError as error:
            return _paragraphs([str(error)])
        if start is None:
            return ""
        if start.point is None:
            return _paragraphs(
                [
                    "It has no generation parameters: the prompt, seed and sampler above are used.",
                    "Without a prompt above nothing runs.",
                ]
            )
        lines = [f"{start.point.outline}: these and the prompt are the picture's own."]
        if start.enlarged:
            lines.append("It was enlarged already: its first pass is made again from its seed.")
        return _paragraphs([*lines, *differences(start.point.made, loaded())])

    def _image(self, value: object) -> Image:
        images, file = host_module("images"), self._file_of(value)
        try:
            with decoding("the image"):
                if file is not None:
                    image = images.read(str(file))
                else:
                    text = str(value).partition(",")[2] or str(value)
                    image = images.read(io.BytesIO(base64.b64decode(text, validate=True)))
                image.load()
        except ImageError as error:
            raise InputError(
                "Expected a picture to begin with, but it cannot be read: drop it again, or "
                "another one."
            ) from error
        return image


def _as_rgb(image: Image) -> Image:
    """Return a picture in 8 bits, on white: a mere conversion shows what is transparent."""
    with decoding("the image"):
        if image.mode == "RGB" and not has_alpha(image):
            return image
        picture = flattened(from_pil(image))
        pixels = np.broadcast_to(picture.pixels, (*picture.pixels.shape[:2], 3))
        return to_pil(Picture(to_depth(pixels, np.uint8)))


def _parsed(image: Image) -> dict[str, Any]:
    """Return the generation parameters of a picture as the WebUI reads them."""
    with _reading_parameters():
        text, _ = host_module("images").read_info_from_image(image)
        if not isinstance(text, str) or not text.strip():
            return {}
        return dict(host_module("infotext_utils").parse_generation_parameters(text))


def _overrides(values: dict[str, Any]) -> list[tuple[str, str, Any]]:
    with _reading_parameters():
        return list(host_module("infotext_utils").get_override_settings(values))


@contextmanager
def _reading_parameters() -> Generator[None, None, None]:
    try:
        yield
    except Exception as error:  # what the WebUI raises for texts that others have written
        raise InputError(
            "Expected generation parameters as this WebUI writes them, but they cannot be read "
            f"({error}): take another picture."
        ) from error


def _paragraphs(lines: Sequence[str]) -> str:
    return "".join(f'<p class="upscaler-lab-note">{escape(line)}</p>' for line in lines)


def loaded() -> Made:
    """Return which model and VAE are in use."""
    shared, vae = host_module("shared"), host_module("sd_vae")
    about = getattr(loaded_model(), "sd_checkpoint_info", None)
    file = getattr(vae, "loaded_vae_file", None)
    name = str(getattr(about, "name_for_extra", "") or "")
    if about is None:
        # Forge loads a model for the first picture; until then the setting says which.
        chosen = str(shared.opts.data.get("sd_model_checkpoint") or "")
        about = _checkpoint(chosen)
        name = str(getattr(about, "name_for_extra", "") or "")
    return Made(
        model=name,
        model_hash=str(getattr(about, "shorthash", "") or ""),
        vae=str(vae.get_loaded_vae_name() or "") if file else "",
    )


def _checkpoint(name: str) -> Any:
    find = getattr(host_module("sd_models"), "get_closet_checkpoint_match", None)
    return find(name) if find is not None and name else None


def set_job(p: Any, start: Start) -> None:
    """Set a job by a picture's generation parameters.

    Raises:
        InputError: There are none, and the job has no prompt; or this WebUI lacks the sampler.
    """
    p.batch_size = p.n_iter = 1
    point = start.point
    if point is None:
        if not str(p.prompt or "").strip():
            raise InputError(_NO_PARAMETERS)
        p.width, p.height = start.image.size
    else:
        _set_sampler(p, point)
        p.prompt, p.negative_prompt = point.prompt, point.negative_prompt
        p.styles = []
        p.seed, p.steps = point.seed, point.steps
        p.subseed, p.subseed_strength = point.subseed, point.subseed_strength
        p.width, p.height = point.size.width, point.size.height
        p.cfg_scale = p.cfg_scale if point.cfg_scale is None else point.cfg_scale
        p.override_settings = {**start.overrides, **p.override_settings}
    if not start.enlarged:
        p.override_settings = {**p.override_settings, "save_images_before_highres_fix": False}


def _set_sampler(p: Any, point: StartingPoint) -> None:
    samplers = host_module("sd_samplers")
    split = getattr(samplers, "get_sampler_and_scheduler", None)
    name, scheduler = point.sampler, point.scheduler
    if split is not None:
        # Older ones have the scheduler in the sampler's name; an unknown one becomes another.
        name, scheduler = split(point.sampler, point.scheduler or None)
    if name not in samplers.all_samplers_map or not point.sampler.startswith(name):
        raise InputError(
            f"Expected a sampler of this WebUI, but the picture was made with {point.sampler}: "
            "take another picture, or make it again here."
        )
    p.sampler_name = name
    if hasattr(p, "scheduler"):
        p.scheduler = scheduler


def store_picture(value: object, new_file: Callable[[str], Path]) -> str | None:
    """Write a copy of a picture of the WebUI's gallery, with its generation parameters.

    Args:
        value: What the WebUI's page hands over; None for an empty gallery.
        new_file: Returns the path for a file of a name.

    Returns:
        The path; None for no picture.
    """
    from PIL.PngImagePlugin import PngInfo

    image = host_module("infotext_utils").image_from_url_text(value)
    if image is None:
        return None
    text, _ = host_module("images").read_info_from_image(image)
    info, path = PngInfo(), new_file("picture.png")
    if text:
        info.add_text("parameters", text)
    with writing(path, overwrite=True) as stream:
        image.save(stream, "PNG", pnginfo=info)
    return str(path)

"""Jobs for the WebUI's API, small enough for a CPU, and what comes of them."""

from __future__ import annotations

import json
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from tests.webui.host import WebUI, decoded, encoded

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SIDE = 64
FOUR = "Test ESRGAN 4x"
TWO = "Test Compact 2x"
GONE = "Test gone"
OWN = "Lab Fast 2x"
RESIZE = "Latent resize"

_CHOICES: Mapping[str, Any] = MappingProxyType(
    {"hr_additional_modules": ["Use same choices"], "hr_cfg": 2, "distilled_cfg_scale": 3.5}
)
# What a WebUI wants to be told besides.
_MORE: Mapping[str, Mapping[str, Any]] = MappingProxyType({"Forge": _CHOICES, "Neo": _CHOICES})


def sample(width: int = SIDE, height: int = SIDE) -> Image.Image:
    """Return a picture with edges, ramps and noise."""
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    noise = np.random.default_rng(7).integers(0, 40, (height, width))
    layers = [(x * 3) % 256, (y * 2 + noise) % 256, ((x // 8 + y // 8) % 2) * 215]
    return Image.fromarray(np.stack(layers, axis=-1).astype(np.uint8))


def _base(**more: object) -> dict[str, Any]:
    job = {"prompt": "a cat", "seed": 11, "steps": 2, "sampler_name": "Euler", "cfg_scale": 2}
    return {**job, "width": SIDE, "height": SIDE, **more}


def txt2img(ui: WebUI, upscaler: str = "", **more: object) -> dict[str, Any]:
    """Return a txt2img job, with Hires. fix if an upscaler is named."""
    if not upscaler:
        return _base(**more)
    hires = {"enable_hr": True, "hr_scale": 2, "hr_upscaler": upscaler, "denoising_strength": 0.6}
    return _base(**{"hr_second_pass_steps": 2, **hires, **_MORE.get(ui.kind, {}), **more})


def img2img(*arguments: object, **more: object) -> dict[str, Any]:
    """Return an img2img job that resizes the latent, with values for our accordion if any."""
    job = {"init_images": [encoded(sample())], "resize_mode": 3, "denoising_strength": 0.5}
    job |= {"width": 2 * SIDE, "height": 2 * SIDE, **more}
    if arguments:
        job["alwayson_scripts"] = {RESIZE: {"args": list(arguments)}}
    return _base(**job)


def extras(upscaler: str, image: str, **more: object) -> dict[str, Any]:
    """Return a job for the WebUI's own "Upscale" of one picture."""
    return {"image": image, "upscaler_1": upscaler, "upscaling_resize": 2, **more}


def generate(ui: WebUI, path: str, job: Mapping[str, Any]) -> tuple[list[np.ndarray], str]:
    """Return the pictures of a job, and the infotext of the first."""
    answer = ui.post(f"/sdapi/v1/{path}", job)
    assert answer.status == 200, answer.text[:2000]
    pictures = [np.asarray(decoded(each).convert("RGB")) for each in answer.body["images"]]
    return pictures, json.loads(answer.body["info"])["infotexts"][0]


def generate_again(ui: WebUI, job: Mapping[str, Any]) -> tuple[list[np.ndarray], str]:
    """Return what a txt2img job gives the second time.

    In Neo the first time with one of its networks differs by a level from all others, without us,
    too.
    """
    generate(ui, "txt2img", job)
    return generate(ui, "txt2img", job)


def checkpoints(ui: WebUI, *, inpainting: bool = False) -> list[str]:
    """Return the titles of the checkpoints that are for inpainting, or of the others."""
    titles = sorted(each["title"] for each in ui.get("/sdapi/v1/sd-models").body)
    return [title for title in titles if ("inpaint" in title) == inpainting]


def take_first_checkpoint(ui: WebUI) -> None:
    """Use the checkpoint that all tests use; a WebUI forgets it for `--ckpt` when it reloads."""
    ui.post("/sdapi/v1/options", {"sd_model_checkpoint": checkpoints(ui)[0]})


def enlarge(ui: WebUI, upscaler: str, image: Image.Image, **more: object) -> Image.Image:
    """Return what the WebUI's "Upscale" makes of a picture."""
    job = extras(upscaler, encoded(image), **more)
    answer = ui.post("/sdapi/v1/extra-single-image", job)
    assert answer.status == 200, answer.text[:2000]
    return decoded(answer.body["image"])


def opened(path: Path) -> Image.Image:
    """Return the image in a file, with what the file says of it."""
    with Image.open(path) as image:
        image.load()
        return image

"""Finished pictures that begin with a picture, on a model of the WebUI's jobs."""

from __future__ import annotations

import base64
import io
import struct
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from lib_upscalers.compare.finished import FinishedRequest
from lib_upscalers.errors import InputError
from lib_upscalers.hosts.webui import start
from lib_upscalers.hosts.webui.picture_start import PictureStart, Start, store_picture
from tests.cases import each_case
from tests.hosts.test_hires_comparison import STRENGTHS, UPSCALERS, Jobs, jobs, session

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["jobs"]
# What differs between hosts is tested in test_hires_comparison.py and on the real ones.
pytestmark = pytest.mark.parametrize("bare", ["a1111"], indirect=True)
TEXT = "a cat\nSteps: 3, Sampler: Euler, CFG scale: 7, Seed: 5, Size: 64x64, Clip skip: 2"


def drawing(side: int = 64) -> Image.Image:
    pixels = np.random.default_rng(3).integers(0, 256, (side, side, 3), np.uint8)
    return Image.fromarray(pixels)


def encoded(image: Image.Image, text: str = "") -> str:
    """Return a picture's file as base64, as an API takes it."""
    file, info = io.BytesIO(), PngInfo()
    if text:
        info.add_text("parameters", text)
    image.save(file, "PNG", pnginfo=info)
    return base64.b64encode(file.getvalue()).decode()


def read(value: object) -> Start | None:
    return PictureStart(lambda _value: None).read(value)


def compare(p: Any, value: object) -> Any:  # noqa: ANN401
    request = FinishedRequest(UPSCALERS, STRENGTHS)
    return start.extension().finished.run(p, request, read(value))


def pixels_of(processed: Any) -> list[np.ndarray]:  # noqa: ANN401
    return [np.asarray(image) for image in processed.images]


def test_the_picture_is_the_first_pass_and_its_parameters_the_jobs(jobs: Jobs) -> None:
    p = jobs.job(prompt="a dog", seed=1, batch_size=2, n_iter=3, steps=9, sampler_name="Euler a")
    done = compare(p, encoded(drawing(), TEXT))
    assert jobs.first == 0, "nothing is sampled that is there"
    assert len(done.images) == 4
    assert (p.prompt, p.seed, p.steps, p.sampler_name) == ("a cat", 5, 3, "Euler")
    assert (p.batch_size, p.n_iter, p.width, p.height) == (1, 1, 64, 64)
    own = jobs.job(seed=5, n_iter=1, batch_size=1, firstpass_image=drawing())
    own.hr_upscaler, own.denoising_strength = UPSCALERS[0], STRENGTHS[0]
    assert np.array_equal(pixels_of(done)[0], pixels_of(jobs.run(own))[0])
    made = session()
    assert [entry.state for entry in made.entries] == ["finished"] * 4
    assert made.source.width == 64


def test_settings_that_it_was_made_with_are_used_but_no_other_model(jobs: Jobs) -> None:
    p = jobs.job()
    compare(p, encoded(drawing(), f"{TEXT}, Model hash: 0123456789"))
    assert p.override_settings["CLIP_stop_at_last_layers"] == 2
    assert "sd_model_checkpoint" not in p.override_settings


def test_a_picture_of_this_session_begins_from_its_latent(jobs: Jobs) -> None:
    small = jobs.run(jobs.job(enable_hr=False, n_iter=1, batch_size=2))
    assert jobs.first == 1
    # The second one of the batch.
    text = TEXT.replace("Seed: 5", "Seed: 6")
    p = jobs.job()
    done = compare(p, encoded(small.images[1], text))
    assert p.firstpass_image is None
    assert jobs.first == 1, "and is not sampled again"
    assert len(done.images) == 4
    assert "Sampled with" in p.extra_generation_params or "Sampled with" in done.infotexts[0]


def test_a_picture_that_was_changed_since_is_its_own_first_pass(jobs: Jobs) -> None:
    small = jobs.run(jobs.job(enable_hr=False, n_iter=1, batch_size=1)).images[0]
    changed = Image.fromarray(255 - np.asarray(small))
    p = jobs.job()
    compare(p, encoded(changed, TEXT))
    assert p.firstpass_image is not None


def test_a_picture_that_was_enlarged_has_its_first_pass_made_again(jobs: Jobs) -> None:
    p = jobs.job()
    compare(p, encoded(drawing(128), f"{TEXT}, Hires upscale: 2, Hires upscaler: Lanczos"))
    assert (p.width, p.firstpass_image, jobs.first) == (64, None, 1)


def test_without_parameters_the_prompt_above_is_used_or_nothing_runs(jobs: Jobs) -> None:
    for text in ("", '{"3": {"class_type": "KSampler"}}'):
        p = jobs.job(prompt="a bird", seed=9)
        done = compare(p, encoded(drawing(), text))
        assert len(done.images) == 4
        assert (p.prompt, p.seed, p.width) == ("a bird", 9, 64)
        with pytest.raises(InputError, match="or a prompt above"):
            compare(jobs.job(prompt="  "), encoded(drawing(), text))


def test_a_sampler_of_another_program_is_refused(jobs: Jobs) -> None:
    with pytest.raises(InputError, match="made with UniPC Turbo"):
        compare(jobs.job(), encoded(drawing(), TEXT.replace("Euler", "UniPC Turbo")))
    assert jobs.first == 0


def test_a_target_that_does_not_enlarge_the_picture_is_refused(jobs: Jobs) -> None:
    p = jobs.job(width=32, height=32, hr_resize_x=64, hr_resize_y=64)
    with pytest.raises(InputError, match="larger than 64 x 64"):
        compare(p, encoded(drawing(), TEXT))


@each_case("value", ["/etc/passwd", "no base64!", base64.b64encode(b"no picture").decode(), 3, []])
def test_what_is_no_picture_is_refused(jobs: Jobs, value: object) -> None:
    with pytest.raises(InputError, match="picture to begin with"):
        read(value)


def test_a_picture_of_any_kind_is_a_first_pass_as_one_sees_it(jobs: Jobs) -> None:
    deep = Image.fromarray(np.full((64, 64), 30000, np.uint16))
    hidden = Image.fromarray(np.full((64, 64, 4), (0, 255, 0, 0), np.uint8))
    palette = drawing().quantize(16)
    for image, level in ((deep, 117), (hidden, 255), (palette, 127), (drawing().convert("L"), 127)):
        begun = read(encoded(image))
        assert begun is not None
        assert begun.image.mode == "RGB"
        assert abs(np.asarray(begun.image).mean() - level) < 6


@each_case("error", [ValueError("piexif"), KeyError("Exif"), struct.error("unpack")])
def test_parameters_that_the_webui_cannot_read_are_said(jobs: Jobs, error: Exception) -> None:
    images, infotext = (sys.modules[f"modules.{name}"] for name in ("images", "infotext_utils"))

    def fails(*_: object) -> None:
        raise error

    for module, name in ((images, "read_info_from_image"), (infotext, "get_override_settings")):
        right = getattr(module, name)
        setattr(module, name, fails)
        with pytest.raises(InputError, match="cannot be read"):
            read(encoded(drawing(), TEXT))
        assert "cannot be read" in PictureStart(lambda _value: None).note(encoded(drawing(), TEXT))
        setattr(module, name, right)


@each_case("error", [Image.DecompressionBombError("large"), EOFError(), IndexError(), TypeError()])
def test_whatever_a_decoder_raises_is_said(jobs: Jobs, error: Exception) -> None:
    def fails(*_: object) -> None:
        raise error

    sys.modules["modules.images"].read = fails
    with pytest.raises(InputError, match="picture to begin with"):
        read(encoded(drawing()))


def test_no_picture_is_no_start(jobs: Jobs) -> None:
    assert read(None) is None
    assert read("") is None


def test_the_page_says_what_will_be_done_before_anything_runs(jobs: Jobs) -> None:
    note = PictureStart(lambda _value: None).note
    assert note(None) == ""
    said = note(encoded(drawing(), f"{TEXT}, Model: <other>, Model hash: 0123456789"))
    assert "64x64, seed 5, Euler, 3 steps" in said
    assert "<other>" not in said
    assert "no generation parameters" in note(encoded(drawing()))
    assert "enlarged already" in note(encoded(drawing(128), f"{TEXT}, Hires upscale: 2"))
    assert "cannot be read" in note("nonsense")
    jobs.webui.shared.sd_model.sd_checkpoint_info = None
    model = __import__("sys").modules["modules.sd_models"].model_data.sd_model
    model.sd_checkpoint_info = type("Info", (), {"name_for_extra": "here", "shorthash": "ff"})
    said = note(encoded(drawing(), f"{TEXT}, Model: there, Model hash: 0123456789"))
    assert "the model there, but here is loaded" in said


def test_a_picture_of_the_gallery_keeps_its_parameters(jobs: Jobs, tmp_path: Path) -> None:
    image = drawing()
    image.info["parameters"] = TEXT
    path = store_picture(image, lambda name: tmp_path / name)
    assert path is not None
    with Image.open(path) as stored:
        assert stored.info["parameters"] == TEXT
        assert np.array_equal(np.asarray(stored), np.asarray(image))
    assert store_picture(None, lambda name: tmp_path / name) is None

"""Finished pictures of Hires. fix, on a model of the WebUI's jobs."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from PIL import Image

from lib_upscalers.compare.finished import FinishedRequest
from lib_upscalers.compare.store import Store
from lib_upscalers.errors import DiskFullError, InputError
from lib_upscalers.hosts.webui import comparison_services, start
from tests.hosts.webui_model import decode, encode

if TYPE_CHECKING:
    from collections.abc import Callable

    from lib_upscalers.compare.session import Session
    from tests.hosts.webui_model import WebUI


def to_tensor(image: Image.Image) -> torch.Tensor:
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)[None].float() / 255


def to_image(pixels: torch.Tensor) -> Image.Image:
    return Image.fromarray((pixels.clamp(0, 1) * 255).byte().permute(1, 2, 0).numpy())


UPSCALERS, STRENGTHS = ("Ours 2x", "Latent (Mitchell)"), (0.3, 0.6)


class Sampler:
    """sd_samplers_common.py: noise of the global generator, and a parameter of the infotext."""

    def __init__(self, jobs: Jobs) -> None:
        self.jobs = jobs

    def sample(self, p: Any, x: Any, *conditions: Any) -> Any:  # noqa: ANN401
        del conditions
        self.jobs.first += 1
        p.extra_generation_params["Sampled with"] = "care"
        return x + torch.rand(x.shape)

    def sample_img2img(self, p: Any, x: Any, noise: Any, *conditions: Any) -> Any:  # noqa: ANN401
        del noise, conditions
        if self.jobs.fails_at == (p.hr_upscaler, p.denoising_strength):
            raise RuntimeError("not enough memory: you tried to allocate 1 byte")
        if self.jobs.in_second is not None:
            self.jobs.in_second(p)
        return x + p.denoising_strength * torch.rand(x.shape) + len(p.hr_upscaler)


class Jobs:
    """processing.py, as far as a script's jobs go."""

    def __init__(self, webui: WebUI) -> None:
        self.webui = webui
        self.first = 0
        self.fails_at: tuple[str, float] | None = None
        self.in_second: Callable[[Any], None] | None = None

    def job(self, **more: object) -> Any:  # noqa: ANN401
        values: dict[str, Any] = {
            "seed": 5,
            "n_iter": 2,
            "batch_size": 2,
            "steps": 3,
            "enable_hr": True,
            "width": 64,
            "height": 64,
            "hr_scale": 2.0,
            "hr_resize_x": 0,
            "hr_resize_y": 0,
            "hr_second_pass_steps": 0,
            "hr_upscaler": "Lanczos",
            "denoising_strength": 0.7,
            "styles": [],
            "override_settings": {},
            "extra_generation_params": {},
            "comments": {},
            "firstpass_image": None,
            "prompt": "a cat",
            "negative_prompt": "",
            "sampler_name": "Euler",
            "scheduler": "Automatic",
            "cfg_scale": 7.0,
            "subseed": -1,
            "subseed_strength": 0,
        }
        return SimpleNamespace(**{**values, **more})

    def processed(self, p: Any, images: list[Any], seed: Any, info: str = "") -> Any:  # noqa: ANN401
        return SimpleNamespace(
            images=images,
            infotexts=[info] * len(images),
            seed=seed,
            subseed=seed,
            sampler_name="Euler",
            denoising_strength=p.denoising_strength,
            comments="",
            index_of_first_image=0,
            all_prompts=["a cat"] * len(images),
            all_negative_prompts=[""] * len(images),
            all_seeds=[p.seed + i for i in range(len(images))],
            all_subseeds=[p.seed] * len(images),
            info=info,
        )

    def run(self, p: Any) -> Any:  # noqa: ANN401
        images: list[Any] = []
        for iteration in range(p.n_iter):
            p.iteration, p.prompts = iteration, [p.prompt] * p.batch_size
            p.seeds = [p.seed + iteration * p.batch_size + i for i in range(p.batch_size)]
            torch.manual_seed(p.seed + iteration)
            create = self.webui_samplers.create_sampler
            x = torch.rand(p.batch_size, 4, p.height // 8, p.width // 8)
            if p.firstpass_image is not None:  # processing.py:1310
                samples = encode(to_tensor(p.firstpass_image))
            else:
                samples = create("Euler", None).sample(p, x, None, None)
            if not p.enable_hr:
                images += [to_image(each) for each in decode(samples)]
                continue
            large = torch.nn.functional.interpolate(samples, scale_factor=p.hr_scale)
            done = create("Euler", None).sample_img2img(p, large, None, None, None)
            for each in done:
                grey = (each.mean(dim=0).numpy() * 20).astype(np.uint8)
                images.append(Image.fromarray(grey).resize((128, 128)).convert("RGB"))
        text = f"{p.hr_upscaler} {p.denoising_strength} {p.extra_generation_params}"
        return self.processed(p, images, p.seed, text)

    @property
    def webui_samplers(self) -> Any:  # noqa: ANN401
        return sys.modules["modules.sd_samplers"]


@pytest.fixture
def jobs(webui: WebUI) -> Jobs:
    made = Jobs(webui)
    webui.processing.process_images = made.run
    webui.shared.opts.data["sd_model_checkpoint"] = None
    webui.processing.Processed = made.processed
    webui.processing.fix_seed = lambda _p: None
    webui.sampler_factory = lambda _name, _model: Sampler(made)
    webui.state.assign_current_image = lambda _image: None
    return made


def compare(p: Any, **more: Any) -> Any:  # noqa: ANN401
    return start.extension().finished.run(p, FinishedRequest(UPSCALERS, STRENGTHS, **more))


def session() -> Session:
    return comparison_services.store().load(start.extension().finished.latest)


def test_each_cell_is_what_its_own_run_gives(jobs: Jobs) -> None:
    done = compare(jobs.job())
    assert jobs.first == 2, "one first pass for each batch"
    found = [
        (np.asarray(image), text) for image, text in zip(done.images, done.infotexts, strict=True)
    ]
    alone = []
    for strength in STRENGTHS:
        for name in UPSCALERS:
            p = jobs.job(hr_upscaler=name, denoising_strength=strength)
            own = jobs.run(p)
            alone += list(zip(own.images, own.infotexts, strict=True))
    assert len(found) == len(alone) == 16
    for (pixels, text), (image, expected) in zip(found, alone, strict=True):
        assert text == expected
        assert np.array_equal(pixels, np.asarray(image)), text


def test_the_session_has_rows_of_strengths(jobs: Jobs) -> None:
    compare(jobs.job(), steps=7)
    made = session()
    assert made.columns == 2
    assert [(e.upscaler, e.strength, e.state, e.steps) for e in made.entries] == [
        (name, strength, "finished", 7) for strength in STRENGTHS for name in UPSCALERS
    ]
    assert made.source.width == 64
    assert all(entry.result and entry.result.width == 128 for entry in made.entries)
    assert all(entry.figures for entry in made.entries)


def test_a_cell_that_fails_leaves_the_others(jobs: Jobs) -> None:
    jobs.fails_at = (UPSCALERS[0], 0.3)
    done = compare(jobs.job())
    assert [entry.state for entry in session().entries] == ["failed", *["finished"] * 3]
    assert "memory" in done.comments
    assert len(done.images) == 12


def test_small_pictures_that_cannot_be_decoded_leave_the_gallery(jobs: Jobs) -> None:
    """The autoencoder may lack memory for them, or give nothing at all."""
    common = sys.modules["modules.sd_samplers_common"]
    batches: list[int] = []

    def fails(samples: torch.Tensor, *_: object) -> torch.Tensor:
        batches.append(len(samples))
        raise torch.cuda.OutOfMemoryError("CUDA out of memory")

    common.samples_to_images_tensor = fails
    done = compare(jobs.job(n_iter=1))
    assert len(done.images) == 8
    assert "memory" in done.comments
    assert set(batches) == {1}, "one by one"


def test_a_cell_without_a_picture_leaves_the_others(jobs: Jobs) -> None:
    """A script may take pictures out of a job."""
    run, made = jobs.run, []

    def without(p: Any) -> Any:  # noqa: ANN401
        made.append(p)
        done = run(p)
        return jobs.processed(p, [], p.seed) if len(made) == 2 else done

    jobs.webui.processing.process_images = without
    done = compare(jobs.job(n_iter=1))
    assert [each.state for each in session().entries] == ["finished", "stopped", *["finished"] * 2]
    assert len(done.images) == 6


def test_a_sampler_that_returns_no_tensor_is_let_alone(jobs: Jobs) -> None:
    class Odd(Sampler):
        def sample(self, p: Any, x: Any, *conditions: Any) -> Any:  # noqa: ANN401
            return [super().sample(p, x, *conditions)]

    jobs.webui.sampler_factory = lambda _name, _model: Odd(jobs)
    sampler = jobs.webui_samplers.create_sampler("Euler", None)
    p = jobs.job(prompts=["a"], seeds=[1])
    assert isinstance(sampler.sample(p, torch.zeros(1, 4, 8, 8), None, None), list)


def test_names_that_differ_in_little_have_pictures_of_their_own(jobs: Jobs) -> None:
    """Names that are the same to a file system, or are cut."""
    long = "Latent (" + "x" * 150 + ")"
    names = ("a b", "a_b", long)
    table = jobs.webui.shared.latent_upscale_modes
    table.update({name: {"mode": "bilinear", "antialias": False} for name in names})
    request = FinishedRequest(names, (0.3, 0.6))
    start.extension().finished.run(jobs.job(n_iter=1, batch_size=1), request)
    results = [each.result.file for each in session().entries if each.result is not None]
    assert len(set(results)) == 6


def test_skip_leaves_a_cell_out_and_interrupt_ends(jobs: Jobs) -> None:
    state, seen = jobs.webui.state, []

    def press(p: Any) -> None:  # noqa: ANN401
        seen.append(p)
        state.skipped = len(seen) == 2
        state.interrupted = len(seen) == 3

    jobs.in_second = press
    done = compare(jobs.job(n_iter=1))
    states = [entry.state for entry in session().entries]
    assert states == ["finished", "stopped", "stopped", "stopped"]
    assert len(done.images) == 2


def test_a_first_pass_that_another_extension_changes_is_made_again(jobs: Jobs) -> None:
    run = jobs.run

    def changing(p: Any) -> Any:  # noqa: ANN401
        p.steps += round(10 * p.denoising_strength)
        return run(p)

    jobs.webui.processing.process_images = changing
    done = compare(jobs.job(n_iter=1))
    assert jobs.first == 2
    assert "Another extension" in done.comments


def test_nothing_begins_that_cannot_be_done(jobs: Jobs) -> None:
    with pytest.raises(InputError, match="larger than 64 x 64"):
        compare(jobs.job(hr_scale=1.0))
    request = FinishedRequest(("Ours 2x", "Ours 3x"), (0.3,))
    with pytest.raises(InputError, match="an upscaler of Hires"):
        start.extension().finished.run(jobs.job(), request)
    assert jobs.first == 0


def test_other_jobs_are_left_alone(jobs: Jobs) -> None:
    compare(jobs.job(n_iter=1))
    before = jobs.first
    jobs.run(jobs.job(n_iter=1))
    jobs.run(jobs.job(n_iter=1))
    assert jobs.first == before + 2


def test_several_seeds_have_sessions_that_know_each_other(jobs: Jobs) -> None:
    compare(jobs.job())
    made = session()
    assert list(made.siblings.values()) == ["Seed 5", "Seed 6", "Seed 7", "Seed 8"]
    store = comparison_services.store()
    others = [store.load(name) for name in made.siblings]
    assert [each.title for each in others] == list(made.siblings.values())
    assert all(each.siblings == made.siblings for each in others)
    assert all(entry.state == "finished" for each in others for entry in each.entries)
    compare(jobs.job(n_iter=1, batch_size=1))
    assert session().siblings == {}


def test_a_model_that_is_changed_in_the_middle_is_named(jobs: Jobs) -> None:
    vae, seen = sys.modules["modules.sd_vae"], []

    def change(p: Any) -> None:  # noqa: ANN401
        seen.append(p)
        vae.loaded_vae_file = "other.pt" if len(seen) > 2 else None

    jobs.in_second = change
    done = compare(jobs.job(n_iter=1))
    states = [entry.state for entry in session().entries]
    assert states == ["finished", "finished", "failed", "failed"]
    assert "Another model was loaded in the middle" in done.comments
    assert len(done.images) == 4, "two of each batch"


def test_a_full_disk_leaves_what_is_done(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    put, written = Store.put_picture, []

    def full(*arguments: Any) -> Any:  # noqa: ANN401
        written.append(arguments)
        if len(written) > 2:
            raise DiskFullError("Expected room on the disk, but it is full: make room.")
        return put(*arguments)

    monkeypatch.setattr(Store, "put_picture", full)
    done = compare(jobs.job(n_iter=1, batch_size=1))
    assert [entry.state for entry in session().entries] == ["finished", *["failed"] * 3]
    assert "the disk, but it is full" in done.comments
    assert len(done.images) == 4, "the gallery has all"


def test_a_disk_that_is_full_at_once_is_one_sentence(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_arguments: Any) -> Any:  # noqa: ANN401
        raise DiskFullError("Expected room on the disk, but it is full: make room.")

    monkeypatch.setattr(Store, "put_picture", full)
    done = compare(jobs.job(n_iter=1, batch_size=1))
    assert done.comments == "Expected room on the disk, but it is full: make room."
    assert len(done.images) == 4


def test_without_a_model_one_sentence_says_so(jobs: Jobs) -> None:
    data = sys.modules["modules.sd_models"].model_data
    data.sd_model = None

    def fails(_p: Any) -> Any:  # noqa: ANN401
        return data.sd_model.first_stage_model

    jobs.webui.processing.process_images = fails
    done = compare(jobs.job())
    sentence = "No model is loaded: choose one, and compare again."
    lines = [f"{name}, {strength:g}: {sentence}" for strength in STRENGTHS for name in UPSCALERS]
    assert done.comments.splitlines() == lines
    assert done.images == []

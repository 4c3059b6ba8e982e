"""What the extension does to a WebUI, on a model of each."""

from __future__ import annotations

import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from PIL import Image

from lib_upscalers.errors import ModelError, UnknownNameError, UpscalerError
from lib_upscalers.geometry import Size
from lib_upscalers.hosts.webui import former_options, options, start
from lib_upscalers.hosts.webui.interception import Watched
from lib_upscalers.hosts.webui.latent_resize import apply
from lib_upscalers.hosts.webui.latents import OURS, paste_reader
from lib_upscalers.hosts.webui.scaler import Scaler, StandIn
from lib_upscalers.latent import LATENT_MODES, upscale_latent
from tests.cases import each_case
from tests.hosts.conftest import load
from tests.hosts.webui_model import decode, encode, module
from tests.upscaling.test_upscaler import save_network

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from tests.hosts.webui_model import WebUI

ROUND_TRIP = "Latent (TAESD)"


def photo(width: int = 24, height: int = 20, mode: str = "RGB") -> Image.Image:
    values = np.random.default_rng(0).integers(0, 256, (height, width, len(mode)), np.uint8)
    return Image.fromarray(values, mode) if mode != "P" else photo().quantize(16)


def hires(webui: WebUI, mode: str, latent: torch.Tensor, seeds: list[int] | None = None) -> object:
    job = webui.processing.StableDiffusionProcessingTxt2Img(
        mode, (latent.shape[-1] * 16, latent.shape[-2] * 16)
    )
    seeds = seeds or list(range(latent.shape[0]))
    job.result = job.sample_hr_pass(latent, None, seeds, seeds, 0.0, [""])
    return job


# Lists and names


def test_ours_come_behind_the_hosts_own(bare: WebUI) -> None:
    before = bare.names()
    load(bare)
    assert bare.names()[: len(before)] == before
    assert {"Lab Fast 2x", "Ours 2x"} <= set(bare.names()[len(before) :])


def test_a_folder_is_searched_once_even_if_the_command_line_names_it(webui: WebUI) -> None:
    """A1111 names its own folders there, too, where the user names none."""
    host = start.extension().engine.host
    webui.shared.cmd_opts.esrgan_models_path = str(Path(webui.shared.models_path) / "ESRGAN")
    folders = list(host.model_folders())
    assert len(set(folders)) == len(folders)


def test_kernels_that_the_host_lacks_are_upscalers(webui: WebUI) -> None:
    usual = ["Nearest", "Bicubic", "Mitchell", "Lanczos"]
    names = webui.names()
    assert [names.count(name) for name in usual] == [1, 1, 1, 1]
    assert names[-1] in usual, "after the networks"
    assert "Spline36" not in names
    for name in ("Lanczos", "Mitchell"):
        assert webui.resize(photo(40, 30), 61, 47, name).size == (61, 47)
    webui.opts.set(options.RARE_KERNELS.key, value=True)
    assert webui.names().count("Spline36") == 1


def test_a_file_is_listed_once(webui: WebUI) -> None:
    paths = [entry.data_path for entry in webui.shared.sd_upscalers if entry.data_path]
    assert len(paths) == len(set(paths))
    assert webui.names().count("Theirs 2x") == 1


def test_two_files_of_one_name_are_told_apart_by_their_folder(webui: WebUI) -> None:
    save_network(webui.models / "HAT" / "Theirs 2x.pth")
    webui.modelloader.load_upscalers()
    assert "Theirs 2x (HAT)" in webui.names()
    assert webui.names().count("Theirs 2x") == 1


def test_a_file_that_the_host_cannot_list_is_ours(webui: WebUI) -> None:
    from safetensors.torch import save_file

    from lib_upscalers.training.compact import Compact

    save_file(Compact(8, 2, 2).state_dict(), webui.models / "ESRGAN" / "Safe 2x.safetensors")
    webui.modelloader.load_upscalers()
    assert webui.names().count("Safe 2x") == 1
    entry = next(each for each in webui.shared.sd_upscalers if each.name == "Safe 2x")
    assert isinstance(entry.scaler, Scaler) == (webui.kind == "a1111")


def test_a_folder_from_the_settings_is_looked_through(webui: WebUI) -> None:
    save_network(webui.models.parent / "elsewhere" / "Far 2x.pth")
    webui.opts.set(options.FOLDERS.key, f'"{webui.models.parent / "elsewhere"}"\n\n')
    assert "Far 2x" in webui.names()


def test_a_folder_of_nobody_is_left_out(bare: WebUI) -> None:
    """The WebUI starts all the same."""
    bare.opts.data[options.FOLDERS.key] = "~nobody-of-that-name/models\n\0\n" + "x" * 5000
    load(bare)
    assert "Lab Fast 2x" in [entry.name for entry in bare.shared.sd_upscalers]


def test_a_file_that_is_no_network_is_left_out_and_nothing_is_raised(webui: WebUI) -> None:
    (webui.models / "DAT" / "broken.pth").write_bytes(b"PK\x03\x04 no more")
    webui.modelloader.load_upscalers()
    assert "broken" not in webui.names()
    assert "Ours 2x" in webui.names()


def listed(webui: WebUI) -> list[str]:
    """Return the modes of ours in the host's table, in menu order."""
    return [name for name, entry in webui.shared.latent_upscale_modes.items() if OURS in entry]


def test_every_mode_is_listed_unless_the_host_has_its_twin(bare: WebUI) -> None:
    before = dict(bare.shared.latent_upscale_modes)
    twins = {(entry["mode"], entry["antialias"]) for entry in before.values()}
    bare.opts.data[options.RARE_MODES.key] = True
    load(bare)
    table = bare.shared.latent_upscale_modes
    assert list(table)[: len(before)] == list(before)
    expected = [
        name
        for name, mode in LATENT_MODES.items()
        if name not in before and not twins.intersection(mode.twins)
    ]
    assert listed(bare) == list(table)[len(before) :] == expected
    if bare.kind == "neo":
        assert expected == list(LATENT_MODES)


def test_rarely_used_modes_are_listed_when_asked_for(webui: WebUI) -> None:
    short = listed(webui)
    rare = {name for name, mode in LATENT_MODES.items() if mode.rare}
    assert short
    assert not rare & set(short)
    webui.opts.set(options.RARE_MODES.key, value=True)
    assert rare & set(listed(webui))
    assert listed(webui) == [name for name in LATENT_MODES if name in listed(webui)]
    webui.opts.set(options.RARE_MODES.key, value=False)
    assert listed(webui) == short


def test_hidden_modes_are_not_listed(webui: WebUI) -> None:
    before = listed(webui)
    webui.opts.set(options.HIDDEN_MODES.key, ["Latent (bislerp)", "a mode that went away"])
    assert listed(webui) == [name for name in before if name != "Latent (bislerp)"]
    webui.opts.set(options.HIDDEN_MODES.key, [])
    assert listed(webui) == before


LISTED = "upscaler_lab_latent_modes"
"""What settings files had: the modes that are listed."""
FORMER = [name for name in LATENT_MODES if name in former_options._KNOWN]


def with_later(former: list[str]) -> list[str]:
    """Return modes and all usual ones that came after the last version that wrote that setting."""
    modes = LATENT_MODES.items()
    later = {name for name, mode in modes if name not in FORMER and not mode.rare}
    return [name for name in LATENT_MODES if name in former or name in later]


@pytest.mark.parametrize("bare", ["neo"], indirect=True)
def test_an_old_settings_file_lists_what_it_did(bare: WebUI) -> None:
    rare = [name for name in FORMER if LATENT_MODES[name].rare]
    usual = [name for name in FORMER if name not in rare]
    cases = (FORMER, usual, [], rare, ["Latent (bislerp)"], ["Latent (area)", "Latent (Fourier)"])
    for former in cases:
        bare.opts.data.clear()
        bare.opts.data[LISTED] = [*former, "a mode that went away"]
        load(bare)
        assert listed(bare) == with_later(former), former
        assert LISTED not in bare.opts.data
        stored = dict(bare.opts.data)
        bare.unload()
        load(bare)
        assert bare.opts.data == stored, "a reload changes nothing"
        bare.unload()


@pytest.mark.parametrize("bare", ["neo"], indirect=True)
def test_a_mode_that_came_later_is_listed_whatever_was_stored(
    bare: WebUI, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = replace(LATENT_MODES["Latent (bilinear)"], name="Latent (later)")
    entries = {**LATENT_MODES._entries, later.name: later}
    monkeypatch.setattr(LATENT_MODES, "_entries", entries)
    for former in (FORMER, ["Latent (bislerp)"], []):
        bare.opts.data.clear()
        bare.opts.data[LISTED] = former
        load(bare)
        assert listed(bare) == with_later(former)
        assert listed(bare)[-1] == later.name
        # As any "Apply settings" does, which stores all defaults.
        assert bare.opts.data[options.HIDDEN_MODES.key] is not None
        bare.unload()


def test_a_newer_settings_file_counts_more_than_an_old_one(bare: WebUI) -> None:
    bare.opts.data[LISTED] = ["Latent (bislerp)"]
    bare.opts.data[options.HIDDEN_MODES.key] = []
    load(bare)
    assert "Latent (Fourier)" in listed(bare)
    bare.unload()
    bare.opts.data[LISTED] = "no list"
    del bare.opts.data[options.HIDDEN_MODES.key]
    load(bare)
    assert "Latent (Fourier)" in listed(bare)


# Reloading


def test_ten_reloads_change_nothing(webui: WebUI) -> None:
    names, modes = webui.names(), list(webui.shared.latent_upscale_modes)
    patched = {key: set(made) for key, made in webui.patches.originals.items()}
    for _ in range(10):
        webui.unload()
        load(webui)
    assert webui.names() == names
    assert list(webui.shared.latent_upscale_modes) == modes
    assert {key: set(made) for key, made in webui.patches.originals.items()} == patched


def test_unloading_leaves_the_host_as_it_was(bare: WebUI) -> None:
    txt2img = bare.processing.StableDiffusionProcessingTxt2Img
    img2img = bare.processing.StableDiffusionProcessingImg2Img
    before = (
        *(txt2img.sample_hr_pass, txt2img.sample, img2img.init),
        *(bare.modelloader.load_upscalers, bare.names()),
        dict(bare.shared.latent_upscale_modes),
    )
    load(bare)
    bare.opts.set(options.HOST_NETWORKS.key, value=True)
    bare.unload()
    after = (
        *(txt2img.sample_hr_pass, txt2img.sample, img2img.init),
        *(bare.modelloader.load_upscalers, bare.names()),
        dict(bare.shared.latent_upscale_modes),
    )
    assert after == before
    assert not any(isinstance(each.scaler, Scaler) for each in bare.shared.sd_upscalers)
    assert not any(bare.patches.originals.values())


def test_unloading_lets_go_of_every_network(webui: WebUI) -> None:
    webui.resize(photo(), 48, 40, "Ours 2x")
    engine = start.extension().engine
    assert engine.upscaler._cache.loaded_bytes() > 0
    webui.unload()
    assert engine.upscaler._cache.loaded_bytes() == 0


def test_another_extension_over_ours_stays_and_ours_goes_quiet(webui: WebUI) -> None:
    txt2img = webui.processing.StableDiffusionProcessingTxt2Img
    ours, called = txt2img.sample_hr_pass, []

    def theirs(self, *args):  # noqa: ANN001, ANN002, ANN202
        called.append(True)
        return ours(self, *args)

    webui.patches.patch("theirs", txt2img, "sample_hr_pass", theirs)
    webui.unload()
    assert txt2img.sample_hr_pass is theirs
    webui.state.interrupted = False  # As the next job does; the reload had interrupted.
    webui.shared.latent_upscale_modes["Latent"] = {"mode": "bilinear", "antialias": False}
    assert hires(webui, "Latent", torch.randn(1, 4, 8, 8)).result.shape == (1, 4, 16, 16)
    load(webui)
    assert hires(webui, "Latent (bislerp)", torch.randn(1, 4, 8, 8)).result.shape[-1] == 16
    assert called


# Enlarging pictures


@pytest.mark.slow
@each_case("mode", ["RGB", "RGBA", "L", "P"])
@each_case("target", [(48, 40), (61, 51), (96, 80), (24, 20)])
def test_pictures_come_out_in_the_exact_size(
    webui: WebUI, mode: str, target: tuple[int, int]
) -> None:
    entry = next(each for each in webui.shared.sd_upscalers if each.name == "Ours 2x")
    image = photo(mode=mode) if mode != "L" else photo().convert("L")
    enlarged = entry.scaler.upscale(image, target[0] / 24, entry.data_path)
    assert enlarged.size == (target[0], round(20 * target[0] / 24))
    assert ("A" in enlarged.mode) == ("A" in mode)


def test_extras_by_scale_are_not_cut_to_multiples_of_eight(webui: WebUI) -> None:
    entry = next(each for each in webui.shared.sd_upscalers if each.name == "Ours 2x")
    assert entry.scaler.upscale(photo(333, 20), 2, entry.data_path).size == (666, 40)


def test_the_file_is_read_once_for_a_batch(webui: WebUI, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG", "lib_upscalers")
    for _ in range(4):
        webui.resize(photo(), 48, 40, "Ours 2x")
    assert len([line for line in caplog.messages if "bytes of weights" in line]) == 1


def test_an_interrupt_gives_what_the_hosts_own_upscalers_give(webui: WebUI) -> None:
    webui.state.interrupted = True
    image = photo()
    assert np.array_equal(webui.resize(image, 48, 40, "Ours 2x"), image.resize((48, 40), 1))


def test_the_interrupt_is_seen_within_a_tile(webui: WebUI, monkeypatch: pytest.MonkeyPatch) -> None:
    webui.opts.data[options.ENGINE["tile"].key] = 32
    asked: list[bool] = []

    class Stopping(type(webui.state)):  # type: ignore[misc]
        @property
        def interrupted(self) -> bool:
            asked.append(True)
            return len(asked) > 3

        @interrupted.setter
        def interrupted(self, value: bool) -> None:
            pass

    monkeypatch.setattr(webui.shared, "state", Stopping())
    image = photo(256, 256)
    assert np.array_equal(webui.resize(image, 512, 512, "Ours 2x"), image.resize((512, 512), 1))
    assert len(asked) == 4, "64 tiles were not gone on with"


def test_progress_shows_and_leaves_nothing_behind(webui: WebUI) -> None:
    texts: list[str] = []
    webui.opts.data[options.ENGINE["tile"].key] = 32

    class Watching(type(webui.state)):  # type: ignore[misc]
        def __setattr__(self, name: str, value: object) -> None:
            if name == "textinfo" and value:
                texts.append(str(value))
            super().__setattr__(name, value)

    webui.shared.state = Watching()
    webui.shared.state.begin("extras")
    webui.shared.state.job_count, webui.shared.state.job_no = 1, 1
    webui.shared.state.sampling_steps = 20
    webui.resize(photo(96, 96), 192, 192, "Ours 2x")
    assert texts[0] == "Upscaler Lab: Ours 2x", "before the first tile is done"
    assert any("Ours 2x" in text and "tile" in text for text in texts)
    state = webui.shared.state
    assert (state.textinfo, state.job_no, state.sampling_steps) == (None, 1, 20)


def test_a_network_that_was_deleted_is_one_clear_error(webui: WebUI) -> None:
    shutil.rmtree(webui.models / "DAT")
    with pytest.raises(ModelError, match="Ours 2x"):
        webui.resize(photo(), 48, 40, "Ours 2x")


def test_a_network_loaded_in_inference_mode_can_be_used_outside(webui: WebUI) -> None:
    with torch.inference_mode():
        inside = webui.resize(photo(), 48, 40, "Ours 2x")
    assert np.array_equal(webui.resize(photo(), 48, 40, "Ours 2x"), inside)


def test_autocast_does_not_reach_our_networks(webui: WebUI) -> None:
    plain = webui.resize(photo(), 48, 40, "Ours 2x")
    with torch.autocast("cpu", torch.bfloat16):
        assert np.array_equal(webui.resize(photo(), 48, 40, "Ours 2x"), plain)


def test_unload_after_use_leaves_nothing_loaded(webui: WebUI) -> None:
    webui.opts.data[options.UNLOAD.key] = True
    webui.resize(photo(), 48, 40, "Ours 2x")
    assert start.extension().engine.upscaler._cache.loaded_bytes() == 0


def test_the_cache_follows_its_setting(webui: WebUI) -> None:
    webui.resize(photo(), 48, 40, "Ours 2x")
    webui.opts.set(options.CACHE.key, 0)
    assert start.extension().engine.upscaler._cache.loaded_bytes() == 0


def test_the_hosts_own_networks_run_through_ours_only_when_asked(webui: WebUI) -> None:
    before = webui.names()
    image = photo(25, 21)
    theirs = webui.resize(image, 50, 42, "Theirs 2x")
    webui.opts.set(options.HOST_NETWORKS.key, value=True)
    assert webui.names() == before
    entry = next(each for each in webui.shared.sd_upscalers if each.name == "Theirs 2x")
    assert isinstance(entry.scaler, StandIn)
    assert entry.scaler.name == "ESRGAN"
    assert not np.array_equal(webui.resize(image, 50, 42, "Theirs 2x"), theirs)
    webui.opts.set(options.HOST_NETWORKS.key, value=False)
    assert np.array_equal(webui.resize(image, 50, 42, "Theirs 2x"), theirs)


def test_ours_steps_in_where_the_hosts_own_fails(
    webui: WebUI, caplog: pytest.LogCaptureFixture
) -> None:
    """upscaler.py:56 makes 0 of few pixels; networks fail on them otherwise (A1111 #7068)."""
    for size in ((64, 1), (1, 1), (3, 200)):
        caplog.clear()
        target = size[0] * 2, size[1] * 2
        assert webui.resize(photo(*size), *target, "Theirs 2x").size == target
        (line,) = [each for each in caplog.messages if "Theirs 2x" in each]
        assert f"{size[0]}x{size[1]}" in line
        assert "ValueError" in line


def test_where_ours_cannot_help_the_hosts_own_error_is_raised(webui: WebUI) -> None:
    names = [] if webui.kind == "neo" else ["Lanczos"]
    (webui.models / "ESRGAN" / "Theirs 2x.pth").write_bytes(b"no network")
    for name in [*names, "Theirs 2x"]:
        with pytest.raises(ValueError, match="must be > 0"):
            webui.resize(photo(64, 1), 128, 2, name)


def test_the_memory_manager_is_asked_before_a_device_is_used(
    webui: WebUI, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once for a picture, before a network is there, and never for a CPU."""
    webui.resize(photo(), 48, 40, "Ours 2x")
    assert not webui.prepared
    cache = start.extension().engine.upscaler._cache
    asked: list[int] = []
    monkeypatch.setattr(cache, "borrow", lambda _entry: asked.append(len(webui.prepared)) or 1 / 0)
    sys.modules["modules.devices"].device_esrgan = torch.device("meta")
    with pytest.raises(UpscalerError, match="ZeroDivisionError"):
        webui.resize(photo(), 48, 40, "Ours 2x")
    assert asked == [int(webui.kind != "a1111")]


def test_no_model_is_loaded_to_make_room(webui: WebUI) -> None:
    """shared.sd_model would load one (shared_items.py:172), and there may be none."""
    sys.modules["modules.sd_models"].model_data.sd_model = None
    start.extension().engine.host.make_room()


@each_case("flag", ["no_half", "all_in_fp32", "force_fp32", "upcast_sampling"])
def test_full_precision_flags_are_obeyed(
    webui: WebUI, flag: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webui.shared.cmd_opts, "no_half", False)
    assert start.extension().engine.host.precision() == "auto"
    monkeypatch.setattr(webui.shared.cmd_opts, flag, True, raising=False)
    assert start.extension().engine.host.precision() == "fp32"


def test_a_file_that_the_host_downloaded_is_listed_once_and_can_run_through_ours(
    webui: WebUI,
) -> None:
    """realesrgan_model.py:24: the entry keeps the address, and knows the file beside it."""
    path = save_network(webui.models / "RealESRGAN" / "Fetched_x2.pth")
    webui.modelloader.load_upscalers()
    assert "Fetched_x2" in webui.names()
    webui.fetched["Fetched 2x"] = ("https://example.org/Fetched_x2.pth", path)
    webui.modelloader.load_upscalers()
    assert "Fetched_x2" not in webui.names()
    theirs = webui.resize(photo(25, 21), 50, 42, "Fetched 2x")
    webui.opts.set(options.HOST_NETWORKS.key, value=True)
    assert not np.array_equal(webui.resize(photo(25, 21), 50, 42, "Fetched 2x"), theirs)


def test_ours_are_listed_while_new_files_are_looked_for(
    webui: WebUI, monkeypatch: pytest.MonkeyPatch
) -> None:
    upscaler = start.extension().engine.upscaler
    choices, seen = upscaler.choices, list[str]()
    monkeypatch.setattr(upscaler, "choices", lambda: seen.extend(webui.names()) or choices())
    before = webui.names()
    webui.modelloader.load_upscalers()
    assert seen == before == webui.names()


@each_case("held", [3, "fast", None, ["fp32"], "fp8"])
def test_a_setting_that_makes_no_sense_is_as_if_it_were_not_there(
    webui: WebUI, held: object
) -> None:
    webui.opts.data[options.ENGINE["precision"].key] = held
    assert options.settings().precision == "auto"


# Latents


def test_an_inpainting_model_is_conditioned_at_the_size_of_the_latent(webui: WebUI) -> None:
    """And as before where the mode is the host's own."""
    small = torch.zeros(1, 4, 8, 8)
    job = hires(webui, "Latent (Mitchell)", small)
    assert job.conditioned == (128, 128)
    assert "txt2img_image_conditioning" not in vars(job)
    for name in [name for name in webui.shared.latent_upscale_modes if name == "Latent"]:
        assert hires(webui, name, small).conditioned == (64, 64)


@each_case("dtype", [torch.float32, torch.float16, torch.bfloat16])
@each_case("channels", [4, 16, 32, 128])
def test_hires_fix_enlarges_with_our_mode(webui: WebUI, channels: int, dtype: torch.dtype) -> None:
    latent = torch.randn(2, channels, 9, 7).to(dtype)
    job = hires(webui, "Latent (Lanczos3)", latent)
    expected = upscale_latent(latent, Size(14, 18), "Latent (Lanczos3)")
    assert torch.equal(job.result, expected)
    assert type(job.result) is torch.Tensor


@each_case("mode", ["Latent (Mitchell)", "Latent (bislerp)", "Latent (Fourier)"])
def test_a_target_that_equals_the_first_pass_is_the_latent_itself(webui: WebUI, mode: str) -> None:
    latent = torch.randn(2, 4, 9, 7)
    job = webui.processing.StableDiffusionProcessingTxt2Img(mode, (7 * 8, 9 * 8))
    result = job.sample_hr_pass(latent, None, [1, 2], [1, 2], 0.0, [""])
    assert torch.allclose(result, latent, atol=1e-5)
    assert type(result) is torch.Tensor


@each_case("mode, bands", [("Latent (Mitchell)", "RGB"), ("Lanczos", "RGBA")])
def test_a_finished_picture_is_encoded_without_alpha_for_our_modes(
    webui: WebUI, mode: str, bands: str
) -> None:
    job = webui.processing.StableDiffusionProcessingTxt2Img(mode, (64, 64))
    job.firstpass_image = photo(mode="RGBA")
    job.sample(None, None, seeds=[1], subseeds=[1], subseed_strength=0.0, prompts=[""])
    assert job.encoded_bands == bands


def test_another_extension_may_copy_the_latent_first(bare: WebUI) -> None:
    """It was there before us, so its wrapper is within ours."""
    job = bare.processing.StableDiffusionProcessingTxt2Img
    theirs, latent = job.sample_hr_pass, torch.randn(1, 4, 8, 8)
    changes: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
        "clone": torch.clone,
        "detach": torch.Tensor.detach,
        "float": torch.Tensor.float,
        "contiguous": torch.Tensor.contiguous,
        "to": lambda samples: samples.to("cpu", torch.float16),
        "two": lambda samples: samples.to(torch.bfloat16).float(),
        "type": lambda samples: samples.type(samples.type()),
    }
    change = changes["clone"]

    def wrapper(p: Any, samples: torch.Tensor, *rest: Any) -> torch.Tensor:  # noqa: ANN401
        return theirs(p, change(samples), *rest)

    job.sample_hr_pass = wrapper
    load(bare)
    for name, change in changes.items():
        result = hires(bare, "Latent (Mitchell)", latent).result
        assert type(result) is torch.Tensor, name
        expected = upscale_latent(change(latent), Size(16, 16), "Latent (Mitchell)")
        assert torch.equal(result, expected), name
    others: list[torch.Tensor] = []

    def change(samples: torch.Tensor) -> torch.Tensor:
        others.append(torch.zeros(2).to(samples))
        others.append(torch.zeros(2).type_as(samples))
        return samples

    hires(bare, "Latent (Mitchell)", latent)
    assert [type(each) for each in others] == [torch.Tensor] * 2, "another tensor is not the latent"


def test_what_another_extension_put_into_the_job_is_there_afterwards(webui: WebUI) -> None:
    job = webui.processing.StableDiffusionProcessingTxt2Img("Latent (Mitchell)", (128, 128))

    def theirs(_x: torch.Tensor, width: int = 0, height: int = 0) -> tuple[int, int]:
        return width + 1, height + 1

    job.txt2img_image_conditioning = theirs
    job.sample_hr_pass(torch.zeros(1, 4, 8, 8), None, [1], [1], 0.0, [""])
    assert job.conditioned == (129, 129)
    assert vars(job)["txt2img_image_conditioning"] is theirs


@each_case("seeds", [[], [7]])
def test_fewer_seeds_than_items_are_enough(webui: WebUI, seeds: list[int]) -> None:
    webui.opts.data[options.RENOISE.key] = 0.5
    job = webui.processing.StableDiffusionProcessingTxt2Img("Latent (Mitchell)", (128, 128))
    result = job.sample_hr_pass(torch.randn(3, 4, 8, 8), None, seeds, seeds, 0.0, [""])
    assert result.shape == (3, 4, 16, 16)


def test_an_interrupted_job_gets_its_own_latent_back(webui: WebUI) -> None:
    webui.shared.state.interrupted = True
    latent = torch.randn(1, 4, 8, 8)
    result = hires(webui, "Latent (Mitchell)", latent).result
    assert type(result) is torch.Tensor
    assert torch.equal(result, latent)


def test_the_small_latent_is_what_is_saved_before(webui: WebUI) -> None:
    latent = torch.randn(2, 4, 8, 8)
    saved = hires(webui, "Latent (bislerp)", latent).saved
    assert [type(each) for each in saved] == [torch.Tensor] * 2
    assert torch.equal(torch.stack(saved), latent)


def test_video_latents_keep_their_frames(webui: WebUI) -> None:
    if webui.kind != "neo":
        pytest.skip("only Forge Neo has models with five-dimensional latents")
    assert hires(webui, "Latent (Mitchell)", torch.randn(1, 16, 1, 8, 6)).result.shape == (
        *(1, 16, 1, 16, 12),
    )


def test_inference_tensors_are_enlarged_too(webui: WebUI) -> None:
    with torch.inference_mode():
        latent = torch.randn(1, 4, 8, 8)
        result = hires(webui, "Latent (Fourier)", latent).result
    assert result.shape == (1, 4, 16, 16)


def test_a_mode_of_the_hosts_goes_exactly_its_way(webui: WebUI) -> None:
    webui.shared.latent_upscale_modes["Latent"] = {"mode": "bilinear", "antialias": False}
    latent = torch.randn(2, 4, 8, 8)
    result = hires(webui, "Latent", latent).result
    assert torch.equal(
        result, torch.nn.functional.interpolate(latent, size=(16, 16), mode="bilinear")
    )


def test_finishers_come_from_the_settings_and_are_told(webui: WebUI) -> None:
    latent = torch.randn(2, 4, 8, 8)
    webui.opts.data[options.SHARPEN.key] = 0.5
    webui.opts.data[options.RENOISE.key] = 1.0
    first = hires(webui, "Latent (bislerp)", latent, [7, 8])
    assert said(first) == {"Latent sharpen": "0.5", "Latent renoise": "1.0"}
    assert torch.equal(first.result, hires(webui, "Latent (bislerp)", latent, [7, 8]).result)
    other = hires(webui, "Latent (bislerp)", latent, [7, 9]).result
    assert torch.equal(first.result[0], other[0])
    assert not torch.equal(first.result[1], other[1])


def test_an_infotext_gives_the_finishers_back(webui: WebUI) -> None:
    labels = {info.infotext for info in webui.opts.data_labels.values() if info.infotext}
    webui.opts.data.update(
        {
            options.SHARPEN.key: 0.5,
            options.RENOISE.key: 1.0,
            options.MATCH.key: True,
            options.BLEND.key: 0.25,
            options.BLEND_WITH.key: "Latent (bislerp)",
        }
    )
    job = hires(webui, "Latent (Mitchell)", torch.randn(1, 4, 8, 8))
    assert set(said(job)) == labels


def said(job: Any) -> dict[str, str]:  # noqa: ANN401
    """Return what an infotext says: nothing of what is None (processing.py:812)."""
    held: dict[str, str | None] = job.extra_generation_params
    return {name: value for name, value in held.items() if value is not None}


def test_a_later_cell_of_a_plot_says_nothing_of_an_earlier_ones_finishers(webui: WebUI) -> None:
    """Cells share the job's table (xyz_grid.py:711)."""
    latent = torch.randn(1, 4, 8, 8)
    webui.opts.data[options.SHARPEN.key] = 0.5
    table = hires(webui, "Latent (bislerp)", latent).extra_generation_params
    webui.opts.data[options.SHARPEN.key] = 0.0
    table.update(hires(webui, "Latent (bislerp)", latent).extra_generation_params)
    assert "Latent sharpen" not in {name for name, value in table.items() if value is not None}


def test_a_pasted_infotext_switches_off_what_it_does_not_name(webui: WebUI) -> None:
    (callback,) = webui.callbacks["on_infotext_pasted"]
    ours = {"Hires upscaler": "Latent (bislerp)", "Latent sharpen": "0.5"}
    callback("", ours)
    assert ours.pop("Latent sharpen") == "0.5"
    assert ours == {
        "Hires upscaler": "Latent (bislerp)",
        "Latent match": "False",
        "Latent renoise": "0.0",
        "Latent blend with": "None",
        "Latent blend": "0.0",
    }
    theirs = {"Hires upscaler": "Latent"}
    callback("", theirs)
    assert theirs == {"Hires upscaler": "Latent"}


def test_a_control_is_set_by_an_infotext_and_left_alone_by_a_prompt() -> None:
    read = paste_reader("Latent resize sharpen", 0.0)
    assert read({"Steps": "20", "Latent resize sharpen": "0.5"}) == "0.5"
    assert read({"Steps": "20"}) == 0.0
    assert read({"Prompt": "a cat"}) is None


def test_bad_finishers_are_one_clear_error(webui: WebUI) -> None:
    webui.opts.data[options.SHARPEN.key] = 9.0
    with pytest.raises(UpscalerError, match="sharpen"):
        hires(webui, "Latent (bislerp)", torch.randn(1, 4, 8, 8))


@pytest.fixture
def tiny_codec(webui: WebUI, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A tiny autoencoder of the host's; the picture between goes through a network."""
    parts = {"encoder_model": lambda: encode, "decoder_model": lambda: decode}
    taesd = module("modules.sd_vae_taesd", **parts)
    monkeypatch.setitem(sys.modules, taesd.__name__, taesd)
    sys.modules["modules.devices"].dtype = torch.float32
    webui.opts.data[options.ROUND_TRIP.key] = "Ours 2x"
    return taesd


@each_case("unload", [False, True])
def test_the_round_trip_lets_go_of_its_network_where_it_should(
    webui: WebUI, tiny_codec: ModuleType, unload: bool
) -> None:
    assert tiny_codec
    webui.opts.data[options.UNLOAD.key] = unload
    job = hires(webui, ROUND_TRIP, torch.rand(2, 4, 8, 8))
    assert job.result.shape == (2, 4, 16, 16)
    loaded = start.extension().engine.upscaler._cache.loaded_bytes()
    assert bool(loaded) != unload


def test_an_interrupted_round_trip_gives_a_plain_latent(
    webui: WebUI, tiny_codec: ModuleType
) -> None:
    def interrupted(samples: torch.Tensor) -> torch.Tensor:
        webui.state.interrupted = True
        return decode(samples)

    tiny_codec.decoder_model = lambda: interrupted
    latent = torch.rand(1, 4, 8, 8)
    job = hires(webui, ROUND_TRIP, latent)
    assert torch.equal(job.result, upscale_latent(latent, Size(16, 16), "Latent (Mitchell)"))


def img2img(webui: WebUI, values: tuple[object, ...], resize_mode: int = 3) -> object:
    torch.manual_seed(0)
    kind = webui.processing.StableDiffusionProcessingImg2Img
    job = kind(torch.randn(1, 4, 8, 8), (96, 128), resize_mode)
    apply(job, *values)
    job.init([""], [5], [6])
    return job


def test_img2img_resizes_with_our_mode(webui: WebUI) -> None:
    job = img2img(webui, ("Latent (Lanczos3)",))
    assert torch.equal(
        job.init_latent, upscale_latent(job.encoded, Size(12, 16), "Latent (Lanczos3)")
    )
    assert said(job) == {"Latent resize": "Latent (Lanczos3)"}
    plain = torch.nn.functional.interpolate(job.encoded, scale_factor=2.0, mode="nearest")
    assert torch.equal(job.other, plain)


def test_a_resize_that_did_not_ask_us_is_said(bare: WebUI) -> None:
    kind = bare.processing.StableDiffusionProcessingImg2Img

    def theirs(p: Any, *_: object) -> None:  # noqa: ANN401
        p.init_latent = p.encoded.repeat_interleave(2, -1)

    kind.init = theirs
    load(bare)
    job = kind(torch.randn(1, 4, 8, 8), (128, 64))
    apply(job, "Latent (Lanczos3)")
    job.init([""], [5], [6])
    assert said(job)["Latent mode used"] == "the WebUI's own (bilinear)"


@each_case("values", [(), (None,), ("The WebUI's own (bilinear)", 1.0, True, 1.0)])
def test_img2img_is_the_hosts_own_by_default(webui: WebUI, values: tuple[object, ...]) -> None:
    job = img2img(webui, values)
    plain = torch.nn.functional.interpolate(job.encoded, size=(16, 12), mode="bilinear")
    assert torch.equal(job.init_latent, plain)
    assert job.extra_generation_params == {}


def test_other_ways_of_resizing_are_left_alone(webui: WebUI) -> None:
    job = img2img(webui, ("Latent (Lanczos3)",), resize_mode=0)
    assert torch.equal(job.init_latent, job.encoded)
    assert job.extra_generation_params == {}


def test_an_unknown_mode_in_img2img_is_said(webui: WebUI) -> None:
    with pytest.raises(UnknownNameError, match="bislerp"):
        img2img(webui, ("Latent (bislerpp)",))


def test_nothing_watched_escapes(webui: WebUI) -> None:
    """Tensors of our own class would slow every step of the second pass."""
    job = hires(webui, "Latent (bislerp)", torch.randn(1, 4, 8, 8))
    assert not isinstance(job.result * 2, Watched)
    assert not any(isinstance(each, Watched) for each in job.saved)

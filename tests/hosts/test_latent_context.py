"""What the latent modes learn of the loaded model, and what they leave in it: nothing."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch.nn.functional import pixel_shuffle, pixel_unshuffle

from lib_upscalers.errors import ModelError
from lib_upscalers.hosts.webui import full_vae, start
from lib_upscalers.hosts.webui.latent_context import LoadedModel
from lib_upscalers.hosts.webui.latents import FALLBACK
from lib_upscalers.latent.spaces import SPACES
from lib_upscalers.ui.hires_line import explanation_for_model
from tests.hosts.test_contract import hires, said
from tests.hosts.webui_model import encode, module

if TYPE_CHECKING:
    from pathlib import Path

    from tests.hosts.webui_model import WebUI

LAB, TRIP, BILINEAR = "Latent (Lab)", "Latent (TAESD)", "Latent (bilinear)"
one_host = pytest.mark.parametrize("bare", ["neo"], indirect=True)


def context() -> LoadedModel:
    return LoadedModel(start.extension().engine)


def load_model(webui: WebUI, decoder: str | None, channels: int) -> None:
    """Load what Neo tells of a model: its latent format."""
    latent_format = SimpleNamespace(taesd_decoder_name=decoder, latent_channels=channels)
    webui.shared.sd_model = SimpleNamespace(
        model_config=SimpleNamespace(latent_format=latent_format)
    )


def offer_taesd(monkeypatch: pytest.MonkeyPatch, **models: Any) -> None:  # noqa: ANN401
    both = {"encoder_model": lambda: None, "decoder_model": lambda: None, **models}
    monkeypatch.setitem(sys.modules, "modules.sd_vae_taesd", module("modules.sd_vae_taesd", **both))
    sys.modules["modules.devices"].dtype = torch.float32


@one_host
def test_every_space_is_told_by_its_tiny_decoder_packed_or_not(webui: WebUI) -> None:
    for name, known in SPACES.items():
        for packed in {known.packed, False}:
            channels = known.space.channels * (4 if packed else 1)
            load_model(webui, known.decoder, channels)
            found = context().known_space()
            assert found is not None, name
            assert (found.space, found.packed) == (known.space, packed), name
    load_model(webui, "taemoon_decoder", 4)
    assert context().space() is None


@pytest.mark.slow
@one_host
def test_a_tiny_autoencoder_in_the_folder_is_read_by_us(
    webui: WebUI, monkeypatch: pytest.MonkeyPatch, shared_data: Path
) -> None:
    """Neo's own encoder for FLUX.2 packs pictures, which fails (sd_vae_taesd.py, TAESDEncoder)."""

    def failing(*_: object) -> torch.Tensor:
        raise RuntimeError("shape '[1, 32, 2, 2, 16, 16]' is invalid")

    load_model(webui, "taef2_decoder", 128)
    offer_taesd(monkeypatch, encoder_model=lambda: failing, decoder_model=lambda: failing)
    with pytest.raises(ModelError, match=r"FLUX\.2.*taef2_decoder\.pth and taef2_encoder\.pth"):
        context().tiny_codec()
    folder = webui.models / "VAE-taesd"
    folder.mkdir(parents=True)
    for part in ("encoder", "decoder"):
        (folder / f"taef2_{part}.pth").write_bytes(
            (shared_data / "taef2" / f"taef2_{part}.pth").read_bytes()
        )
    pixels = torch.rand(1, 3, 64, 64)
    codec = context().tiny_codec()
    assert codec.encode(pixels).shape == (1, 32, 8, 8)

    latent = torch.randn(1, 128, 4, 4)
    job = hires(webui, TRIP, latent)
    assert job.result.shape == (1, 128, 8, 8)
    assert FALLBACK not in said(job)


@one_host
def test_a_download_that_failed_is_not_tried_again_for_each_picture(
    webui: WebUI, monkeypatch: pytest.MonkeyPatch, shared_data: Path
) -> None:
    """Without a network each try may take minutes; files that the user puts there are used."""
    tries: list[str] = []

    def unreachable() -> None:
        tries.append("encoder")
        raise OSError("timed out")

    load_model(webui, "taef2_decoder", 128)
    offer_taesd(monkeypatch, encoder_model=unreachable)
    assert context().has_tiny()
    for _ in range(3):
        assert said(hires(webui, TRIP, torch.randn(1, 128, 4, 4)))[FALLBACK] == BILINEAR
    assert len(tries) == 1
    assert not context().has_tiny(), "the line below Hires. fix names what will be used"

    load_model(webui, "taew2_1", 16)
    with pytest.raises(ModelError, match="timed out"):
        context().tiny_codec()
    assert len(tries) == 2, "another space is another file"

    load_model(webui, "taef2_decoder", 128)
    folder = webui.models / "VAE-taesd"
    folder.mkdir(parents=True)
    for path in sorted((shared_data / "taef2").iterdir()):
        (folder / path.name).write_bytes(path.read_bytes())
    assert context().tiny_codec().encode(torch.rand(1, 3, 64, 64)).shape == (1, 32, 8, 8)


def test_any_failure_falls_back_once_and_is_written_where_a_user_reads(
    webui: WebUI, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object) -> torch.Tensor:
        raise RuntimeError("the autoencoder is broken")

    offer_taesd(monkeypatch, encoder_model=lambda: failing, decoder_model=lambda: failing)
    latent = torch.randn(2, 4, 8, 8)
    job = hires(webui, LAB, latent)

    plain = torch.nn.functional.interpolate(latent, scale_factor=2.0, mode="bilinear")
    torch.testing.assert_close(job.result, plain)
    assert said(job)[FALLBACK] == BILINEAR
    (comment,) = job.comments
    assert comment.startswith(f"{LAB}: {BILINEAR} was used instead.")
    assert "there is none yet" in comment
    assert "the autoencoder is broken" in comment


def test_a_cell_after_a_fallback_does_not_inherit_it(webui: WebUI) -> None:
    latent = torch.randn(1, 4, 8, 8)
    first = hires(webui, LAB, latent)
    assert FALLBACK in said(first)
    shared_table: dict[str, Any] = first.extra_generation_params
    shared_table.update(hires(webui, "Latent (bislerp)", latent).extra_generation_params)
    assert shared_table[FALLBACK] is None


@one_host
def test_encoding_leaves_no_reference_for_the_next_prompt(
    webui: WebUI, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neo's flux2.py:71 keeps what was encoded, anima.py:62 clears what was there."""
    assert webui
    first = torch.ones(1)
    held = [torch.zeros(1)]
    model = SimpleNamespace(ini_latent=first, ref_latents=[], decode_first_stage=None)
    args = SimpleNamespace(ref_latents=held)
    monkeypatch.setitem(sys.modules, "backend", module("backend", __path__=[]))
    monkeypatch.setitem(sys.modules, "backend.args", module("backend.args", dynamic_args=args))
    sys.modules["modules.sd_models"].model_data.sd_model = model

    def encoding(pixels: torch.Tensor, *_: object) -> torch.Tensor:
        torch.randn(pixels.shape)  # AUTOMATIC1111's posterior.sample()
        model.ini_latent = pixels
        model.ref_latents.append(pixels)
        args.ref_latents.clear()
        return encode(pixels)

    sys.modules["modules.sd_samplers_common"].images_tensor_to_samples = encoding
    pixels = torch.rand(2, 3, 16, 16)
    generator = torch.get_rng_state()
    latents = full_vae.encode(pixels)
    assert latents.shape == (2, 4, 2, 2)
    assert torch.equal(torch.get_rng_state(), generator)
    assert model.ini_latent is first
    assert model.ref_latents == []
    assert args.ref_latents is held
    assert len(held) == 1


@one_host
def test_packed_latents_and_those_with_frames_are_plain_for_the_training(webui: WebUI) -> None:
    common = sys.modules["modules.sd_samplers_common"]
    for decoder, channels, frames in (("taef2_decoder", 128, False), ("taew2_1", 16, True)):
        load_model(webui, decoder, channels)
        seen: list[torch.Size] = []

        def encoding(pixels: torch.Tensor, *_: object, c: int = channels) -> torch.Tensor:
            cells = 16 if c == 128 else 8
            latent = torch.rand(1, c, pixels.shape[2] // cells, pixels.shape[3] // cells)
            return latent[:, :, None] if c == 16 else latent

        def decoding(samples: torch.Tensor, *_: object) -> torch.Tensor:
            seen.append(samples.shape)  # noqa: B023 - called in this round
            pictures = torch.zeros(1, 3, 64, 64)
            return pictures[:, None] if samples.ndim == 5 else pictures

        common.images_tensor_to_samples = encoding
        common.samples_to_images_tensor = decoding
        known = context().known_space()
        assert known is not None
        codec = full_vae.LatentCodec(known)
        latent = codec.encode(torch.rand(1, 3, 64, 64))
        assert latent.shape == (1, known.space.channels, 8, 8), decoder
        assert codec.decode(latent).shape == (1, 3, 64, 64), decoder
        assert seen == [torch.Size((1, 16, 1, 8, 8) if frames else (1, 128, 4, 4))]


@one_host
def test_an_autoencoder_that_packs_two_by_two_takes_odd_latents(webui: WebUI) -> None:
    """Forge Neo's for FLUX.2 fails on them; a training has latents of all sizes."""
    common = sys.modules["modules.sd_samplers_common"]
    load_model(webui, "taef2_decoder", 128)

    def encoding(pixels: torch.Tensor, *_: object) -> torch.Tensor:
        assert not any(side % 16 for side in pixels.shape[2:])
        cells = pixel_unshuffle(pixels, 8)[:, :32]
        return pixel_unshuffle(cells, 2)

    def decoding(samples: torch.Tensor, *_: object) -> torch.Tensor:
        cells = pixel_shuffle(samples, 2)[:, :3]
        return cells.repeat_interleave(8, 2).repeat_interleave(8, 3) * 2 - 1

    common.images_tensor_to_samples = encoding
    common.samples_to_images_tensor = decoding
    known = context().known_space()
    assert known is not None
    codec = full_vae.LatentCodec(known)
    pixels = torch.rand(1, 3, 136, 72)
    latent = codec.encode(pixels)
    assert torch.equal(latent, pixel_unshuffle(pixels, 8)[:, :32])
    decoded = codec.decode(latent)
    assert decoded.shape == pixels.shape
    assert torch.allclose(decoded[:, :, ::8, ::8], latent[:, :3])


@one_host
def test_the_line_names_a_network_by_others(webui: WebUI) -> None:
    extension = start.extension()
    load_model(webui, "taef2_decoder", 128)
    assert "A network by others" not in explanation_for_model(
        LAB, 0.3, extension.latents.outlook(LAB)
    )
    folder = extension.engine.latents()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "flow_upscaler.safetensors").touch()
    outlook = extension.latents.outlook(LAB)
    line = explanation_for_model(LAB, 0.3, outlook)
    assert "<code>flow_upscaler.safetensors</code>" in line
    assert "less faithful" in line
    assert "Our network" not in line


@one_host
def test_the_line_speaks_of_the_loaded_model(webui: WebUI) -> None:
    latents = start.extension().latents
    sys.modules["modules.sd_models"].model_data.sd_model = None
    assert latents.outlook(LAB) is None
    sys.modules["modules.sd_models"].model_data.sd_model = SimpleNamespace(decode_first_stage=0)
    for decoder, channels, used, words in (
        ("taef2_decoder", 128, LAB, ("FLUX.2",)),
        ("taesdxl_decoder", 4, TRIP, ("Illustrious", "no network for these latents yet")),
        ("taew2_2", 48, BILINEAR, ("Wan 2.2 5B", "Clean from")),
        (None, 4, BILINEAR, ("not known",)),
    ):
        load_model(webui, decoder, channels)
        outlook = latents.outlook(LAB)
        assert outlook is not None
        assert outlook.used == used, decoder
        line = explanation_for_model(LAB, 0.3, outlook)
        assert all(word in line for word in words), line
        assert ("Clean at any" in line) == (used != BILINEAR), line
    assert latents.outlook("Lanczos") is None

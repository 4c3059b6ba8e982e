"""Training a latent network within a WebUI: its turns in the queue, its autoencoder, its end."""

from __future__ import annotations

import sys
import threading
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import torch

from lib_upscalers.errors import InputError, ModelError
from lib_upscalers.hosts.webui import fitting as webui_fitting
from lib_upscalers.hosts.webui import full_vae, start
from lib_upscalers.hosts.webui.latent_context import LoadedModel
from lib_upscalers.latent.network_card import Figures
from lib_upscalers.training.latent import fit as latent_fit
from lib_upscalers.training.latent.reports import FitReport
from lib_upscalers.ui.hires_line import explanation_for_model, lacks_network
from tests.hosts.test_latent_context import LAB, TRIP, load_model, one_host

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.hosts.webui_model import WebUI

LOSING = Figures(20.0, 18.0, 30.0, 32.0, 25.0, 1.0, 6)


class Autoencoder(torch.nn.Module):
    """What a WebUI has in a model: some weights, and NaN in half precision."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.first = torch.nn.Linear(8, 8)
        self.to(torch.float16)


def sdxl(vae: Autoencoder) -> SimpleNamespace:
    return SimpleNamespace(
        is_sdxl=True, decode_first_stage=None, first_stage_model=vae, sd_checkpoint_info=None
    )


def use_model(webui: WebUI, model: object) -> None:
    shared: Any = webui.shared
    shared.sd_model = model
    sys.modules["modules.sd_models"].model_data.sd_model = model
    devices: Any = sys.modules["modules.devices"]
    devices.dtype_vae = torch.float16
    common: Any = sys.modules["modules.sd_samplers_common"]

    def encode(pixels: torch.Tensor, *_: object) -> torch.Tensor:
        found: Any = sys.modules["modules.sd_models"].model_data.sd_model
        half = found.first_stage_model.first.weight.dtype == torch.float16
        latent = torch.zeros(len(pixels), 4, pixels.shape[2] // 8, pixels.shape[3] // 8)
        return latent + float("nan") if half else latent + (devices.dtype_vae == torch.float32)

    common.images_tensor_to_samples = encode


@one_host
def test_checkpoints_with_one_autoencoder_share_its_hash(webui: WebUI) -> None:
    context = LoadedModel(start.extension().engine)
    hashes: list[str] = []
    for vae in (Autoencoder(), Autoencoder().float(), Autoencoder(1)):
        use_model(webui, sdxl(vae))
        hashes += context.vae_hashes()
    assert hashes[0] == hashes[1] != hashes[2]
    use_model(webui, SimpleNamespace(sd_checkpoint_info=SimpleNamespace(sha256="ab" * 32)))
    assert list(context.vae_hashes()) == ["ab" * 32]


@one_host
def test_an_autoencoder_that_gives_nan_is_used_in_float32(webui: WebUI) -> None:
    model = sdxl(Autoencoder())
    use_model(webui, model)
    known = LoadedModel(start.extension().engine).known_space()
    assert known is not None
    codec = full_vae.LatentCodec(known)
    pixels = torch.rand(1, 3, 64, 64)
    assert not torch.isfinite(codec.encode(pixels)).any()
    before = {key: value.clone() for key, value in model.first_stage_model.state_dict().items()}
    assert (codec.in_float32().encode(pixels) == 1).all()
    assert sys.modules["modules.devices"].dtype_vae is torch.float16
    for name, value in model.first_stage_model.state_dict().items():
        assert value.dtype is torch.float16
        assert torch.equal(value, before[name])


@one_host
def test_another_model_stops_the_training_unless_it_has_the_same_autoencoder(
    webui: WebUI,
) -> None:
    use_model(webui, sdxl(Autoencoder()))
    known = LoadedModel(start.extension().engine).known_space()
    assert known is not None
    codec = full_vae.LatentCodec(known, exact=True)
    use_model(webui, sdxl(Autoencoder()))
    codec.encode(torch.rand(1, 3, 64, 64))
    use_model(webui, sdxl(Autoencoder(1)))
    with pytest.raises(ModelError, match=r"another one.*load the first model"):
        codec.encode(torch.rand(1, 3, 64, 64))


@one_host
def test_pictures_are_generated_between_the_turns_of_a_training(
    webui: WebUI, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    use_model(webui, sdxl(Autoencoder()))
    queue = sys.modules["modules.call_queue"].queue_lock
    monkeypatch.setattr(webui_fitting, "_TURN_SECONDS", 0.0)
    begun, asked, generated = (threading.Event() for _ in range(3))

    def slow(*_: object) -> Iterator[FitReport]:
        begun.set()
        assert asked.wait(60)
        yield FitReport("pictures", 0.1, 60)
        assert generated.wait(60), "the queue was not free between two reports"
        lost = tmp_path / "undecided" / "sdxl.safetensors"
        lost.parent.mkdir()
        lost.write_bytes(b"network")
        yield FitReport("done", 1.0, 0.0, path=lost, figures=LOSING)

    def generate() -> None:
        begun.wait(60)
        asked.set()
        with queue:
            generated.set()

    monkeypatch.setattr(latent_fit, "fit", slow)
    fitting = start.extension().fitting
    with pytest.raises(InputError, match="none"):
        fitting.accept()
    picture = threading.Thread(target=generate)
    picture.start()
    reports = fitting.run(1)
    assert next(reports).stage == "pictures"
    with pytest.raises(InputError, match="one does"):
        next(fitting.run(1))
    assert [report.stage for report in reports] == ["done"]
    picture.join()
    assert fitting.accept() == str(tmp_path / "sdxl.safetensors")
    assert (tmp_path / "sdxl.safetensors").read_bytes() == b"network"


@one_host
def test_the_hires_line_offers_a_network_where_one_is_missed(webui: WebUI) -> None:
    latents = start.extension().latents
    sys.modules["modules.sd_models"].model_data.sd_model = SimpleNamespace(decode_first_stage=0)
    for decoder, channels, mode, offered in (
        ("taesdxl_decoder", 4, LAB, True),
        ("taew2_1", 16, LAB, True),
        ("taef2_decoder", 128, LAB, False),
        ("taesdxl_decoder", 4, TRIP, False),
        (None, 4, LAB, False),
    ):
        load_model(webui, decoder, channels)
        outlook = latents.outlook(mode)
        assert lacks_network(mode, outlook) == offered, (decoder, mode)
        line = explanation_for_model(mode, 0.5, outlook, 20)
        assert ("make one, minutes:</span> 20." in line) == offered, line
    assert not lacks_network("Lanczos", None)

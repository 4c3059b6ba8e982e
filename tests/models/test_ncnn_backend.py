"""Networks that ncnn computes give what torch gives."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch import nn

from lib_upscalers.errors import Cancelled, InputError
from lib_upscalers.hosts.standalone import StandaloneHost
from lib_upscalers.models.loader import LoadedNetwork, load_network
from lib_upscalers.models.ncnn_backend.layers import state
from lib_upscalers.models.ncnn_backend.recording import NotRecordableError, record
from lib_upscalers.network import SpeedTrial, normal_vulkan, vulkan_number
from lib_upscalers.progress import Progress
from lib_upscalers.tiling import ncnn_trial
from lib_upscalers.tiling.loop import Enlarged, run_network
from lib_upscalers.tiling.policy import Job
from lib_upscalers.upscaling.settings import Settings
from lib_upscalers.upscaling.upscaler import Upscaler
from tests.models.networks import ESRGANS, compact_file, esrgan_state, tiny_state
from tests.models.tiny import save

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

pytest.importorskip("ncnn", reason="ncnn is not installed: pip install 'upscaler-lab[ncnn]'")

CPU, KEY = torch.device("cpu"), "cpu/float32"
HANDED_OVER = ("ArtCNN", "Compact", "ESPCN", "SPAN", "SPANF", "SPANF3")
LEFT_TO_TORCH = ("PLKSR", "RCAN")


def job(**changes: Any) -> Job:  # noqa: ANN401
    return replace(Job(CPU, lambda _device: 1 << 40, precision="fp32"), **changes)


def loaded(values: dict[str, torch.Tensor], folder: Path) -> LoadedNetwork:
    return load_network(save(values, folder / "network.safetensors"))


def picture(network: LoadedNetwork, height: int = 37, width: int = 50) -> NDArray[np.uint8]:
    y, x = np.mgrid[:height, :width]
    channels = [np.sin(x / (3 + c)) * np.cos(y / 5) for c in range(network.traits.channels)]
    return (127 + 120 * np.stack(channels, axis=-1)).astype(np.uint8)


def differ(first: Enlarged, second: Enlarged) -> int:
    return int(np.abs(first.pixels.astype(int) - second.pixels.astype(int)).max())


@pytest.mark.parametrize("name", [*HANDED_OVER, *(f"ESRGAN {kind}" for kind in ESRGANS)])
def test_ncnn_gives_what_torch_gives_at_any_size(name: str, tmp_path: Path) -> None:
    kind = name.removeprefix("ESRGAN ")
    network = loaded(tiny_state(name) if kind == name else esrgan_state(kind), tmp_path)
    by_torch = run_network(network, picture(network), job())
    by_ncnn = run_network(network, picture(network), job(backend="ncnn"))
    assert (by_torch.precision, by_ncnn.precision) == ("fp32", "fp32, ncnn")
    assert differ(by_torch, by_ncnn) <= 1
    in_tiles = run_network(network, picture(network, 70, 90), job(backend="ncnn", tile=48))
    whole = run_network(network, picture(network, 70, 90), job())
    assert differ(in_tiles, whole) <= 1


@pytest.mark.parametrize("name", LEFT_TO_TORCH)
def test_what_ncnn_cannot_compute_is_left_to_torch_and_said(
    name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    network = loaded(tiny_state(name), tmp_path)
    made = run_network(network, picture(network), job(backend="ncnn"))
    assert made.precision == "fp32"
    assert "cannot run by ncnn here" in caplog.text


def test_the_faster_one_is_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ncnn_trial, "_FASTER", 1.25)
    network = loaded(tiny_state("Compact"), tmp_path)
    for speed, error, words in (
        (2.0, 0.0, "fp32, ncnn"),
        (1.2, 0.0, "fp32"),
        (2.0, 1.0, "fp32"),
    ):
        network.profile.ncnn[KEY] = SpeedTrial(speed, error)
        made = run_network(network, picture(network), job(backend="auto"))
        assert made.precision == words, (speed, error)


def test_it_is_measured_once_where_that_may_pay(tmp_path: Path) -> None:
    network = loaded(tiny_state("Compact"), tmp_path)
    run_network(network, picture(network), job(backend="auto"))
    assert not network.profile.ncnn, "so small a picture"
    run_network(network, picture(network, 256, 256), job(backend="torch"))
    assert not network.profile.ncnn
    run_network(network, picture(network, 256, 256), job(backend="auto"))
    first = network.profile.ncnn[KEY]
    assert first.error < 0.01
    run_network(network, picture(network, 256, 256), job(backend="auto"))
    assert network.profile.ncnn[KEY] is first


@pytest.mark.parametrize(
    ("ncnn", "half", "preferred"),
    [
        (SpeedTrial(1.9, 0.0), SpeedTrial(2.0, 0.3), True),
        (SpeedTrial(1.3, 0.0), SpeedTrial(2.0, 0.3), False),
        (SpeedTrial(1.9, 0.0), None, True),
        (None, SpeedTrial(2.0, 0.3), False),
        (SpeedTrial(1.9, 0.5), SpeedTrial(1.0, 0.0), False),
    ],
)
def test_it_replaces_bf16_only_where_that_is_hardly_faster(
    ncnn: SpeedTrial | None,
    half: SpeedTrial | None,
    preferred: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ncnn_trial, "_FASTER", 1.25)
    assert ncnn_trial.beats(ncnn, half) is preferred


class _Stopping(Progress):
    """Cancels at the third check."""

    def __init__(self) -> None:
        self.checks = 0

    def update(self, done: float, total: float, text: str = "") -> None:
        del done, total, text

    def check_cancelled(self) -> None:
        self.checks += 1
        if self.checks > 2:
            raise Cancelled


def test_it_is_cancelled_between_its_layers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lib_upscalers.tiling.watch._CHECK_SECONDS", 0.0)
    network = loaded(tiny_state("SPAN"), tmp_path)
    network.profile.ncnn[KEY] = SpeedTrial(2.0, 0.0)
    progress = _Stopping()
    with pytest.raises(Cancelled):
        run_network(network, picture(network), job(backend="ncnn"), progress=progress)
    assert progress.checks == 3


def test_what_does_not_fit_is_halved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    network = loaded(tiny_state("Compact"), tmp_path)
    network.profile.ncnn[KEY] = SpeedTrial(2.0, 0.0)
    expected = run_network(network, picture(network, 200, 200), job())
    forward = network.by_ncnn(None)
    assert forward is not None

    def tight(batch: torch.Tensor) -> torch.Tensor:
        if batch.shape[-1] * batch.shape[-2] > 150 * 150:
            raise MemoryError("ncnn returned -100")
        return forward(batch)

    monkeypatch.setattr(network, "by_ncnn", lambda _vulkan: tight)
    made = run_network(network, picture(network, 200, 200), job(backend="ncnn"))
    assert made.tiles > 1
    assert made.precision == "fp32, ncnn"
    assert differ(made, expected) <= 1


def test_numbers_that_are_none_are_computed_again_by_torch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = loaded(tiny_state("Compact"), tmp_path)
    network.profile.ncnn[KEY] = SpeedTrial(2.0, 0.0)

    def broken(batch: torch.Tensor) -> torch.Tensor:
        return torch.full((1, 3, batch.shape[-2] * 2, batch.shape[-1] * 2), torch.nan)

    monkeypatch.setattr(network, "by_ncnn", lambda _vulkan: broken)
    made = run_network(network, picture(network), job(backend="ncnn"))
    assert made.precision == "fp32"
    assert differ(made, run_network(network, picture(network), job())) == 0


class _Rolled(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.roll(1, -1)


class _Sliced(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x[..., 1:] + 1


class _Constant(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.ones(1, 3, 8, 8)


@pytest.mark.parametrize("kind", [_Rolled, _Sliced, _Constant])
def test_what_cannot_be_stated_is_refused(kind: type[nn.Module]) -> None:
    with pytest.raises(NotRecordableError):
        state(record(kind(), torch.rand(1, 3, 8, 8)))


def test_a_webui_computes_by_torch_unless_it_is_asked(tmp_path: Path) -> None:
    class WebUI(StandaloneHost):
        def backend(self) -> str:
            return "torch"

    path = compact_file(tmp_path / "tiny.safetensors")
    upscaler = Upscaler(WebUI(device_name="cpu", own_data_folder=tmp_path))
    rules = {
        asked: upscaler._job(Settings(backend=asked), retains_memory=False).backend
        for asked in ("auto", "torch", "ncnn")
    }
    assert path.exists()
    assert rules == {"auto": "torch", "torch": "torch", "ncnn": "ncnn"}


def test_names_of_vulkan_devices() -> None:
    assert [normal_vulkan(name) for name in ("vulkan", "vulkan:1", "vulkan:", "cpu", "cuda:0")] == [
        "vulkan:0",
        "vulkan:1",
        "",
        "",
        "",
    ]
    assert (vulkan_number("vulkan:2"), vulkan_number("cpu")) == (2, None)
    host = StandaloneHost(device_name="vulkan:999")
    assert host.backend() == "vulkan:999"
    with pytest.raises(InputError, match="Expected a device that Vulkan knows"):
        host.device()


def test_vulkan_without_ncnn_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(InputError, match="pip install ncnn"):
        StandaloneHost(device_name="vulkan").device()


def test_without_ncnn_a_network_is_not_moved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = loaded(tiny_state("Compact"), tmp_path)
    network.place(CPU, torch.bfloat16, channels_last=True)
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    assert network.by_ncnn(None) is None
    assert network(torch.rand(1, 3, 16, 16, dtype=torch.bfloat16)).isfinite().all()

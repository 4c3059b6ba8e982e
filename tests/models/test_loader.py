"""Loading: every network gives what spandrel's own plain forward gives."""

from __future__ import annotations

import weakref
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from lib_upscalers.errors import ModelFileError, UnsupportedModelError
from lib_upscalers.models import loader
from lib_upscalers.models.loader import load_network, read_traits
from lib_upscalers.tiling.loop import run_network
from lib_upscalers.tiling.policy import Job
from tests.cases import each_case
from tests.models.networks import (
    ESRGANS,
    blank_file,
    compact_file,
    esrgan_state,
    plain_forward,
    plain_network,
    tiny_state,
)
from tests.models.tiny import TINY, esrgan, gfpgan, lama, save

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Any

    from lib_upscalers.host import Precision
    from lib_upscalers.models.loader import LoadedNetwork
    from lib_upscalers.network import NetworkTraits

    Find = Callable[[Path], object]

# Several of spandrel's networks leave out the argument.
pytestmark = pytest.mark.filterwarnings("ignore:torch.meshgrid:UserWarning")

CPU = torch.device("cpu")
WINDOWS = {"ATD": 8, "DAT": 8, "ESC": 8, "HAT": 8, "OmniSR": 8, "SwinIR": 8}
CONVOLUTIONAL = ("Compact", "ESRGAN", "PLKSR", "SPAN")


def job(precision: Precision = "fp32", tile: int | None = None, overlap: int | None = None) -> Job:
    return Job(CPU, lambda _: 4 << 30, precision, tile, overlap)


def picture(traits: NetworkTraits, width: int, height: int) -> np.ndarray:
    rng = np.random.default_rng(1)
    return rng.random((height, width, traits.channels), np.float32)


def as_batch(pixels: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(pixels).permute(2, 0, 1)[None].contiguous()


def assert_agrees(path: Path) -> None:
    """Traits, forward, batch and engine agree with spandrel's descriptor."""
    network, plain = load_network(path), plain_network(path)
    traits = network.traits
    assert read_traits(path) == traits
    needs = plain.size_requirements
    assert (traits.architecture, traits.scale) == (plain.architecture.name, plain.scale)
    assert (traits.channels, traits.result_channels) == (
        plain.input_channels,
        plain.output_channels,
    )
    assert traits.supports_fp16 == plain.supports_half
    assert traits.supports_bf16 == plain.supports_bfloat16
    assert (traits.minimum, traits.multiple_of) == (needs.minimum, needs.multiple_of)
    assert (traits.square, traits.tiling) == (needs.square, plain.tiling.name.lower())
    assert traits.alignment % traits.multiple_of == 0

    pixels = picture(traits, 29, 21)
    pair = torch.cat([as_batch(pixels), as_batch(pixels).flip(-1)])
    expected = plain_forward(path, pair)
    before = pair.clone()
    network.place(CPU, torch.float32, channels_last=False)
    output = network(pair)
    assert torch.equal(pair, before)
    assert output.dtype == torch.float32
    assert output.shape == (2, traits.channels, 21 * traits.scale, 29 * traits.scale)
    torch.testing.assert_close(output, expected, atol=1e-6, rtol=0)
    # The engine's memory layout makes torch add up in another order.
    enlarged = run_network(network, pixels, job()).pixels
    np.testing.assert_allclose(as_batch(enlarged), expected[:1], atol=3e-6, rtol=0)


@pytest.mark.slow
@each_case(
    "name, ending",
    [*((name, ".pth") for name in TINY), ("Compact", ".safetensors"), ("DAT", ".safetensors")],
)
def test_networks_give_what_they_should(name: str, ending: str, tmp_path: Path) -> None:
    assert_agrees(save(tiny_state(name), tmp_path / f"some{ending}"))


@pytest.mark.slow
@each_case("new", [False, True])
@each_case("kind", ESRGANS)
def test_every_esrgan_gives_what_it_should(kind: str, new: bool, tmp_path: Path) -> None:
    if new and kind == "plus":
        pytest.skip("ESRGAN+ came in the old layout only")
    assert_agrees(save(esrgan_state(kind, new=new), tmp_path / "4x_misleading_name.pth"))


@pytest.mark.slow
@each_case("name", CONVOLUTIONAL)
def test_tiles_give_the_whole(name: str, tmp_path: Path) -> None:
    network = load_network(save(tiny_state(name), tmp_path / "some.pth"))
    pixels = (picture(network.traits, 87, 60) * 255).astype(np.uint8)
    whole = run_network(network, pixels, job(tile=256))
    tiled = run_network(network, pixels, job(tile=64, overlap=22))
    assert whole.tiles == 1
    assert tiled.tiles > 1
    assert np.abs(whole.pixels.astype(int) - tiled.pixels).max() <= 1


@pytest.mark.slow
@each_case("name", ["ESC", "GateRV3", "RTMoSR"])
def test_tiles_share_what_a_network_averages(name: str, tmp_path: Path) -> None:
    network = load_network(save(tiny_state(name), tmp_path / "some.pth"))
    pixels = (picture(network.traits, 104, 72) * 255).astype(np.uint8)
    whole = run_network(network, pixels, job(tile=256))
    tiled = run_network(network, pixels, replace(job(tile=64), free_memory=lambda _: 0))
    assert tiled.tiles > 1
    assert tiled.note.shared > 0
    assert np.abs(whole.pixels.astype(int) - tiled.pixels).max() <= 1


@pytest.mark.slow
def test_a_network_of_frequencies_runs_whole_where_memory_allows(tmp_path: Path) -> None:
    network = load_network(save(tiny_state("FIGSR"), tmp_path / "some.pth"))
    pixels = (picture(network.traits, 104, 72) * 255).astype(np.uint8)
    assert run_network(network, pixels, job(tile=64)).tiles == 1
    blended = run_network(network, pixels, replace(job(tile=64), free_memory=lambda _: 0))
    assert blended.tiles > 1
    assert blended.note.band > 0


@each_case("name, window", WINDOWS.items())
def test_tiles_are_aligned_to_windows(name: str, window: int, tmp_path: Path) -> None:
    assert read_traits(save(tiny_state(name), tmp_path / "some.pth")).alignment == window


@pytest.mark.slow
@each_case("name", TINY)
def test_lower_precisions_leave_no_trace(name: str, tmp_path: Path) -> None:
    path = save(tiny_state(name), tmp_path / "some.pth")
    network, straight = load_network(path), load_network(path)
    batch = as_batch(picture(network.traits, 24, 19))
    network.place(CPU, torch.float32, channels_last=False)
    exact = network(batch)
    kept = network.size_bytes

    network.place(CPU, torch.bfloat16, channels_last=True)
    rounded = network(batch.bfloat16())
    assert rounded.dtype == torch.bfloat16
    assert (rounded.float() - exact).abs().max() < 0.1
    assert 1.2 * kept < network.size_bytes <= 1.5 * kept

    network.place(CPU, torch.float16, channels_last=False)
    straight.place(CPU, torch.float16, channels_last=False)
    assert torch.equal(network(batch.half()).nan_to_num(), straight(batch.half()).nan_to_num())

    network.place(CPU, torch.float32, channels_last=False)
    assert torch.equal(network(batch), exact)
    assert network.size_bytes == kept


@pytest.mark.slow
@each_case("name", TINY)
def test_the_memory_layout_does_not_show(name: str, tmp_path: Path) -> None:
    network = load_network(save(tiny_state(name), tmp_path / "some.pth"))
    batch = as_batch(picture(network.traits, 30, 21))
    results = []
    for channels_last in (True, False, True):
        network.place(CPU, torch.float32, channels_last=channels_last)
        results.append(network(batch))
    torch.testing.assert_close(results[0], results[1], atol=2e-6, rtol=0)
    assert torch.equal(results[0], results[2])


def test_placing_again_moves_nothing(tmp_path: Path) -> None:
    network = load_network(compact_file(tmp_path / "some.pth"))
    network.place(CPU, torch.bfloat16, channels_last=True)
    weights = list(network._descriptor.model.parameters())
    addresses = [weight.data_ptr() for weight in weights]
    network.place(CPU, torch.bfloat16, channels_last=True)
    assert [weight.data_ptr() for weight in weights] == addresses


def test_a_failed_move_is_mended_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = load_network(compact_file(tmp_path / "some.pth"))
    batch = as_batch(picture(network.traits, 16, 16))
    expected = network(batch)
    moved = torch.nn.Conv2d._apply

    def fail(layer: torch.nn.Conv2d, *args: Any) -> torch.nn.Module:  # noqa: ANN401
        if layer.out_channels == 12:
            raise RuntimeError("out of memory")
        return moved(layer, *args)

    with monkeypatch.context() as patch:
        patch.setattr(torch.nn.Conv2d, "_apply", fail)
        with pytest.raises(RuntimeError, match="out of memory"):
            network.place(CPU, torch.bfloat16, channels_last=True)
    network.place(CPU, torch.float32, channels_last=True)
    assert torch.equal(network(batch), expected)


def _only_fp32(image: torch.Tensor) -> None:
    if image.dtype != torch.float32:
        torch.ones(2, 2) @ torch.ones(2, 2, dtype=image.dtype)


def test_what_knows_only_fp32_is_run_in_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    network = load_network(compact_file(tmp_path / "some.pth"))
    network._descriptor.model.register_forward_pre_hook(lambda _, args: _only_fp32(args[0]))
    enlarged = run_network(network, picture(network.traits, 20, 20), job(precision="bf16"))
    assert enlarged.precision == "fp32"
    assert np.isfinite(enlarged.pixels).all()
    assert "bf16" in caplog.text


def test_other_errors_of_torch_are_told(tmp_path: Path) -> None:
    network = load_network(compact_file(tmp_path / "some.pth"))
    network.place(CPU, torch.bfloat16, channels_last=False)
    with pytest.raises(RuntimeError, match="channels"):
        network(torch.zeros(1, 5, 8, 8, dtype=torch.bfloat16))


@pytest.mark.slow
@each_case("name", TINY)
def test_a_network_that_is_let_go_is_gone_at_once(name: str, tmp_path: Path) -> None:
    network = load_network(save(tiny_state(name), tmp_path / "some.pth"))
    network.place(CPU, torch.bfloat16, channels_last=True)
    network(torch.zeros(1, network.traits.channels, 16, 16, dtype=torch.bfloat16))
    weight = weakref.ref(next(network._descriptor.model.parameters()))
    del network
    assert weight() is None


@each_case("name", ["Compact", "SPAN", "SwinIR"])
def test_a_network_loaded_in_inference_mode_is_an_ordinary_one(name: str, tmp_path: Path) -> None:
    path = save(tiny_state(name), tmp_path / "some.pth")
    with torch.inference_mode():
        network = load_network(path)
        batch = torch.rand(1, 3, 16, 16)
        expected = network(batch)
    assert not any(weight.is_inference() for weight in network._descriptor.model.parameters())
    network.place(CPU, torch.bfloat16, channels_last=False)
    network.place(CPU, torch.float32, channels_last=True)
    assert torch.equal(network(batch), expected)


def test_the_name_is_the_callers_or_the_files(tmp_path: Path) -> None:
    path = compact_file(tmp_path / "2x.fine.v2.pth")
    assert load_network(path).traits.name == "2x.fine.v2"
    assert load_network(path, "Fine").traits.name == "Fine"


@pytest.mark.slow
@each_case("make, text", [(gfpgan, "faces alone"), (lama, "fills in a mask")])
def test_other_purposes_are_refused(
    make: Callable[[], torch.nn.Module], text: str, tmp_path: Path
) -> None:
    path = blank_file(make, tmp_path / "some.safetensors")
    with pytest.raises(UnsupportedModelError, match=text):
        read_traits(path)


@each_case("takes, gives", [(1, 3), (3, 1)])
def test_networks_between_grey_and_colour_run(takes: int, gives: int, tmp_path: Path) -> None:
    path = save(esrgan(in_nc=takes, out_nc=gives).state_dict(), tmp_path / "some.pth")
    network = load_network(path)
    assert read_traits(path) == network.traits
    assert (network.traits.channels, network.traits.result_channels) == (takes, gives)
    pixels = picture(network.traits, 40, 30)
    enlarged = run_network(network, pixels, job(tile=64, overlap=16)).pixels
    expected = plain_forward(path, as_batch(pixels))
    np.testing.assert_allclose(as_batch(enlarged), expected, atol=3e-6, rtol=0)


def test_other_numbers_of_channels_are_refused(tmp_path: Path) -> None:
    path = save(esrgan(in_nc=4, out_nc=3).state_dict(), tmp_path / "some.pth")
    with pytest.raises(UnsupportedModelError, match="takes 4 channels and gives 3"):
        load_network(path)


def test_unknown_networks_are_refused(tmp_path: Path) -> None:
    path = save({"some.layer.weight": torch.zeros(3)}, tmp_path / "some.pth")
    with pytest.raises(UnsupportedModelError, match=r"none of the \d+ known architectures"):
        load_network(path)


@each_case("find", [load_network, read_traits])
@each_case("kind", ["missing", "reshaped", "no tensors", "extra"])
def test_weights_that_do_not_fit_are_named(kind: str, find: Find, tmp_path: Path) -> None:
    state: dict[str, Any] = dict(tiny_state("Compact"))
    name = "body.2.weight"
    text = f"{name} "
    if kind == "missing":
        del state[name]
        text += "is missing"
    elif kind == "reshaped":
        state[name] = state[name][:, :2].clone()
        text += "has another shape"
    elif kind == "extra":
        state = {**state, "a\x1b[2J": torch.zeros(3), "b": torch.zeros(3)}
        text = r"a\\x1b\[2J, b are not of it"
    else:
        state = dict.fromkeys(state, 1.0)
        text = "not quite this architecture|something else"
    with pytest.raises(ModelFileError, match=text):
        find(save(state, tmp_path / "some.pth"))


@each_case("name", ["conv_1.sk.weight", "block_1.c1_r.eval_conv.weight"])
def test_a_network_that_is_nearly_known_says_what_is_missing(name: str, tmp_path: Path) -> None:
    state = tiny_state("SPAN")
    del state[name]
    with pytest.raises(UnsupportedModelError, match=rf"looks like SPAN.*{name} is missing"):
        load_network(save(state, tmp_path / "some.pth"))


def test_quantised_weights_are_refused(tmp_path: Path) -> None:
    """Their factors lie elsewhere, so that their numbers alone make noise."""
    state = {
        name: (tensor * 99).to(torch.int8) if tensor.ndim == 4 else tensor
        for name, tensor in tiny_state("ESRGAN").items()
    }
    with pytest.raises(ModelFileError, match="holds int8: it was quantised"):
        load_network(save(state, tmp_path / "some.pth"))


@each_case("value", [float("nan"), float("inf"), -float("inf")])
def test_weights_that_are_no_numbers_are_refused(value: float, tmp_path: Path) -> None:
    state = tiny_state("Compact")
    state["body.4.weight"][1, 2, 0, 1] = value
    with pytest.raises(ModelFileError, match=r"body\.4\.weight holds NaN or infinity"):
        load_network(save(state, tmp_path / "some.pth"))


def test_large_weights_that_are_numbers_load(tmp_path: Path) -> None:
    state = tiny_state("Compact")
    state["body.4.weight"][:] = 3e38
    load_network(save(state, tmp_path / "some.pth"))


@each_case(
    "held", [{1: torch.zeros(2), 2: torch.zeros(2)}, {}, {"params": {3: 4}}, {"a": {"b": {}}}]
)
def test_odd_dictionaries_are_refused(held: object, tmp_path: Path) -> None:
    path = tmp_path / "some.pth"
    torch.save(held, path)
    with pytest.raises((ModelFileError, UnsupportedModelError), match="Expected"):
        load_network(path)


def test_the_plain_tensors_of_a_network_stay_exact(tmp_path: Path) -> None:
    """Networks keep their mean outside of their weights, and replace it by what they are fed."""
    network = load_network(save(tiny_state("HAT"), tmp_path / "some.pth"))
    model: Any = network._descriptor.model
    mean = model.mean.clone()
    assert not torch.equal(mean, mean.bfloat16().float())
    network.place(CPU, torch.bfloat16, channels_last=False)
    network(torch.zeros(1, 3, 16, 16, dtype=torch.bfloat16))
    network.place(CPU, torch.float32, channels_last=False)
    assert torch.equal(model.mean, mean)


def test_attributes_called_window_give_the_alignment() -> None:
    layer = torch.nn.Sequential(torch.nn.Identity(), torch.nn.Identity())
    first: Any = layer[0]
    first.window_size, first.split_size = (8, 8), [4, 12]
    assert loader._window(layer) == 24
    first.win_size = 7
    assert loader._window(layer) == 1


def network_size(network: LoadedNetwork) -> int:
    return sum(w.numel() * w.element_size() for w in network._descriptor.model.parameters())


def test_the_size_is_that_of_the_weights(tmp_path: Path) -> None:
    network = load_network(compact_file(tmp_path / "some.pth"))
    assert network.size_bytes == network_size(network)

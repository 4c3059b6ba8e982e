"""Our own architectures: sizes are found in the shapes, branches fused, near misses named."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import nn
from torch.nn import functional

from lib_upscalers.errors import ModelFileError, UnsupportedModelError
from lib_upscalers.models.architectures import own
from lib_upscalers.models.architectures.artcnn import ArtCNN
from lib_upscalers.models.architectures.branches import fuse_layers
from lib_upscalers.models.architectures.cunet import CUNet
from lib_upscalers.models.architectures.dis import DIS
from lib_upscalers.models.architectures.dysample import DynamicSampling
from lib_upscalers.models.architectures.enlargement import EnlargingLayers, make_enlargement
from lib_upscalers.models.architectures.esc import ESC, Sizes, doubled_twice
from lib_upscalers.models.architectures.figsr import FIGSR
from lib_upscalers.models.architectures.gaterv3 import GateRV3, GlobalAttention
from lib_upscalers.models.architectures.rtmosr import RTMoSR
from lib_upscalers.models.architectures.spanf import SPANF
from lib_upscalers.models.architectures.spanf3 import SPANF3
from lib_upscalers.models.architectures.spanplus import SPANPlus
from lib_upscalers.models.architectures.upconv7 import UpConv7
from lib_upscalers.models.loader import load_network, read_traits
from tests.cases import each_case
from tests.models.tiny import TINY, random_network, randomised, save

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    State = dict[str, torch.Tensor]

# Files of the first training runs of GateRV3 lack it.
OPTIONAL = ("gamma",)
NAMES = [name for name in TINY if name.lower() in own.OWN]
SHUFFLED = torch.nn.Sequential(torch.nn.Conv2d(8, 27, 3, padding=1), torch.nn.PixelShuffle(3))
SMALL = Sizes(features=8, large=4, kernel=5, blocks=1, inner=2, window=8, heads=2, before=16)


def esc(
    scale: int, last: nn.Module | None = None, unshuffle: int = 1, sizes: Sizes = SMALL
) -> nn.Module:
    return randomised(ESC(sizes, scale, last, unshuffle))


def gaterv3(
    last: nn.Module, mixes: Sequence[nn.Module | None] = (None,), depth: int = 1
) -> nn.Module:
    return randomised(GateRV3(last, 3, 8, (1,) * depth, (1,) * depth, mixes, span=2))


def figsr(last: EnlargingLayers) -> nn.Module:
    return randomised(FIGSR(last, 8, 16, (1, 2), 2, 5, 7))


# What is built, its scale, its channels in and out, and what its sides are a multiple of.
VARIANTS: Mapping[str, tuple[Callable[[], nn.Module], int, tuple[int, int], int]] = {
    "ArtCNN 4x grey": (lambda: ArtCNN(1, 4, 3, scale=4), 4, (1, 1), 1),
    "CUNet": (CUNet, 1, (3, 3), 4),
    "CUNet without means": (lambda: CUNet(squeeze=False), 1, (3, 3), 4),
    "CUNet 2x without means": (lambda: CUNet(scale=2, squeeze=False), 2, (3, 3), 2),
    "DIS 1x": (lambda: DIS(features=4, blocks=1, scale=1), 1, (3, 3), 1),
    "DIS 3x": (lambda: DIS(features=4, blocks=1, scale=3), 3, (3, 3), 1),
    "DIS 2x light": (lambda: DIS(features=4, blocks=2, light=True), 2, (3, 3), 1),
    "ESC 4x": (lambda: esc(4), 4, (3, 3), 1),
    "ESC normalised": (lambda: esc(3, sizes=replace(SMALL, normalised=True)), 3, (3, 3), 1),
    "ESC FP": (lambda: esc(2, sizes=replace(SMALL, split=True)), 2, (3, 3), 1),
    "ESC Real": (lambda: esc(4, doubled_twice(8)), 4, (3, 3), 1),
    "ESC Real with DySample": (lambda: esc(4, DynamicSampling(8, 3, 4)), 4, (3, 3), 1),
    "ESC Real 2x": (lambda: esc(2, make_enlargement("nearest+conv", 4, 8), 2), 2, (3, 3), 2),
    "ESC Real 1x": (
        lambda: esc(1, make_enlargement("pa_up", 4, 8, 3, 6), 4, replace(SMALL, window=2)),
        1,
        (3, 3),
        4,
    ),
    "FIGSR 1x": (lambda: figsr(make_enlargement("conv", 1, 8)), 1, (3, 3), 2),
    "FIGSR 4x": (lambda: figsr(make_enlargement("pixelshuffledirect", 4, 8)), 4, (3, 3), 2),
    "GateRV3 1x": (lambda: gaterv3(nn.Conv2d(8, 3, 3, padding=1), depth=2), 1, (3, 3), 4),
    "GateRV3 of channels": (
        lambda: gaterv3(
            make_enlargement("dysample", 2, 8, 3, 8), [GlobalAttention(16, 4, flash=None)]
        ),
        2,
        (3, 3),
        2,
    ),
    "GateRV3 of positions": (
        lambda: gaterv3(
            make_enlargement("pixelshuffle", 3, 8, 3, 4), [GlobalAttention(16, 4, flash=True)]
        ),
        3,
        (3, 3),
        2,
    ),
    "GateRV3 not of positions": (
        lambda: gaterv3(
            make_enlargement("pixelshuffle", 2, 8, 3, 4), [GlobalAttention(16, 4, flash=False)]
        ),
        2,
        (3, 3),
        2,
    ),
    "RTMoSR 1x": (lambda: RTMoSR(4, 6, 1, 4, 4, squeeze=False), 1, (3, 3), 8),
    "RTMoSR 3x": (lambda: RTMoSR(4, 6, 1, 3, 1, thick=False), 3, (3, 3), 2),
    "RTMoSR 4x": (lambda: RTMoSR(4, 6, 2, 4, 1), 4, (3, 3), 2),
    "SPANF 4x": (lambda: SPANF(3, 4, 5, 4), 4, (3, 3), 1),
    "SPANF3 1x": (lambda: SPANF3(3, 3, 4, 1, 4, 4), 1, (3, 3), 4),
    "SPANF3 2x": (lambda: SPANF3(3, 3, 4, 3, 2, 1), 2, (3, 3), 1),
    "SPANPlus 1x": (lambda: SPANPlus(3, 8, [0], torch.nn.Conv2d(8, 3, 3, padding=1)), 1, (3, 3), 1),
    "SPANPlus 3x": (lambda: SPANPlus(3, 8, [1, 2], SHUFFLED), 3, (3, 3), 1),
    "SPANPlus 4x": (lambda: SPANPlus(3, 8, [1], DynamicSampling(8, 3, 4)), 4, (3, 3), 1),
    "SPANPlus to grey": (lambda: SPANPlus(3, 8, [1], DynamicSampling(8, 1, 2)), 2, (3, 1), 1),
    "UpConv7 grey": (lambda: UpConv7(1, 1, (4, 4, 4, 4, 4, 4)), 2, (1, 1), 1),
}


@pytest.mark.slow
@each_case("what", VARIANTS)
def test_sizes_are_found_in_the_shapes(what: str, tmp_path: Path) -> None:
    build, scale, channels, multiple = VARIANTS[what]
    torch.manual_seed(0)
    made = build().eval()
    path = save(made.state_dict(), tmp_path / "some.safetensors")
    network = load_network(path)
    traits = network.traits
    assert read_traits(path) == traits
    assert (traits.architecture, traits.scale) == (what.split(maxsplit=1)[0], scale)
    assert (traits.channels, traits.result_channels) == channels
    assert traits.multiple_of == multiple
    batch = torch.rand(1, channels[0], 24, 32)
    with torch.inference_mode():
        expected = made(batch)
    assert expected.shape == (1, channels[1], 24 * scale, 32 * scale)
    torch.testing.assert_close(network(batch), expected.clamp(0, 1), atol=1e-5, rtol=0)


@pytest.mark.slow
@each_case("name", NAMES)
def test_a_missing_or_a_further_layer_is_named(name: str, tmp_path: Path) -> None:
    state = random_network(name).state_dict()
    path = tmp_path / "some.pth"
    names = [name for name in state if name not in OPTIONAL]
    for missing in (names[0], names[len(names) // 2], names[-1]):
        save({key: tensor for key, tensor in state.items() if key != missing}, path)
        # The first layer has two names, with and without a change of size before it.
        end = ".".join(missing.split(".")[-2:])
        with pytest.raises((ModelFileError, UnsupportedModelError), match=f"{end} is missing"):
            load_network(path)
    save({**state, "body.further.weight": torch.zeros(2)}, path)
    with pytest.raises(ModelFileError, match=r"body\.further\.weight is not of it"):
        load_network(path)


@pytest.mark.slow
@each_case("name", NAMES)
def test_a_layer_of_another_shape_is_refused(name: str, tmp_path: Path) -> None:
    state = random_network(name).state_dict()
    for wrong in (key for key, tensor in state.items() if tensor.ndim == 4):
        changed = torch.cat([state[wrong]] * 2, 1)
        path = save({**state, wrong: changed}, tmp_path / "some.pth")
        with pytest.raises((ModelFileError, UnsupportedModelError), match="Expected"):
            read_traits(path)


def randoms(**shapes: tuple[int, ...]) -> State:
    return {name.replace("_", "."): torch.randn(shape) * 0.3 for name, shape in shapes.items()}


def span_layer(takes: int, gives: int, *, biased: bool) -> State:
    """Return the branches of SPAN's layer."""
    wide, end = 2 * takes, 2 * gives
    state = randoms(
        sk_weight=(gives, takes, 1, 1),
        conv_0_weight=(wide, takes, 1, 1),
        conv_1_weight=(end, wide, 3, 3),
        conv_2_weight=(gives, end, 1, 1),
    )
    biases = randoms(
        sk_bias=(gives,), conv_0_bias=(wide,), conv_1_bias=(end,), conv_2_bias=(gives,)
    )
    return {**state, **biases} if biased else state


def span_forward(state: State, x: torch.Tensor, root: str = "") -> torch.Tensor:
    def run(part: str, features: torch.Tensor) -> torch.Tensor:
        bias = state.get(f"{root}{part}.bias")
        return functional.conv2d(features, state[f"{root}{part}.weight"], bias)

    inner = run("conv.1", run("conv.0", functional.pad(x, (1, 1, 1, 1))))
    return run("conv.2", inner) + run("sk", x)


@each_case("biased", [True, False])
@each_case("half", [True, False])
def test_fused_layers_give_what_their_branches_gave(biased: bool, half: bool) -> None:
    torch.manual_seed(0)
    branches = span_layer(3, 5, biased=biased)
    state = {f"block.{name}": tensor for name, tensor in branches.items()}
    state = {name: t.half() if half else t for name, t in state.items()}
    stale = {"block.eval_conv.weight": torch.full((5, 3, 3, 3), 9.0), "tail.weight": torch.ones(1)}
    fused = fuse_layers({**state, **stale})
    assert sum(".conv." in name or ".sk." in name for name in fused) == 0
    assert torch.equal(fused["tail.weight"], torch.ones(1))
    x = torch.randn(2, 3, 9, 7)
    bias = fused.get("block.eval_conv.bias")
    assert (bias is not None) == biased
    result = functional.conv2d(x, fused["block.eval_conv.weight"], bias, padding=1)
    expected = span_forward({name: t.float() for name, t in state.items()}, x, "block.")
    torch.testing.assert_close(result, expected, atol=1e-4, rtol=1e-4)


def rep_layer(takes: int, gives: int) -> State:
    """Return the branches of RTMoSR's layer of 3 x 3."""
    state = randoms(
        alpha=(3,),
        conv1_k0=(2 * gives, takes, 1, 1),
        conv1_b0=(2 * gives,),
        conv1_k1=(gives, 2 * gives, 3, 3),
        conv1_b1=(gives,),
        conv2_weight=(gives, takes, 3, 3),
        conv2_bias=(gives,),
    )
    span = span_layer(takes, gives, biased=True)
    return {**state, **{f"conv3.{name}": tensor for name, tensor in span.items()}}


def rep_forward(state: State, root: str, x: torch.Tensor) -> torch.Tensor:
    part = {name.removeprefix(root): t for name, t in state.items() if name.startswith(root)}
    row = functional.conv2d(x, part["conv1.k0"])
    row = functional.pad(row, (1, 1, 1, 1)) + part["conv1.b0"][:, None, None]
    row = functional.conv2d(row, part["conv1.k1"], part["conv1.b1"])
    plain = functional.conv2d(x, part["conv2.weight"], part["conv2.bias"], padding=1)
    results = (row, plain, span_forward(part, x, "conv3."))
    return sum((a * each for a, each in zip(part["alpha"], results, strict=True)), row * 0)


def shift_forward(state: State, root: str, x: torch.Tensor) -> torch.Tensor:
    total = state[f"{root}alpha1"] * x
    for i, side in enumerate((1, 3, 5)):
        weight, bias = (state[f"{root}conv{side}x{side}.{part}"] for part in ("weight", "bias"))
        result = functional.conv2d(x, weight, bias, padding=side // 2, groups=len(weight))
        total = total + state[f"{root}alpha{i + 2}"] * result
    return total


def test_the_branches_of_rtmosr_are_fused(tmp_path: Path) -> None:
    """A file of the trainer has all branches; a network without them gives the same."""
    torch.manual_seed(0)
    whole = RTMoSR(features=4, hidden=6, blocks=1).eval()
    state: State = {}
    for name, tensor in whole.state_dict().items():
        root = name.removesuffix("conv_3x3_rep.weight")
        if root != name:
            takes, gives = tensor.shape[1], tensor.shape[0]
            state.update({f"{root}{key}": t for key, t in rep_layer(takes, gives).items()})
        elif name.endswith("conv5x5_reparam.weight"):
            root = name.removesuffix("conv5x5_reparam.weight")
            n = len(tensor)
            shift = randoms(**{f"alpha{i}": (1, n, 1, 1) for i in range(1, 5)})
            for side in (1, 3, 5):
                shift |= {f"conv{side}x{side}.weight": torch.randn(n, 1, side, side) * 0.1}
                shift |= {f"conv{side}x{side}.bias": torch.randn(n) * 0.1}
            state.update({f"{root}{key}": t for key, t in shift.items()})
        state[name] = torch.full_like(tensor, 7.0) if "rep" in name else tensor
    network = load_network(save(state, tmp_path / "some.pth"))
    for name, layer in whole.named_modules():
        root = name.rpartition(".")[0] + "."
        if name.endswith("conv_3x3_rep"):
            layer.forward = lambda x, root=root: rep_forward(state, root, x)  # type: ignore[assignment]
        elif name.endswith("conv5x5_reparam"):
            layer.forward = lambda x, root=root: shift_forward(state, root, x)  # type: ignore[assignment]
        elif name and name + ".weight" in state and "rep" not in name:
            layer.load_state_dict({k: state[f"{name}.{k}"] for k in ("weight", "bias")})
    batch = torch.rand(1, 3, 12, 8)
    with torch.inference_mode():
        expected = whole(batch).clamp(0, 1)
    assert float(expected.std()) > 0.02
    torch.testing.assert_close(network(batch), expected, atol=1e-4, rtol=0)


def test_a_missing_branch_is_named(tmp_path: Path) -> None:
    state = random_network("SPANF3").state_dict()
    layer = span_layer(8, 8, biased=True)
    del layer["conv.1.weight"]
    state.update({f"block_1.c2_r.{name}": tensor for name, tensor in layer.items()})
    path = save(state, tmp_path / "some.pth")
    with pytest.raises(ModelFileError, match=r"block_1\.c2_r\.conv\.1\.weight is missing"):
        load_network(path)


def test_positions_are_learned_in_half_precision_too() -> None:
    """Rows of more than 1,000 pixels would run together if positions were halves."""
    torch.manual_seed(0)
    layer: Any = DynamicSampling(4, 1, 2).eval()
    torch.nn.init.zeros_(layer.offset.weight)
    torch.nn.init.zeros_(layer.offset.bias)
    ramp = torch.linspace(0, 1, 3000).expand(1, 4, 2, 3000)
    with torch.inference_mode():
        whole = layer(ramp)
        half = layer.half()(ramp.half()).float()
    assert (half - whole).abs().max() < 2e-3


def test_nearest_positions_repeat_each_pixel() -> None:
    """With the offsets of its paper's start it is an enlargement by bilinear sampling."""
    layer: Any = DynamicSampling(4, 4, 2).eval()
    with torch.no_grad():
        for each in (layer.offset, layer.scope, layer.end_conv):
            each.weight.zero_()
        layer.offset.bias.zero_()
        layer.end_conv.bias.zero_()
        layer.end_conv.weight.copy_(torch.eye(4)[:, :, None, None])
        # First all of x, then all of y: a group's four positions are a quarter off.
        across = torch.tensor([-0.25, 0.25, -0.25, 0.25]).repeat(4)
        down = torch.tensor([-0.25, -0.25, 0.25, 0.25]).repeat(4)
        layer.init_pos.copy_(torch.cat((across, down)).view(1, -1, 1, 1))
        x = torch.rand(2, 4, 5, 7)
        expected = functional.interpolate(x, scale_factor=2, mode="bilinear")
        torch.testing.assert_close(layer(x), expected, atol=1e-5, rtol=0)

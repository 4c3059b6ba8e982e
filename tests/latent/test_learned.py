"""The modes that have to know their surroundings: the learned one and the round trip."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, cast

import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn.functional import interpolate, pixel_shuffle, pixel_unshuffle

from lib_upscalers.errors import Cancelled, ModelFileError
from lib_upscalers.geometry import Size
from lib_upscalers.latent import Fallback, LatentSpace, learned, upscale_latent
from lib_upscalers.latent.latent_statistics import FLUX2_DEVIATION, FLUX2_MEAN
from lib_upscalers.latent.learned import enlarge, find_weights, fit_name, load_network
from lib_upscalers.latent.learned_network import LatentNetwork
from lib_upscalers.latent.outlook import foresee
from lib_upscalers.latent.packing import packed, unpacked
from lib_upscalers.latent.round_trip import round_trip
from lib_upscalers.tiling.tensor_memory import LiveMemory
from tests.cases import each_case
from tests.latent.fakes import FakeContext, ToyCodec, toy_network

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LAB, TRIP, KERNEL = "Latent (Lab)", "Latent (TAESD)", "Latent (bilinear)"
SPACE = LatentSpace("toy", 4, 2)
HASH, OTHER = "0123456789abcdef" * 4, "f" * 64


def latent(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def write(path: Path, channels: int = 4, seed: int = 0) -> Path:
    save_file(toy_network(channels, seed).state_dict(), path)
    return path


@pytest.fixture
def context(tmp_path: Path) -> FakeContext:
    write(tmp_path / "toy.safetensors")
    return FakeContext(SPACE, ToyCodec(4), (tmp_path,))


# The learned mode


def test_the_network_in_the_folder_is_used(context: FakeContext) -> None:
    samples = latent(2, 4, 9, 7)
    result = upscale_latent(samples, Size(14, 18), LAB, context=context)
    expected = toy_network(4)(samples, (18, 14))
    torch.testing.assert_close(result, expected)


@pytest.mark.parametrize("size", [Size(1, 1), Size(29, 27), Size(40, 36), Size(70, 20)], ids=str)
def test_any_factor(size: Size, context: FakeContext) -> None:
    result = upscale_latent(latent(1, 4, 9, 10), size, LAB, context=context)
    assert result.shape == (1, 4, size.height, size.width)
    assert bool(torch.isfinite(result).all())


def test_larger_factors_repeat_the_network() -> None:
    calls: list[tuple[tuple[int, ...], tuple[int, int]]] = []

    class Spy:
        channels = 4

        def __call__(self, samples: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
            calls.append((tuple(samples.shape[-2:]), size))
            return interpolate(samples, size)

    enlarge(Spy(), latent(1, 4, 8, 6), Size(18, 16))
    assert calls == [((8, 6), (16, 12)), ((16, 12), (16, 18))]
    calls.clear()
    result = enlarge(Spy(), latent(1, 4, 8, 6), Size(30, 40))
    assert calls == [((8, 6), (16, 12)), ((16, 12), (32, 24))]
    assert result.shape[-2:] == (40, 30)
    calls.clear()
    enlarge(Spy(), latent(1, 4, 8, 6), Size(3, 8))
    assert calls == []


@pytest.mark.parametrize("mode", [LAB, TRIP])
def test_packed_latents_are_unpacked(mode: str, context: FakeContext) -> None:
    samples = latent(1, 4, 10, 8)
    plain = upscale_latent(samples, Size(16, 20), mode, context=context)
    result = upscale_latent(pixel_unshuffle(samples, 2), Size(8, 10), mode, context=context)
    assert result.shape == (1, 16, 10, 8)
    torch.testing.assert_close(result, pixel_unshuffle(plain, 2))


def test_packing_is_undone() -> None:
    samples = latent(1, 16, 3, 5)
    assert unpacked(samples, 4).shape == (1, 4, 6, 10)
    assert torch.equal(packed(unpacked(samples, 4), 16), samples)
    assert unpacked(samples, 16) is samples
    # Channels of one value lie beside each other: upper left, upper right, lower left, lower right.
    assert unpacked(samples, 4)[0, 1, :2, :2].flatten().tolist() == samples[0, 4:8, 0, 0].tolist()


def test_the_best_network_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, ours = (tmp_path / name for name in ("first", "second", "ours"))
    for folder in (first, second, ours):
        folder.mkdir()
    monkeypatch.setattr(learned, "BUILT_IN", ours)
    folders = [tmp_path / "missing", first, second]
    with pytest.raises(ModelFileError, match=r"of toy, but there is none yet.*latent fit"):
        find_weights(SPACE, [HASH], folders)
    for better in (
        first / fit_name(SPACE, OTHER),
        ours / "latent_toy.safetensors",
        second / "toy.safetensors",
        first / "toy.pth",
        second / fit_name(SPACE, HASH),
    ):
        better.touch()
        (first / "another.safetensors").touch()
        (first / f"toyish-{HASH[:16]}.safetensors").touch()
        assert find_weights(SPACE, [HASH], folders) == better


def test_published_names_tell_the_latent_space(tmp_path: Path) -> None:
    for name, space in (
        ("upscaler_Wan21.safetensors", "wan21"),
        ("upscaler_Flux.safetensors", "flux1"),
        ("sd15_resizer.pt", "sd1"),
        ("wan21_latent_upscale_2x.safetensors", "wan21"),
        ("qwen21-latent-2x-v1.safetensors", "qwen-image-21"),
        ("flow_upscaler.safetensors", "flux2"),
        ("latent-upscaler-v2.1_SDxl-x1.5.safetensors", "sdxl"),
    ):
        (tmp_path / name).touch()
        assert find_weights(LatentSpace(space, 4, 8), (), [tmp_path]).name == name
        (tmp_path / name).unlink()


def test_a_network_is_read_again_when_it_changes(context: FakeContext) -> None:
    path = context.folders[0] / "toy.safetensors"
    before = load_network(path, SPACE)
    assert load_network(path, SPACE) is before
    save_file({**toy_network(4, 1).state_dict(), "spare": torch.zeros(9)}, path)
    with pytest.raises(ModelFileError, match="spare"):
        load_network(path, SPACE)
    path.unlink()
    with pytest.raises(ModelFileError, match="cannot be read"):
        load_network(path, SPACE)


def test_files_that_are_no_network(tmp_path: Path) -> None:
    path = write(tmp_path / "toy.safetensors", 16)
    with pytest.raises(ModelFileError, match=r"'toy', 4 channels, but 'toy.safetensors' .* 16 ch"):
        load_network(path, SPACE)
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(ModelFileError, match="damaged"):
        load_network(path, SPACE)
    save_file({"weight": torch.zeros(3)}, path)
    with pytest.raises(ModelFileError, match="something else"):
        load_network(path, SPACE)
    state = toy_network(4).state_dict()
    del state["up.bias"]
    save_file(state, path)
    with pytest.raises(ModelFileError, match=r"missing.*up\.bias"):
        load_network(path, SPACE)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32], ids=str)
def test_the_network_runs_in_any_precision(dtype: torch.dtype) -> None:
    samples = latent(1, 4, 8, 8)
    result = toy_network(4).to(dtype)(samples.to(dtype), (13, 16))
    assert result.dtype is dtype
    torch.testing.assert_close(result.float(), toy_network(4)(samples, (13, 16)), atol=0.1, rtol=0)


def test_a_network_is_what_its_state_says() -> None:
    network = LatentNetwork(5, features=12, blocks=3, fine=6, fine_blocks=1)
    again = LatentNetwork.from_state(network.state_dict())
    assert {name: value.shape for name, value in again.state_dict().items()} == {
        name: value.shape for name, value in network.state_dict().items()
    }
    assert not any(parameter.requires_grad for parameter in again.parameters())


# Where a mode cannot be used


def fall_back(
    caplog: pytest.LogCaptureFixture, mode: str, context: FakeContext | None
) -> tuple[torch.Tensor, str]:
    with caplog.at_level(logging.WARNING, "lib_upscalers"):
        result = upscale_latent(latent(1, 4, 6, 6), Size(12, 12), mode, context=context)
    assert len(caplog.records) == 1
    return result, caplog.records[0].getMessage()


@pytest.mark.parametrize("mode", [LAB, TRIP])
def test_without_a_context_a_kernel_is_used(mode: str, caplog: pytest.LogCaptureFixture) -> None:
    result, text = fall_back(caplog, mode, None)
    assert torch.equal(result, upscale_latent(latent(1, 4, 6, 6), Size(12, 12), KERNEL))
    assert mode in text
    assert KERNEL in text
    assert text.count("Nothing is known") == 1


@pytest.mark.parametrize(
    ("space", "reason"),
    [
        (None, "not known"),
        (LatentSpace("moon", 4, 2), "latents of moon"),
        (LatentSpace("toy", 7, 2), "with 7 channels"),
    ],
)
def test_without_a_network_the_round_trip_is_used(
    space: LatentSpace | None,
    reason: str,
    context: FakeContext,
    caplog: pytest.LogCaptureFixture,
) -> None:
    here = replace(context, known=space)
    result, text = fall_back(caplog, LAB, here)
    expected = upscale_latent(latent(1, 4, 6, 6), Size(12, 12), TRIP, context=here)
    assert torch.equal(result, expected)
    assert reason in text


def test_without_a_tiny_autoencoder_a_kernel_is_used(
    context: FakeContext, caplog: pytest.LogCaptureFixture
) -> None:
    _, text = fall_back(caplog, TRIP, replace(context, codec=None))
    assert "'toy.pth' is missing" in text


def test_a_damaged_network_is_told(context: FakeContext, caplog: pytest.LogCaptureFixture) -> None:
    (context.folders[0] / "toy.safetensors").write_bytes(b"")
    _, text = fall_back(caplog, LAB, context)
    assert "damaged" in text


class Failing(ToyCodec):
    """A codec whose decoder fails with what it is told to."""

    error: BaseException = torch.cuda.OutOfMemoryError("CUDA out of memory")

    def decode(self, samples: torch.Tensor) -> torch.Tensor:
        del samples
        raise self.error


def test_without_memory_a_kernel_is_used(
    context: FakeContext, caplog: pytest.LogCaptureFixture
) -> None:
    _, text = fall_back(caplog, TRIP, replace(context, codec=Failing(4)))
    assert "not enough memory" in text


def encoder_gives(change: Callable[[torch.Tensor], object]) -> ToyCodec:
    """Return a codec whose encoder's latents are changed, the decoder's pictures not."""

    class Changed(ToyCodec):
        def encode(self, pixels: torch.Tensor) -> torch.Tensor:
            return cast("torch.Tensor", change(super().encode(pixels)))

    return Changed(4)


def decoder_gives(change: Callable[[torch.Tensor], object]) -> ToyCodec:
    class Changed(ToyCodec):
        def decode(self, samples: torch.Tensor) -> torch.Tensor:
            return cast("torch.Tensor", change(super().decode(samples)))

    return Changed(4)


@each_case(
    "codec",
    [
        decoder_gives(lambda pixels: pixels * float("nan")),
        decoder_gives(lambda pixels: torch.where(pixels > pixels.mean(), pixels, float("nan"))),
        decoder_gives(lambda pixels: pixels[:, :1]),
        decoder_gives(lambda pixels: pixels[:, None]),
        decoder_gives(lambda _pixels: None),
        encoder_gives(lambda samples: samples * float("nan")),
        encoder_gives(lambda samples: samples / 0),
        encoder_gives(lambda samples: samples[:, :3]),
        encoder_gives(lambda samples: samples.repeat(2, 1, 1, 1)),
        encoder_gives(lambda samples: samples[:, :, None]),
        encoder_gives(lambda samples: samples[..., 1:]),
        encoder_gives(lambda samples: (samples,)),
    ],
)
def test_what_an_autoencoder_may_give_is_checked(codec: ToyCodec, context: FakeContext) -> None:
    """Otherwise the result is a black picture, or one of another shape, and nobody is told."""
    # An upscaler of pictures may make something finite of NaN.
    forgiving = ForgivingContext(context.known, codec)
    samples, said = latent(2, 4, 6, 6), list[Fallback]()
    result = upscale_latent(samples, Size(12, 12), TRIP, context=forgiving, on_fallback=said.append)
    assert torch.equal(result, upscale_latent(samples, Size(12, 12), KERNEL))
    assert [each.used for each in said] == [KERNEL]


class ForgivingContext(FakeContext):
    def enlarge_pixels(self, pixels: torch.Tensor, size: Size) -> torch.Tensor:
        return super().enlarge_pixels(pixels.nan_to_num(0), size)


@each_case("value", [float("nan"), float("inf"), 1e38])
def test_a_network_that_gives_nan_is_not_used(value: float, context: FakeContext) -> None:
    state = toy_network(4).state_dict()
    state["tail.bias"] = torch.full_like(state["tail.bias"], value)
    state["deviation"] = torch.full_like(state["deviation"], 100.0)
    save_file(state, context.folders[0] / "toy.safetensors")
    samples, said = latent(2, 4, 6, 6), list[Fallback]()
    result = upscale_latent(samples, Size(12, 12), LAB, context=context, on_fallback=said.append)
    assert torch.equal(result, upscale_latent(samples, Size(12, 12), TRIP, context=context))
    assert [each.used for each in said] == [TRIP]


def test_a_folder_that_may_not_be_read_has_no_networks(
    context: FakeContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(_folder: Path) -> None:
        raise PermissionError

    monkeypatch.setattr("pathlib.Path.iterdir", refused)
    assert foresee(LAB, context, tiny=False).used == KERNEL


def test_stopping_stops(context: FakeContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Failing, "error", Cancelled())
    with pytest.raises(Cancelled):
        upscale_latent(
            latent(1, 4, 6, 6), Size(9, 9), TRIP, context=replace(context, codec=Failing(4))
        )


# The round trip


def test_the_round_trip_asks_for_the_exact_picture(context: FakeContext) -> None:
    samples = latent(3, 4, 9, 7)
    codec = ToyCodec(4)
    result = upscale_latent(samples, Size(13, 18), TRIP, context=context)
    assert context.sizes == [(26, 36)] * 3
    torch.testing.assert_close(
        result, round_trip(codec.encode, codec.decode, samples, Size(13, 18))
    )


# Networks of others, by their layouts


def names(shapes: dict[str, tuple[int, ...]]) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return {name: torch.randn(*shape, generator=generator) * 0.1 for name, shape in shapes.items()}


def convolution(name: str, outputs: int, inputs: int, side: int) -> dict[str, tuple[int, ...]]:
    return {f"{name}.weight": (outputs, inputs, side, side), f"{name}.bias": (outputs,)}


@pytest.mark.parametrize("factor", ["1.5", "2.0"])
def test_sd_latent_upscaler(factor: str, tmp_path: Path) -> None:
    layers = [
        nn.Conv2d(4, 8, 3, padding=1),
        nn.ReLU(),
        nn.Upsample(scale_factor=float(factor), mode="nearest"),
        nn.ReLU(),
        nn.Conv2d(8, 8, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(8, 4, 3, padding=1),
    ]
    theirs = nn.Sequential(*layers).requires_grad_(requires_grad=False)
    state = {f"sequential.{name}": value for name, value in theirs.state_dict().items()}
    path = tmp_path / f"latent-upscaler-v2.1_SDxl-x{factor}.safetensors"
    save_file(state, path)
    network = load_network(path, LatentSpace("sdxl", 4, 8))
    samples, side = latent(1, 4, 6, 6), int(6 * float(factor))
    # It works on latents before they are scaled for the sampler.
    expected = theirs(samples / 0.13025) * 0.13025
    torch.testing.assert_close(network(samples, (side, side)), expected)
    assert network(samples, (11, 12)).shape == (1, 4, 11, 12)
    path.rename(tmp_path / "sdxl.safetensors")
    with pytest.raises(ModelFileError, match="own name back"):
        load_network(tmp_path / "sdxl.safetensors", LatentSpace("sdxl", 4, 8))


def nn_latent_upscale() -> dict[str, torch.Tensor]:
    shapes = {"embed.0.weight": (8, 1), "embed.0.bias": (8,)}
    shapes |= {"embed.2.weight": (8, 8), "embed.2.bias": (8,)}
    shapes |= convolution("conv_in", 32, 4, 3) | convolution("conv_out", 4, 32, 3)
    shapes |= {"norm_out.weight": (32,), "norm_out.bias": (32,)}
    for part in ("in_blocks", "out_blocks"):
        for number in (0, 2):
            name = f"{part}.{number}"
            shapes |= convolution(f"{name}.in_layers.2", 32, 32, 3)
            shapes |= convolution(f"{name}.out_layers.3", 32, 32, 3)
            shapes |= {f"{name}.emb_layers.1.weight": (32, 8), f"{name}.emb_layers.1.bias": (32,)}
            for norm in ("in_layers.0", "out_layers.0"):
                shapes |= {f"{name}.{norm}.weight": (32,), f"{name}.{norm}.bias": (32,)}
        shapes |= {f"{part}.1.norm.weight": (32,), f"{part}.1.norm.bias": (32,)}
        for letter in ("q", "k", "v", "proj_out"):
            shapes |= convolution(f"{part}.1.{letter}", 32, 32, 1)
    return names(shapes)


def sesqui(channels: int = 4, width: int = 16) -> dict[str, torch.Tensor]:
    shapes: dict[str, tuple[int, ...]] = {
        "head_conv.0.weight": (width // 2, channels, 3, 3),
        "head_conv.2.weight": (width, width // 2, 3, 3),
        "head_conv.2.bias": (width,),
        "tail_conv.0.weight": (width // 2, width, 1, 1),
        "tail_conv.2.weight": (channels, width // 2, 3, 3),
        "tail_conv.2.bias": (channels,),
        "skip_conv.weight": (channels, channels, 5, 5),
        "upsample.ps_expand.weight": (4 * width, width, 1, 1),
        "upsample.ps_expand.bias": (4 * width,),
        "upsample.lift_expand.weight": (32, width, 1, 1),
        "upsample.lift_mix.weight": (width, 8, 3, 3),
        "upsample.base_taps": (2, 2, width, 4),
        "upsample.pe.freqs": (4,),
        "upsample.axis_emb.weight": (2, 8),
        "upsample.rank_emb.weight": (2, 8),
        "upsample.filter_net.0.weight": (64, 25),
        "upsample.filter_net.0.bias": (64,),
        "upsample.filter_net.2.weight": (4 * width, 64),
        "upsample.filter_net.2.bias": (4 * width,),
        "upsample.rank_gain": (2,),
    }
    for block in ("in_blocks.0", "in_blocks.1", "upsample.refine", "out_blocks.0"):
        shapes[f"{block}.norm.weight"] = (width,)
        shapes[f"{block}.up.weight"] = (27, width, 1, 1)
        shapes[f"{block}.down.weight"] = (12, 24, 1, 1)
        shapes[f"{block}.mix.weight"] = (width, 12, 3, 3)
    return names(shapes)


def sesqui_doubling(width: int = 16) -> dict[str, torch.Tensor]:
    """Return the layout of the network for Qwen-Image 2.1."""
    computed = ("base_taps", "pe", "axis_emb", "rank_emb", "filter_net", "rank_gain")
    fixed = {
        f"net.{name}": value
        for name, value in sesqui(64, width).items()
        if not name.startswith(tuple(f"upsample.{part}" for part in computed))
    }
    shapes = {"net.upsample.filters": (2, 2, width, 4), "net.upsample.gains": (2,)}
    ones = torch.ones(1, 64, 1, 1)
    return fixed | names(shapes) | {"mean": 0 * ones, "std": ones}


def dico(width: int = 16) -> dict[str, torch.Tensor]:
    """Return the layout of spacepxl's network for Wan 2.1, whose kernels have a time axis."""
    layers = {"conv_in": (width, 16, 3), "conv_out": (64, width, 3)}
    for name in ("blocks.0", "blocks.1"):
        layers |= {f"{name}.conv2": (width, width, 3), f"{name}.conv3": (width, width, 1)}
        layers |= {f"{name}.conv4": (4 * width, width, 1), f"{name}.conv5": (width, 4 * width, 1)}
        layers[f"{name}.cca.1"] = (width, width, 1)
    shapes: dict[str, tuple[int, ...]] = {}
    for name, (out, into, side) in layers.items():
        shapes |= {f"{name}.weight": (out, into, 1, side, side), f"{name}.bias": (out,)}
    return names(shapes)


def flow(width: int = 32, told: int = 8) -> dict[str, torch.Tensor]:
    """Return the layout of Flow Upscaler, whose widths are 384 and 1024 and whose waves are 512."""
    counts = {"down_stages.0": 3, "down_stages.1": 2, "up_stages.0": 2, "up_stages.1": 3}
    blocks = [f"{stage}.blocks.{place}" for stage, n in counts.items() for place in range(n)]
    blocks += ["mid_stages.0", "low_res_encoder.block_1"]
    blocks += [f"low_res_encoder.block_{number}.blocks.0" for number in (2, 3)]
    halving = ("down_stages.0", "down_stages.1", "low_res_encoder.block_2")
    shapes: dict[str, tuple[int, ...]] = {
        "conditioning.time_proj.0": (told, 6),
        "conditioning.time_proj.2": (told, told),
        "in_conv": (width, 32, 1, 1),
        "out_conv": (32, width, 1, 1),
        "low_res_encoder.in_conv": (width, 32, 1, 1),
        **{f"film_cond_{n}.cond_proj.1": (2 * width, width, 1, 1) for n in (1, 2, 3)},
        **{
            f"{name}.downsample": (width, width, 3, 3)
            for name in (*halving, "low_res_encoder.block_3")
        },
    }
    for name in blocks:
        into = 2 * width if name.startswith("up_") and name.endswith(".0") else width
        shapes |= {f"{name}.norm1": (into,), f"{name}.norm2": (width,)}
        shapes |= {f"{name}.cond_proj.1": (2 * width, told)}
        shapes |= {f"{name}.conv1": (width, into, 3, 3), f"{name}.conv2": (width, width, 3, 3)}
    skips = {f"up_stages.{n}.blocks.0.skip.weight": (width, 2 * width, 1, 1) for n in (0, 1)}
    both = {f"{name}.weight": shape for name, shape in shapes.items()}
    both |= {f"{name}.bias": shape[:1] for name, shape in shapes.items()}
    return names(both | skips)


@pytest.mark.parametrize(
    ("name", "space", "channels", "part"),
    [
        ("sdxl_resizer.pt", "sdxl", 4, "norm_out.weight"),
        ("sd15_resizer.pt", "sd1", 4, "norm_out.weight"),
        ("upscaler_SDXL.pth", "sdxl", 4, "upsample.rank_gain"),
        ("wan21_latent_upscale_2x.pt", "wan21", 16, "blocks.1.conv5.bias"),
        ("qwen21-latent-2x-v1.pt", "qwen-image-21", 64, "net.upsample.gains"),
        ("flow_upscaler.pt", "flux2", 32, "up_stages.1.blocks.0.conv2.bias"),
    ],
)
def test_published_networks_take_any_size(
    name: str, space: str, channels: int, part: str, tmp_path: Path
) -> None:
    makers = {"sd": nn_latent_upscale, "up": sesqui, "wa": dico, "qw": sesqui_doubling, "fl": flow}
    state = makers[name[:2]]()
    torch.save(state, tmp_path / name)
    known = LatentSpace(space, channels, 8)
    here = FakeContext(known, None, (tmp_path,))
    for size in (Size(10, 13), Size(16, 18), Size(2, 40)):
        result = upscale_latent(latent(2, channels, 9, 8), size, LAB, context=here)
        assert result.shape == (2, channels, size.height, size.width)
        assert bool(torch.isfinite(result).all())
    if part.endswith(".bias"):
        state[part] = state[part][:-1]
    else:
        del state[part]
    torch.save(state, tmp_path / name)
    with pytest.raises(ModelFileError, match="part of it is missing"):
        load_network(tmp_path / name, known)


def test_the_network_for_wan_without_its_layers_repeats_values(tmp_path: Path) -> None:
    state = {name: torch.zeros_like(value) for name, value in dico().items()}
    torch.save(state, tmp_path / "wan21_latent_upscale_2x.pt")
    network = load_network(tmp_path / "wan21_latent_upscale_2x.pt", LatentSpace("wan21", 16, 8))
    samples = latent(1, 16, 5, 6)
    expected = interpolate(samples, scale_factor=2, mode="nearest-exact")
    torch.testing.assert_close(network(samples, (10, 12)), expected, atol=1e-5, rtol=1e-5)


def test_the_network_for_qwen_without_its_layers_is_bicubic(tmp_path: Path) -> None:
    state = {name: torch.zeros_like(value) for name, value in sesqui_doubling().items()}
    nn.init.dirac_(state["net.skip_conv.weight"])
    state |= {"mean": torch.full((1, 64, 1, 1), 0.3), "std": torch.full((1, 64, 1, 1), 2.0)}
    torch.save(state, tmp_path / "qwen21-latent-2x-v1.pt")
    space = LatentSpace("qwen-image-21", 64, 16)
    network = load_network(tmp_path / "qwen21-latent-2x-v1.pt", space)
    samples = latent(1, 64, 5, 6)
    expected = interpolate(samples, scale_factor=2, mode="bicubic")
    torch.testing.assert_close(network(samples, (10, 12)), expected, atol=1e-5, rtol=1e-5)


def test_flow_makes_a_latent_of_the_same_noise_each_time(tmp_path: Path) -> None:
    """A velocity of nothing leaves the noise; one of the small latent's own size depends on it."""
    space = LatentSpace("flux2", 32, 8)
    state = flow()
    torch.save({name: torch.zeros_like(value) for name, value in state.items()}, tmp_path / "a.pt")
    torch.save(state, tmp_path / "b.pt")
    files = [tmp_path / f"flow_upscaler_{name}.pt" for name in "ab"]
    for file, name in zip(files, "ab", strict=True):
        (tmp_path / f"{name}.pt").rename(file)
    noise, guided = (load_network(file, space) for file in files)
    first, second = latent(2, 32, 5, 7).split(1)
    drawn = noise(first, (10, 14))
    assert abs(float(drawn.std()) - 1) < 0.1
    assert torch.equal(drawn, noise(second, (10, 14)))
    assert torch.equal(guided(first, (10, 14)), guided(first, (10, 14)))
    assert not torch.equal(guided(first, (10, 14)), guided(second, (10, 14)))


def test_the_networks_of_one_author_share_a_scaling(tmp_path: Path) -> None:
    for name in ("sdxl_resizer.pt", "sd15_resizer.pt"):
        torch.save(nn_latent_upscale(), tmp_path / name)
    plain = load_network(tmp_path / "sdxl_resizer.pt", LatentSpace("sdxl", 4, 8))
    other = load_network(tmp_path / "sd15_resizer.pt", LatentSpace("sd1", 4, 8))
    samples, ratio = latent(1, 4, 8, 8), 0.13025 / 0.18215
    torch.testing.assert_close(other(samples, (12, 12)), plain(samples * ratio, (12, 12)) / ratio)


def test_sesqui_without_its_layers_is_bicubic(tmp_path: Path) -> None:
    state = {name: torch.zeros_like(value) for name, value in sesqui(16).items()}
    nn.init.dirac_(state["skip_conv.weight"])
    torch.save(state, tmp_path / "upscaler_Wan21.pth")
    network = load_network(tmp_path / "upscaler_Wan21.pth", LatentSpace("wan21", 16, 8))
    samples = latent(1, 16, 8, 8)
    expected = interpolate(samples, (13, 16), mode="bicubic")
    torch.testing.assert_close(network(samples, (13, 16)), expected, atol=1e-5, rtol=1e-5)


def test_sesqui_filters_where_an_output_lies(tmp_path: Path) -> None:
    """At twice the size an output lies on a value; with one tap of 1 there it is that value."""
    state = {name: torch.zeros_like(value) for name, value in sesqui().items()}
    for i in range(16):
        state["upsample.ps_expand.weight"][4 * i : 4 * i + 4, i] = 1
    state["upsample.base_taps"][0, :, :, 1] = 1
    state["upsample.rank_gain"][0] = 50
    for name in ("head_conv.0", "head_conv.2", "tail_conv.2"):
        nn.init.dirac_(state[f"{name}.weight"])
    nn.init.dirac_(state["tail_conv.0.weight"])
    torch.save(state, tmp_path / "upscaler_SDXL.pth")
    network = load_network(tmp_path / "upscaler_SDXL.pth", LatentSpace("sdxl", 4, 8))
    samples = latent(1, 4, 6, 6)
    twice = interpolate(samples, scale_factor=2)
    expected = nn.functional.mish(nn.functional.mish(twice))
    torch.testing.assert_close(network(samples, (12, 12)), expected)


def test_a_network_whose_scaling_is_not_known_is_refused(tmp_path: Path) -> None:
    torch.save(sesqui(16), tmp_path / "upscaler_Flux.pth")
    with pytest.raises(ModelFileError, match="'wan21', but got one for 'sd3'"):
        load_network(tmp_path / "upscaler_Flux.pth", LatentSpace("sd3", 16, 8))


def test_sesqui_for_flux_2_works_on_what_its_autoencoder_normalised(tmp_path: Path) -> None:
    """The statistics are of packed channels: each of four places has its own."""
    state = {name: torch.zeros_like(value) for name, value in sesqui(32).items()}
    nn.init.dirac_(state["skip_conv.weight"])
    torch.save(state, tmp_path / "upscaler_Flux2.pth")
    network = load_network(tmp_path / "upscaler_Flux2.pth", LatentSpace("flux2", 32, 8))
    shift, scale = (torch.tensor(each).view(1, -1, 1, 1) for each in (FLUX2_MEAN, FLUX2_DEVIATION))
    small, large = latent(1, 32, 6, 8), (12, 16)
    raw = pixel_shuffle(pixel_unshuffle(small, 2) * scale + shift, 2)
    larger = interpolate(raw, large, mode="bicubic")
    expected = pixel_shuffle((pixel_unshuffle(larger, 2) - shift) / scale, 2)
    torch.testing.assert_close(network(small, large), expected, atol=1e-5, rtol=1e-5)
    assert network(small[..., :5, :7], (9, 13)).shape[-2:] == (9, 13)


@pytest.mark.parametrize("side", [96, 128])
def test_memory_of_the_shipped_network_is_bounded(side: int) -> None:
    space = LatentSpace("flux2", 32, 8)
    network = load_network(find_weights(space, (), ()), space)
    samples = latent(1, 32, 64, 64)
    with torch.inference_mode(), LiveMemory() as memory:
        result = network(samples, (side, side))
    assert memory.peak <= 6 * result.numel() * result.element_size()

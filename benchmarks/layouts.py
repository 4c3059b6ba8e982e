"""Write `lib_upscalers/models/known_layouts.json`: the traits of networks of published sizes.

    python -m benchmarks.layouts

Each network is made with random weights and read as any file is. Architectures whose traits depend
on numbers in the file, and not on names and shapes alone (FDAT, IPT), must not be entered.
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from lib_upscalers.models.architectures import detect, registry
from lib_upscalers.models.architectures.dysample import DynamicSampling
from lib_upscalers.models.architectures.enlargement import make_enlargement
from lib_upscalers.models.architectures.esc import ESC, Sizes, doubled_twice
from lib_upscalers.models.architectures.figsr import FIGSR
from lib_upscalers.models.building import build
from lib_upscalers.models.known_layouts import FILE, shapes_of, signature
from lib_upscalers.models.loader import traits_of
from lib_upscalers.network import NetworkTraits

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from torch import nn

Variants = list[dict[str, Any]]


def _scales(
    name: str,
    scales: tuple[int, ...] = (2, 3, 4),
    about: Mapping[str, object] = MappingProxyType({}),
) -> Variants:
    return [{**about, name: scale} for scale in scales]


def _dat() -> Variants:
    deep: dict[str, Any] = {"depth": [6] * 6, "num_heads": [6] * 6, "embed_dim": 180}
    light: dict[str, Any] = {
        "depth": [18],
        "num_heads": [6],
        "embed_dim": 60,
        "resi_connection": "3conv",
        "upsampler": "pixelshuffledirect",
    }
    sizes = [
        {**deep, "split_size": [8, 32], "expansion_factor": 4},
        {**deep, "split_size": [8, 16], "expansion_factor": 2},
        {**deep, "split_size": [8, 32], "expansion_factor": 2},
        {**light, "split_size": [8, 32], "expansion_factor": 2},
    ]
    return [each for size in sizes for each in _scales("upscale", (1, 2, 3, 4), size)]


def _hat() -> Variants:
    common: dict[str, Any] = {"window_size": 16, "mlp_ratio": 2, "upsampler": "pixelshuffle"}
    small: dict[str, Any] = {"embed_dim": 144, "compress_ratio": 24, "squeeze_factor": 24}
    sizes = [
        {**common, **small, "depths": [6] * 6, "num_heads": [6] * 6},
        {**common, "embed_dim": 180, "depths": [6] * 6, "num_heads": [6] * 6},
        {**common, "embed_dim": 180, "depths": [6] * 12, "num_heads": [6] * 12},
    ]
    return [each for size in sizes for each in _scales("upscale", about=size)]


def _swinir() -> Variants:
    middle: dict[str, Any] = {
        "window_size": 8,
        "embed_dim": 180,
        "depths": [6] * 6,
        "num_heads": [6] * 6,
        "mlp_ratio": 2,
    }
    light = {**middle, "embed_dim": 60, "depths": [6] * 4, "num_heads": [6] * 4}
    large = {**middle, "embed_dim": 240, "depths": [6] * 9, "num_heads": [8] * 9}
    large["resi_connection"] = "3conv"
    classic = [{**middle, "upsampler": "pixelshuffle", "img_size": side} for side in (48, 64)]
    real = [{**each, "upsampler": "nearest+conv"} for each in (middle, large)]
    sizes = [*classic, *real, {**light, "upsampler": "pixelshuffledirect"}]
    found = [each for size in sizes for each in _scales("upscale", about=size)]
    return [*found, {**middle, "img_size": 128}, {**large, "upsampler": "nearest+conv"}]


def _atd() -> Variants:
    full: dict[str, Any] = {
        "embed_dim": 210,
        "depths": [6] * 6,
        "num_heads": [6] * 6,
        "window_size": 16,
        "num_tokens": 128,
        "reducted_dim": 20,
        "upsampler": "pixelshuffle",
    }
    light: dict[str, Any] = {
        "embed_dim": 48,
        "num_heads": [4] * 4,
        "window_size": 16,
        "category_size": 128,
        "reducted_dim": 8,
        "upsampler": "pixelshuffledirect",
    }
    sides = [{**full, "img_size": side} for side in (64, 96)]
    return [each for size in (*sides, light) for each in _scales("upscale", about=size)]


def _plksr() -> Variants:
    full = [
        {"dysample": dysample, "layer_norm": layer_norm}
        for dysample in (False, True)
        for layer_norm in (False, True)
    ]
    return [each for size in full for each in _scales("upscaling_factor", (1, 2, 3, 4), size)]


def _rgt() -> Variants:
    sizes = [
        {"depth": [6] * blocks, "num_heads": [6] * blocks, "mlp_ratio": 2, "split_size": [8, 32]}
        for blocks in (6, 8)
    ]
    return [each for size in sizes for each in _scales("upscale", about=size)]


# Module of spandrel's architectures, class, settings.
SPANDREL: list[tuple[str, str, Variants]] = [
    ("ATD", "ATD", _atd()),
    ("CRAFT", "CRAFT", _scales("upscale")),
    ("DAT", "DAT", _dat()),
    ("HAT", "HAT", _hat()),
    ("MoESR", "MoESR", _scales("scale")),
    ("MoSR", "MoSR", _scales("upscale", (1, 2, 3, 4))),
    ("OmniSR", "OmniSR", _scales("up_scale", (1, 2, 3, 4), {"res_num": 5})),
    ("PLKSR", "PLKSR", _scales("upscaling_factor")),
    ("PLKSR", "PLKSR", _scales("upscaling_factor", about={"n_blocks": 12, "kernel_size": 13})),
    ("PLKSR", "RealPLKSR", _plksr()),
    ("RCAN", "RCAN", [*_scales("scale"), *_scales("scale", (1, 2), {"unshuffle_mod": True})]),
    ("RGT", "RGT", _rgt()),
    ("RealCUGAN", "UpCunet2x", [{"pro": False}, {"pro": True}]),
    ("RealCUGAN", "UpCunet2x_fast", [{}]),
    ("RealCUGAN", "UpCunet3x", [{"pro": False}, {"pro": True}]),
    ("RealCUGAN", "UpCunet4x", [{"pro": False}, {"pro": True}]),
    ("SCUNet", "SCUNet", [{}]),
    ("SwinIR", "SwinIR", _swinir()),
]
OURS: list[tuple[str, str, Variants]] = [
    ("cunet", "CUNet", [{}]),
    ("rtmosr", "RTMoSR", [{}]),
    ("upconv7", "UpConv7", [{}]),
]


def _newer() -> Iterator[nn.Module]:
    """Yield ESC, ESC-FP, ESC-Real and FIGSR, which are made of parts."""
    sizes = [Sizes(), Sizes(blocks=3), Sizes(features=48, heads=3, split=True, squeezed=4)]
    sizes[2] = replace(sizes[2], before=72, within=60, normalised=True)
    for scale in (2, 3, 4):
        yield from (ESC(each, scale) for each in sizes)
        yield FIGSR(make_enlargement("pixelshuffledirect", scale, 48))
    real = Sizes(blocks=10, within=128, normalised=True)
    yield ESC(real, 4, doubled_twice(64))
    yield ESC(real, 4, DynamicSampling(64, 3, 4))


def modules() -> Iterator[nn.Module]:
    """Yield a network of each published size."""
    for folder, name, variants in SPANDREL:
        family: Any = import_module(f"spandrel.architectures.{folder}")
        for about in variants:
            yield getattr(family, name)(**about)
    for folder, name, variants in OURS:
        family = import_module(f"lib_upscalers.models.architectures.{folder}")
        for about in variants:
            yield getattr(family, name)(**about)
    yield from _newer()


def layout(state: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the signature of a state dict, and the traits that its network has."""
    found = detect(state, registry())
    shapes = shapes_of(state)
    if found is None or shapes is None:
        raise ValueError(f"Expected a known network, but none has {next(iter(state))!r}.")
    descriptor: Any = build(found.architecture, state)
    traits = asdict(traits_of("", descriptor))
    plain = asdict(NetworkTraits("", "", 1, 1))
    changed = {key: value for key, value in traits.items() if value != plain[key]}
    return signature(shapes), {**changed, "scale": traits["scale"], "channels": traits["channels"]}


def main() -> None:
    """Write the table."""
    table: dict[str, dict[str, Any]] = {}
    for module in modules():
        name, traits = layout(module.state_dict())
        print(type(module).__name__, traits, flush=True)
        table[name] = traits
    rows = [f"{json.dumps(name)}: {json.dumps(table[name])}" for name in sorted(table)]
    FILE.write_text("{\n" + ",\n".join(rows) + "\n}\n", "utf-8")


if __name__ == "__main__":
    main()

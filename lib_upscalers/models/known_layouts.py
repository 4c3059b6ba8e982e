"""Recognise the networks that most people have by the names and shapes of their weights alone.

Building a network to learn its traits takes torch, and a tenth of a second for a large one. The
three families that most files belong to are recognised at any size, by comparing every name and
shape; published sizes of others by a hash of them, in `known_layouts.json`, which
`python -m benchmarks.layouts` writes. Whatever is not quite one of these is built.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lib_upscalers.models.architectures.description import shuffled
from lib_upscalers.network import NetworkTraits

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Shapes = Mapping[str, tuple[int, ...]]
    Expected = dict[str, tuple[int, ...]]

FILE = Path(__file__).with_name("known_layouts.json")
_DENSE_LAYERS = 5
_GROWTH = 32
# Names of an ESRGAN in files of BSRGAN and Real-ESRGAN: the dense layers, then all others.
_STYLES: Sequence[tuple[str, Mapping[str, str]]] = (
    (
        "RRDB_trunk.{}.RDB{}.conv{}",
        {"body": "trunk_conv", "up": "upconv{}", "hr": "HRconv"},
    ),
    ("body.{}.rdb{}.conv{}", {"body": "conv_body", "up": "conv_up{}", "hr": "conv_hr"}),
)


def recognise(state: Mapping[Any, Any]) -> NetworkTraits | None:
    """Return the traits of a network, without a name; None if it has to be built to know.

    Args:
        state: Names to tensors or outlines, without a prefix that all have in common.
    """
    shapes = shapes_of(state)
    if shapes is None:
        return None
    for family in (_compact, _esrgan, _span):
        found = family(shapes)
        if found is not None:
            return found
    stored = _table().get(signature(shapes))
    return None if stored is None else NetworkTraits(name="", **stored)


def shapes_of(state: Mapping[Any, Any]) -> Shapes | None:
    """Return the shape of each weight; None if something else is among them."""
    shapes = {name: getattr(value, "shape", None) for name, value in state.items()}
    named = all(isinstance(name, str) for name in shapes)
    if not named or any(shape is None for shape in shapes.values()):
        return None
    return {name: tuple(shape or ()) for name, shape in shapes.items()}


def signature(shapes: Shapes) -> str:
    """Return a hash of all names and shapes."""
    import hashlib

    lines = sorted(f"{name} {'x'.join(map(str, shape))}" for name, shape in shapes.items())
    return hashlib.sha256("\n".join(lines).encode("utf-8", "replace")).hexdigest()[:24]


@cache
def _table() -> Mapping[str, dict[str, Any]]:
    stored: dict[str, dict[str, Any]] = json.loads(FILE.read_text("utf-8"))
    return stored


def _layer(name: str, gives: int, takes: int, side: int = 3) -> Expected:
    """Return the shapes of a convolution with a bias."""
    return {f"{name}.weight": (gives, takes, side, side), f"{name}.bias": (gives,)}


def _traits(architecture: str, scale: int, takes: int, gives: int) -> NetworkTraits | None:
    if (takes, gives) not in ((1, 1), (3, 3), (4, 4), (1, 3), (3, 1)) or scale < 1:
        return None
    return NetworkTraits(
        name="",
        architecture=architecture,
        scale=scale,
        channels=takes,
        output_channels=gives,
        supports_fp16=True,
        supports_bf16=True,
    )


def _first(shapes: Shapes, name: str) -> tuple[int, int] | None:
    """Return what a convolution gives and takes; None if there is none of that name."""
    shape = shapes.get(f"{name}.weight", ())
    return (shape[0], shape[1]) if len(shape) == 4 else None


def _compact(shapes: Shapes) -> NetworkTraits | None:
    last = len(shapes) // 3 * 2
    first, end = _first(shapes, "body.0"), _first(shapes, f"body.{last}")
    if first is None or end is None:
        return None
    features, takes = first
    expected = _layer("body.0", features, takes) | _layer(f"body.{last}", end[0], features)
    for i in range(1, last):
        slopes = {f"body.{i}.weight": (features,)}
        expected |= slopes if i % 2 else _layer(f"body.{i}", features, features)
    made = shuffled(end[0], takes)
    if expected != shapes or made is None:
        return None
    return _traits("RealESRGAN Compact", *made[:1], takes, made[1])


def _span(shapes: Shapes) -> NetworkTraits | None:
    first, end = _first(shapes, "conv_1.eval_conv"), _first(shapes, "upsampler.0")
    if first is None or end is None:
        return None
    features, takes = first
    made = shuffled(end[0], takes)
    blocks = [f"block_{i}.c{j}_r" for i in range(1, 7) for j in range(1, 4)]
    sizes = dict.fromkeys((*blocks, "conv_2"), (features, features))
    sizes["conv_1"] = (features, takes)
    expected = _layer("conv_cat", features, 4 * features, 1)
    expected |= _layer("upsampler.0", end[0], features)
    branched = any(".sk." in name for name in shapes)
    for name, (gives, takes_) in sizes.items():
        expected |= _layer(f"{name}.eval_conv", gives, takes_)
        if branched:
            expected |= _layer(f"{name}.sk", gives, takes_, 1)
            expected |= _layer(f"{name}.conv.0", 2 * takes_, takes_, 1)
            expected |= _layer(f"{name}.conv.1", 2 * gives, 2 * takes_)
            expected |= _layer(f"{name}.conv.2", gives, 2 * gives, 1)
    found = {name: shape for name, shape in shapes.items() if name != "no_norm"}
    if expected != found or made is None:
        return None
    return _traits("SPAN", *made[:1], takes, made[1])


def _esrgan(shapes: Shapes) -> NetworkTraits | None:
    first = _first(shapes, "model.0") or _first(shapes, "conv_first")
    if first is None:
        return None
    for style in (None, *_STYLES):
        ups, blocks = _esrgan_size(shapes, style)
        expected = _esrgan_layers(shapes, style, ups, blocks) if blocks else {}
        if expected == shapes:
            last = f"model.{3 * ups + 4}" if style is None else "conv_last"
            return _esrgan_traits(first[1], shapes[f"{last}.bias"][0], 2**ups)
    return None


def _esrgan_size(shapes: Shapes, style: tuple[str, Mapping[str, str]] | None) -> tuple[int, int]:
    """Return how often it doubles and how many blocks it has, as far as their number shows."""
    if style is None:
        pattern = r"model\.1\.sub\.(\d+)\.RDB1\.conv1\.0\.weight"
        ups = sum(bool(re.fullmatch(r"model\.\d+\.weight", name)) for name in shapes) - 3
    else:
        pattern = re.escape(style[0]).replace(r"\{\}", "{}").format(r"(\d+)", 1, 1) + r"\.weight"
        up = style[1]["up"].format("")
        ups = sum(name.startswith(up) and name.endswith(".weight") for name in shapes)
    return max(ups, 0), sum(bool(re.fullmatch(pattern, name)) for name in shapes)


def _esrgan_layers(
    shapes: Shapes, style: tuple[str, Mapping[str, str]] | None, ups: int, blocks: int
) -> Expected:
    """Return all layers of an ESRGAN of a size."""
    if style is None:
        dense = "model.1.sub.{}.RDB{}.conv{}.0"
        first, body = "model.0", f"model.1.sub.{blocks}"
        rest = [f"model.{3 * i + 3}" for i in range(ups)] + [f"model.{3 * ups + 2}"]
        last = f"model.{3 * ups + 4}"
    else:
        dense, named = style
        first, body = "conv_first", named["body"]
        rest = [named["up"].format(i + 1) for i in range(ups)] + [named["hr"]]
        last = "conv_last"
    features, takes = _first(shapes, first) or (0, 0)
    gives, _ = _first(shapes, last) or (0, 0)
    made = _layer(first, features, takes) | _layer(body, features, features)
    for i in range(blocks):
        for j in range(1, 4):
            for k in range(1, _DENSE_LAYERS + 1):
                out = features if k == _DENSE_LAYERS else _GROWTH
                made |= _layer(dense.format(i, j, k), out, features + (k - 1) * _GROWTH)
    for name in rest:
        made |= _layer(name, features, features)
    return made | _layer(last, gives, features)


def _esrgan_traits(takes: int, gives: int, scale: int) -> NetworkTraits | None:
    shuffle = next((side for side in (2, 4) if takes == side * side * gives), 1)
    if scale % shuffle:
        return None
    traits = _traits("ESRGAN", scale // shuffle, takes // shuffle**2, gives)
    if traits is None:
        return None
    multiple = 4 if shuffle > 1 else 1
    return replace(traits, minimum=max(2, multiple), multiple_of=multiple, alignment=multiple)

"""Explain why a network cannot be run, from the names of its layers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lib_upscalers.models.architectures import spandrel_version
from lib_upscalers.models.reading.faults import printable

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from spandrel import ArchRegistry


_SIZES = re.compile(r"^\s*size mismatch for (.*?): ", re.MULTILINE)
_MOST_SHOWN = 4
# The share of an architecture's names that may be missing to call it nearly this one, and the least
# number of names.
_NEAR = 0.5
_FEWEST_NAMES = 2


@dataclass(frozen=True)
class _Later:
    """An architecture that came with a later spandrel, and names of layers that only it has."""

    name: str
    spandrel: str
    layers: tuple[str, ...]


# Found by comparing the registries of 0.3.4, 0.4.0, 0.4.1, 0.4.2.
_LATER: Sequence[_Later] = (
    _Later("RetinexFormer", "0.4.0", ("body.0.estimator.depth_conv.weight",)),
    _Later("HVI-CIDNet", "0.4.0", ("HVE_block0.1.weight", "trans.density_k")),
    _Later("SeemoRe", "0.4.0", ("body.0.local_block.block.moe_layer.experts.0.conv_1.weight",)),
    _Later("MoSR", "0.4.0", ("gblocks.0.weight", "gblocks.1.fc1.weight")),
    _Later("PLKSR with DySample", "0.4.0", ("feats.1.refine.weight", "to_img.init_pos")),
    _Later("MoESR", "0.4.1", ("in_to_dim.weight", "blocks.0.blocks.0.conv.dwconv_hw.weight")),
    _Later("RCAN", "0.4.1", ("body.0.body.0.body.3.conv_du.0.weight",)),
    _Later("FDAT", "0.4.2", ("groups.0.blocks.0.inter.cg.1.weight",)),
    _Later("AuraSR", "0.4.2", ("mid_block2.block1.proj.weights",)),
)
# They are in the package spandrel_extra_arches because of their licences.
_EXTRA: Sequence[tuple[str, str]] = (
    ("SRFormer", "layers.0.residual_group.blocks.0.attn.aligned_relative_position_index"),
    ("AdaCode", "weight_predictor.blocks.0.swin_blks.0.residual_group.blocks.0.norm1.weight"),
    ("FeMaSR", "multiscale_encoder.in_conv.weight"),
    ("Restormer", "encoder_level1.0.attn.qkv_dwconv.weight"),
    ("MPRNet", "stage1_encoder.encoder_level1.0.CA.conv_du.0.weight"),
    ("MIRNet-v2", "body.0.body.0.dau_top.gcnet.conv_mask.weight"),
    ("M3SNet", "middle_blks.0.qkv_dwconv.weight"),
)
_FOREIGN: Sequence[tuple[str, str]] = (
    ("a video network", "spynet."),
    ("a video network", "pcd_align."),
    ("a video network", "OFR."),
    ("a diffusion network", "model.diffusion_model."),
    ("a diffusion network", "double_blocks."),
    ("an autoencoder of a diffusion network", "decoder.up.0.block.0."),
    ("a text encoder", "text_model.encoder."),
    ("a LoRA", "lora_unet_"),
    ("a ControlNet", "control_model."),
)


def later_spandrel(layers: Collection[str]) -> str | None:
    """Return what to install for an architecture that a later spandrel has; else None.

    Args:
        layers: The names in the state dict.
    """
    installed = spandrel_version()
    for each in _LATER:
        if _older(installed, each.spandrel) and all(name in layers for name in each.layers):
            return f"{each.name} needs spandrel {each.spandrel} or newer, this is {installed}"
    return None


def unknown_architecture(layers: Collection[str], known: ArchRegistry) -> str:
    """Explain why no architecture recognises a network, as far as its layers show.

    Args:
        layers: The names in the state dict.
        known: The architectures that were tried.
    """
    later = later_spandrel(layers)
    if later:
        return f"{later}: update spandrel"
    for name, layer in _EXTRA:
        if layer in layers:
            return f"{name} needs the package spandrel_extra_arches (mind its licences)"
    other = foreign(layers)
    if other:
        return other
    if not layers:
        return "it names no weights"
    nearly = _nearest_architecture(layers, known)
    if nearly:
        return nearly
    first = ", ".join(printable(name) for name in sorted(layers)[:3])
    return (
        f"none of the {len(known)} known architectures (spandrel {spandrel_version()} and ours) "
        f"has its layers ({first}, ...); a newer spandrel may know it"
    )


def foreign(layers: Collection[str]) -> str:
    """Return what a network is that does something else with pictures; "" if that is not known."""
    for kind, prefix in _FOREIGN:
        # A name in a file need not be a text.
        if any(str(name).startswith(prefix) for name in layers):
            return f"it looks like {kind}, which does not enlarge a picture"
    return ""


def misfit(error: Exception) -> str:
    """Explain in a few words why weights do not fit an architecture.

    Args:
        error: The exception that building it raised.
    """
    text = str(error)
    if isinstance(error, KeyError) and error.args:
        return f"{printable(error.args[0])} is missing"
    parts = [
        f"{_shortened(names)} {'is' if len(names) == 1 else 'are'} {what}"
        for mark, what in (("Missing", "missing"), ("Unexpected", "not of it"))
        for names in [_listed_keys(text, mark)]
        if names
    ]
    shaped = _SIZES.findall(text)
    if shaped:
        parts.append(f"{_shortened(shaped)} {'has' if len(shaped) == 1 else 'have'} another shape")
    return ", ".join(parts) or printable((text.splitlines() or [type(error).__name__])[0], 200)


def _listed_keys(text: str, mark: str) -> list[str]:
    found = re.search(rf"^\s*{mark} key\(s\) in state_dict: (.*)$", text, re.MULTILINE)
    return re.findall(r'"(.*?)"(?:, |\. )', found.group(1) + " ") if found else []


def _shortened(names: Sequence[str]) -> str:
    shown = ", ".join(printable(name) for name in names[:_MOST_SHOWN])
    more = len(names) - _MOST_SHOWN
    return f"{shown} and {more} more" if more > 0 else shown


def _nearest_architecture(layers: Collection[str], known: ArchRegistry) -> str:
    """Name the architecture that lacks only a few names here; "" if there is none."""
    best: tuple[float, str, list[str]] = (_NEAR, "", [])
    for each in known:
        missing, names = _missing(getattr(each.architecture, "_detect", None), layers)
        share = len(missing) / max(1, names)
        if names >= _FEWEST_NAMES and share < best[0]:
            best = (share, each.architecture.name, missing)
    _, name, missing = best
    if not name:
        return ""
    verb = "is" if len(missing) == 1 else "are"
    return (
        f"it looks like {name}, but is not quite this architecture: {_shortened(missing)} {verb} "
        "missing"
    )


def _missing(condition: Any, layers: Collection[str]) -> tuple[list[str], int]:  # noqa: ANN401
    """Return which names an architecture misses, and how many it asks for.

    Args:
        condition: A name, or spandrel's KeyCondition, whose parts have no public names.
        layers: The names that are there.
    """
    if isinstance(condition, str):
        return ([] if condition in layers else [condition]), 1
    parts = [_missing(each, layers) for each in getattr(condition, "_keys", ())]
    if getattr(condition, "_kind", "") == "any":
        return min(parts, key=lambda part: len(part[0]) / part[1], default=([], 0))
    return [name for missing, _ in parts for name in missing], sum(names for _, names in parts)


def _older(version: str, than: str) -> bool:
    return _numbers(version) < _numbers(than)


def _numbers(version: str) -> tuple[int, ...]:
    parts = version.split(".")[:3]
    return tuple(int("".join(filter(str.isdigit, part)) or 0) for part in parts)

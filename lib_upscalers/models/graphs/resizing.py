"""Compute ONNX's operator Resize, as far as torch computes the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch.nn import functional

from lib_upscalers.models.reading.faults import NoNetworkError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch

    from lib_upscalers.models.graphs.graph import Node

_MODES: Mapping[str, str] = {"nearest": "nearest", "linear": "bilinear", "cubic": "bicubic"}
_LARGEST = 64.0


def resize(node: Node, inputs: Any) -> torch.Tensor:  # noqa: ANN401
    """Resize a picture (1, C, H, W).

    Raises:
        NoNetworkError: Torch has no such way to resize.
    """
    x = inputs[0]
    about = node.attributes
    mode = _MODES.get(about.get("mode", "nearest"))
    factors = factors_of(node, inputs)
    if mode is None or len(factors) != 2 or not all(0 < each <= _LARGEST for each in factors):
        raise NoNetworkError(f"{node} resizes in an unknown way")
    if "factors" not in about:
        _check_coordinates(node, mode, factors)
    if mode == "nearest":
        return functional.interpolate(x, scale_factor=tuple(factors), mode=mode)
    return functional.interpolate(x, scale_factor=tuple(factors), mode=mode, align_corners=False)


def factors_of(node: Node, inputs: Any) -> list[float]:  # noqa: ANN401
    """Return by how much height and width grow; [] where that cannot be known."""
    about = node.attributes
    if "factors" in about:
        return [float(each) for each in about["factors"]]
    scales = inputs[2] if len(inputs) > 2 else None
    if node.kind == "Upsample":
        scales = inputs[1] if len(inputs) > 1 else None
    if scales is not None and scales.numel() == 4:
        held = [float(each) for each in scales.tolist()]
        return held[2:] if held[:2] == [1.0, 1.0] else []
    sizes = inputs[3] if len(inputs) > 3 else None
    if sizes is None or sizes.numel() != 4 or inputs[0] is None:
        return []
    sides = [int(each) for each in sizes.tolist()[2:]]
    return [side / old for side, old in zip(sides, inputs[0].shape[2:], strict=True)]


def _check_coordinates(node: Node, mode: str, factors: list[float]) -> None:
    about = node.attributes
    where = about.get("coordinate_transformation_mode", "half_pixel")
    if mode == "nearest":
        rounding = about.get("nearest_mode", "round_prefer_floor")
        exact = (where, rounding) in (
            ("asymmetric", "floor"),
            ("half_pixel", "round_prefer_floor"),
            ("pytorch_half_pixel", "round_prefer_floor"),
        )
        whole = all(factor == int(factor) for factor in factors)
        fits = node.kind == "Upsample" or (exact and whole)
    else:
        fits = where in ("half_pixel", "pytorch_half_pixel") and not about.get("antialias")
        if mode == "bicubic":
            fits = fits and abs(float(about.get("cubic_coeff_a", -0.75)) + 0.75) < 1e-6
    if not fits:
        raise NoNetworkError(f"{node} resizes in a way that torch does not know")

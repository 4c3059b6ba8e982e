"""Hand whole networks over to ncnn, as far as it can compute them."""

from __future__ import annotations

import copy
import logging
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from lib_upscalers.models.adapt.tail import BlockwiseTail
from lib_upscalers.models.ncnn_backend.modules import hand_over
from lib_upscalers.models.ncnn_backend.recording import NotRecordableError

if TYPE_CHECKING:
    from spandrel import ImageModelDescriptor

    from lib_upscalers.network import Forward

_log = logging.getLogger("lib_upscalers")

_SIDE = 24


def by_ncnn(descriptor: ImageModelDescriptor[nn.Module], vulkan: int | None) -> Forward | None:
    """Return what computes the same as a network with ncnn, which is there; None if it cannot.

    Args:
        descriptor: Of a network in fp32 on the CPU, adapted.
        vulkan: On which of Vulkan's GPUs; None: on the CPU.

    Returns:
        From a batch (N, C, H, W) in fp32 on the CPU to one (N, D, H * scale, W * scale).
    """
    side = max(_SIDE, descriptor.size_requirements.minimum or 0)
    side += -side % (descriptor.size_requirements.multiple_of or 1)
    picture = torch.rand(1, descriptor.input_channels, side, side)
    try:
        module = _handed(descriptor.model, picture, vulkan)
    except (NotRecordableError, RuntimeError) as error:
        _log.debug("%s is not computed by ncnn: %s", descriptor.architecture.name, error)
        return None
    other: Any = copy.copy(descriptor)
    other._model = module  # noqa: SLF001 - spandrel has no other way to replace it
    return other


def _handed(model: nn.Module, picture: torch.Tensor, vulkan: int | None) -> nn.Module:
    layers: Any = getattr(model, "model", None)
    blockwise = isinstance(layers, nn.Sequential) and isinstance(layers[-1], BlockwiseTail)
    if blockwise:
        return _in_parts(model, layers, picture, vulkan)
    return hand_over(model, picture, vulkan)


def _in_parts(
    model: nn.Module,
    layers: Any,  # noqa: ANN401
    picture: torch.Tensor,
    vulkan: int | None,
) -> nn.Module:
    """Hand over the trunk and the layers of the tail, which stays in blocks."""
    trunk, tail = nn.Sequential(*layers[:-1]), layers[-1]
    first = next(each for each in trunk.modules() if isinstance(each, nn.Conv2d))
    entering = picture[:, :1].expand(-1, first.in_channels, -1, -1).contiguous()
    with torch.inference_mode(mode=False), torch.no_grad():
        features = trunk(entering)
    last = nn.Sequential(hand_over(tail.layers, features, vulkan))
    parts = nn.Sequential(
        hand_over(trunk, entering, vulkan), BlockwiseTail(last, tail.scale, tail.reach)
    )
    other = copy.copy(model)
    # A copy shares the table of its layers with the original.
    vars(other)["_modules"] = {**dict(model.named_children()), "model": parts}
    return other

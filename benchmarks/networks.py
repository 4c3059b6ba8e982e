"""Random networks for benchmarks, whose output lies in the range of a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from pathlib import Path

    from torch import nn


def compact() -> nn.Module:
    """Return a Compact x4 of 64 features and 32 convolutions."""
    from spandrel.architectures.Compact.__arch.SRVGG import SRVGGNetCompact

    return SRVGGNetCompact(num_in_ch=3, num_out_ch=3, num_feat=64, num_conv=32, upscale=4)


def span() -> nn.Module:
    """Return a SPAN x4 of 48 channels."""
    from spandrel.architectures.SPAN.__arch.span import SPAN

    return SPAN(num_in_ch=3, num_out_ch=3, feature_channels=48, upscale=4)


def esrgan() -> nn.Module:
    """Return an ESRGAN x4 of 64 features and 23 blocks."""
    from spandrel.architectures.ESRGAN.__arch.RRDB import RRDBNet

    return RRDBNet(in_nc=3, out_nc=3, num_filters=64, num_blocks=23, scale=4)


BUILDERS = {"Compact": compact, "SPAN": span, "ESRGAN": esrgan}


def save_random(name: str, path: Path) -> None:
    """Save a random network of that name whose output has the mean and spread of a picture.

    Args:
        name: One of `BUILDERS`.
        path: Where to; a .pth file.
    """
    torch.manual_seed(0)
    module = BUILDERS[name]().eval()
    sample = torch.rand(1, 3, 48, 48)
    with torch.no_grad():
        last = [m for m in module.modules() if isinstance(m, torch.nn.Conv2d)][-1]
        output = module(sample)
        last.weight.mul_(0.2 / output.std())
        if last.bias is not None:
            last.bias.zero_()
            last.bias.add_(0.5 - module(sample).mean())
    torch.save(module.state_dict(), path)

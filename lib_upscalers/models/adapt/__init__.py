"""Adapt networks once after loading: faster or smaller, with the same results.

Each adaptation is one file, with a function that checks a network's structure, not its name, and
changes nothing if it does not fit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch.nn import Module


def adapt(module: Module) -> None:
    """Make a loaded network faster or smaller in memory, with the same results."""
    import torch

    from lib_upscalers.models.adapt.fused import fuse_branches
    from lib_upscalers.models.adapt.masks import cast_masks
    from lib_upscalers.models.adapt.tail import run_tail_in_blocks

    # Weights that are made in inference mode could never be changed outside of it.
    with torch.inference_mode(mode=False), torch.no_grad():
        cast_masks(module)
        fuse_branches(module)
        run_tail_in_blocks(module)

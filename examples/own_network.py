"""Run a network of your own, in tiles: python examples/own_network.py IN.png OUT.png.

The engine measures how far the network looks and how much memory it takes, and cuts the picture
into tiles that leave no seam.
"""

from __future__ import annotations

import sys
from dataclasses import replace

import torch

from lib_upscalers import StandaloneHost, read_picture, write_picture
from lib_upscalers.network import NetworkTraits, Profile
from lib_upscalers.tiling.loop import run_network
from lib_upscalers.tiling.policy import Job


class MyNetwork(torch.nn.Module):
    """Twice as large, and a little sharper. Implements `network.Network`."""

    traits = NetworkTraits("My network", "Sharpened", scale=2, channels=3)

    def __init__(self) -> None:
        super().__init__()
        self.profile = Profile()
        self.blur = torch.nn.Conv2d(
            3, 3, 5, padding=2, padding_mode="replicate", groups=3, bias=False
        )
        torch.nn.init.constant_(self.blur.weight, 1 / 25)

    def place(self, device: torch.device, dtype: torch.dtype, *, channels_last: bool) -> None:
        """Move the weights."""
        layout = torch.channels_last if channels_last else torch.contiguous_format
        self.to(device=device, dtype=dtype, memory_format=layout)

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        """Enlarge pictures (N, 3, H, W) in [0, 1]."""
        large = torch.nn.functional.interpolate(batch, scale_factor=2, mode="bilinear")
        return (large + 0.7 * (large - self.blur(large))).clamp(0, 1)


source, destination = sys.argv[1:]
picture, host = read_picture(source), StandaloneHost()
job = Job(host.device(), host.free_memory)
result = run_network(MyNetwork().eval(), picture.pixels, job)
write_picture(replace(picture, pixels=result.pixels, alpha=None), destination)
sys.stdout.write(f"{result.tiles} tiles in {result.precision} on {result.device}\n")

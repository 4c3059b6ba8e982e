"""Enlarge a latent by 1.5: python examples/latent.py IN.safetensors OUT.safetensors."""

from __future__ import annotations

import sys

from safetensors.torch import load_file, save_file

from lib_upscalers import Size
from lib_upscalers.latent import Finishers, upscale_latent

source, destination = sys.argv[1:]
samples = load_file(source)["samples"]  # (N, C, H, W), of any model
height, width = samples.shape[-2:]
size = Size(width * 3 // 2, height * 3 // 2)
large = upscale_latent(samples, size, "Latent (bislerp)", Finishers(renoise=0.5), seeds=1)
save_file({"samples": large}, destination)
sys.stdout.write(f"{tuple(samples.shape)} -> {tuple(large.shape)}\n")

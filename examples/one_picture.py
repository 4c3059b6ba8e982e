"""Enlarge one picture: python examples/one_picture.py IN.png OUT.png."""

from __future__ import annotations

import sys

from lib_upscalers import StandaloneHost, Target, Upscaler, read_picture, write_picture

source, destination = sys.argv[1:]
upscaler = Upscaler(StandaloneHost())
picture = read_picture(source)
result = upscaler.run(picture, upscaler.find("Lab Fast 2x"), Target(scale=2))
write_picture(result.picture, destination)
sys.stdout.write(f"{picture.size} -> {result.picture.size} in {result.run_seconds:.2f} s\n")

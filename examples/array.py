"""Enlarge an array of NumPy; show how far it is, and stop at Ctrl-C: python examples/array.py.

Arrays are (H, W, 3) or (H, W, 1) of uint8, uint16, or float32 from 0 to 1: what lies beyond is cut
off. Transparency is an array (H, W) of its own, `Picture(pixels, alpha)`.
"""

from __future__ import annotations

import signal
import sys
import threading

import numpy as np

from lib_upscalers import Cancelled, Picture, StandaloneHost, Target, Upscaler


class Bar:
    """Writes percents, and ends the work within a tile. Implements `progress.Progress`."""

    def __init__(self) -> None:
        self.stopped = threading.Event()

    def update(self, step: int, total: int, text: str = "") -> None:
        """Show how much is done."""
        sys.stderr.write(f"\r{100 * step // max(total, 1):3} % {text}")

    def check_cancelled(self) -> None:
        """Raise `Cancelled` once somebody has set `stopped`, from whatever thread."""
        if self.stopped.is_set():
            raise Cancelled


levels = np.linspace(0, 255, 96 * 64 * 3).reshape(64, 96, 3).astype(np.uint8)
bar, upscaler = Bar(), Upscaler(StandaloneHost())
signal.signal(signal.SIGINT, lambda _signal, _frame: bar.stopped.set())
try:
    chosen = upscaler.find("Lab Fast 2x")
    result = upscaler.run(Picture(levels), chosen, Target(scale=2), progress=bar)
except Cancelled:
    sys.exit("Stopped.")
large = result.picture.pixels  # of the same dtype
sys.stdout.write(f"{levels.shape} -> {large.shape} {large.dtype}\n")

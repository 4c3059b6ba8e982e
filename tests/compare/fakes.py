"""Candidates whose fate is known."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from lib_upscalers.compare.candidate import Candidate
from lib_upscalers.compare.comparison import Comparison
from lib_upscalers.compare.peak_memory import ProcessWatch
from lib_upscalers.compare.request import ComparisonRequest
from lib_upscalers.compare.store import Store
from lib_upscalers.compare.subject import make_subject
from lib_upscalers.errors import ModelFileError
from lib_upscalers.pictures.picture import Picture
from lib_upscalers.resampling.resample import resample_pixels
from lib_upscalers.targets import Target
from lib_upscalers.upscaling.upscaler import Result

if TYPE_CHECKING:
    from pathlib import Path

    from lib_upscalers.compare.align import Trial
    from lib_upscalers.progress import Progress

HOSTILE = "\"><script>alert(1)</script><img src=x onerror=alert(2)>' & ünï"


@dataclass
class Fate:
    """What a candidate does when it runs, and how often it did."""

    what: str = "fine"
    release: threading.Event = field(default_factory=threading.Event)
    runs: int = 0

    def run(self, picture: Picture, target: Target, progress: Progress) -> Result:
        self.runs += 1
        if self.what == "faulty":
            raise ZeroDivisionError("division by zero")
        deadline = time.monotonic() + 20
        while self.what == "slow" and not self.release.is_set():
            assert time.monotonic() < deadline
            progress.update(1, 2, "tile 1 of 2")
            progress.check_cancelled()
            time.sleep(0.005)
        pixels = resample_pixels(picture.pixels, target.resolve(picture.size), "Box")
        return Result(Picture(pixels), run_seconds=1.0, passes=2, tiles=8, precision="fp16")

    def identity(self) -> str:
        if self.what == "vanished":
            raise ModelFileError("Expected a file, but it is gone.")
        return self.what


def candidate(name: str, fate: Fate, *, needs: int = 0) -> Candidate:
    return Candidate(name, "network", fate.run, fate.identity, needs=lambda *_: needs)


def picture(height: int = 24, width: int = 32) -> Picture:
    rng = np.random.default_rng(11)
    return Picture(rng.integers(0, 256, (height, width, 3), np.uint8))


def make(folder: Path, chosen: list[Candidate], *, trial: Trial | None = None) -> Comparison:
    names = tuple(each.name for each in chosen)
    request = ComparisonRequest(names, Target(scale=2.0), trial)
    return Comparison(
        subject=make_subject(picture(), "my picture", request),
        candidates=chosen,
        store=Store(folder),
        settings=request.to_text("1"),
        version="1",
        watch=ProcessWatch(),
        free_memory=lambda: 1 << 30,
    )

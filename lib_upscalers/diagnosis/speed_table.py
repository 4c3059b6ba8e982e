"""Measure how fast each upscaler is on this computer, in a given time for all of them."""

from __future__ import annotations

import statistics
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from lib_upscalers.compare.peak_memory import Peak, watch_for
from lib_upscalers.diagnosis.recent_problems import describe_error
from lib_upscalers.models.measurements import device_name
from lib_upscalers.models.usage import UsageLog
from lib_upscalers.targets import Target
from lib_upscalers.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lib_upscalers.host import Host
    from lib_upscalers.pictures.picture import Picture
    from lib_upscalers.upscaling.choices import Choice
    from lib_upscalers.upscaling.upscaler import Result, Upscaler

SECONDS = 120
_SIDES = (64, 128, 256, 512)
_MOST_TURNS = 5
# What a picture of the next side costs: four times as much, done twice before it counts.
_NEXT = 8


@dataclass(frozen=True)
class Speed:
    """How fast one upscaler is.

    Attributes:
        name: Of the upscaler.
        scale: By how much it enlarged.
        pixels_per_second: Of the picture before it is enlarged; the median of a few turns.
        side: Width and height of that picture.
        memory_bytes: By how much memory grew at most: the process's, or the GPU's.
        precision: In which a network ran; "" for a kernel.
        device: Where; "" for a kernel.
        backend: What ran it.
        problem: Why it could not be measured, in a line; "" if it was.
    """

    name: str
    scale: int
    pixels_per_second: float = 0.0
    side: int = 0
    memory_bytes: int = 0
    precision: str = ""
    device: str = ""
    backend: str = "torch"
    problem: str = ""

    @property
    def speed_text(self) -> str:
        """The speed for people, such as "1.25 MP/s"; "-" if there is none."""
        return f"{self.pixels_per_second / 1e6:.3g} MP/s" if self.pixels_per_second else "-"

    @property
    def memory_text(self) -> str:
        """The memory for people, such as "35 MB"; "-" if there is none."""
        return f"{self.memory_bytes / 1e6:.0f} MB" if self.pixels_per_second else "-"


def measure_speeds(
    host: Host,
    upscaler: Upscaler,
    choices: Sequence[Choice],
    seconds: float = SECONDS,
    clock: Callable[[], float] = time.perf_counter,
) -> Iterator[Speed]:
    """Yield the speed of each upscaler, as soon as it is measured.

    The time is shared out equally; a large network takes more than its share where even the
    smallest picture does. The speeds are stored as those of last uses.

    Args:
        host: Whose device it is.
        upscaler: Runs them.
        choices: What to measure.
        seconds: How long all of it should take, about.
        clock: Returns seconds.
    """
    end = clock() + seconds
    for number, choice in enumerate(choices):
        share = max(0.0, end - clock()) / (len(choices) - number)
        yield _measure(host, upscaler, choice, share, clock)


def table_as_json(host: Host, speeds: Sequence[Speed]) -> dict[str, Any]:
    """Return the table with what it was measured on, as JSON can hold it."""
    import torch

    return {
        "version": VERSION,
        "date": time.strftime("%Y-%m-%d"),
        "device": device_name(str(host.device())),
        "torch": torch.__version__,
        "upscalers": [asdict(each) for each in speeds],
    }


def _measure(
    host: Host, upscaler: Upscaler, choice: Choice, share: float, clock: Callable[[], float]
) -> Speed:
    scale, end = choice.scale or 2, clock() + share
    side, times = 0, list[float]()

    def run(side: int) -> Result:
        return upscaler.run(_drawing(side), choice, Target(scale=scale))

    try:
        for side in _SIDES:
            run(side)  # loads it, and measures what is not known yet
            done = run(side)
            times = [done.run_seconds]
            if clock() + _NEXT * done.run_seconds > end:
                break
        while len(times) < _MOST_TURNS and clock() + times[0] < end:
            times.append(run(side).run_seconds)
        with Peak(watch_for(host.device())) as peak:
            done = run(side)
    except Exception as error:  # noqa: BLE001 - the others are measured whatever one does
        return Speed(choice.name, scale, problem=" | ".join(describe_error(error)))
    middle = max(statistics.median(times), 1e-9)
    if choice.entry is not None:
        UsageLog(host.data_folder()).note(choice.entry.path, side * side, middle, done.device)
    return Speed(
        name=choice.name,
        scale=scale,
        pixels_per_second=side * side / middle,
        side=side,
        memory_bytes=peak.grown,
        precision=done.precision,
        device=done.device,
    )


def _drawing(side: int) -> Picture:
    """Return stripes and a gradient with grain: RGB, 8 bit."""
    import numpy as np

    from lib_upscalers.pictures.picture import Picture

    y, x = np.mgrid[0:side, 0:side].astype(np.float32)
    shade = 60 + 100 * x / side + 40 * ((x + 2 * y) % 31 < 9)
    shade += np.random.default_rng(0).normal(0, 8, shade.shape)
    return Picture(np.stack([shade, shade * 0.8, 255 - shade], axis=2).astype(np.uint8))

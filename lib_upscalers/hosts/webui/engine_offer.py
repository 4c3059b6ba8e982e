"""Offer our engine, once, after a slow run of the WebUI's own in the Extras tab."""

from __future__ import annotations

import logging
import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lib_upscalers.errors import Cancelled, UpscalerError
from lib_upscalers.hosts.webui import options
from lib_upscalers.hosts.webui.engine import suspended_torch_modes
from lib_upscalers.hosts.webui.host_modules import host_module
from lib_upscalers.json_files import read_object, write_object
from lib_upscalers.targets import Target

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from PIL.Image import Image

    from lib_upscalers.hosts.webui.engine import Engine
    from lib_upscalers.pictures.picture import Picture
    from lib_upscalers.upscaling.choices import Choice

_log = logging.getLogger("lib_upscalers")
_SLOW_SECONDS = 3.0
# A run that is only a little faster is no reason to change anything.
_MOST_SHARE = 0.75
_SIDE = 96
_JOBS = ("extras", "Upscale")
_FILE = "offers.json"
_DONE = "engine"


@dataclass(frozen=True)
class SlowRun:
    """A run of the WebUI's own engine.

    Attributes:
        name: The upscaler's.
        path: Its file.
        seconds: How long the run took.
        megapixels: How large the picture was before.
    """

    name: str
    path: Path
    seconds: float
    megapixels: float


class EngineOffer:
    """Measures runs of the WebUI's own engine, and offers ours where it is faster.

    Args:
        engine: Our engine.
        clock: Returns seconds.
    """

    def __init__(self, engine: Engine, clock: Callable[[], float] = time.perf_counter) -> None:
        self._engine = engine
        self._clock = clock
        self._slow: SlowRun | None = None

    def timed(self, run: Callable[[], Any], name: str, path: Path | None, image: Image) -> Any:
        """Run the WebUI's engine, and remember the run if it is slow.

        Args:
            run: What to run.
            name: The upscaler's.
            path: Its file; None where it has none.
            image: The picture.
        """
        start = self._clock()
        result = run()
        seconds = self._clock() - start
        extras = str(host_module("shared").state.job) in _JOBS
        if path is not None and extras and seconds >= _SLOW_SECONDS:
            self._slow = SlowRun(name, path, seconds, image.width * image.height / 1e6)
        return result

    def offer(self) -> tuple[str, float, float] | None:
        """Return the upscaler's name, how many seconds it took, and about how many ours takes.

        None if there is nothing to offer, or it was offered before. Our engine runs on a small part
        for the estimate, unless the WebUI is busy.
        """
        slow, self._slow = self._slow, None
        if slow is None or options.value(options.HOST_NETWORKS) or self._was_made():
            return None
        lock = host_module("call_queue").queue_lock
        if not lock.acquire(blocking=False):
            return None
        try:
            ours = self._estimate(slow)
        except (UpscalerError, Cancelled) as error:
            _log.info("%s cannot be offered: %s", slow.name, error)
            return None
        finally:
            lock.release()
        if ours > slow.seconds * _MOST_SHARE:
            return None
        write_object(self._file, {_DONE: True})
        return slow.name, slow.seconds, ours

    def accept(self) -> None:
        """Run the WebUI's neural upscalers through our engine from now on, and save that."""
        shared = host_module("shared")
        shared.opts.set(options.HOST_NETWORKS.key, value=True)
        shared.opts.save(shared.config_filename)

    @property
    def _file(self) -> Path:
        return self._engine.host.data_folder() / _FILE

    def _was_made(self) -> bool:
        return bool(read_object(self._file, "our engine may be offered again").get(_DONE))

    def _estimate(self, slow: SlowRun) -> float:
        """Return about how many seconds our engine takes for that picture, loading included."""
        choice = self._engine.upscaler.in_file(slow.path)
        start = self._clock()
        self._run(choice)
        first = self._clock() - start
        start = self._clock()
        self._run(choice)
        again = self._clock() - start
        load = max(0.0, first - again)
        return load + again * slow.megapixels / (_SIDE * _SIDE / 1e6)

    def _run(self, choice: Choice) -> None:
        target = Target(scale=float(choice.scale or 1))
        with suspended_torch_modes(self._engine.host.device().type):
            self._engine.upscaler.run(_part(), choice, target, options.settings())


def _part() -> Picture:
    """Return a small picture with some detail."""
    import numpy as np

    from lib_upscalers.pictures.picture import Picture

    y, x = np.mgrid[0:_SIDE, 0:_SIDE]
    wave = 128 + 100 * np.sin(x * math.pi / 7) * np.cos(y * math.pi / 5)
    return Picture(np.repeat(wave[..., None], 3, axis=2).astype(np.uint8))

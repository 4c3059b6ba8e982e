"""Runs several upscalers on one picture in the background, and tells how each one is doing."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lib_upscalers.errors import Cancelled, UpscalerError
from lib_upscalers.ui.cells import Failed, Finished, Running, Stopped, Waiting
from lib_upscalers.ui.results import saved_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from lib_upscalers.images import Picture
    from lib_upscalers.targets import Target
    from lib_upscalers.ui.cells import State
    from lib_upscalers.ui.results import ResultFolder
    from lib_upscalers.upscale import Upscaler

_LOGGER = logging.getLogger("lib_upscalers")
_POLL_SECONDS = 0.1


def explain(error: Exception) -> str:
    """Return what to tell the user; a fault of ours goes to the log with its traceback."""
    if isinstance(error, UpscalerError):
        return str(error)
    _LOGGER.error("An unexpected error", exc_info=error)
    return f"{type(error).__name__}: {error} (a fault of this program; the log says more)"


@dataclass
class _PlaceProgress:
    """The progress of one place in the row. Implements `progress.Progress`."""

    work: RowWork
    index: int
    name: str

    def update(self, step: int, total: int, text: str = "") -> None:
        """Show how much is done."""
        self.work.put(self.index, Running(self.name, step / total if total else 0.0, text))

    def check_cancelled(self) -> None:
        """Raise Cancelled if the user pressed the button."""
        if self.work.cancelled.is_set():
            raise Cancelled


@dataclass
class RowWork:
    """One picture, several upscalers, one after the other.

    Attributes:
        upscaler: Runs them.
        results: Takes the files.
        url_of: Returns the address under which the browser gets a file.
        cancelled: Set it to stop within one tile.
    """

    upscaler: Upscaler
    results: ResultFolder
    url_of: Callable[[Path], str]
    cancelled: threading.Event = field(default_factory=threading.Event)
    _states: list[State] = field(default_factory=list["State"], init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def put(self, index: int, state: State) -> None:
        """Change what a place shows."""
        with self._lock:
            self._states[index] = state

    def _snapshot(self) -> tuple[State, ...]:
        with self._lock:
            return tuple(self._states)

    def run(self, path: Path, names: Sequence[str], target: Target) -> Iterator[tuple[State, ...]]:
        """Do the work in a thread; yield what the places show whenever that has changed.

        A place that fails does not stop the others. Closing the iterator cancels the work.

        Args:
            path: The picture's file.
            names: The upscalers, one a place.
            target: To which size.

        Raises:
            ImageError: The picture cannot be read.
        """
        from lib_upscalers.image_files import read_picture

        picture = read_picture(path)
        self._states = [Waiting(name) for name in names]
        thread = threading.Thread(
            target=self._run_all, args=(picture, path.stem, names, target), daemon=True
        )
        thread.start()
        shown: tuple[State, ...] = ()
        try:
            while True:
                alive = thread.is_alive()
                states = self._snapshot()
                if states != shown:
                    shown = states
                    yield states
                if not alive:
                    return
                thread.join(_POLL_SECONDS)
        finally:
            self.cancelled.set()

    def _run_all(self, picture: Picture, stem: str, names: Sequence[str], target: Target) -> None:
        for index, name in enumerate(names):
            self.put(index, self._run_one(picture, stem, index, name, target))

    def _run_one(self, picture: Picture, stem: str, index: int, name: str, target: Target) -> State:
        progress = _PlaceProgress(self, index, name)
        try:
            progress.check_cancelled()
            self.put(index, Running(name, None, "Starting …"))
            choice = self.upscaler.find(name)
            result = self.upscaler.run(picture, choice, target, progress=progress)
            self.put(index, Running(name, None, "Saving …"))
            size = result.picture.size
            file = self.results.new_file(saved_name(stem, name, size.width, size.height))
            self._write(result.picture, file)
        except Cancelled:
            return Stopped(name)
        except Exception as error:  # noqa: BLE001 - the other places go on whatever happens here
            return Failed(name, explain(error))
        return Finished(
            name=name,
            url=self.url_of(file),
            file_name=file.name,
            size=size,
            file_bytes=file.stat().st_size,
            run_seconds=result.run_seconds,
            load_seconds=result.load_seconds,
        )

    @staticmethod
    def _write(picture: Picture, file: Path) -> None:
        from lib_upscalers.image_files import write_picture

        write_picture(picture, file)

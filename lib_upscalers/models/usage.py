"""Store when each network was used last on this computer, and how fast it was."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from lib_upscalers.errors import OutputError
from lib_upscalers.json_files import read_object, table, write_object

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_log = logging.getLogger("lib_upscalers")
_FILE = "usage.json"
# A folder of pictures uses one network many times in a second.
_PAUSE = 60.0
# The time for smaller pictures is mostly that of the way to and from the network.
_LEAST_PIXELS = 96 * 96


@dataclass(frozen=True)
class Usage:
    """The last use of a network.

    Attributes:
        moment: When, in seconds since 1970.
        seconds_per_megapixel: Time for a million pixels before enlarging, in one pass; 0: only
            very small pictures were enlarged, or several passes were needed.
        device: Where it ran, such as "cpu".
    """

    moment: float
    seconds_per_megapixel: float = 0.0
    device: str = ""

    @property
    def date(self) -> str:
        """The day, such as "2026-11-30", in this computer's time zone."""
        return time.strftime("%Y-%m-%d", time.localtime(self.moment))


class UsageLog:
    """Uses of networks by the paths of their files, stored in a file. Threads may share it.

    Args:
        folder: Where it is stored; it need not exist.
        clock: Returns the seconds since 1970.
    """

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time) -> None:
        self._file = folder / _FILE
        self._clock = clock
        self._lock = threading.Lock()
        self._stored: dict[str, float] = {}

    def all(self) -> dict[str, Usage]:
        """Return the last use of each network by its path, as stored now."""
        held = read_object(self._file, "no use of a network is known")
        found = {path: _usage(value) for path, value in table(held.get("files")).items()}
        return {path: usage for path, usage in found.items() if usage is not None}

    def get(self, path: Path) -> Usage | None:
        """Return the last use of a network; None: there was none."""
        return self.all().get(str(path.resolve()))

    def note(self, path: Path, pixels: int, seconds: float, device: str) -> None:
        """Store that a network was used; once a minute, and nothing if it cannot be stored.

        Args:
            path: Its file.
            pixels: How many went into its only pass; 0: there were several passes.
            seconds: How long they took.
            device: Where.
        """
        key, now = str(path.resolve()), self._clock()
        with self._lock:
            if now - self._stored.get(key, -_PAUSE) < _PAUSE:
                return
            self._stored[key] = now
            held = self.all()
            before = held.get(key)
            usage = Usage(now, 0.0, device)
            if pixels >= _LEAST_PIXELS:
                usage = Usage(now, seconds / (pixels / 1e6), device)
            elif before is not None and before.device == device:
                usage = Usage(now, before.seconds_per_megapixel, device)
            held[key] = usage
            try:
                write_object(
                    self._file, {"files": {key: asdict(each) for key, each in held.items()}}
                )
            except OutputError as error:
                _log.debug("%s", error)


def _usage(value: Any) -> Usage | None:  # noqa: ANN401 - JSON
    try:
        moment, seconds, device = (
            value[name] for name in ("moment", "seconds_per_megapixel", "device")
        )
        sound = 0 <= moment < 1e11 and 0 <= seconds < 1e9 and isinstance(device, str)
    except (TypeError, LookupError):
        return None
    return Usage(float(moment), float(seconds), device) if sound else None

"""Wait for pictures that appear in folders, until they are whole."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    Stamps = Mapping[Path, tuple[int, int]]

_LEAST_SECONDS = 1.0
# Looking takes at most this share of the time.
_SHARE = 0.05


def settled(
    find: Callable[[], Iterable[Path]], known: Stamps, stopped: threading.Event
) -> Iterator[Stamps]:
    """Yield size and time of all files whenever some are new or changed, and at rest.

    A file is at rest when two looks at it find the same size and time; one that is still being
    copied is left out until then.

    Args:
        find: Returns the files.
        known: Size and time in nanoseconds of the files that were seen before.
        stopped: Set to end.
    """
    before: Stamps = {}
    while not stopped.is_set():
        start = time.monotonic()
        now = stamps(find())
        took = time.monotonic() - start
        quiet = {path: stamp for path, stamp in now.items() if before.get(path) == stamp}
        before = now
        if any(known.get(path) != stamp for path, stamp in quiet.items()):
            known = quiet
            yield quiet
        stopped.wait(max(_LEAST_SECONDS, took / _SHARE))


def stamps(files: Iterable[Path]) -> dict[Path, tuple[int, int]]:
    """Return the size and the time of change in nanoseconds of files; those gone are left out."""
    found: dict[Path, tuple[int, int]] = {}
    for path in files:
        try:
            facts = path.stat()
        except OSError:
            continue
        found[path] = facts.st_size, facts.st_mtime_ns
    return found

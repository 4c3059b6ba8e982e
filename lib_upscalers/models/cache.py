"""Loaded networks, kept for the next picture."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lib_upscalers.errors import ModelFileError
from lib_upscalers.models.loader import LoadedNetwork, load_network
from lib_upscalers.models.verify import verify
from lib_upscalers.network import Profile

if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import TypeAlias

    from lib_upscalers.models.entry import ModelEntry

    Key: TypeAlias = tuple[str, int, int]

_log = logging.getLogger("lib_upscalers")


@dataclass
class _Slot:
    """A file's place in the cache; whoever holds the lock has the network for himself."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    network: LoadedNetwork | None = None
    profile: Profile = field(default_factory=Profile)


class NetworkCache:
    """Keeps loaded networks under a byte budget; the least recently used leaves first.

    Several threads may use it. One network is lent to one borrower at a time, others wait;
    different networks are lent at once. What was measured of a network outlives its stay.

    Args:
        budget_bytes: How many bytes of weights are kept; a network in use always stays.
    """

    def __init__(self, budget_bytes: int) -> None:
        self._budget = budget_bytes
        self._lock = threading.Lock()
        self._slots: OrderedDict[Key, _Slot] = OrderedDict()
        self._releases = 0

    @contextlib.contextmanager
    def borrow(self, entry: ModelEntry) -> Generator[LoadedNetwork, None, None]:
        """Lend a network, loaded if it is not here.

        A file that was replaced since is loaded anew.

        Args:
            entry: Which one.

        Yields:
            The network, for the caller alone until the block ends.

        Raises:
            ModelError: The file is not usable (any more).
        """
        slot = self._slot(entry)
        with slot.lock:
            with self._lock:
                releases = self._releases
            if slot.network is None:
                slot.network = self._load(entry, slot)
            try:
                yield slot.network
            finally:
                if releases != self._releases:
                    slot.network = None
        self._evict()

    def release(self) -> None:
        """Let go of every network; one that is lent goes when it comes back."""
        with self._lock:
            self._releases += 1
            slots = list(self._slots.values())
        for slot in slots:
            if slot.lock.acquire(blocking=False):
                slot.network = None
                slot.lock.release()

    def loaded_bytes(self) -> int:
        """Return how many bytes of weights are kept at the moment."""
        with self._lock:
            slots = list(self._slots.values())
        return sum(network.size_bytes for slot in slots if (network := slot.network) is not None)

    def _slot(self, entry: ModelEntry) -> _Slot:
        key = _key(entry)
        with self._lock:
            slot = self._slots.setdefault(key, _Slot())
            self._slots.move_to_end(key)
            return slot

    def _load(self, entry: ModelEntry, slot: _Slot) -> LoadedNetwork:
        verify(entry)
        network = load_network(entry.path, entry.name)
        network.profile = slot.profile
        _log.debug("%s: loaded %s bytes of weights", entry.name, network.size_bytes)
        return network

    def _evict(self) -> None:
        with self._lock:
            slots = list(self._slots.values())
        over = self.loaded_bytes() - self._budget
        for slot in slots:
            if over <= 0:
                return
            if slot.lock.acquire(blocking=False):
                over -= 0 if slot.network is None else slot.network.size_bytes
                slot.network = None
                slot.lock.release()


def _key(entry: ModelEntry) -> Key:
    try:
        facts = entry.path.stat()
    except OSError as error:
        raise ModelFileError(
            f"Expected the file of {entry.name} at {str(entry.path)!r}, but it cannot be read "
            f"({error.strerror or error}): it may have been moved or deleted; refresh the list."
        ) from error
    return str(entry.path.resolve()), facts.st_size, facts.st_mtime_ns

"""Cache loaded networks under a byte budget."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lib_upscalers.errors import ModelFileError
from lib_upscalers.models.checksum import verify
from lib_upscalers.models.entry import stamp_of
from lib_upscalers.models.loader import LoadedNetwork, load_network
from lib_upscalers.network import Profile

if TYPE_CHECKING:
    from collections.abc import Generator

    from lib_upscalers.models.entry import ModelEntry

_log = logging.getLogger("lib_upscalers")


@dataclass
class _Slot:
    """A file's entry in the cache; it outlives the network, because it has the measurements.

    Attributes:
        stamp: Size and time of change of the file that the rest belongs to.
        network: The network, if it is loaded.
        size_bytes: What it takes.
        profile: What was measured of it.
        lent: A borrower has it; then no other thread touches it.
        drop_on_return: It is to be freed when it is returned.
    """

    stamp: tuple[int, int] = (0, 0)
    network: LoadedNetwork | None = None
    size_bytes: int = 0
    profile: Profile = field(default_factory=Profile)
    lent: bool = False
    drop_on_return: bool = False

    def drop(self) -> None:
        self.network, self.size_bytes = None, 0


class NetworkCache:
    """Caches loaded networks under a byte budget; the least recently used is freed first.

    Several threads may use it. One network is lent to one borrower at a time, others wait;
    different networks are lent at once. Measurements of a network outlive it.

    Args:
        budget_bytes: How many bytes of weights are cached; a network in use is never freed.
    """

    def __init__(self, budget_bytes: int) -> None:
        self._budget = budget_bytes
        self._changed = threading.Condition()
        self._slots: OrderedDict[str, _Slot] = OrderedDict()

    @contextlib.contextmanager
    def borrow(self, entry: ModelEntry) -> Generator[LoadedNetwork, None, None]:
        """Lend a network, loaded if it is not cached.

        A file that was replaced is loaded again. A thread must not borrow a network that it has
        already: it would wait for itself.

        Args:
            entry: Which one.

        Yields:
            The network, for the caller alone until the block ends.

        Raises:
            ModelError: The file is not usable (any more).
        """
        key = str(entry.path.resolve())
        slot = self._wait_for_slot(key)
        try:
            yield self._load_into(entry, slot)
        finally:
            self._return_slot(key, slot)

    def set_budget(self, budget_bytes: int) -> None:
        """Change how many bytes of weights are cached; networks beyond it are freed at once."""
        with self._changed:
            self._budget = budget_bytes
        self._make_room(0)

    def release(self) -> None:
        """Free every network; one that is lent is freed when it is returned."""
        with self._changed:
            for slot in self._slots.values():
                if slot.lent:
                    slot.drop_on_return = True
                else:
                    slot.drop()
        _empty_device_cache()

    def loaded_bytes(self) -> int:
        """Return how many bytes of weights are cached now."""
        with self._changed:
            return sum(slot.size_bytes for slot in self._slots.values())

    def _wait_for_slot(self, key: str) -> _Slot:
        with self._changed:
            slot = self._slots.setdefault(key, _Slot())
            while slot.lent:
                self._changed.wait()
            slot.lent = True
            return slot

    def _load_into(self, entry: ModelEntry, slot: _Slot) -> LoadedNetwork:
        stamp = _stamp(entry)
        if slot.stamp != stamp:
            slot.drop()
            slot.stamp, slot.profile = stamp, Profile()
        if slot.network is None:
            self._make_room(stamp[0])
            verify(entry)
            network = load_network(entry.path, entry.name)
            network.profile = slot.profile
            slot.network, slot.size_bytes = network, network.size_bytes
            _log.debug("%s: loaded %s bytes of weights", entry.name, slot.size_bytes)
        return slot.network

    def _return_slot(self, key: str, slot: _Slot) -> None:
        with self._changed:
            released = slot.drop_on_return
            if slot.network is None or released:
                slot.drop()
            else:
                slot.size_bytes = slot.network.size_bytes
            slot.lent = slot.drop_on_return = False
            self._slots.move_to_end(key)
            self._make_room(0)
            self._changed.notify_all()
        if released:
            _empty_device_cache()

    def _make_room(self, size_bytes: int) -> None:
        """Free the least recently used networks until that many more bytes fit."""
        with self._changed:
            over = self.loaded_bytes() + size_bytes - self._budget
            for slot in self._slots.values():
                if over <= 0:
                    return
                if not slot.lent:
                    over -= slot.size_bytes
                    slot.drop()


def _stamp(entry: ModelEntry) -> tuple[int, int]:
    try:
        return stamp_of(entry.path)
    except OSError as error:
        raise ModelFileError(
            f"Expected the file of {entry.name} at {str(entry.path)!r}, but it cannot be read "
            f"({error.strerror or error}): it may have been moved or deleted; refresh the list."
        ) from error


def _empty_device_cache() -> None:
    """Release the device memory that torch caches, so that other programs can use it."""
    import torch

    if torch.cuda.is_initialized():
        torch.cuda.empty_cache()

"""Loaded networks, kept for the next picture."""

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
    """A file's place in the cache; it stays when the network leaves, for what was measured.

    Attributes:
        stamp: Size and time of change of the file that the rest belongs to.
        network: The network, if it is loaded.
        size_bytes: What it takes.
        profile: What was measured of it.
        lent: Somebody has it; then nobody else touches it.
        leaving: It goes when it comes back.
    """

    stamp: tuple[int, int] = (0, 0)
    network: LoadedNetwork | None = None
    size_bytes: int = 0
    profile: Profile = field(default_factory=Profile)
    lent: bool = False
    leaving: bool = False

    def drop(self) -> None:
        self.network, self.size_bytes = None, 0


class NetworkCache:
    """Keeps loaded networks under a byte budget; the least recently used leaves first.

    Several threads may use it. One network is lent to one borrower at a time, others wait;
    different networks are lent at once. What was measured of a network outlives its stay.

    Args:
        budget_bytes: How many bytes of weights are kept; a network in use always stays.
    """

    def __init__(self, budget_bytes: int) -> None:
        self._budget = budget_bytes
        self._changed = threading.Condition()
        self._slots: OrderedDict[str, _Slot] = OrderedDict()

    @contextlib.contextmanager
    def borrow(self, entry: ModelEntry) -> Generator[LoadedNetwork, None, None]:
        """Lend a network, loaded if it is not here.

        A file that was replaced since is loaded anew. A thread must not borrow again what it
        has: it would wait for itself.

        Args:
            entry: Which one.

        Yields:
            The network, for the caller alone until the block ends.

        Raises:
            ModelError: The file is not usable (any more).
        """
        key = str(entry.path.resolve())
        slot = self._take(key)
        try:
            yield self._loaded(entry, slot)
        finally:
            self._give_back(key, slot)

    def set_budget(self, budget_bytes: int) -> None:
        """Change how many bytes of weights are kept; what is over it leaves at once."""
        with self._changed:
            self._budget = budget_bytes
        self._make_room(0)

    def release(self) -> None:
        """Let go of every network; one that is lent goes when it comes back."""
        with self._changed:
            for slot in self._slots.values():
                if slot.lent:
                    slot.leaving = True
                else:
                    slot.drop()
        _empty_device_cache()

    def loaded_bytes(self) -> int:
        """Return how many bytes of weights are kept at the moment."""
        with self._changed:
            return sum(slot.size_bytes for slot in self._slots.values())

    def _take(self, key: str) -> _Slot:
        with self._changed:
            slot = self._slots.setdefault(key, _Slot())
            while slot.lent:
                self._changed.wait()
            slot.lent = True
            return slot

    def _loaded(self, entry: ModelEntry, slot: _Slot) -> LoadedNetwork:
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

    def _give_back(self, key: str, slot: _Slot) -> None:
        with self._changed:
            released = slot.leaving
            if slot.network is None or released:
                slot.drop()
            else:
                slot.size_bytes = slot.network.size_bytes
            slot.lent = slot.leaving = False
            self._slots.move_to_end(key)
            self._make_room(0)
            self._changed.notify_all()
        if released:
            _empty_device_cache()

    def _make_room(self, size_bytes: int) -> None:
        """Let the least recently used ones go until so many bytes more fit."""
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
    """Give back the device memory that torch keeps, for it may be another program's turn."""
    import torch

    if torch.cuda.is_initialized():
        torch.cuda.empty_cache()

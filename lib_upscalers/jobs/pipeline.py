"""Overlap three stages of work: read, enlarge and write, with short queues between them."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from lib_upscalers.jobs.channel import Channel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Item = TypeVar("Item")
Read = TypeVar("Read")
Made = TypeVar("Made")

_WAITING = 2
_MOST_BYTES = 512 << 20
_PATIENCE_SECONDS = 2.0


@dataclass(frozen=True)
class Pipeline(Generic[Item, Read, Made]):
    """Three functions, each run in a thread of its own for one item at a time.

    An item that fails is the business of the functions: they return None for it. What they raise
    ends the pipeline.

    Attributes:
        read: Run in a thread.
        make: Run in the thread that calls `run`, so that Ctrl-C reaches it.
        write: Run in a thread.
        bytes_read: Returns how many bytes a read item holds.
        bytes_made: Returns how many bytes what is made of a read item will hold.
    """

    read: Callable[[Item], Read | None]
    make: Callable[[Read], Made | None]
    write: Callable[[Made], None]
    bytes_read: Callable[[Read], int]
    bytes_made: Callable[[Read], int]

    def run(self, items: Iterable[Item], stopped: threading.Event) -> None:
        """Do all items.

        What is made when the work ends early is still written; nothing else is begun.

        Args:
            items: Taken one by one, in the thread that reads.
            stopped: Set as soon as a stage fails, so that a long `make` can end; whoever sets it
                ends the work.

        Raises:
            BaseException: The first that a stage has raised.
        """
        _Run(self, stopped).do(items)


class _Run(Generic[Item, Read, Made]):
    """One run of a pipeline."""

    def __init__(self, stages: Pipeline[Item, Read, Made], stopped: threading.Event) -> None:
        self._stages = stages
        self._stopped = stopped
        self._read: Channel[Read] = Channel(_WAITING, _MOST_BYTES)
        self._made: Channel[Made] = Channel(_WAITING, _MOST_BYTES)
        self._failures: list[BaseException] = []

    def do(self, items: Iterable[Item]) -> None:
        reader = threading.Thread(target=self._feed, args=(items,), name="reading", daemon=True)
        writer = threading.Thread(target=self._drain, name="writing", daemon=True)
        reader.start()
        writer.start()
        try:
            for read in self._read:
                if self._stopped.is_set() or not self._make(read):
                    break
        except BaseException as error:  # noqa: BLE001 - raised again below
            self._fail(error)
        self._read.abandon()
        self._made.end()
        try:
            self._wait(reader, writer)
        except BaseException as error:  # noqa: BLE001 - a signal; raised again below
            self._fail(error)
            self._wait(reader, writer)
        if self._failures:
            raise self._failures[0]

    def _wait(self, reader: threading.Thread, writer: threading.Thread) -> None:
        writer.join()
        # A decoder cannot be interrupted; it writes nothing.
        reader.join(_PATIENCE_SECONDS if self._stopped.is_set() else None)

    def _fail(self, error: BaseException) -> None:
        self._failures.append(error)
        self._stopped.set()
        self._read.abandon()

    def _feed(self, items: Iterable[Item]) -> None:
        try:
            for item in items:
                if self._stopped.is_set() or not self._read_one(item):
                    break
        except BaseException as error:  # noqa: BLE001 - raised again by the thread that waits
            self._fail(error)
        self._read.end()

    def _read_one(self, item: Item) -> bool:
        """Read an item; return whether more can follow."""
        read = self._stages.read(item)
        if read is None:
            return True
        size = self._stages.bytes_read(read)
        return self._read.reserve(size) and self._read.put(read, size)

    def _make(self, read: Read) -> bool:
        size = self._stages.bytes_made(read)
        if not self._made.reserve(size):
            return False
        made = self._stages.make(read)
        if made is None:
            self._made.free(size)
            return True
        return self._made.put(made, size)

    def _drain(self) -> None:
        try:
            for made in self._made:
                self._stages.write(made)
        except BaseException as error:  # noqa: BLE001 - raised again by the thread that waits
            self._fail(error)
            self._made.abandon()

"""The format of torch.save before 2020: some pickles in a row, then the storages' bytes."""

from __future__ import annotations

import io
import struct
from typing import TYPE_CHECKING

from lib_upscalers.models.reading.source import DamagedFileError, blank
from lib_upscalers.models.reading.unpickling import TensorUnpickler

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import torch

    from lib_upscalers.models.reading.source import TensorSource

    Storage = Callable[[str, torch.dtype, int], torch.Tensor]

_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001
_COUNT = struct.Struct("<q")


def read_legacy(source: TensorSource) -> object:
    """Read a file of the old torch.save, or find that a pickle is something else.

    Raises:
        DamagedFileError: It is no such file, or not all of it. Readers of foreign bytes may
            stumble in other ways, too.
        UnsafeModelError: One of its pickles asks for more than tensors.
    """
    storages: dict[str, tuple[torch.dtype, int]] = {}

    def note(key: str, dtype: torch.dtype, count: int) -> torch.Tensor:
        storages[key] = (dtype, count)
        return blank(count, dtype)

    # Where a storage lies is known only at the end of the pickles, so they are read twice.
    _, keys, end = _unpickle(source, note)
    if set(keys) != storages.keys():
        raise DamagedFileError("its storages do not fit its tensors")
    found: dict[str, torch.Tensor] = {}
    for key in keys:
        dtype, count = storages[key]
        if _COUNT.unpack(source.read(end, _COUNT.size)) != (count,):
            raise DamagedFileError("a tensor has another size than it should")
        found[key] = source.tensor(end + _COUNT.size, count, dtype)
        end += _COUNT.size + count * dtype.itemsize
    held, _, _ = _unpickle(source, lambda key, _dtype, _count: found[key])
    return held


def _unpickle(source: TensorSource, storage: Storage) -> tuple[object, Sequence[str], int]:
    """Return what was saved, the keys of its storages in the file's order, and where they begin."""
    source.file.seek(0)
    stream = io.BufferedReader(source.file)

    def load() -> object:
        return TensorUnpickler(stream, source.path, storage).load()

    try:
        if load() != _MAGIC or load() != _PROTOCOL:
            raise DamagedFileError("it is a pickle, but not of a network")
        load()  # Facts of the machine that wrote it.
        held = load()
        keys = load()
        if not isinstance(keys, list):
            raise DamagedFileError("its storages are not listed")
        return held, keys, stream.tell()
    finally:
        # Else the stream would close a file that is not its own.
        stream.detach()

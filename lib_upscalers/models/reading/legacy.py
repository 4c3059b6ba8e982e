"""Read torch.save's format before 2020: some pickles in a row, then the storages' bytes."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from lib_upscalers.models.reading.faults import DamagedFileError
from lib_upscalers.models.reading.limits import MOST_TENSORS
from lib_upscalers.models.reading.outline import OutlineSource
from lib_upscalers.models.reading.pickle_values import EndedError
from lib_upscalers.models.reading.unpickling import TensorUnpickler

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch

    from lib_upscalers.models.reading.source import TensorSource
    from lib_upscalers.models.reading.unpickling import Storage

_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001
_COUNT = struct.Struct("<q")
# How many bytes are read to find the end of the pickles; if they are longer, eight times more.
_FIRST = 1 << 18
_LARGEST_PICKLES = 32 << 20


def read_legacy(source: TensorSource) -> object:
    """Read a file of the old torch.save, or find that a pickle is something else.

    Raises:
        DamagedFileError: It is no such file, or not all of it. Readers of foreign bytes may
            stumble in other ways, too.
        UnsafeModelError: One of its pickles asks for more than tensors.
    """
    storages: dict[str, tuple[torch.dtype, int]] = {}
    begins: dict[str, int] = {}

    def note(key: str, dtype: torch.dtype, count: int) -> torch.Tensor:
        if len(storages) > MOST_TENSORS:
            raise DamagedFileError(f"it names more than {MOST_TENSORS:,} storages")
        if storages.setdefault(key, (dtype, count)) != (dtype, count):
            raise DamagedFileError("its pickle describes one storage in two ways")
        if isinstance(source, OutlineSource):
            return source.stored(lambda _: begins[key], count, dtype)
        return source.blank(count, dtype)

    # The storages' offsets are known only at the end of the pickles, so these are read twice.
    data, held, keys, end = _list_storages(source, note)
    if set(keys) != storages.keys():
        raise DamagedFileError("its storages do not fit its tensors")
    found: dict[str, torch.Tensor] = {}
    for key in keys:
        dtype, count = storages[key]
        if _COUNT.unpack(source.read(end, _COUNT.size)) != (count,):
            raise DamagedFileError("a tensor has another size than it should")
        begins[key] = end + _COUNT.size
        if source.outlines:
            source.check(end, _COUNT.size + count * dtype.itemsize)
        else:
            found[key] = source.tensor(begins[key], count, dtype)
        end += _COUNT.size + count * dtype.itemsize
    if source.outlines:
        return held
    source.reset_budget()
    held, _, _ = _unpickle(data, source, lambda key, _dtype, _count: found[key])
    return held


def _list_storages(
    source: TensorSource, storage: Storage
) -> tuple[bytes, object, Sequence[str], int]:
    """Return the pickles, what they hold, the storages' keys in order, and where these begin."""
    size = min(_FIRST, source.size)
    while True:
        data = source.read(0, size)
        try:
            held, keys, end = _unpickle(data, source, storage)
        except EndedError:
            if size >= min(_LARGEST_PICKLES, source.size):
                raise
            size = min(8 * size, _LARGEST_PICKLES, source.size)
            source.reset_budget()
        else:
            return data[:end], held, keys, end


def _unpickle(
    data: bytes, source: TensorSource, storage: Storage
) -> tuple[object, Sequence[str], int]:
    """Return what was saved, the keys of its storages in the file's order, and where they begin."""
    pickles = TensorUnpickler(data, source, storage)
    if pickles.load() != _MAGIC or pickles.load() != _PROTOCOL:
        raise DamagedFileError("it is a pickle, but not of a network")
    pickles.load()  # facts of the machine that wrote it
    held, keys = pickles.load(), pickles.load()
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
        raise DamagedFileError("its storages are not listed")
    if len(keys) > MOST_TENSORS:
        raise DamagedFileError(f"it names more than {MOST_TENSORS:,} storages")
    return held, keys, pickles.position

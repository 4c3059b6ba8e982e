"""Read torch.save's format since 2020: a zip file of a pickle and the storages that it names.

TorchScript archives have the same form; only their pickle names classes of the script, which are
read as containers of their attributes alone: the script itself is neither read nor run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lib_upscalers.models.reading.faults import DamagedFileError, NoNetworkError, printable
from lib_upscalers.models.reading.limits import MOST_TENSORS
from lib_upscalers.models.reading.outline import OutlineSource
from lib_upscalers.models.reading.pickle_values import Maker, Record
from lib_upscalers.models.reading.unpickling import TensorUnpickler
from lib_upscalers.models.reading.zip_directory import content_offset, read_directory

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch

    from lib_upscalers.models.reading.source import TensorSource
    from lib_upscalers.models.reading.zip_directory import Part

_NETWORKS = (".pth", ".pt", ".ckpt", ".safetensors", ".onnx", ".param")
_LARGEST_PICKLE = 32 << 20
_DEEPEST = 100


def read_archive(source: TensorSource) -> object:
    """Read a zip file of torch.save or of TorchScript.

    Returns:
        What was saved; of a script its parameters and buffers by name.

    Raises:
        DamagedFileError: It is no such file, or not all of it. Readers of foreign bytes may
            stumble in other ways, too.
        UnsafeModelError: Its pickle asks for more than tensors.
    """
    parts = read_directory(source)
    name = next((each for each in parts if each.endswith("data.pkl")), None)
    if name is None:
        packed = next((each for each in parts if each.lower().endswith(_NETWORKS)), "")
        if packed:
            raise NoNetworkError(f"it is a zip file that holds {printable(packed)}: unpack it")
        raise DamagedFileError("it is a zip file without a network")
    if parts[name].size > _LARGEST_PICKLE:
        raise DamagedFileError("its pickle is too large")
    folder = name.removesuffix("data.pkl")
    order = parts.get(folder + "byteorder")
    if order and read_bytes(source, order) != b"little":
        raise DamagedFileError("it was saved on a big-endian machine")
    storages = _Storages(source, parts, folder + "data/")
    pickled = read_bytes(source, parts[name])
    if folder + "constants.pkl" not in parts:
        return TensorUnpickler(pickled, source, storages.get).load()
    return _named_tensors(_ScriptUnpickler(pickled, source, storages.get).load(), source)


def read_bytes(source: TensorSource, part: Part) -> bytes:
    """Return the bytes of a part.

    Raises:
        DamagedFileError: It is compressed, or the file ends before.
    """
    if not part.stored:
        raise DamagedFileError("it was compressed again: unpack it and save it anew")
    return source.read(content_offset(source, part), part.size)


class _Storages:
    """The storages in an archive; each is read once, however many tensors look into it."""

    def __init__(self, source: TensorSource, parts: Mapping[str, Part], folder: str) -> None:
        self._source = source
        self._parts = parts
        self._folder = folder
        self._read: dict[str, torch.Tensor] = {}

    def get(self, key: str, dtype: torch.dtype, count: int) -> torch.Tensor:
        if key not in self._read:
            self._read[key] = self._load(self._folder + key, count, dtype)
        storage = self._read[key]
        if storage.dtype != dtype or storage.numel() != count:
            raise DamagedFileError("its pickle describes one storage in two ways")
        return storage

    def _load(self, name: str, count: int, dtype: torch.dtype) -> torch.Tensor:
        part = self._parts.get(name)
        if part is None:
            raise DamagedFileError("one of its storages is missing")
        if not part.stored:
            raise DamagedFileError("it was compressed again: unpack it and save it anew")
        if part.size != count * dtype.itemsize:
            raise DamagedFileError("a tensor has another size than it should")
        if isinstance(self._source, OutlineSource):
            self._source.check(part.header, part.size)
            return self._source.stored(lambda file: content_offset(file, part), count, dtype)
        return self._source.tensor(content_offset(self._source, part), count, dtype)


class _ScriptUnpickler(TensorUnpickler):
    """Makes an inert record of each object of a script."""

    def resolve(self, module: str, name: str) -> object:
        if module.startswith("__torch__"):
            return Maker(_record)
        if module == "torch.jit._pickle":
            return Maker(_first)
        return super().resolve(module, name)


def _record(*_: object) -> Record:
    return Record()


def _first(value: object = None, *_: object) -> object:
    return value


def _named_tensors(script: object, source: TensorSource) -> dict[str, torch.Tensor]:
    """Return every tensor in a record and its inner records, by its full name.

    Raises:
        DamagedFileError: They are too many or too deep, as they are if records contain each other.
    """
    if not isinstance(script, Record):
        raise DamagedFileError("it is a script without a network")
    found: dict[str, torch.Tensor] = {}
    queue: list[tuple[str, int, Record]] = [("", 0, script)]
    seen = 0
    while queue:
        prefix, depth, record = queue.pop()
        below: list[tuple[str, int, Record]] = []
        for name, value in record.held.items():
            if isinstance(value, Record):
                below.append((f"{prefix}{name}.", depth + 1, value))
            elif source.is_tensor(value):
                found[f"{prefix}{name}"] = value
        seen += len(record.held) + 1
        queue.extend(reversed(below))
        if seen > 4 * MOST_TENSORS or depth > _DEEPEST or len(found) > MOST_TENSORS:
            raise DamagedFileError("its script has too many layers, or layers that hold themselves")
    return found

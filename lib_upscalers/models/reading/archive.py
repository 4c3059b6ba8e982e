"""The format of torch.save since 2020: a zip file of a pickle and the storages it names.

TorchScript archives have the same form; only the pickle names classes of the script. They are
taken as mere containers of their attributes: the script itself is neither read nor run.
"""

from __future__ import annotations

import io
import struct
import zipfile
from typing import TYPE_CHECKING, cast

from lib_upscalers.models.reading.source import DamagedFileError
from lib_upscalers.models.reading.unpickling import TensorUnpickler

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    import torch

    from lib_upscalers.models.reading.source import TensorSource

_LOCAL_HEADER = 30
_NAME_LENGTHS = 26
_LARGEST_PICKLE = 256 << 20


def read_archive(source: TensorSource) -> object:
    """Read a zip file of torch.save or of TorchScript.

    Returns:
        What was saved; of a script its parameters and buffers by name.

    Raises:
        DamagedFileError: It is no such file, or not all of it. Readers of foreign bytes may
            stumble in other ways, too.
        UnsafeModelError: Its pickle asks for more than tensors.
    """
    with zipfile.ZipFile(source.file) as archive:
        parts = {info.filename: info for info in archive.infolist()}
        name = next((each for each in parts if each.endswith("data.pkl")), None)
        if name is None:
            raise DamagedFileError("it is a zip file without a network")
        if parts[name].file_size > _LARGEST_PICKLE:
            raise DamagedFileError("its pickle is too large")
        folder = name.removesuffix("data.pkl")
        if parts.get(folder + "byteorder") and archive.read(folder + "byteorder") != b"little":
            raise DamagedFileError("it was saved on a big-endian machine")
        storages = _Storages(source, parts, folder + "data/")
        stream = io.BytesIO(archive.read(name))
        if folder + "constants.pkl" not in parts:
            return TensorUnpickler(stream, source.path, storages.get).load()
        script = _ScriptUnpickler(stream, source.path, storages.get).load()
        return dict(_attributes(script, ""))


class _Storages:
    """The storages in an archive; each is read once, however many tensors look into it."""

    def __init__(
        self, source: TensorSource, parts: dict[str, zipfile.ZipInfo], folder: str
    ) -> None:
        self._source = source
        self._parts = parts
        self._folder = folder
        self._read: dict[str, torch.Tensor] = {}

    def get(self, key: str, dtype: torch.dtype, count: int) -> torch.Tensor:
        if key not in self._read:
            self._read[key] = self._load(self._folder + key, count, dtype)
        return self._read[key]

    def _load(self, name: str, count: int, dtype: torch.dtype) -> torch.Tensor:
        part = self._parts[name]
        if part.compress_type != zipfile.ZIP_STORED:
            raise DamagedFileError("it was compressed again: unpack it and save it anew")
        if part.file_size != count * dtype.itemsize:
            raise DamagedFileError("a tensor has another size than it should")
        # The length of the padding is said in front of the bytes and not in the table.
        header = self._source.read(part.header_offset, _LOCAL_HEADER)
        name_length, extra_length = struct.unpack_from("<HH", header, _NAME_LENGTHS)
        begin = part.header_offset + _LOCAL_HEADER + name_length + extra_length
        return self._source.tensor(begin, count, dtype)


class _ScriptUnpickler(TensorUnpickler):
    """Makes an inert record of each object of a script."""

    def find_class(self, module_name: str, global_name: str, /) -> Any:  # noqa: ANN401
        if module_name.startswith("__torch__"):
            # A new class each time, for a pickle could set attributes of it.
            return type("Record", (_Record,), {})
        if module_name == "torch.jit._pickle":
            return self._plain
        return super().find_class(module_name, global_name)

    def _plain(self, value: object = None, *_: object) -> object:
        return value


class _Record:
    """An object of a script, of which only the attributes are kept."""

    def __setstate__(self, state: object) -> None:
        self.__dict__ = cast("dict[str, Any]", state) if isinstance(state, dict) else {}


def _attributes(record: object, prefix: str) -> Iterator[tuple[str, object]]:
    """Yield every tensor that a record and the records in it hold, by its full name."""
    import torch

    for name, value in vars(record).items():
        if isinstance(value, _Record):
            yield from _attributes(value, f"{prefix}{name}.")
        elif isinstance(value, torch.Tensor):
            yield prefix + name, value

"""Resolve what the pickle of a saved network may name: tensors, storages, ordered dictionaries."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from lib_upscalers.errors import UnsafeModelError
from lib_upscalers.models.reading.faults import DamagedFileError, NoNetworkError, printable
from lib_upscalers.models.reading.pickle_machine import PickleMachine
from lib_upscalers.models.reading.pickle_values import Maker, Record, plain_key

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    import torch

    from lib_upscalers.models.reading.source import TensorSource

    Storage = Callable[[str, torch.dtype, int], torch.Tensor]

_STORAGES: Mapping[str, str] = {
    "BFloat16Storage": "bfloat16",
    "BoolStorage": "bool",
    "ByteStorage": "uint8",
    "CharStorage": "int8",
    "DoubleStorage": "float64",
    "FloatStorage": "float32",
    "HalfStorage": "float16",
    "IntStorage": "int32",
    "LongStorage": "int64",
    "ShortStorage": "int16",
}
# What trainers store beside weights: it becomes an empty record, of which nothing is read.
_BESIDE = frozenset(
    (
        ("_codecs", "encode"),
        ("argparse", "Namespace"),
        ("numpy", "dtype"),
        ("numpy._core.multiarray", "scalar"),
        ("numpy.core.multiarray", "scalar"),
        ("pathlib", "PosixPath"),
        ("pathlib", "WindowsPath"),
        ("torch", "device"),
    )
)
_LIGHTNING = ("lightning.", "lightning_fabric.", "pytorch_lightning.")
# Classes of layers: with these the file is a pickled object and not its weights.
_LAYERS = ("torch.nn.", "torch.legacy.", "torch.autograd.", "torch.backends.", "torch.optim.")


class TensorUnpickler:
    """Reads pickles in which storages are named and lie elsewhere.

    Args:
        data: The bytes of the pickles.
        source: The file that they are part of.
        storage: Returns the storage of that key, with that number of elements of that dtype, as
            a tensor of one dimension.
    """

    def __init__(self, data: bytes, source: TensorSource, storage: Storage) -> None:
        self._source = source
        self._storage = storage
        self._machine = PickleMachine(data, self.resolve, self._persistent)

    @property
    def position(self) -> int:
        """Where in the bytes the next pickle begins."""
        return self._machine.position

    def load(self) -> Any:  # noqa: ANN401
        """Return what the next pickle holds.

        Raises:
            DamagedFileError: It is no pickle of a network. Readers of foreign bytes may stumble
                in other ways, too.
            UnsafeModelError: It names something that is no part of a state dict.
        """
        return self._machine.load()

    def resolve(self, module: str, name: str) -> object:
        """Return what a name stands for.

        Raises:
            NoNetworkError: It is the class of a layer.
            UnsafeModelError: It is no part of a state dict.
        """
        if name == "OrderedDict" and module in ("collections", "typing"):
            return Maker(_dictionary)
        if (module, name) == ("collections", "Counter") or (
            name == "AttributeDict" and module.startswith(_LIGHTNING)
        ):
            return Maker(_beside_dictionary)
        if (module, name) in _BESIDE:
            return Maker(_beside)
        if module == "torch" and name in _STORAGES:
            return self._source.dtype(_STORAGES[name])
        if module == "torch._utils" and name in ("_rebuild_tensor", "_rebuild_tensor_v2"):
            return Maker(self._tensor)
        if module == "torch._utils" and name == "_rebuild_parameter":
            return Maker(_parameter)
        if module == "torch" and name == "Size":
            return Maker(_size)
        if module.startswith(_LAYERS):
            raise NoNetworkError(
                "it holds the objects of a program (such as "
                f"{printable(module)}.{printable(name)}) and not named weights"
            )
        raise UnsafeModelError(
            f"Expected nothing but tensors, but {str(self._source.path)!r} wants to run "
            f"{printable(module)}.{printable(name)}, which could do anything. Do not use it, or "
            "get it as a .safetensors file from somebody you trust."
        )

    def _persistent(self, pid: object) -> torch.Tensor:
        if not isinstance(pid, tuple) or len(pid) < 5 or pid[0] != "storage":
            raise DamagedFileError("its pickle names something that is no storage")
        _, kind, key, _, count, *_ = pid
        known = self._source.is_dtype(kind)
        if not (known and isinstance(key, str) and type(count) is int):
            raise DamagedFileError("its pickle describes a storage wrongly")
        dtype = cast("torch.dtype", kind)
        if not 0 <= count * dtype.itemsize <= self._source.size:
            raise DamagedFileError("a storage is larger than the file")
        return self._storage(key, dtype, count)

    def _tensor(
        self, storage: object, offset: object, size: object, stride: object, *_: object
    ) -> torch.Tensor:
        if not self._source.is_tensor(storage):
            raise DamagedFileError("its pickle describes a tensor wrongly")
        return self._source.view(cast("torch.Tensor", storage), offset, size, stride)


def _parameter(data: object, *_: object) -> object:
    return data


def _size(sides: object = (), *_: object) -> object:
    return sides


def _beside(*_: object) -> Record:
    return Record()


def _beside_dictionary(*_: object) -> dict[object, object]:
    return {}


def _dictionary(pairs: object = (), *_: object) -> dict[object, object]:
    made: dict[object, object] = {}
    for pair in pairs if isinstance(pairs, (list, tuple)) else ():
        if not isinstance(pair, (list, tuple)) or len(pair) != 2:
            raise DamagedFileError("its pickle describes a dictionary wrongly")
        made[plain_key(pair[0])] = pair[1]
    return made

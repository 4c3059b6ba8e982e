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
_TYPES = (*_STORAGES.values(), "float8_e4m3fn", "float8_e5m2")
_OTHER_TYPES = (
    *("complex32", "complex64", "complex128", "uint16", "uint32", "uint64", "qint8", "quint8"),
    *("float8_e4m3fnuz", "float8_e5m2fnuz", "float8_e8m0fnu", "bit", "qint32"),
)
# What trainers store beside weights: it becomes an empty record, of which nothing is read.
_BESIDE = frozenset(
    (
        ("_codecs", "encode"),
        ("argparse", "Namespace"),
        ("datetime", "date"),
        ("datetime", "datetime"),
        ("datetime", "timedelta"),
        ("numpy", "dtype"),
        ("numpy", "ndarray"),
        ("numpy._core.multiarray", "_reconstruct"),
        ("numpy.core.multiarray", "_reconstruct"),
        ("numpy._core.multiarray", "scalar"),
        ("numpy.core.multiarray", "scalar"),
        ("pathlib", "PosixPath"),
        ("pathlib", "WindowsPath"),
        ("torch", "device"),
    )
)
# Python's own types. None is made, and none is called.
_BUILT_IN = ("__builtin__", "builtins")
_PLAIN_TYPES = ("bytearray", "complex", "dict", "frozenset", "list", "range", "set", "slice")
# Forms of tensors that no upscaler is trained in.
_OTHER_FORMS: Mapping[str, str] = {
    "_rebuild_qtensor": "its weights were quantised: get the file that it was made from",
    "_rebuild_sparse_tensor": "its weights are sparse tensors",
    "_rebuild_nested_tensor": "its weights are nested tensors",
    "_rebuild_meta_tensor_no_storage": "its weights have no numbers",
}
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
        if (module == "collections" and name in ("Counter", "defaultdict")) or (
            name == "AttributeDict" and module.startswith(_LIGHTNING)
        ):
            return Maker(_beside_dictionary)
        if (module, name) in _BESIDE or (module in _BUILT_IN and name in _PLAIN_TYPES):
            return Maker(_beside)
        numbers = self._numbers(module, name)
        if numbers is not None:
            return numbers
        rebuilt = self._rebuilder(name) if module == "torch._utils" else None
        if rebuilt is not None:
            return rebuilt
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

    def _rebuilder(self, name: str) -> Maker | None:
        """Return what makes a tensor of its parts; None for an unknown name.

        Raises:
            NoNetworkError: It makes a form of tensors that no upscaler has.
        """
        if name in _OTHER_FORMS:
            raise NoNetworkError(_OTHER_FORMS[name])
        makers: Mapping[str, Callable[..., object]] = {
            "_rebuild_tensor": self._tensor,
            "_rebuild_tensor_v2": self._tensor,
            "_rebuild_tensor_v3": self._tensor_of_type,
            "_rebuild_parameter": _parameter,
        }
        return Maker(makers[name]) if name in makers else None

    def _numbers(self, module: str, name: str) -> object:
        """Return a type of numbers by its own name or by that of its storage; None if it is none.

        Raises:
            NoNetworkError: Its storage has numbers that no upscaler has.
        """
        if (module, name) in (("torch.storage", "UntypedStorage"), ("torch", "UntypedStorage")):
            return self._source.dtype("uint8")
        if module != "torch":
            return None
        if name in _STORAGES:
            return self._source.dtype(_STORAGES[name])
        if name.endswith("Storage"):
            kind = printable(name.removesuffix("Storage"))
            raise NoNetworkError(f"a tensor is of the type {kind}, which is not known here")
        if name in _TYPES:
            return self._source.dtype(name)
        return Record() if name in _OTHER_TYPES else None

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

    def _tensor_of_type(
        self,
        storage: object,
        offset: object,
        size: object,
        stride: object,
        _grad: object,
        _hooks: object,
        kind: object,
        *_: object,
    ) -> object:
        """Return a tensor whose storage has no type; a record where no upscaler has that type."""
        if not self._source.is_dtype(kind):
            return Record()
        typed = self._source.retyped(storage, kind)
        return self._tensor(typed, offset, size, stride)


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

"""Stand in for torch in a process that needs the shapes of layers alone.

`install` is for a process of its own: what is imported there afterwards never sees torch.
"""

from __future__ import annotations

import importlib
import math
import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING, Any

from lib_upscalers.models.outlining.shape_functions import TorchFunctionMode, functions, method
from lib_upscalers.models.outlining.shape_layers import LAYERS
from lib_upscalers.models.outlining.shape_modules import Module
from lib_upscalers.models.outlining.shape_tensors import FLOAT, ShapeTensor, Sides
from lib_upscalers.models.reading.outline import SIZES, NotOutlinedError, NumberType

if TYPE_CHECKING:
    from collections.abc import Mapping

# Others are only imported beside torch, for what runs.
_NAMES = ("torch", "torchvision", "numpy", "safetensors")
_SUBMODULES = frozenset(
    (
        *("amp", "autograd", "backends", "cuda", "functional", "init", "jit", "modules", "nn"),
        *("overrides", "utils", "version"),
    )
)


class _Idle:
    """A context and a decorator that changes nothing, such as ``torch.no_grad``."""

    def __init__(self, *_args: Any, **_options: Any) -> None:  # noqa: ANN401
        pass

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        pass

    def __call__(self, function: Any) -> Any:  # noqa: ANN401
        return function


class _TensorKind(type):
    """Lets ``torch.Tensor`` make tensors from lists or sides, and be their type."""

    def __call__(cls, *given: Any, **_options: Any) -> ShapeTensor:  # noqa: ANN401
        if len(given) == 1 and isinstance(given[0], (list, tuple)):
            made: ShapeTensor = _KNOWN["tensor"](given[0], FLOAT)
            return made
        return ShapeTensor(given)

    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, ShapeTensor)


class _Tensor(metaclass=_TensorKind):
    """Stands for ``torch.Tensor``."""


def _unchanged(function: Any = None, *_args: Any, **_options: Any) -> Any:  # noqa: ANN401
    """Decorate nothing, with or without arguments."""
    return function if callable(function) else _unchanged


_INITIALISERS = (
    *("trunc_normal_", "constant_", "kaiming_normal_", "kaiming_uniform_", "xavier_uniform_"),
    *("xavier_normal_", "normal_", "uniform_", "zeros_", "ones_", "orthogonal_", "eye_", "dirac_"),
)
_ALIASES: Mapping[str, str] = {
    "double": "float64",
    "float": "float32",
    "half": "float16",
    "int": "int32",
    "long": "int64",
}
_DECORATORS = (
    *("jit.script", "jit.ignore", "jit.unused", "jit.export", "jit.script_method"),
    *("cuda.amp.custom_fwd", "cuda.amp.custom_bwd", "amp.custom_fwd", "amp.custom_bwd"),
)


def _known() -> dict[str, Any]:
    """Return what stands where, by the part of its name after "torch."."""
    made = functions()
    made |= {name: NumberType(name, size) for name, size in SIZES.items()}
    made |= {name: made[full] for name, full in _ALIASES.items()}
    made |= {f"nn.{name}": kind for name, kind in LAYERS.items()}
    made |= {f"nn.init.{name}": method("requires_grad_") for name in _INITIALISERS}
    made |= dict.fromkeys(_DECORATORS, _unchanged)
    made |= dict.fromkeys(("no_grad", "inference_mode", "enable_grad", "autocast"), _Idle)
    return made | {
        "Size": Sides,
        "Tensor": _Tensor,
        "FloatTensor": _Tensor,
        "dtype": NumberType,
        "nn.modules.module.Module": Module,
        "nn.modules.module._global_parameter_registration_hooks": True,
        "overrides.TorchFunctionMode": TorchFunctionMode,
        "__version__": "0",
        "numpy.prod": math.prod,
        "numpy.sum": sum,
    }


_KNOWN: Mapping[str, Any] = _known()


class _Absent:
    """A class of torch that nothing stands for: one may inherit from it, but not make it."""

    def __init__(self, *_args: Any, **_options: Any) -> None:  # noqa: ANN401
        raise NotOutlinedError


def _absent(*_args: Any, **_options: Any) -> Any:  # noqa: ANN401
    raise NotOutlinedError


class _StandIn(ModuleType):
    """A module of torch, or of what is imported beside it."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        # It may have modules inside, as a package.
        self.__path__ = []

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - any name of a module
        full = f"{self.__name__}.{name}"
        known = full.removeprefix("torch.")
        if known in _KNOWN:
            return _KNOWN[known]
        if name.startswith("__"):
            raise AttributeError(name)
        if name in _SUBMODULES:
            return importlib.import_module(full)
        return type(name, (_Absent,), {}) if name[:1].isupper() else _absent


class _Finder(MetaPathFinder, Loader):
    """Finds the stand-ins before what is installed."""

    def find_spec(self, fullname: str, path: object, target: object = None) -> ModuleSpec | None:
        """Return how to import a module; None if it is any other."""
        del path, target
        return ModuleSpec(fullname, self) if fullname.partition(".")[0] in _NAMES else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Return the stand-in."""
        return _StandIn(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        """Do nothing: it is whole."""


def install() -> None:
    """Let the process import stand-ins for torch, torchvision, numpy and safetensors."""
    sys.meta_path.insert(0, _Finder())

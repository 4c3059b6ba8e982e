"""Torch's modules for weights that have shapes and no numbers: what holds weights and layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lib_upscalers.models.outlining.shape_tensors import ShapeTensor
from lib_upscalers.models.reading.outline import NotOutlinedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

_HELD = ("_parameters", "_buffers", "_modules")
# A layer that has one of these stores its weights in a way of its own.
_OWN_FORMATS = ("_load_from_state_dict", "_save_to_state_dict", "get_extra_state")


class Parameter(ShapeTensor):
    """A weight that is trained.

    Args:
        data: Its numbers.
        requires_grad: Whether it is trained.
    """

    def __init__(self, data: ShapeTensor | None = None, requires_grad: bool = True) -> None:  # noqa: FBT001, FBT002 - torch's own
        del requires_grad
        held = ShapeTensor((0,)) if data is None else data
        super().__init__(held.shape, held.dtype)


class Module:
    """A layer: named weights, buffers and inner layers."""

    training = True
    _parameters: dict[str, ShapeTensor | None]
    _buffers: dict[str, ShapeTensor | None]
    _modules: dict[str, Module | None]
    _transient: dict[str, bool]

    def __init__(self, *_args: Any, **_options: Any) -> None:  # noqa: ANN401
        for held in (*_HELD, "_transient"):
            vars(self).setdefault(held, {})

    def __setattr__(self, name: str, value: Any) -> None:  # noqa: ANN401 - torch's own
        """Hold weights and layers by name, and anything else as it is."""
        for held, kind in zip(_HELD, (Parameter, ShapeTensor, Module), strict=True):
            found: dict[str, Any] | None = vars(self).get(held)
            if found is None:
                continue
            if name in found and (value is None or isinstance(value, kind)):
                found[name] = value
                return
            if held != "_buffers" and isinstance(value, kind):
                for other in _HELD:
                    vars(self)[other].pop(name, None)
                vars(self).pop(name, None)
                found[name] = value
                return
        vars(self)[name] = value

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - torch's own
        """Return what is held by that name."""
        for held in _HELD:
            found = vars(self).get(held, {})
            if name in found:
                return found[name]
        raise AttributeError(name)

    def __delattr__(self, name: str) -> None:
        """Let go what is held by that name."""
        for held in _HELD:
            if vars(self)[held].pop(name, self) is not self:
                return
        super().__delattr__(name)

    def register_buffer(
        self,
        name: str,
        tensor: ShapeTensor | None,
        persistent: bool = True,  # noqa: FBT001, FBT002 - torch's own
    ) -> None:
        """Hold a tensor that is not trained."""
        vars(self).pop(name, None)
        self._buffers[name] = tensor
        if not persistent:
            self._transient[name] = True

    def get_buffer(self, name: str) -> ShapeTensor | None:
        """Return a buffer of its own."""
        return self._buffers[name]

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Hold a weight."""
        self._parameters[name] = param

    def add_module(self, name: str, module: Module | None) -> None:
        """Hold a layer."""
        self._modules[name] = module

    register_module = add_module

    def named_modules(self, memo: object = None, prefix: str = "") -> Iterator[tuple[str, Module]]:
        """Yield this layer and all within, by name, each once."""
        seen: set[int] = set()
        del memo
        yield from _named(self, prefix, seen)

    def modules(self) -> Iterator[Module]:
        """Yield this layer and all within."""
        for _, module in self.named_modules():
            yield module

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """Yield the layers that it holds itself."""
        for name, module in self._modules.items():
            if module is not None:
                yield name, module

    def children(self) -> Iterator[Module]:
        """Yield the layers that it holds itself."""
        for _, module in self.named_children():
            yield module

    def held_weights(self) -> dict[str, ShapeTensor | None]:
        """Return the weights that it holds itself."""
        return self._parameters

    def held_buffers(self) -> dict[str, ShapeTensor | None]:
        """Return the buffers that it holds itself and that are stored."""
        return {name: held for name, held in self._buffers.items() if name not in self._transient}

    def named_parameters(self) -> Iterator[tuple[str, ShapeTensor]]:
        """Yield all weights by name, each once."""
        seen: set[int] = set()
        for prefix, module in self.named_modules():
            for name, held in module.held_weights().items():
                if held is not None and id(held) not in seen:
                    seen.add(id(held))
                    yield (f"{prefix}.{name}" if prefix else name), held

    def parameters(self) -> Iterator[ShapeTensor]:
        """Yield all weights."""
        for _, held in self.named_parameters():
            yield held

    def state_dict(self) -> dict[str, ShapeTensor]:
        """Return all weights and stored buffers by name."""
        made: dict[str, ShapeTensor] = {}
        _collect(self, "", made)
        return made

    def load_state_dict(self, state: Mapping[str, Any], *_args: Any, **_options: Any) -> None:  # noqa: ANN401
        """Check that a state dict is of this network.

        Raises:
            NotOutlinedError: It is not; building the network says why.
        """
        own = self.state_dict()
        if own.keys() != state.keys():
            raise NotOutlinedError
        if any(own[name].shape != state[name].shape for name in own):
            raise NotOutlinedError

    def apply(self, function: Callable[[Module], object]) -> Module:
        """Leave it as it is: only initialisation is applied to networks that are made."""
        del function
        return self

    def _itself(self, *_args: Any, **_options: Any) -> Module:  # noqa: ANN401
        return self

    eval = train = requires_grad_ = to = float = half = bfloat16 = cpu = cuda = double = _itself


def _named(module: Module, prefix: str, seen: set[int]) -> Iterator[tuple[str, Module]]:
    if id(module) in seen:
        return
    seen.add(id(module))
    yield prefix, module
    for name, inner in module.named_children():
        yield from _named(inner, f"{prefix}.{name}" if prefix else name, seen)


def _collect(module: Module, prefix: str, made: dict[str, ShapeTensor]) -> None:
    kind = type(module)
    own = any(hasattr(kind, name) for name in _OWN_FORMATS)
    if own or (prefix and kind.state_dict is not Module.state_dict):
        raise NotOutlinedError
    for name, held in {**module.held_weights(), **module.held_buffers()}.items():
        if held is not None:
            made[prefix + name] = held
    for name, inner in module.named_children():
        _collect(inner, f"{prefix}{name}.", made)


class Sequential(Module):
    """Layers in a row.

    Args:
        layers: The layers, or one dictionary of them.
    """

    def __init__(self, *layers: Any) -> None:  # noqa: ANN401 - torch's own
        super().__init__()
        named = layers[0].items() if layers and isinstance(layers[0], dict) else enumerate(layers)
        for name, layer in named:
            self.add_module(str(name), layer)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._modules)

    def __iter__(self) -> Iterator[Module]:
        """Yield them."""
        return self.children()

    def __getitem__(self, index: Any) -> Any:  # noqa: ANN401 - torch's own
        """Return one, or a row of some."""
        held = list(self._modules.values())
        return type(self)(*held[index]) if isinstance(index, slice) else held[index]

    def append(self, layer: Module) -> Any:  # noqa: ANN401 - torch's own
        """Add one."""
        self.add_module(str(len(self)), layer)
        return self

    def extend(self, layers: Iterable[Module]) -> Any:  # noqa: ANN401 - torch's own
        """Add several."""
        for layer in layers:
            self.append(layer)
        return self


class ModuleList(Sequential):
    """A list of layers.

    Args:
        layers: The layers.
    """

    def __init__(self, layers: Iterable[Any] = ()) -> None:
        super().__init__()
        self.extend(layers)

    def __getitem__(self, index: Any) -> Any:  # noqa: ANN401 - torch's own
        """Return one, or a list of some."""
        held = list(self._modules.values())
        return ModuleList(held[index]) if isinstance(index, slice) else held[index]


class ParameterList(Module):
    """A list of weights.

    Args:
        weights: The weights.
    """

    def __init__(self, weights: Iterable[Parameter] = ()) -> None:
        super().__init__()
        for each in weights:
            self.append(each)

    def append(self, weight: Parameter) -> ParameterList:
        """Add one."""
        self.register_parameter(str(len(self._parameters)), weight)
        return self

"""From a network file to a network that the engine can run."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lib_upscalers.errors import ModelFileError, UnsupportedModelError
from lib_upscalers.models.adapt import adapt
from lib_upscalers.models.architectures import detect, registry, spandrel_module
from lib_upscalers.models.architectures.hints import unknown_architecture
from lib_upscalers.models.building import build
from lib_upscalers.models.reading import read_state
from lib_upscalers.network import NetworkTraits, Profile

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import torch
    from spandrel import ImageModelDescriptor
    from torch.nn import Module

_LARGEST_WINDOW = 64
_CHANNELS = (1, 3, 4)


class LoadedNetwork:
    """A network in memory; implements `network.Network`.

    Its weights are kept in fp32 beside any lower precision that it is placed in, so that it can
    go back without loss.

    Args:
        name: What people call it.
        descriptor: What spandrel made of the file.
    """

    def __init__(self, name: str, descriptor: ImageModelDescriptor[Module]) -> None:
        self._descriptor = descriptor
        self._module = descriptor.model.eval().requires_grad_(requires_grad=False)
        self._traits = _traits(name, descriptor)
        self._exact: dict[str, torch.Tensor] | None = None
        self._placed: tuple[object, ...] = ()
        self._channels_last = False
        self.profile = Profile()
        adapt(self._module)

    @property
    def traits(self) -> NetworkTraits:
        """Its facts."""
        return self._traits

    @property
    def size_bytes(self) -> int:
        """How much memory its weights take, on the device and beside it."""
        held = [*_tensors(self._module), *(self._exact or {}).values()]
        return sum(tensor.numel() * tensor.element_size() for tensor in held)

    def place(self, device: torch.device, dtype: torch.dtype, *, channels_last: bool) -> None:
        """Move the weights to that device, dtype and memory layout; nothing if they are there."""
        import torch

        wanted = (device, dtype, channels_last)
        if self._placed == wanted:
            return
        self._placed = ()
        self._channels_last = channels_last
        module = self._module
        with torch.inference_mode(mode=False), torch.no_grad():
            if dtype != torch.float32 and self._exact is None:
                state = module.state_dict()
                self._exact = {name: t.to("cpu", copy=True) for name, t in state.items()}
            module.to(device, dtype).to(memory_format=_layout(channels_last=channels_last))
            if dtype == torch.float32 and self._exact is not None:
                module.load_state_dict(self._exact)
                self._exact = None
        self._placed = wanted

    def __call__(self, batch: torch.Tensor) -> torch.Tensor:
        """Run the network: see `network.Network`.

        Raises:
            RuntimeError: Torch cannot; among other reasons because memory is out.
        """
        layout = _layout(channels_last=self._channels_last)
        return self._descriptor(batch.contiguous(memory_format=layout))


def load_network(path: Path, name: str | None = None) -> LoadedNetwork:
    """Load a network from a file, on the CPU, in fp32.

    Args:
        path: A .pth, .pt, .ckpt or .safetensors file.
        name: What people call it; the file's stem when left out.

    Raises:
        ModelFileError: It is missing, truncated or no network.
        UnsafeModelError: It is a pickle that asks for more than tensors.
        UnsupportedModelError: Its architecture or purpose is not supported.
    """
    import torch

    path = Path(path)
    known = registry()
    state = canonical(read_state(path))
    found = detect(state, known)
    if found is None:
        raise UnsupportedModelError(
            f"Expected a network of a known architecture, but {str(path)!r} is none: "
            f"{unknown_architecture(state, known)}."
        )
    try:
        descriptor: Any = build(found.architecture, state)
    except (RuntimeError, ValueError, TypeError, KeyError, IndexError, AssertionError) as error:
        raise ModelFileError(
            f"Expected the weights of a {found.architecture.name} network in {str(path)!r}, but "
            f"they do not fit together ({_first_line(error)}): get the file again."
        ) from error
    network = LoadedNetwork(name or path.stem, checked(descriptor, path))
    network.place(torch.device("cpu"), torch.float32, channels_last=True)
    return network


def canonical(held: Mapping[str, Any]) -> dict[str, Any]:
    """Return the state dict itself, out of whatever it was wrapped in."""
    return spandrel_module().canonicalize_state_dict(dict(held))


def checked(descriptor: Any, path: Path) -> ImageModelDescriptor[Module]:  # noqa: ANN401
    """Return a descriptor if it enlarges or restores pictures.

    Raises:
        UnsupportedModelError: It does something else.
    """
    name, purpose = descriptor.architecture.name, descriptor.purpose
    kinds = {"FaceSR": "restores faces alone", "Inpainting": "fills in a mask"}
    plain = isinstance(descriptor, spandrel_module().ImageModelDescriptor)
    if not plain or purpose not in ("SR", "Restoration"):
        raise UnsupportedModelError(
            f"Expected a network that enlarges or restores pictures, but {str(path)!r} is a "
            f"{name} network, which {kinds.get(purpose, 'does something else')}: choose another."
        )
    channels = (descriptor.input_channels, descriptor.output_channels)
    if channels[0] != channels[1] or channels[0] not in _CHANNELS:
        raise UnsupportedModelError(
            f"Expected a network with 1, 3 or 4 channels in and as many out, but {str(path)!r} "
            f"({name}) takes {channels[0]} and gives {channels[1]}: choose another."
        )
    return descriptor


def _traits(name: str, descriptor: ImageModelDescriptor[Module]) -> NetworkTraits:
    needs = descriptor.size_requirements
    multiple = needs.multiple_of or 1
    return NetworkTraits(
        name=name,
        architecture=descriptor.architecture.name,
        scale=descriptor.scale,
        channels=descriptor.input_channels,
        supports_fp16=descriptor.supports_half,
        supports_bf16=descriptor.supports_bfloat16,
        minimum=needs.minimum or 0,
        multiple_of=multiple,
        square=needs.square,
        tiling=descriptor.tiling.name.lower(),  # type: ignore[arg-type]
        alignment=math.lcm(multiple, _window(descriptor.model)),
    )


def _window(module: Module) -> int:
    """Return the least size that all attention windows divide, or 1 where there are none."""
    sizes = {1}
    for layer in module.modules():
        for name in ("window_size", "split_size"):
            value: Any = getattr(layer, name, None)
            values: Any = value if isinstance(value, (tuple, list)) else (value,)
            sizes.update(size for size in values if isinstance(size, int) and size > 0)
    window = math.lcm(*sizes)
    return window if window <= _LARGEST_WINDOW else 1


def _layout(*, channels_last: bool) -> torch.memory_format:
    import torch

    return torch.channels_last if channels_last else torch.contiguous_format


def _tensors(module: Module) -> Iterator[torch.Tensor]:
    yield from module.parameters()
    yield from module.buffers()


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]

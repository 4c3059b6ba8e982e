"""Load a network file as a network that the engine can run."""

from __future__ import annotations

import importlib.util
import logging
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lib_upscalers.errors import ModelFileError, UnsupportedModelError
from lib_upscalers.models.adapt import adapt
from lib_upscalers.models.architectures import detect, registry, spandrel_module
from lib_upscalers.models.architectures.hints import misfit, unknown_architecture
from lib_upscalers.models.placement import ExactWeights
from lib_upscalers.models.reading import GRAPH_SUFFIXES, read_state, with_read_errors
from lib_upscalers.models.reading.faults import MISFITS, printable
from lib_upscalers.models.reading.pickle_values import Record
from lib_upscalers.models.wrapping import parts, unwrap
from lib_upscalers.network import NetworkTraits, Profile

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import torch
    from spandrel import ArchRegistry, ArchSupport, ImageModelDescriptor
    from torch.nn import Module

    from lib_upscalers.models.graphs.graph import Graph
    from lib_upscalers.network import Forward

_log = logging.getLogger("lib_upscalers")

_LARGEST_WINDOW = 64
# What ncnn makes of 3 x 3 weights for its Winograd convolutions: 5 to 7 times as much was measured.
_NCNN_WEIGHTS = 6
_KERNEL_SIDES = 4
_WINDOWS = ("window_size", "win_size", "split_size", "stripe_size", "ws")
_CHANNELS = ((1, 1), (3, 3), (4, 4), (1, 3), (3, 1))
# Torch's error texts for precisions that do not match, or that an operator lacks.
_MISTYPED = ("same dtype", "scalar type", "should be the same", "not implemented for '")


class LoadedNetwork:
    """A network in memory; implements `network.Network`.

    Beside any lower precision that it is placed in, its weights are stored in fp32, so that it can
    return to that without loss.

    Args:
        name: Its name in menus and texts.
        descriptor: spandrel's descriptor of the file.
    """

    def __init__(self, name: str, descriptor: ImageModelDescriptor[Module]) -> None:
        self._descriptor = descriptor
        self._traits = traits_of(name, descriptor)
        self._placed: tuple[object, ...] = ()
        self._channels_last = False
        self.profile = Profile()
        self._adapted = False
        self._by_ncnn: dict[int | None, Forward | None] = {}
        self._weights = ExactWeights(descriptor.model.eval().requires_grad_(requires_grad=False))

    @property
    def traits(self) -> NetworkTraits:
        """Its facts."""
        return self._traits

    @property
    def size_bytes(self) -> int:
        """How much memory its weights take, on the device and beside it."""
        copies = sum(forward is not None for forward in self._by_ncnn.values())
        return self._weights.size_bytes * (1 + _NCNN_WEIGHTS * copies)

    def place(self, device: torch.device, dtype: torch.dtype, *, channels_last: bool) -> None:
        """Move the weights to that device, dtype and memory layout; nothing if they are there.

        Raises:
            RuntimeError: Torch cannot; among other reasons because memory is out.
        """
        placement = (device, dtype, channels_last)
        if self._placed == placement:
            return
        self._placed = ()
        if not self._adapted:
            # Not when it is loaded, because some callers do no more than that.
            adapt(self._descriptor.model)
            self._adapted = True
        self._weights.move(device, dtype, channels_last=channels_last)
        self._placed = placement
        self._channels_last = channels_last

    def by_ncnn(self, vulkan: int | None) -> Forward | None:
        """Return what computes the same with ncnn: see `network.Network`."""
        if vulkan not in self._by_ncnn:
            self._by_ncnn[vulkan] = self._handed_over(vulkan)
        return self._by_ncnn[vulkan]

    def _handed_over(self, vulkan: int | None) -> Forward | None:
        if importlib.util.find_spec("ncnn") is None:
            return None
        import torch

        from lib_upscalers.models.ncnn_backend.handing_over import by_ncnn

        self.place(torch.device("cpu"), torch.float32, channels_last=True)
        return by_ncnn(self._descriptor, vulkan)

    def __call__(self, batch: torch.Tensor) -> torch.Tensor:
        """Run the network: see `network.Network`.

        Returns:
            NaN throughout if an operator lacks the precision that the network was placed in, so
            that the engine takes the next one.

        Raises:
            RuntimeError: Torch cannot; among other reasons because memory is out.
        """
        import torch

        if not self._adapted:
            self.place(torch.device("cpu"), torch.float32, channels_last=True)
        layout = torch.channels_last if self._channels_last else torch.contiguous_format
        try:
            # Some networks change their input.
            return self._descriptor(batch.clone(memory_format=layout))
        except RuntimeError as error:
            if batch.dtype == torch.float32 or not any(sign in str(error) for sign in _MISTYPED):
                raise
            _log.debug("%s in %s: %s", self._traits.name, batch.dtype, error)
        scale, channels = self._traits.scale, self._traits.result_channels
        n, _, height, width = batch.shape
        return batch.new_full((n, channels, height * scale, width * scale), math.nan)


def load_network(path: Path, name: str | None = None) -> LoadedNetwork:
    """Load a network from a file, on the CPU, in fp32.

    Args:
        path: A .pth, .pt, .ckpt or .safetensors file.
        name: Its name in menus and texts; None: the file's stem.

    Raises:
        ModelFileError: It is missing, truncated or no network.
        UnsafeModelError: It is a pickle that asks for more than tensors.
        UnsupportedModelError: Its architecture or purpose is not supported.
    """
    path = Path(path)
    return LoadedNetwork(name or path.stem, _descriptor(path, values=True))


def read_weights(path: Path) -> dict[str, Any]:
    """Return the named values in a file that are a known network, without anything around them.

    Args:
        path: A .pth, .pt, .ckpt or .safetensors file.

    Raises:
        ModelError: As `load_network` does.
    """
    path = Path(path)
    return _weights_and_support(read_state(path), registry(), path)[0]


def read_traits(path: Path) -> NetworkTraits:
    """Return the traits that the network in a file would have, without reading all of it.

    All parts of the file have to exist, so one that was cut short is noticed; changed numbers are
    not.

    Raises:
        ModelError: As `load_network` does.
    """
    path = Path(path)
    return traits_of(path.stem, _descriptor(path, values=False))


def _descriptor(path: Path, *, values: bool) -> ImageModelDescriptor[Module]:
    if path.suffix.lower() in GRAPH_SUFFIXES:
        from lib_upscalers.models.graphs.graph_files import read_graph

        graph = read_graph(path, "values" if values else "blanks")
        descriptor = describe_graph(graph, path, values=values)
    else:
        descriptor = describe_state(read_state(path, values=values), path)
    if values:
        check_finite(descriptor.model, path)
    return descriptor


def describe_state(held: Mapping[str, Any], path: Path) -> ImageModelDescriptor[Module]:
    """Return the network in what was read from a file.

    Args:
        held: What `read_state` returns.
        path: The file, for texts.

    Raises:
        ModelError: As `load_network` does.
    """
    from lib_upscalers.models.building import OversizedError, build

    state, found = _weights_and_support(held, registry(), path)
    _check_kinds(state, path)
    try:
        descriptor = build(found.architecture, state)
    except OversizedError as error:
        raise ModelFileError(
            f"Expected the weights of a {found.architecture.name} network in {str(path)!r}, but "
            f"{error}: choose another file."
        ) from error
    except MISFITS as error:
        raise ModelFileError(
            f"Expected the weights of a {found.architecture.name} network in {str(path)!r}, but "
            f"it is not quite this architecture: {misfit(error)}. Choose another file, or get "
            "this one again if it should be one."
        ) from error
    return checked(descriptor, path)


def _check_kinds(state: dict[str, Any], path: Path) -> None:
    """Check that weights are tensors, and that no convolution has whole numbers.

    The factors of whole numbers would be in another place.
    """
    for name, weights in state.items():
        if isinstance(weights, Record):
            raise ModelFileError(
                f"Expected tensors of torch as weights in {str(path)!r}, but {printable(name)} is "
                "another object, such as an array of numpy: save it as a .safetensors file."
            )
        kernel = name.endswith(".weight") and getattr(weights, "ndim", 0) == _KERNEL_SIDES
        if kernel and not weights.is_floating_point():
            raise ModelFileError(
                f"Expected floating-point weights in {str(path)!r}, but {printable(name)} holds "
                f"{str(weights.dtype).removeprefix('torch.')}: it was quantised; get the file that "
                "it was made from."
            )


def _weights_and_support(
    held: Mapping[str, Any], known: ArchRegistry, path: Path
) -> tuple[dict[str, Any], ArchSupport]:
    try:
        state, found = _recognised(unwrap(held), known)
    except MISFITS as error:
        raise ModelFileError(
            f"Expected named weights of a network in {str(path)!r}, but what it names is "
            f"something else ({misfit(error)}): choose another file."
        ) from error
    if found is None:
        raise UnsupportedModelError(
            f"Expected a network of a known architecture, but {str(path)!r} is none: "
            f"{unknown_architecture(state, known)}."
        )
    return state, found


def describe_graph(graph: Graph, path: Path, *, values: bool) -> ImageModelDescriptor[Module]:
    """Return the network that a graph is of.

    Args:
        graph: What `read_graph` returns.
        path: The file.
        values: Whether the weights were read.

    Raises:
        ModelError: As `load_network` does.
    """
    from lib_upscalers.models.graphs.recognition import graph_descriptor

    known = registry()
    try:
        found = with_read_errors(path, lambda: graph_descriptor(graph, known, path, values=values))
        return checked(found, path)
    except ModelFileError:
        # Nothing that is calculated with them agrees with anything.
        _check_numbers(graph.constants.items() if values else (), path)
        raise


def _recognised(
    state: dict[str, Any], known: ArchRegistry
) -> tuple[dict[str, Any], ArchSupport | None]:
    """Return the part of a state dict that is a known network, or all of it and None."""
    for part in parts(state):
        found = detect(part, known)
        if found is not None:
            return part, found
    return state, None


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
    if channels not in _CHANNELS:
        raise UnsupportedModelError(
            f"Expected a network from grey or RGB to grey or RGB, or from RGBA to RGBA, but "
            f"{str(path)!r} ({name}) takes {channels[0]} channels and gives {channels[1]}: choose "
            "another."
        )
    return descriptor


def check_finite(model: Module, path: Path) -> None:
    """Check that all weights of a network are finite, because one that is not blackens pictures.

    Raises:
        ModelFileError: One is NaN or infinite.
    """
    _check_numbers(model.named_parameters(), path)


def _check_numbers(named: Iterable[tuple[str, torch.Tensor]], path: Path) -> None:
    import torch

    for name, weights in named:
        # A sum takes far less time than a check of each number, and is finite nearly always.
        if not weights.is_floating_point() or weights.sum().isfinite():
            continue
        if not torch.isfinite(weights).all():
            raise ModelFileError(
                f"Expected numbers as weights in {str(path)!r}, but {printable(name)} holds NaN or "
                "infinity: the file is damaged or its training failed; get it again or choose "
                "another."
            )


def traits_of(name: str, descriptor: ImageModelDescriptor[Module]) -> NetworkTraits:
    """Return the traits of a network that spandrel describes."""
    needs = descriptor.size_requirements
    multiple = needs.multiple_of or 1
    return NetworkTraits(
        name=name,
        architecture=descriptor.architecture.name,
        scale=descriptor.scale,
        channels=descriptor.input_channels,
        output_channels=descriptor.output_channels,
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
        named = vars(layer)
        for name in _WINDOWS:
            if name not in named:
                continue
            value: Any = named[name]
            values: Any = value if isinstance(value, (tuple, list)) else (value,)
            sizes.update(size for size in values if isinstance(size, int) and size > 0)
    window = math.lcm(*sizes)
    return window if window <= _LARGEST_WINDOW else 1

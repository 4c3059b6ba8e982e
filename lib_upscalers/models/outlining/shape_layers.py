"""Layers of torch that have shapes and no numbers, under torch's names.

Only layers whose weights and checks are known stand here; any other is absent, so that a network
with it is built instead. Each checks its sizes as torch does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lib_upscalers.models.outlining.shape_functions import empty
from lib_upscalers.models.outlining.shape_modules import (
    Module,
    ModuleList,
    Parameter,
    ParameterList,
    Sequential,
)
from lib_upscalers.models.outlining.shape_tensors import ShapeTensor
from lib_upscalers.models.reading.outline import NotOutlinedError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def _tuple(value: Any, length: int) -> list[int]:  # noqa: ANN401 - one number or several
    made = list(value) if isinstance(value, (tuple, list)) else [value] * length
    if len(made) != length:
        raise NotOutlinedError
    return [int(side) for side in made]


class _Convolution(Module):
    """A convolution over some sides; its arguments are torch's.

    Attributes:
        sides: Over how many.
        transposed: Whether it is a transposed one.
    """

    sides = 2
    transposed = False

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,  # noqa: ANN401
        stride: Any = 1,  # noqa: ANN401
        padding: Any = 0,  # noqa: ANN401
        *rest: Any,  # noqa: ANN401
        groups: int = 1,
        bias: bool = True,
        **options: Any,  # noqa: ANN401
    ) -> None:
        super().__init__()
        unknown = options.keys() - {"dilation", "padding_mode", "output_padding"}
        if rest or unknown or in_channels % groups or out_channels % groups:
            raise NotOutlinedError
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size = tuple(_tuple(kernel_size, self.sides))
        self.stride, self.padding = stride, padding
        pair = (out_channels, in_channels // groups)
        if self.transposed:
            pair = (in_channels, out_channels // groups)
        self.weight = Parameter(empty(*pair, *self.kernel_size))
        self.register_parameter("bias", Parameter(empty(out_channels)) if bias else None)


class Conv1d(_Convolution):
    """A convolution over one side."""

    sides = 1


class Conv2d(_Convolution):
    """A convolution over two sides."""


class Conv3d(_Convolution):
    """A convolution over three sides."""

    sides = 3


class ConvTranspose2d(_Convolution):
    """A transposed convolution over two sides."""

    transposed = True


class Linear(Module):
    """A matrix and a bias; its arguments are torch's."""

    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:  # noqa: FBT001, FBT002
        super().__init__()
        self.in_features, self.out_features = in_features, out_features
        self.weight = Parameter(empty(out_features, in_features))
        self.register_parameter("bias", Parameter(empty(out_features)) if bias else None)


class LayerNorm(Module):
    """A normalisation over the last sides; its arguments are torch's."""

    def __init__(
        self,
        normalized_shape: Any,  # noqa: ANN401
        eps: float = 1e-5,
        elementwise_affine: bool = True,  # noqa: FBT001, FBT002
        bias: bool = True,  # noqa: FBT001, FBT002
    ) -> None:
        super().__init__()
        listed = isinstance(normalized_shape, (tuple, list))
        sides: Sequence[int] = normalized_shape if listed else (normalized_shape,)
        self.normalized_shape, self.eps = tuple(sides), eps
        weight = Parameter(empty(*sides)) if elementwise_affine else None
        self.register_parameter("weight", weight)
        held = Parameter(empty(*sides)) if elementwise_affine and bias else None
        self.register_parameter("bias", held)


class GroupNorm(Module):
    """A normalisation over groups of channels; its arguments are torch's."""

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,  # noqa: FBT001, FBT002
    ) -> None:
        super().__init__()
        if num_channels % num_groups:
            raise NotOutlinedError
        self.num_groups, self.num_channels, self.eps = num_groups, num_channels, eps
        for name in ("weight", "bias"):
            held = Parameter(empty(num_channels)) if affine else None
            self.register_parameter(name, held)


class BatchNorm2d(Module):
    """A normalisation by stored averages; its arguments are torch's."""

    def __init__(self, num_features: int, eps: float = 1e-5, momentum: float = 0.1) -> None:
        super().__init__()
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        for name in ("weight", "bias"):
            self.register_parameter(name, Parameter(empty(num_features)))
        for name in ("running_mean", "running_var"):
            self.register_buffer(name, ShapeTensor((num_features,)))
        self.register_buffer("num_batches_tracked", ShapeTensor())


class InstanceNorm1d(Module):
    """A normalisation of each channel; its arguments are torch's."""

    def __init__(self, num_features: int, eps: float = 1e-5, *, affine: bool = False) -> None:
        super().__init__()
        self.num_features, self.eps = num_features, eps
        for name in ("weight", "bias"):
            self.register_parameter(name, Parameter(empty(num_features)) if affine else None)


class InstanceNorm2d(InstanceNorm1d):
    """The same over two sides."""


class Embedding(Module):
    """A table of vectors; its arguments are torch's."""

    def __init__(self, num_embeddings: int, embedding_dim: int) -> None:
        super().__init__()
        self.num_embeddings, self.embedding_dim = num_embeddings, embedding_dim
        self.weight = Parameter(empty(num_embeddings, embedding_dim))


class PReLU(Module):
    """Slopes below 0; its arguments are torch's."""

    def __init__(self, num_parameters: int = 1, init: float = 0.25) -> None:
        super().__init__()
        del init
        self.num_parameters = num_parameters
        self.weight = Parameter(empty(num_parameters))


# Layers without weights. Their sizes matter only when they run.
WEIGHTLESS = (
    *("Identity", "Dropout", "Dropout2d", "Flatten", "Unfold", "Fold", "Upsample"),
    *("ReLU", "ReLU6", "LeakyReLU", "ELU", "GELU", "SiLU", "Mish", "Sigmoid", "Tanh", "Softmax"),
    *("Hardswish", "Hardsigmoid", "Hardtanh", "Softplus", "CELU", "SELU", "GLU"),
    *("PixelShuffle", "PixelUnshuffle", "ChannelShuffle", "UpsamplingNearest2d"),
    *("UpsamplingBilinear2d", "AvgPool2d", "MaxPool2d", "AdaptiveAvgPool2d", "AdaptiveMaxPool2d"),
    *("ReflectionPad2d", "ReplicationPad2d", "ZeroPad2d", "ConstantPad2d", "CircularPad2d"),
)
_WITH_WEIGHTS = (
    *(Module, Parameter, Sequential, ModuleList, ParameterList, Conv1d, Conv2d, Conv3d),
    *(
        ConvTranspose2d,
        Linear,
        LayerNorm,
        GroupNorm,
        BatchNorm2d,
        InstanceNorm1d,
        InstanceNorm2d,
        Embedding,
        PReLU,
    ),
)
LAYERS: Mapping[str, type] = {
    **{name: type(name, (Module,), {}) for name in WEIGHTLESS},
    **{kind.__name__: kind for kind in _WITH_WEIGHTS},
}

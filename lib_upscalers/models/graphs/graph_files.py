"""Read a network file that holds a graph, and the file of weights beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lib_upscalers.errors import ModelFileError
from lib_upscalers.models.entry import weights_beside
from lib_upscalers.models.reading import with_read_errors
from lib_upscalers.models.reading.source import TensorSource, check_regular

if TYPE_CHECKING:
    from pathlib import Path

    from lib_upscalers.models.graphs.graph import Graph

_MOST_TEXT = (4 << 20) + 1


def read_graph(path: Path, *, values: bool) -> Graph:
    """Read a .param file with its .bin, or an .onnx file.

    Args:
        path: The .param or .onnx file.
        values: Read all numbers; without them large weights are blank.

    Raises:
        ModelFileError: It is missing, cannot be read, is truncated, or holds no network; or its
            file of weights is not there.
    """
    weights = weights_beside(path)
    if weights is not None:
        if not weights.exists():
            raise ModelFileError(
                f"Expected the weights of {str(path)!r} in {weights.name!r} beside it, but there "
                "is no such file: put both into one folder."
            )
        return with_read_errors(path, lambda: _ncnn(path, weights, values=values))
    return with_read_errors(path, lambda: _onnx(path, values=values))


def _ncnn(path: Path, weights: Path, *, values: bool) -> Graph:
    from lib_upscalers.models.graphs.ncnn_file import read_ncnn

    check_regular(weights)
    with path.open("rb") as text, weights.open("rb", buffering=0) as file:
        return read_ncnn(text.read(_MOST_TEXT), TensorSource(file, weights, values=values))


def _onnx(path: Path, *, values: bool) -> Graph:
    from lib_upscalers.models.graphs.onnx_file import read_onnx

    with path.open("rb", buffering=0) as file:
        return read_onnx(TensorSource(file, path, values=values))

"""Read a network file that holds a graph, and the file of weights beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from lib_upscalers.errors import ModelFileError
from lib_upscalers.models.entry import weights_beside
from lib_upscalers.models.reading import what_else, with_read_errors
from lib_upscalers.models.reading.faults import DamagedFileError
from lib_upscalers.models.reading.outline import OutlineSource
from lib_upscalers.models.reading.source import TensorSource, check_regular

if TYPE_CHECKING:
    from io import FileIO
    from pathlib import Path

    from lib_upscalers.models.graphs.graph import Graph

_MOST_TEXT = (4 << 20) + 1
_HEAD = 64
# A web page, or a pointer of Git LFS.
_OTHERS = (b"<", b"version https://git-lfs")

Kind = Literal["values", "blanks", "outlines"]


def read_graph(path: Path, kind: Kind) -> Graph:
    """Read a .param file with its .bin, or an .onnx file.

    Args:
        path: The .param or .onnx file.
        kind: Weights with all numbers; large ones blank; or outlines, without torch.

    Raises:
        NotOutlinedError: Outlines are not enough for this file.
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
        return with_read_errors(path, lambda: _ncnn(path, weights, kind))
    return with_read_errors(path, lambda: _onnx(path, kind))


def _ncnn(path: Path, weights: Path, kind: Kind) -> Graph:
    from lib_upscalers.models.graphs.ncnn_file import read_ncnn

    check_regular(weights)
    with path.open("rb") as text, weights.open("rb", buffering=0) as file:
        return read_ncnn(text.read(_MOST_TEXT), _source(file, weights, kind))


def _onnx(path: Path, kind: Kind) -> Graph:
    from lib_upscalers.models.graphs.onnx_file import read_onnx

    with path.open("rb", buffering=0) as file:
        head = file.read(_HEAD)
        if head.lstrip().startswith(_OTHERS):
            raise DamagedFileError(what_else(head))
        return read_onnx(_source(file, path, kind))


def _source(file: FileIO, path: Path, kind: Kind) -> TensorSource:
    if kind == "outlines":
        return OutlineSource(file, path)
    return TensorSource(file, path, values=kind == "values")

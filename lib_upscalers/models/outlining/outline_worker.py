"""Answer what network is in each file that the standard input names, line by line.

This runs in a process of its own, in which a stand-in for torch makes layers of shapes alone.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from lib_upscalers.errors import UnsupportedModelError
from lib_upscalers.models.outlining import shape_torch
from lib_upscalers.models.outlining.shape_tensors import tensor_of
from lib_upscalers.models.reading import GRAPH_SUFFIXES, read_outlines
from lib_upscalers.models.reading.outline import Outline

if TYPE_CHECKING:
    from lib_upscalers.network import NetworkTraits


def main() -> None:
    """Answer until the standard input ends."""
    shape_torch.install()
    answers = sys.stdout
    # Whatever an architecture prints is no answer.
    sys.stdout = sys.stderr
    for line in sys.stdin:
        answers.write(json.dumps(answer(Path(json.loads(line)))) + "\n")
        answers.flush()


def answer(path: Path) -> dict[str, Any]:
    """Return the traits of the network in a file, why there is none, or nothing if unknown."""
    try:
        return {"traits": asdict(_traits(path))}
    except UnsupportedModelError as error:
        return {"problem": str(error)}
    except Exception:  # noqa: BLE001 - whatever it is, the network is built with torch
        return {}


def _traits(path: Path) -> NetworkTraits:
    from lib_upscalers.models import loader

    if path.suffix.lower() in GRAPH_SUFFIXES:
        from lib_upscalers.models.graphs.graph_files import read_graph

        graph = read_graph(path, "outlines")
        constants = {name: tensor_of(held) for name, held in _outlines(graph.constants)}
        graph = replace(graph, constants=cast("Any", constants))
        return loader.traits_of(path.stem, loader.describe_graph(graph, path, values=False))
    held: Any = _tensors(read_outlines(path))
    return loader.traits_of(path.stem, loader.describe_state(held, path))


def _outlines(constants: Any) -> list[tuple[str, Outline]]:  # noqa: ANN401 - read as outlines
    return list(constants.items())


def _tensors(held: Any) -> Any:  # noqa: ANN401 - whatever a file holds
    """Return what was read with tensors for outlines."""
    if isinstance(held, Outline):
        return tensor_of(held)
    if isinstance(held, dict):
        named = cast("dict[Any, Any]", held)
        return {name: _tensors(value) for name, value in named.items()}
    return held


if __name__ == "__main__":
    main()

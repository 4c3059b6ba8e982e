"""Learn a network's traits from its file without torch, where its layers are well known.

What cannot be learned so is left to `loader.read_traits`, which builds the network; what is wrong
with a file is found here as it is there, because the same readers read it.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

from lib_upscalers.errors import UnsupportedModelError
from lib_upscalers.models.architectures import private
from lib_upscalers.models.architectures.hints import foreign
from lib_upscalers.models.known_layouts import recognise
from lib_upscalers.models.reading import GRAPH_SUFFIXES, read_outlines, with_read_errors
from lib_upscalers.models.reading.fingerprint import fingerprint
from lib_upscalers.models.reading.outline import NotOutlinedError, NumberType, Outline
from lib_upscalers.models.wrapping import parts, unwrap

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from lib_upscalers.models.graphs.graph import Graph
    from lib_upscalers.network import NetworkTraits

_MARK = Outline((1,), NumberType("float32", 4))


def known_traits(
    path: Path, seen: dict[bytes, NetworkTraits] | None = None
) -> NetworkTraits | None:
    """Return the traits of the network in a file; None if it has to be built to know them.

    Args:
        path: The file.
        seen: The traits of files of the same scan, by their fingerprints; it is added to.

    Raises:
        ModelFileError: It is missing, cannot be read, is truncated, or holds no network.
        UnsafeModelError: Its pickle asks for more than tensors.
        UnsupportedModelError: It holds a network that does something else with pictures.
    """
    # The stored layouts are what this version makes of them.
    if not _is_current():
        return None
    mark = None if seen is None else fingerprint(path)
    found = None if seen is None or mark is None else seen.get(mark)
    if found is None:
        found = _read(path)
    if found is None:
        return None
    if seen is not None and mark is not None:
        seen[mark] = found
    return replace(found, name=path.stem)


@cache
def _is_current() -> bool:
    return private.version_in_use() == private.WANTED


def _read(path: Path) -> NetworkTraits | None:
    try:
        if path.suffix.lower() in GRAPH_SUFFIXES:
            return _in_graph(path)
        state = unwrap(read_outlines(path))
    except NotOutlinedError:
        return None
    found = _in_state(state)
    other = "" if found else foreign(state)
    if other:
        raise UnsupportedModelError(
            f"Expected a network of a known architecture, but {str(path)!r} is none: {other}."
        )
    return found


def _in_state(state: Mapping[Any, Any]) -> NetworkTraits | None:
    return next((found for part in parts(state) if (found := recognise(part))), None)


def _in_graph(path: Path) -> NetworkTraits | None:
    from lib_upscalers.models.graphs.graph_files import read_graph

    graph = read_graph(path, "outlines")
    return with_read_errors(path, lambda: _in_layers(graph, path))


def _in_layers(graph: Graph, path: Path) -> NetworkTraits | None:
    from lib_upscalers.models.graphs.graph import split_closing
    from lib_upscalers.models.graphs.mapping import is_pro, states

    core, factor, _ = split_closing(graph)
    for state in states(core, _MARK, pro=is_pro(path)):
        found = _in_state(unwrap(state))
        if found is not None:
            scale = found.scale * factor
            whole = scale == int(scale) and scale >= 1
            return replace(found, scale=int(scale)) if whole else None
    return None

"""What networks there are: those built in, and those in the user's folders."""

from __future__ import annotations

import json
import logging
import os
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lib_upscalers.errors import ModelError, ModelFileError, UnsupportedModelError
from lib_upscalers.models.entry import ModelEntry
from lib_upscalers.models.facts import Fact, Facts
from lib_upscalers.models.reading import SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from lib_upscalers.network import NetworkTraits

__all__ = ["Facts", "built_in_entries", "resolve_path", "scan"]

_log = logging.getLogger("lib_upscalers")

_DEPTH = 6
# The largest image network that is known has 0.7 GB; what is larger is a diffusion model.
_LARGEST = 2 << 30
_WEIGHTS = Path(__file__).resolve().parent.parent / "weights"


def scan(folders: Iterable[Path], facts: Facts) -> list[ModelEntry]:
    """Return the networks that lie in folders, also deeper in them, each file once.

    A file that is no usable network is left out, with one line in the log.

    Args:
        folders: Where to look, in order; they need not exist.
        facts: What is known of files, and will be.

    Returns:
        In the folders' order, then by name. Where two have one name, the folders that they lie
        in are added to it.
    """
    entries: list[ModelEntry] = []
    for path in _unique(path for folder in folders for path in _files(folder, _DEPTH)):
        fact = _fact(path, facts)
        if fact.traits is None:
            _log.info("%s is left out: %s", path, fact.problem)
        else:
            entries.append(_entry(path, fact.traits))
    return _told_apart(entries)


def resolve_path(path: Path, facts: Facts) -> ModelEntry:
    """Return the entry for a network file, wherever it lies.

    Raises:
        ModelError: It is not usable; the text says why.
    """
    from lib_upscalers.models.loader import load_network

    if path.is_file():
        fact = _fact(path, facts)
        if fact.traits is not None:
            return _entry(path, fact.traits)
    return _entry(path, load_network(path).traits)


def built_in_entries(facts: Facts) -> list[ModelEntry]:
    """Return our own networks, in the order in which they are listed in `weights.json`."""
    listed: Any = json.loads((_WEIGHTS / "weights.json").read_text("utf-8"))
    entries: list[ModelEntry] = []
    for item in listed["networks"]:
        path = _WEIGHTS / item["file"]
        fact = _fact(path, facts)
        if fact.traits is None:
            _log.error("The built-in network %s is not usable: %s", item["name"], fact.problem)
            continue
        plain = _entry(path, replace(fact.traits, name=item["name"]))
        known = {"licence": item["licence"], "sha256": item["sha256"]}
        entries.append(replace(plain, name=item["name"], built_in=True, **known))
    return entries


def _entry(path: Path, traits: NetworkTraits) -> ModelEntry:
    return ModelEntry(path.stem, path, path.stat().st_size, traits)


def _fact(path: Path, facts: Facts) -> Fact:
    try:
        return facts.get(path, _find_out)
    except OSError as error:
        return Fact(problem=error.strerror or str(error))


def _find_out(path: Path) -> Fact:
    """Load a network to see what it is."""
    from lib_upscalers.models.loader import load_network

    size = path.stat().st_size
    if size > _LARGEST:
        return Fact(problem=f"it has {size / 2**30:.1f} GiB, too much for an upscaler")
    try:
        return Fact(load_network(path).traits)
    except (UnsupportedModelError, ModelFileError, ModelError) as error:
        return Fact(problem=str(error))


def _files(folder: Path, depth: int) -> Iterator[Path]:
    """Yield the network files in a folder, in order; links that lead in a circle end."""
    try:
        found = sorted(os.scandir(folder), key=lambda item: item.name.casefold())
    except OSError:
        return
    for item in found:
        if item.name.startswith("."):
            continue
        if item.is_file() and item.name.lower().endswith(SUFFIXES):
            yield Path(item.path)
    for item in found:
        if depth and not item.name.startswith(".") and item.is_dir():
            yield from _files(Path(item.path), depth - 1)


def _unique(paths: Iterable[Path]) -> Iterator[Path]:
    seen: set[Path] = set()
    for path in paths:
        real = path.resolve()
        if real not in seen:
            seen.add(real)
            yield path


def _told_apart(entries: Sequence[ModelEntry]) -> list[ModelEntry]:
    """Add the folder to names that several entries have, as much of it as tells them apart."""
    result = list(entries)
    for depth in range(1, _DEPTH + 3):
        counts = Counter(entry.name for entry in result)
        if max(counts.values(), default=1) == 1:
            break
        result = [
            entry if counts[entry.name] == 1 else replace(entry, name=_longer(entry.path, depth))
            for entry in result
        ]
    counts = Counter(entry.name for entry in result)
    return [
        entry if counts[entry.name] == 1 else replace(entry, name=str(entry.path))
        for entry in result
    ]


def _longer(path: Path, depth: int) -> str:
    folders = path.parent.parts[-depth:]
    return f"{path.stem} ({'/'.join(folders)})"

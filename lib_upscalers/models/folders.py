"""List networks: the built-in ones, and those in the user's folders."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections import Counter, defaultdict
from dataclasses import replace
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from lib_upscalers.errors import ModelError
from lib_upscalers.models.entry import ModelEntry, stamp_of
from lib_upscalers.models.file_cache import Fact, Facts
from lib_upscalers.models.outlining.outline_process import OutlineProcess
from lib_upscalers.models.reading import NETWORK_SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from lib_upscalers.network import NetworkTraits

__all__ = ["Facts", "built_in_entries", "resolve_path", "scan"]

_log = logging.getLogger("lib_upscalers")

# The largest known image network has 0.7 GB; a larger file is a diffusion model.
_LARGEST = 2 << 30
_MOST_FOLDERS_IN_A_NAME = 8
NO_FILES: Mapping[Path, str] = MappingProxyType({})
_WEIGHTS = Path(__file__).resolve().parent.parent / "weights"


def scan(
    folders: Iterable[Path],
    facts: Facts,
    *,
    taken: Collection[str] = (),
    known: Mapping[Path, str] = NO_FILES,
    known_names: Collection[str] = (),
) -> list[ModelEntry]:
    """Return the networks in folders and their subfolders, each file once.

    A file is recognised by its first bytes and its list of tensors, so that large files take no
    longer than small ones. One that is no usable network is skipped, with one line in the log; so
    is one that was cut short, because its list shows how long it should be. Damaged numbers are
    found when the network is used.

    Args:
        folders: Where to look, in order; they need not exist.
        facts: The cache of facts about files; it is saved.
        taken: Names that other upscalers have.
        known: Files that another program lists, wherever they lie, with its names for them: files
            have these names, unless they are taken or another file has them.
        known_names: Names that the other program uses, so that no other file may have them.

    Returns:
        The known files first, then in the folders' order, then by name, those deeper in a folder
        after its own. Where two have one name, or it is taken, the folders that they lie in are
        added to it.
    """
    entries: list[ModelEntry] = []
    seen: set[Path] = set()
    alike: dict[bytes, NetworkTraits] = {}
    try:
        listed = ((path, str(path.resolve())) for path in known)
        found = (each for folder in folders for each in _files(folder, seen))
        with OutlineProcess() as process:
            for path, real in _unique(chain(listed, found)):
                fact = _fact(path, facts, lambda each: _inspect(each, alike, process), real)
                entry = _entry(path, fact, facts)
                if entry is not None:
                    entries.append(entry)
    finally:
        facts.save()
    return _with_distinct_names(
        entries, _unambiguous(known, taken), {*taken, *known.values(), *known_names}
    )


def resolve_path(path: Path, facts: Facts) -> ModelEntry:
    """Return the entry for a network file in any folder.

    Raises:
        ModelError: It is not usable; the text says why.
    """
    from lib_upscalers.models.loader import read_traits

    fact = _fact(path, facts)
    facts.save()
    if fact.traits is None:
        # Reading the file again raises the full error; by now it may even be whole.
        fact = Fact(read_traits(path))
    entry = _entry(path, fact, facts)
    if entry is None:
        raise ModelError(f"Expected a network at {str(path)!r}, but it is gone: get it again.")
    return entry


def built_in_entries(facts: Facts) -> list[ModelEntry]:
    """Return our own networks, in the order in which they are listed in `weights.json`."""
    listed: Any = json.loads((_WEIGHTS / "weights.json").read_text("utf-8"))
    entries: list[ModelEntry] = []
    for item in listed["networks"]:
        path = _WEIGHTS / item["file"]
        fact = _fact(path, facts)
        entry = _entry(path, fact, facts)
        if entry is None:
            reason = fact.problem or "its file is gone: install again."
            _log.error("The built-in network %s is not usable: %s", item["name"], reason)
            continue
        known = {"licence": item["licence"], "sha256": item["sha256"]}
        entries.append(replace(_renamed(entry, item["name"]), built_in=True, **known))
    facts.save()
    return entries


def _entry(path: Path, fact: Fact, facts: Facts) -> ModelEntry | None:
    """Return the entry for a file; None, with the reason logged, if it is no network."""
    problem = fact.problem
    if fact.traits is not None:
        try:
            return _renamed(ModelEntry(path.stem, path, stamp_of(path)[0], fact.traits), path.stem)
        except OSError as error:
            problem = error.strerror or str(error)
    # A list is often repeated: a WebUI makes several at its start.
    if facts.is_new_problem(path, problem):
        _log.info("%s is left out: %s", path, problem)
    return None


def _renamed(entry: ModelEntry, name: str) -> ModelEntry:
    if name == entry.name == entry.traits.name:
        return entry
    traits: NetworkTraits = replace(entry.traits, name=name)
    return replace(entry, name=name, traits=traits)


def _fact(
    path: Path, facts: Facts, inspect: Callable[[Path], Fact] | None = None, real: str | None = None
) -> Fact:
    try:
        return facts.get(path, inspect or _inspect, real)
    except OSError as error:
        return Fact(problem=error.strerror or str(error))
    except (MemoryError, RuntimeError) as error:
        return Fact(problem=str(error) or "memory is out")


def _inspect(
    path: Path,
    alike: dict[bytes, NetworkTraits] | None = None,
    process: OutlineProcess | None = None,
) -> Fact:
    """Read from a file what network it is.

    Raises:
        Exception: The cause is not in the file's bytes, and may be temporary.
    """
    from lib_upscalers.models.glance import known_traits

    size = stamp_of(path)[0]
    if size > _LARGEST:
        return Fact(problem=f"it has {size / 2**30:.1f} GiB, too much for an upscaler")
    try:
        traits = known_traits(path, alike)
        # Where torch is imported already, building the network takes less than a process.
        if traits is None and process is not None and "torch" not in sys.modules:
            traits = process.traits(path)
        if traits is None:
            from lib_upscalers.models.loader import read_traits

            traits = read_traits(path)
        return Fact(traits)
    except ModelError as error:
        cause = error.__cause__
        if cause is not None and _may_be_temporary(cause):
            raise cause from None
        return Fact(problem=str(error))


def _may_be_temporary(error: BaseException) -> bool:
    memory = isinstance(error, RuntimeError) and "memory" in str(error).lower()
    return memory or isinstance(error, (OSError, MemoryError))


def _files(folder: Path, seen: set[Path]) -> Iterator[tuple[Path, str]]:
    """Yield the network files in a folder, in order, each with its path without links.

    There are none if the folder was seen before.
    """
    try:
        real = folder.resolve(strict=True)
        if real in seen:
            return
        seen.add(real)
        with os.scandir(folder) as items:
            found = sorted(items, key=lambda item: (item.name.casefold(), item.name))
    except (OSError, RuntimeError, ValueError):
        # Python before 3.13 raises RuntimeError for links that form a circle; NUL is a ValueError.
        return
    visible = [item for item in found if not item.name.startswith(".")]
    for item in visible:
        if item.name.lower().endswith(NETWORK_SUFFIXES) and _is_true(item.is_file):
            path = Path(item.path)
            plain = os.path.join(real, item.name)  # noqa: PTH118 - a string is cheaper
            yield path, str(path.resolve()) if item.is_symlink() else plain
    for item in visible:
        if _is_true(item.is_dir):
            yield from _files(Path(item.path), seen)


def _is_true(check: Callable[[], bool]) -> bool:
    try:
        return check()
    except OSError:
        return False


def _unique(paths: Iterable[tuple[Path, str]]) -> Iterator[tuple[Path, str]]:
    seen: set[str] = set()
    for path, real in paths:
        if real not in seen:
            seen.add(real)
            yield path, real


def _unambiguous(known: Mapping[Path, str], taken: Collection[str]) -> dict[Path, str]:
    """Return the known files whose names no other file has."""
    counts = Counter(known.values())
    return {path: name for path, name in known.items() if counts[name] == 1 and name not in taken}


def _with_distinct_names(
    entries: Sequence[ModelEntry], kept: Mapping[Path, str], taken: Collection[str]
) -> list[ModelEntry]:
    """Extend names that several entries have, by as little as makes them distinct."""
    names = dict(kept)
    alike: dict[str, list[Path]] = defaultdict(list)
    for entry in entries:
        if entry.path not in names:
            alike[entry.name].append(entry.path)
    for name, paths in alike.items():
        names.update(zip(paths, _distinct_names(paths, taken, alone=name), strict=True))
    counts = Counter(names.values())
    return [
        _renamed(entry, name if counts[name] == 1 else str(entry.path))
        for entry, name in ((entry, names[entry.path]) for entry in entries)
    ]


def _distinct_names(paths: Sequence[Path], taken: Collection[str], *, alone: str) -> list[str]:
    if len(paths) == 1 and alone not in taken:
        return [alone]
    same_folder = len({path.parent for path in paths}) < len(paths)
    plain = [path.name if same_folder else path.stem for path in paths]
    tried = [plain]
    for depth in range(1, _MOST_FOLDERS_IN_A_NAME):
        ends = ["/".join(path.parent.parts[-depth:]) for path in paths]
        tried.append([f"{name} ({end})" for name, end in zip(plain, ends, strict=True)])
    for names in tried:
        if len(set(names)) == len(names) and not set(names).intersection(taken):
            return names
    return [str(path) for path in paths]

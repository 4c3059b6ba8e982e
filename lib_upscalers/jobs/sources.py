"""Find the pictures that files, folders and glob patterns name; nothing is read here."""

from __future__ import annotations

import glob
import os
import re
import stat
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from lib_upscalers.errors import ImageError, InputError
from lib_upscalers.jobs.journal_view import JOURNAL_NAME
from lib_upscalers.pictures.names import names_a_picture

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lib_upscalers.errors import UpscalerError

# So much of two names has to be the same, as difflib counts it.
_ALIKE = 0.75
_ADDRESS = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]+://")


@dataclass(frozen=True)
class Source:
    """A picture to read.

    Attributes:
        path: Where it lies.
        relative: Its place in a folder of results.
    """

    path: Path
    relative: Path


@dataclass(frozen=True)
class Refusal:
    """A picture, or what the user wrote for one, that cannot be used, and why."""

    name: str
    error: UpscalerError


@dataclass(frozen=True)
class Found:
    """What names lead to.

    Attributes:
        sources: The pictures, each once.
        refusals: Names that lead to no picture, and folders that cannot be read.
        notes: For each folder what it holds beside pictures, in words.
    """

    sources: tuple[Source, ...]
    refusals: tuple[Refusal, ...]
    notes: tuple[str, ...]


def to_path(name: str) -> Path:
    """Return the path of that name, `~` for the home folder, unless a file is called so."""
    path = Path(name)
    if not name.startswith("~") or os.path.lexists(path):
        return path
    try:
        return path.expanduser()
    except RuntimeError:  # there is no user of that name
        return path


def find_sources(
    names: Iterable[str], output: Path, *, recursive: bool, deeper: str = "--recursive"
) -> Found:
    """Find the pictures that files, folders and glob patterns name, each picture once.

    A name that leads to no picture is refused; the others are found all the same.

    Args:
        names: As the user wrote them.
        output: The place of the results; what lies in it is left out where it is a part of a
            folder to read.
        recursive: Whether sub-folders of folders are read.
        deeper: What the user knows `recursive` as, for the notes; "" if there is no such option.
    """
    sources: dict[str, Source] = {}
    refusals: list[Refusal] = []
    notes: list[str] = []
    for name in names:
        try:
            found = _find(name, output, deeper, recursive=recursive)
        except InputError as error:
            refusals.append(Refusal(name, error))
            continue
        refusals.extend(found.refusals)
        notes.extend(found.notes)
        for source in found.sources:
            sources.setdefault(_identity(source.path), source)
    return Found(tuple(sources.values()), tuple(refusals), tuple(notes))


def _identity(path: Path) -> str:
    """Return what all paths of one file share."""
    return os.path.normcase(os.path.realpath(path))


def _find(name: str, output: Path, deeper: str, *, recursive: bool) -> Found:
    if not name.strip():
        raise ImageError("Expected a picture or a folder, but got an empty name: name one.")
    path = to_path(name)
    mode = _mode(path)
    if mode is not None and stat.S_ISDIR(mode):
        return _Folder(path, output, deeper, recursive=recursive).find(name)
    if mode is not None:
        return Found((Source(path, Path(path.name)),), (), ())
    if _ADDRESS.match(name):
        raise ImageError(f"Expected a file, but got the address {name}: download it first.")
    if os.path.lexists(path):
        raise ImageError(f"Expected a picture, but {name} is a link to a file that is not there.")
    if not glob.has_magic(name):
        raise _missing(name, path)
    found = _match(str(path))
    if not found:
        raise ImageError(f"Expected pictures, but no file matches {name}.")
    return Found(tuple(found), (), ())


def _missing(name: str, path: Path) -> ImageError:
    """Return the error on a name that leads nowhere, with the one beside it that may be meant."""
    from difflib import get_close_matches

    try:
        beside = [each.name for each in path.parent.iterdir()]
    except OSError:
        beside = []
    near = get_close_matches(path.name, beside, n=1, cutoff=_ALIKE)
    if near:
        return ImageError(
            f"Expected a picture or a folder, but there is no {name}: did you mean "
            f"{path.with_name(near[0])}?"
        )
    return ImageError(f"Expected a picture or a folder, but there is no file or folder {name}.")


def _mode(path: Path) -> int | None:
    """Return what kind of file it is, None if there is none."""
    try:
        return path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ImageError(f"Expected a picture, but {path} cannot be opened ({reason}).") from None


def _match(pattern: str) -> list[Source]:
    """Return the files of a glob pattern, with their sub-folders below its fixed part."""
    fixed = Path()
    for part in Path(pattern).parts:
        if glob.has_magic(part):
            break
        fixed /= part
    files = [Path(name) for name in sorted(glob.glob(pattern, recursive=True))]  # noqa: PTH207
    return [Source(path, path.relative_to(fixed)) for path in files if path.is_file()]


@dataclass
class _Folder:
    """A folder to read."""

    path: Path
    output: Path
    deeper: str
    recursive: bool
    _others: Counter[str] = field(default_factory=Counter[str], init=False)
    _folders: int = field(default=0, init=False)
    _refusals: list[Refusal] = field(default_factory=list[Refusal], init=False)

    def find(self, name: str) -> Found:
        """Return the pictures in the folder.

        Raises:
            ImageError: It holds none.
        """
        sources = tuple(Source(path, path.relative_to(self.path)) for path in self._pictures())
        note = self._note()
        if not sources and not self._refusals:
            raise ImageError(
                f"Expected pictures in the folder, but {name} holds none"
                + (note and f"; {note}")
                + "."
            )
        notes = (f"{name}: {note}.",) if note else ()
        return Found(sources, tuple(self._refusals), notes)

    def _pictures(self) -> Iterator[Path]:
        results = self._results()
        for folder, folders, files in os.walk(self.path, onerror=self._refuse):
            here = Path(folder)
            folders[:] = sorted(each for each in folders if (here / each).resolve() != results)
            if not self.recursive:
                self._folders = len(folders)
                folders.clear()
            for file in sorted(files):
                if self._is_picture(here / file):
                    yield here / file

    def _results(self) -> Path | None:
        """Return the folder of results if it lies inside this one."""
        output = Path(os.path.realpath(self.output))
        return output if Path(os.path.realpath(self.path)) in output.parents else None

    def _is_picture(self, path: Path) -> bool:
        if names_a_picture(path) and path.is_file():
            return True
        if not path.name.startswith((".", JOURNAL_NAME)):
            self._others[path.suffix.lower()] += 1
        return False

    def _refuse(self, error: OSError) -> None:
        folder = Path(str(error.filename))
        text = f"Expected a folder to read, but {folder} cannot be opened ({error.strerror})."
        self._refusals.append(Refusal(str(folder), ImageError(text)))

    def _note(self) -> str:
        """Return in words what is left out, "" if nothing is."""
        parts: list[str] = []
        if self._others:
            listed = sorted(self._others.items(), key=lambda each: (-each[1], each[0]))
            counts = ", ".join(
                f"{n} {ending}" if ending else f"{n} without an ending" for ending, n in listed
            )
            parts.append(f"{_files(self._others.total())}: {counts}")
        if self._folders:
            parts.append(_folders(self._folders, self.deeper))
        return f"left out {'; '.join(parts)}" if parts else ""


def _files(count: int) -> str:
    return f"{count} file{'s' * (count > 1)} of formats that are not read"


def _folders(count: int, option: str) -> str:
    found = f"{count} sub-folder" if count == 1 else f"{count} sub-folders"
    return f"{found}, which {option} reads" if option else found

"""Decide where each result goes and what is refused at once; nothing is written here."""

from __future__ import annotations

import hashlib
import os
import unicodedata
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from lib_upscalers.errors import ImageError, InputError, OutputError
from lib_upscalers.file_writing import existing_folder
from lib_upscalers.jobs.sources import Refusal, find_sources, to_path
from lib_upscalers.pictures.names import names_a_picture

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from lib_upscalers.errors import UpscalerError
    from lib_upscalers.jobs.sources import Source

_LONGEST_NAME = 255


@dataclass(frozen=True)
class FileJob:
    """A picture to read and the file to write its result to.

    Attributes:
        source: The picture's file.
        output: The result's file.
        frame: The frame or page that is read, from 0; None: all, or the only one.
    """

    source: Path
    output: Path
    frame: int | None = None

    @property
    def name(self) -> str:
        """What the picture is called for people."""
        return f"{self.source}{'' if self.frame is None else f', frame {self.frame + 1}'}"


@dataclass(frozen=True)
class FilePlan:
    """All that the user asked for.

    Attributes:
        jobs: What is to be done.
        earlier: What an earlier run has done: the result is there.
        refusals: What cannot be done.
        notes: What else is left out, in words.
        into_folder: Whether the results go into a folder.
        several: Whether the user named more than one picture.
        folder: The folder, or the file's folder.
    """

    jobs: tuple[FileJob, ...]
    earlier: tuple[FileJob, ...]
    refusals: tuple[Refusal, ...]
    notes: tuple[str, ...]
    into_folder: bool
    several: bool = False
    folder: Path = field(default_factory=Path)


def writable() -> list[str]:
    """Return the endings, without the dot, of the formats that results can have."""
    from lib_upscalers.pictures.formats import FORMATS

    return [suffix.lstrip(".") for _, each in FORMATS.items() for suffix in each.suffixes]


def plan(
    names: Sequence[str],
    output: str,
    *,
    extension: str | None,
    recursive: bool,
    overwrite: bool,
    by_frame: bool = False,
    deeper: str = "--recursive",
) -> FilePlan:
    """Decide what is read and where each result goes, so that nothing is ever lost.

    Args:
        names: Files, folders and glob patterns.
        output: A file for one picture, or a folder; sub-folders are mirrored in it.
        extension: The ending of the results, such as ``"webp"``; None keeps each picture's own.
        recursive: Whether sub-folders of folders are read.
        overwrite: Whether a file that exists may be replaced; a picture that is read never is.
        by_frame: Whether each frame of an animation and each page has a result of its own.
        deeper: As in `find_sources`.

    Raises:
        InputError: `output` does not fit the pictures.
        OutputError: It is a folder in which no file can be made.
    """
    if not output.strip():
        raise InputError("Expected a place for the results, but got an empty name: name one.")
    target = to_path(output)
    found = find_sources(names, target, recursive=recursive, deeper=deeper)
    jobs: list[FileJob] = []
    refusals = list(found.refusals)
    into_folder = False
    if found.sources:
        try:
            into_folder = _means_folder(output, target, names, len(found.sources))
            if into_folder and (error := _folder_error(target)) is not None:
                raise error
            jobs = _jobs(found.sources, target, extension, into_folder=into_folder)
            jobs = [each for job in jobs for each in _frames_of(job)] if by_frame else jobs
        except InputError as error:
            if not refusals:
                raise
            refusals.extend(Refusal(str(source.path), error) for source in found.sources)
    sorted_out = _Sorting(jobs, keeps_results=into_folder and not overwrite, overwrite=overwrite)
    return FilePlan(
        tuple(sorted_out.accepted),
        tuple(sorted_out.earlier),
        (*refusals, *sorted_out.refusals),
        found.notes,
        into_folder,
        into_folder and _names_several(names),
        target if into_folder else target.parent,
    )


def _means_folder(output: str, path: Path, names: Sequence[str], count: int) -> bool:
    """Return whether the results go into a folder rather than to one file."""
    if path.is_dir() or output.endswith(("/", os.sep)):
        return True
    several = count > 1 or _names_several(names)
    if several and (os.path.lexists(path) or names_a_picture(path)):
        raise InputError(
            f"Expected a folder for the results of several pictures, but got the file {output}."
        )
    return several


def _names_several(names: Sequence[str]) -> bool:
    path = to_path(names[0])
    return len(names) > 1 or path.is_dir() or not path.exists()


def _jobs(
    sources: Sequence[Source], target: Path, extension: str | None, *, into_folder: bool
) -> list[FileJob]:
    if not into_folder:
        return [FileJob(source.path, _single_output(target, extension)) for source in sources]
    names = _shortened(_distinct(sources, _outputs(sources, extension)), target)
    return [FileJob(s.path, target / name) for s, name in zip(sources, names, strict=True)]


def _frames_of(job: FileJob) -> list[FileJob]:
    """Return a job for each frame: a-0001.png, a-0002.png; the job itself for a single picture."""
    from lib_upscalers.pictures.frames import find_frames

    try:
        frames = find_frames(job.source)
    except ImageError:
        return [job]  # reading it will show why
    if frames is None:
        return [job]
    name = job.output
    return [
        FileJob(job.source, name.with_name(f"{name.stem}-{number + 1:04}{name.suffix}"), number)
        for number in range(frames.count)
    ]


def _single_output(output: Path, extension: str | None) -> Path:
    """Return the file for one result, whose ending decides the format."""
    ending = output.suffix.lower().lstrip(".")
    same = {"jpg": "jpeg", "tif": "tiff"}
    if output.exists() and not output.is_file():
        raise InputError(
            f"Expected the name of a file to write, but {output} is a pipe or a device: choose "
            "another name."
        )
    if not ending:
        return output.with_name(f"{output.name}.{extension or 'png'}")
    if extension and same.get(ending, ending) != same.get(extension, extension):
        raise InputError(
            f"Expected a file name that ends in .{extension}, as --format asks, but got {output}."
        )
    if ending == "gif":
        raise InputError(
            f"Expected a name in another format than GIF, which is not written, but got {output}: "
            "a name that ends in .webp or .png holds all frames."
        )
    if ending not in writable():
        raise InputError(
            f"Expected a file name that ends in one of .{', .'.join(writable())}, but got {output}."
        )
    return output


def _output_name(source: Source, extension: str | None, *, keep: bool = False) -> Path:
    """Return the result's name; `keep` keeps the old ending before the new one."""
    own = source.relative.suffix.lower().lstrip(".")
    new = extension or (own if own in writable() else "png")
    if new == own:
        return source.relative
    stem = source.relative.name if keep else source.relative.stem
    return source.relative.with_name(f"{stem}.{new}")


def _fold(name: str) -> str:
    """Return what names share that some file systems do not distinguish."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _outputs(sources: Sequence[Source], extension: str | None) -> list[Path]:
    """Name the results; a.png and a.jpg as webp become a.png.webp and a.jpg.webp."""
    names = [_output_name(source, extension) for source in sources]
    taken = Counter(_fold(str(name)) for name in names)
    return [
        _output_name(source, extension, keep=True) if taken[_fold(str(name))] > 1 else name
        for source, name in zip(sources, names, strict=True)
    ]


def _distinct(sources: Sequence[Source], names: Sequence[Path]) -> list[Path]:
    """Number names that are the same, or differ in case or Unicode form alone: a.jpg, A-2.jpg.

    A file system may hold the latter for one file. Names of pictures that have one place below
    different folders stay the same: what to do about it is the user's decision.
    """
    owners: dict[str, tuple[Path, Path]] = {}
    pairs = [(source.relative, name) for source, name in zip(sources, names, strict=True)]
    for pair in pairs:
        owners.setdefault(_fold(str(pair[1])), pair)
    renamed: dict[tuple[Path, Path], Path] = {}
    for pair in pairs:
        name = pair[1]
        if owners[_fold(str(name))] != pair and pair not in renamed:
            renamed[pair] = _numbered(name, owners)
            owners[_fold(str(renamed[pair]))] = pair
    return [renamed.get(pair, pair[1]) for pair in pairs]


def _numbered(name: Path, owners: Container[str]) -> Path:
    number = 2
    while _fold(str(made := name.with_name(f"{name.stem}-{number}{name.suffix}"))) in owners:
        number += 1
    return made


def _shortened(names: Sequence[Path], target: Path) -> list[Path]:
    """Cut names that became too long by their new ending; a hash keeps them apart."""
    try:
        longest = os.pathconf(existing_folder(target), "PC_NAME_MAX")
    except (AttributeError, OSError, ValueError):  # not on Windows
        longest = _LONGEST_NAME
    return [_cut(name, longest) for name in names]


def _cut(name: Path, longest: int) -> Path:
    if len(os.fsencode(name.name)) <= longest:
        return name
    digest = hashlib.sha256(os.fsencode(name)).hexdigest()[:8]
    end = f"-{digest}{name.suffix}"
    stem = os.fsencode(name.stem)[: longest - len(os.fsencode(end))]
    return name.with_name(stem.decode(errors="ignore") + end)


def _place(path: Path) -> str:
    """Return what the paths of one file share even on file systems that ignore case."""
    return _fold(os.path.realpath(path))


@dataclass
class _Sorting:
    """Sorts jobs into those to do, those that an earlier run did, and those that cannot be."""

    jobs: Sequence[FileJob]
    keeps_results: bool
    overwrite: bool
    accepted: list[FileJob] = field(default_factory=list[FileJob], init=False)
    earlier: list[FileJob] = field(default_factory=list[FileJob], init=False)
    refusals: list[Refusal] = field(default_factory=list[Refusal], init=False)
    _folders: dict[Path, UpscalerError | None] = field(
        default_factory=dict[Path, "UpscalerError | None"], init=False
    )

    def __post_init__(self) -> None:
        read = {_place(job.source): job.source for job in self.jobs}
        first: dict[str, FileJob] = {}
        for job in self.jobs:
            other = first.setdefault(_place(job.output), job)
            error = self._refusal(job, other, read)
            if error is not None:
                self.refusals.append(Refusal(str(job.source), error))
            elif self.keeps_results and os.path.lexists(job.output):
                self.earlier.append(job)
            else:
                self.accepted.append(job)

    def _refusal(self, job: FileJob, other: FileJob, read: dict[str, Path]) -> UpscalerError | None:
        if other is not job:
            return OutputError(
                f"The result would have the same name as that of {other.source}, {job.output}; "
                "give them different folders."
            )
        original = read.get(_place(job.output))
        if original is not None:
            whose = "the picture itself" if original == job.source else f"the picture {original}"
            return OutputError(
                f"Expected another file for the result, but {job.output} is {whose}."
            )
        return self._taken(job.output) or self._folder_error(job.output.parent)

    def _taken(self, output: Path) -> UpscalerError | None:
        if not os.path.lexists(output):
            return None
        if not output.is_file():
            return OutputError(f"Expected a file for the result, but {output} is none: rename it.")
        if self.overwrite or self.keeps_results:
            return None
        return OutputError(f"{output} is there already; --overwrite replaces it.")

    def _folder_error(self, folder: Path) -> UpscalerError | None:
        if folder not in self._folders:
            self._folders[folder] = _folder_error(folder)
        return self._folders[folder]


def _folder_error(folder: Path) -> OutputError | None:
    """Return why no file can be written there; missing folders would be made."""
    there = existing_folder(folder)
    if not there.is_dir():
        return OutputError(
            f"Expected a folder for the result, but {there} is a file: choose another folder."
        )
    if not os.access(there, os.W_OK | os.X_OK):
        return OutputError(
            f"Expected a folder for the result, but {there} must not be written to: change its "
            "rights, or choose another folder."
        )
    return None

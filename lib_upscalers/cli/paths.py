"""Which pictures the command line reads, and where each result goes; nothing is written here."""

from __future__ import annotations

import glob
import os
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lib_upscalers.errors import ImageError, InputError, OutputError
from lib_upscalers.pictures.names import names_a_picture

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from lib_upscalers.errors import UpscalerError


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
class Job:
    """A picture to read and the file to write its result to."""

    source: Path
    output: Path


@dataclass(frozen=True)
class Refusal:
    """A picture that will not be read, and why."""

    source: Path
    error: UpscalerError


@dataclass(frozen=True)
class Plan:
    """All that the user asked for: what will be done, and what cannot."""

    jobs: tuple[Job, ...]
    refusals: tuple[Refusal, ...]


def writable() -> list[str]:
    """Return the endings, without the dot, of the formats that results can have."""
    from lib_upscalers.pictures.formats import FORMATS

    return [suffix.lstrip(".") for _, each in FORMATS.items() for suffix in each.suffixes]


def _identity(path: Path) -> str:
    """Return what all paths of one file share."""
    return os.path.normcase(os.path.realpath(path))


def _place(path: Path) -> str:
    """Return what the paths of one file share even on file systems that ignore case."""
    return os.path.realpath(path).casefold()


def _pictures_in(folder: Path, output: Path, *, recursive: bool) -> Iterator[Path]:
    """Yield the pictures of a folder, but not the results of an earlier run inside it."""
    results = output.resolve() if folder.resolve() in output.resolve().parents else None
    for path in sorted(folder.rglob("*") if recursive else folder.iterdir()):
        earlier = results is not None and results in path.resolve().parents
        if names_a_picture(path) and path.is_file() and not earlier:
            yield path


def _from_pattern(pattern: str) -> list[Source]:
    """Return the files of a glob; sub-folders below its fixed part are kept."""
    fixed = Path()
    for part in Path(pattern).parts:
        if glob.has_magic(part):
            break
        fixed /= part
    files = [Path(name) for name in sorted(glob.glob(pattern, recursive=True))]  # noqa: PTH207
    return [Source(path, path.relative_to(fixed)) for path in files if path.is_file()]


def _expand(name: str, output: Path, *, recursive: bool) -> list[Source]:
    path = Path(name).expanduser()
    if path.is_dir():
        pictures = _pictures_in(path, output, recursive=recursive)
        found = [Source(picture, picture.relative_to(path)) for picture in pictures]
        hint = "" if recursive else " itself; --recursive looks into its sub-folders, too"
        if not found:
            raise ImageError(f"Expected pictures in the folder, but {name} holds none{hint}.")
        return found
    if path.exists():
        return [Source(path, Path(path.name))]
    if not glob.has_magic(name):
        raise ImageError(f"Expected a picture, but there is no file {name}.")
    found = _from_pattern(name)
    if not found:
        raise ImageError(f"Expected pictures, but no file matches {name}.")
    return found


def expand(
    names: Iterable[str], output: Path, *, recursive: bool
) -> tuple[tuple[Source, ...], tuple[Refusal, ...]]:
    """Find the pictures that files, folders and glob patterns name, each picture once.

    A name that leads to no picture is refused; the others are found all the same. What lies in
    `output` is left out where that is a part of a folder to read.
    """
    sources: dict[str, Source] = {}
    refusals: list[Refusal] = []
    for name in names:
        try:
            for source in _expand(name, output, recursive=recursive):
                sources.setdefault(_identity(source.path), source)
        except InputError as error:
            refusals.append(Refusal(Path(name), error))
    return tuple(sources.values()), tuple(refusals)


def means_folder(output: str, names: Sequence[str], count: int) -> bool:
    """Tell whether the results go into a folder rather than to one file.

    Args:
        output: What the user gave as the place for the results.
        names: What the user gave as pictures.
        count: How many pictures these are.

    Raises:
        InputError: There are several pictures, but the output names one file.
    """
    path = Path(output).expanduser()
    if path.is_dir() or output.endswith(("/", os.sep)):
        return True
    several = count > 1 or not all(Path(name).expanduser().is_file() for name in names)
    if several and (path.exists() or names_a_picture(path)):
        raise InputError(
            f"Expected a folder for the results of several pictures, but got the file {output}."
        )
    return several


def _output_name(source: Source, extension: str | None, *, keep: bool = False) -> Path:
    """Return the result's name; `keep` keeps the old ending before the new one."""
    own = source.relative.suffix.lower().lstrip(".")
    new = extension or (own if own in writable() else "png")
    if new == own:
        return source.relative
    stem = source.relative.name if keep else source.relative.stem
    return source.relative.with_name(f"{stem}.{new}")


def _outputs(sources: Sequence[Source], extension: str | None) -> list[Path]:
    """Name the results; a.png and a.jpg as webp become a.png.webp and a.jpg.webp."""
    names = [_output_name(source, extension) for source in sources]
    taken: defaultdict[str, int] = defaultdict(int)
    for name in names:
        taken[str(name).casefold()] += 1
    return [
        _output_name(source, extension, keep=True) if taken[str(name).casefold()] > 1 else name
        for source, name in zip(sources, names, strict=True)
    ]


def _refusal(job: Job, read: dict[str, Path], *, overwrite: bool) -> UpscalerError | None:
    original = read.get(_place(job.output))
    if original is not None:
        whose = "the picture itself" if original == job.source else f"the picture {original}"
        return OutputError(f"Expected another file for the result, but {job.output} is {whose}.")
    if job.output.exists() and not overwrite:
        return OutputError(f"{job.output} is there already; --overwrite replaces it.")
    return None


def _checked(jobs: Iterable[Job], *, overwrite: bool) -> Plan:
    wanted = list(jobs)
    read = {_place(job.source): job.source for job in wanted}
    first: dict[str, Job] = {}
    accepted: list[Job] = []
    refusals: list[Refusal] = []
    for job in wanted:
        earlier = first.setdefault(_place(job.output), job)
        error = _refusal(job, read, overwrite=overwrite)
        if earlier is not job:
            error = OutputError(
                f"The result would have the same name as that of {earlier.source}, {job.output}; "
                "give them different folders."
            )
        if error is None:
            accepted.append(job)
        else:
            refusals.append(Refusal(job.source, error))
    return Plan(tuple(accepted), tuple(refusals))


def plan(
    names: Sequence[str], output: str, *, extension: str | None, recursive: bool, overwrite: bool
) -> Plan:
    """Decide what is read and where each result goes, so that nothing is ever lost.

    Args:
        names: Files, folders and glob patterns.
        output: A file for one picture, or a folder; sub-folders are mirrored in it.
        extension: The ending of the results, such as ``"webp"``; None keeps each picture's own.
        recursive: Whether sub-folders of folders are looked into.
        overwrite: Whether a file that exists may be replaced; a picture that is read never is.

    Raises:
        InputError: `output` does not fit the pictures.
    """
    target = Path(output).expanduser()
    sources, refusals = expand(names, target, recursive=recursive)
    if means_folder(output, names, len(sources)):
        results = _outputs(sources, extension)
        jobs = [Job(s.path, target / name) for s, name in zip(sources, results, strict=True)]
    else:
        jobs = [Job(source.path, _single_output(target, extension)) for source in sources]
    checked = _checked(jobs, overwrite=overwrite)
    return Plan(checked.jobs, refusals + checked.refusals)


def _single_output(output: Path, extension: str | None) -> Path:
    """Return the file for one result, whose ending tells the format."""
    ending = output.suffix.lower().lstrip(".")
    same = {"jpg": "jpeg", "tif": "tiff"}
    if not ending:
        return output.with_name(f"{output.name}.{extension or 'png'}")
    if extension and same.get(ending, ending) != same.get(extension, extension):
        raise InputError(
            f"Expected a file name that ends in .{extension}, as --format asks, but got {output}."
        )
    if ending not in writable():
        raise InputError(
            f"Expected a file name that ends in one of .{', .'.join(writable())}, but got {output}."
        )
    return output

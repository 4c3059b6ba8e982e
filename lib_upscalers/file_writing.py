"""Write files atomically: under its final name a file is complete, or it is still the old one.

Every file that the product writes goes through here. It is written under a temporary name in the
folder of its target and takes the target's name at the end, so that after a crash, a full disk or
the user's Ctrl-C the old file is still there. Temporary files of runs that were killed are removed
by the next run that writes into the same folder.
"""

from __future__ import annotations

import errno
import functools
import os
import re
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from lib_upscalers.errors import (
    AlreadyExistsError,
    BusyFileError,
    DiskFullError,
    OutputError,
)
from lib_upscalers.file_locks import is_alive, lock, lock_on_every_system, this_host

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

    Finished = Callable[[Path], bool | None]

__all__ = [
    "appending",
    "check_target",
    "existing_folder",
    "locking",
    "move_finished",
    "remove_stale_parts",
    "write_bytes",
    "write_text",
    "writing",
    "writing_path",
]

_PART = re.compile(r"\.(?P<host>[0-9a-f]{8})-(?P<pid>\d+)-[0-9a-f]{16}\.part")
_DAY = 24 * 3600.0
_FULL = frozenset((errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)))
# The errors of os.link if the file system has no hard links, or forbids them.
_NO_LINKS = frozenset(
    number
    for name in ("EPERM", "EACCES", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EXDEV", "EMLINK", "EINVAL")
    if (number := getattr(errno, name, None)) is not None
)


@contextmanager
def writing(
    target: str | os.PathLike[str],
    *,
    overwrite: bool,
    protected: Iterable[str | os.PathLike[str]] = (),
    size: int = 0,
    make_folders: bool = False,
    finished: Finished | None = None,
) -> Generator[BinaryIO, None, None]:
    """Open a new file, which takes the name `target` if the block ends without an exception.

    Args:
        target: The file to write. A symbolic link keeps its target.
        overwrite: Whether a file of that name is replaced. False refuses it, even one that
            appears while the block runs.
        protected: Files that are never replaced, such as the run's inputs; compared as files, not
            as paths.
        size: So many bytes must be free on the disk, as far as they are known; 0 if not.
        make_folders: Whether missing folders are made.
        finished: Called with the whole file, closed, before it takes its name; what it raises
            leaves no file. It returns True to leave the name to another caller of `move_finished`.

    Raises:
        AlreadyExistsError: There is a file of that name, and `overwrite` is False.
        DiskFullError: The disk or a quota is full.
        OutputError: The file cannot be written for another reason, or is protected. An OSError
            that the block raises counts as such.
    """
    with (
        writing_path(
            target,
            overwrite=overwrite,
            protected=protected,
            size=size,
            make_folders=make_folders,
            finished=finished,
        ) as part,
        part.open("wb") as stream,
    ):
        yield stream


@contextmanager
def writing_path(
    target: str | os.PathLike[str],
    *,
    overwrite: bool,
    protected: Iterable[str | os.PathLike[str]] = (),
    size: int = 0,
    make_folders: bool = False,
    finished: Finished | None = None,
) -> Generator[Path, None, None]:
    """Yield the path of an empty file; as `writing`, for code that opens the file itself."""
    named = Path(target)
    try:
        if make_folders:
            named.parent.mkdir(parents=True, exist_ok=True)
        file = check_target(named, overwrite=overwrite, protected=protected, size=size)
        _clean_once(str(file.parent))
        part = file.parent / f".{this_host()}-{os.getpid()}-{os.urandom(8).hex()}.part"
        handed_over = False
        try:
            with _live(part):
                yield part
                handed_over = bool(finished and finished(part))
                if not handed_over:
                    _publish(part, file, overwrite=overwrite)
        finally:
            if not handed_over:
                with suppress(OSError):
                    part.unlink()
    except OSError as error:
        raise _output_error(named, error) from error


def write_bytes(
    target: str | os.PathLike[str],
    data: bytes,
    *,
    overwrite: bool,
    protected: Iterable[str | os.PathLike[str]] = (),
    make_folders: bool = False,
) -> None:
    """Write a file of these bytes; arguments and exceptions as in `writing`."""
    with writing(
        target,
        overwrite=overwrite,
        protected=protected,
        size=len(data),
        make_folders=make_folders,
    ) as stream:
        stream.write(data)


def write_text(
    target: str | os.PathLike[str],
    text: str,
    *,
    overwrite: bool,
    protected: Iterable[str | os.PathLike[str]] = (),
    make_folders: bool = False,
) -> None:
    """Write a text as UTF-8 with unchanged line ends; as `write_bytes`.

    Characters that UTF-8 lacks, as of file names in an unknown encoding, become escape sequences.
    """
    data = text.encode("utf-8", errors="backslashreplace")
    write_bytes(target, data, overwrite=overwrite, protected=protected, make_folders=make_folders)


@contextmanager
def appending(target: str | os.PathLike[str]) -> Generator[BinaryIO, None, None]:
    """Open a file to read it and to write on at its end, such as a download that goes on.

    Under its name such a file may be incomplete, and a crash leaves it so: choose a name that
    nobody reads as finished, hold a lock (`locking`), and use `move_finished` at the end.

    Raises:
        DiskFullError: The disk or a quota is full.
        OutputError: The file cannot be written for another reason. An OSError that the block
            raises counts as such.
    """
    named = Path(target)
    try:
        named.parent.mkdir(parents=True, exist_ok=True)
        with named.open("a+b", buffering=0) as stream:
            yield cast("BinaryIO", stream)
    except OSError as error:
        raise _output_error(named, error) from error


def move_finished(part: Path, target: Path, *, overwrite: bool = True) -> None:
    """Give a file that is complete its final name in the same folder.

    Raises:
        AlreadyExistsError: There is a file of that name, and `overwrite` is False.
        OutputError: That failed.
    """
    try:
        _publish(part, target, overwrite=overwrite)
        part.unlink(missing_ok=True)  # without `overwrite` the name may be a second one
    except OSError as error:
        raise _output_error(target, error) from error


@contextmanager
def locking(target: str | os.PathLike[str]) -> Generator[None, None, None]:
    """Hold a lock on a name while the block runs; the empty file of that name stays.

    The lock ends with the process, however that ends.

    Raises:
        BusyFileError: Somebody else holds it, in this process or another.
        OutputError: The file cannot be made.
    """
    named = Path(target)
    try:
        named.parent.mkdir(parents=True, exist_ok=True)
        holder = named.open("ab", buffering=0)
    except OSError as error:
        raise _output_error(named, error) from error
    with holder:
        if not lock_on_every_system(holder.fileno()):
            raise BusyFileError(
                f"Expected {named.stem} to be free, but it is being fetched already: wait until "
                "that is done."
            )
        yield


def check_target(
    target: str | os.PathLike[str],
    *,
    overwrite: bool,
    protected: Iterable[str | os.PathLike[str]] = (),
    size: int = 0,
    make_folders: bool = False,
) -> Path:
    """Raise now what writing a file would raise later, as far as it can be known.

    Args:
        target: As in `writing`, like the other arguments.
        overwrite: Whether a file of that name may be replaced.
        protected: Files that are never replaced.
        size: So many bytes must be free; 0 if not known.
        make_folders: Whether missing folders will be made.

    Returns:
        The file that would be written, symbolic links followed.

    Raises:
        OutputError: It cannot be written; see `writing` for the subclasses.
    """
    import shutil  # with all that compresses, which a list does without

    named = Path(target)
    try:
        file = Path(os.path.realpath(named))
        for other in protected:
            if file == Path(os.path.realpath(other)) or _is_same(file, Path(other)):
                raise OutputError(
                    f"Expected another file to write, but {named} is the input {other}: choose "
                    "another name."
                )
        folder = existing_folder(file.parent) if make_folders else file.parent
        _check_name(named, file, folder, overwrite=overwrite)
        free = shutil.disk_usage(folder).free
    except (OSError, ValueError) as error:
        raise _output_error(named, error) from error
    if free <= size:
        raise DiskFullError(
            f"Expected {size:,} bytes of free space to write {named}, but the disk has {free:,}: "
            "free some space, or choose another folder."
        )
    return file


def existing_folder(folder: Path) -> Path:
    """Return the folder, or the nearest one above it that is there."""
    while not os.path.lexists(folder) and folder != folder.parent:
        folder = folder.parent
    return folder


def _check_name(named: Path, file: Path, folder: Path, *, overwrite: bool) -> None:
    if not folder.is_dir():
        problem = errno.ENOTDIR if folder.exists() else errno.ENOENT
        raise OSError(problem, os.strerror(problem))
    taken = os.path.lexists(named)
    if file.exists() and not file.is_file():
        raise OutputError(f"Expected the name of a file to write, but {named} is none: add a name.")
    if taken and not overwrite:
        raise _already_there(named)
    if not os.access(folder, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def _is_same(file: Path, other: Path) -> bool:
    try:
        return file.samefile(other)
    except OSError:
        return False


def _already_there(file: Path) -> AlreadyExistsError:
    return AlreadyExistsError(
        f"Expected a new file, but {file} is there already: choose another name, or ask for it to "
        "be replaced."
    )


@contextmanager
def _live(part: Path) -> Generator[None, None, None]:
    """Create the file, and lock it while the block runs, so that no other run removes it.

    Windows removes no file that is open; there the process's number alone protects it.
    """
    with part.open("xb") as holder:
        if sys.platform != "win32":
            lock(holder.fileno())
            yield
            return
    yield


def _publish(part: Path, file: Path, *, overwrite: bool) -> None:
    """Give a finished file its name."""
    if overwrite:
        part.replace(file)
        return
    try:
        if sys.platform == "win32":
            part.rename(file)  # it fails if the name is taken
        else:
            _link(part, file)
    except FileExistsError as error:
        raise _already_there(file) from error


def _link(part: Path, file: Path) -> None:
    try:
        os.link(part, file)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        # The name is claimed by an empty file, which the whole one replaces.
        file.open("xb").close()
        try:
            part.replace(file)
        except OSError:
            file.unlink()
            raise


def remove_stale_parts(folder: str | os.PathLike[str]) -> int:
    """Remove temporary files of killed runs from a folder.

    Files of runs that are still alive stay; so do those of other machines that were written to
    during the last day.

    Returns:
        How many were removed; files that cannot be read or removed stay.
    """
    removed = 0
    with suppress(OSError):
        for entry in os.scandir(folder):
            if (match := _PART.fullmatch(entry.name)) and _is_stale(Path(entry.path), match):
                with suppress(OSError):
                    os.unlink(entry.path)  # noqa: PTH108 - what scandir gives
                    removed += 1
    return removed


@functools.lru_cache(maxsize=1024)
def _clean_once(folder: str) -> None:
    remove_stale_parts(folder)


def _is_stale(part: Path, match: re.Match[str]) -> bool:
    dead = match["host"] == this_host() and not is_alive(int(match["pid"]))
    try:
        # Else it is another machine's, or its process number may be in use again.
        if not dead and time.time() - part.stat().st_mtime < _DAY:
            return False
        with part.open("rb+") as stream:
            return lock(stream.fileno())
    except OSError:
        return False


def _output_error(file: Path, error: Exception) -> OutputError:
    number = error.errno if isinstance(error, OSError) else None
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    start = f"Expected to write {file}, but that failed ({reason})"
    if number in _FULL:
        return DiskFullError(f"{start}: free some space, or choose another folder.")
    if number == errno.ENOENT:
        return OutputError(f"{start}: make the folder first.")
    if number == errno.ENAMETOOLONG:
        return OutputError(f"{start}: choose a shorter name.")
    return OutputError(f"{start}: choose another folder.")

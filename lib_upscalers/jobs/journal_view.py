"""Read the journal of a folder of results: a SQLite database of what is done and what failed."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Final, Literal
from urllib.request import pathname2url

from lib_upscalers.errors import OutputError
from lib_upscalers.file_locks import is_alive, this_host

if TYPE_CHECKING:
    from pathlib import Path, PurePath

    from typing_extensions import Self

JOURNAL_NAME: Final = "upscalers-journal"
"""The file's name in the folder of results."""
LIVE_SECONDS: Final = 120.0
"""After so long without a sign of life, the claims of a run are void."""
State = Literal["working", "written", "done", "failed"]


@dataclass(frozen=True)
class Row:
    """What the journal holds of one result.

    Attributes:
        output: The result's path below the folder, as `entry_name` writes it.
        source: The picture's absolute path, written likewise.
        source_bytes: Its size.
        source_changed: When it was changed, in nanoseconds.
        fingerprint: Of what decides the result's pixels.
        state: "working" is claimed; "written" is whole and about to take its name.
        owner: The run that set the state.
        sha256: Of the result; "" before there is one.
        former: Of the result that this one replaces; "" if none.
        result_bytes: The result's size.
        result_changed: When it was written, in nanoseconds.
        seconds: How long the picture took.
        error: Why it failed.
    """

    output: str
    source: str
    source_bytes: int
    source_changed: int
    fingerprint: str
    state: State
    owner: str
    sha256: str = ""
    former: str = ""
    result_bytes: int = 0
    result_changed: int = 0
    seconds: float = 0.0
    error: str = ""


COLUMNS: Final = tuple(field.name for field in fields(Row))
"""The columns of the table, as they are read into a `Row`."""
_GET: Final = f"SELECT {', '.join(COLUMNS)} FROM pictures"  # noqa: S608 - our own names


def entry_name(path: PurePath) -> str:
    """Return a path as the journal writes it: valid Unicode, different for every path."""
    escaped = path.as_posix().replace("\\", "\\\\")
    return escaped.encode("utf-8", "backslashreplace").decode("utf-8")


class JournalView:
    """A journal that is read and not changed.

    Args:
        folder: The folder of results. Without a journal in it, there are no rows.

    Raises:
        OutputError: The journal cannot be read.
    """

    owner = ""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / JOURNAL_NAME
        self._lock = threading.RLock()
        self._connection = self._connect()

    def _connect(self) -> sqlite3.Connection | None:
        if not self.path.is_file():
            return None
        address = f"file:{pathname2url(str(self.path.absolute()))}?mode=ro"
        return sqlite3.connect(address, uri=True, check_same_thread=False)

    def __enter__(self) -> Self:
        """Return the journal."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the journal."""
        self.close()

    def close(self) -> None:
        """Close the file."""
        if self._connection is not None:
            self._connection.close()

    def select(self, condition: str, *values: object) -> list[Row]:
        """Return the rows that meet a condition of SQL.

        Raises:
            OutputError: The journal cannot be read.
        """
        if self._connection is None:
            return []
        try:
            with self._lock:
                found = self._connection.execute(f"{_GET} {condition}", values).fetchall()
        except sqlite3.Error as error:
            raise OutputError(
                f"Expected to read the journal {self.path}, but that failed ({error}): move it "
                "away to start over."
            ) from error
        return [Row(*each) for each in found]

    def row(self, output: str) -> Row | None:
        """Return the row of a result, None if there is none."""
        return next(iter(self.select("WHERE output = ?", output)), None)

    def is_live(self, owner: str) -> bool:
        """Return whether the run that made a claim may still be at work."""
        if not owner or self._connection is None:
            return False
        with self._lock:
            found = self._connection.execute(
                "SELECT host, pid, seen FROM owners WHERE name = ?", (owner,)
            ).fetchone()
        return (
            found is not None
            and time.time() - found[2] < LIVE_SECONDS
            and (found[0] != this_host() or is_alive(int(found[1])))
        )


def what_is_there(path: Path, row: Row) -> Literal["", "result", "former", "other"]:
    """Return whether a file is a row's result, the one that it was to replace, or another.

    A file of the noted size and time is not read.
    """
    from lib_upscalers.models.checksum import sha256_of

    try:
        facts = path.stat()
    except OSError:
        return "other" if os.path.lexists(path) else ""
    if (facts.st_size, facts.st_mtime_ns) == (row.result_bytes, row.result_changed):
        return "result"
    try:
        found = sha256_of(path) if row.sha256 or row.former else ""
    except OSError:
        return "other"
    if found and found in (row.sha256, row.former):
        return "result" if found == row.sha256 else "former"
    return "other"

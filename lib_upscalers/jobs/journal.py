"""The journal of a folder of results: a SQLite database of what is done, failed and in work.

Several runs may use one journal at once, also on several machines that share the folder: a picture
is claimed by a row that names its owner, and the claim of an owner that no longer lives is void.
A result is entered with its checksum before the file takes its name, so that a run that is killed
at any moment leaves either a finished picture or one that is still to do.
"""

from __future__ import annotations

import logging
import os
import secrets
import sqlite3
import threading
import time
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from lib_upscalers.errors import DiskFullError, OutputError
from lib_upscalers.file_locks import this_host
from lib_upscalers.jobs.journal_view import COLUMNS, JOURNAL_NAME, JournalView, Row

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

_log = logging.getLogger("lib_upscalers")

_VERSION = 1
_CORRUPT, _FULL = 11, 13  # SQLite's numbers of errors
_LOCK_SECONDS = 60.0
_BEAT_SECONDS = 15.0
_DAY = 24 * 3600.0
_HEAD_BYTES = 4096
# A commit that reaches the disk costs more than a small picture: at most one in this time does.
_DURABLE_SECONDS = 2.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS pictures (
    output TEXT PRIMARY KEY, source TEXT NOT NULL, source_bytes INTEGER NOT NULL,
    source_changed INTEGER NOT NULL, fingerprint TEXT NOT NULL, state TEXT NOT NULL,
    owner TEXT NOT NULL, sha256 TEXT NOT NULL DEFAULT '', former TEXT NOT NULL DEFAULT '',
    result_bytes INTEGER NOT NULL DEFAULT 0, result_changed INTEGER NOT NULL DEFAULT 0,
    seconds REAL NOT NULL DEFAULT 0, error TEXT NOT NULL DEFAULT ''
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS owners (
    name TEXT PRIMARY KEY, host TEXT NOT NULL, pid INTEGER NOT NULL, seen REAL NOT NULL
) WITHOUT ROWID;
"""


_PUT: Final = (
    f"INSERT OR REPLACE INTO pictures ({', '.join(COLUMNS)}) "  # noqa: S608 - our own names
    f"VALUES ({', '.join('?' * len(COLUMNS))})"
)


class ClaimLostError(Exception):
    """A claim was void, and another run has taken the picture over."""


class Journal(JournalView):
    """An open journal, and this run's claims in it. Threads may share it.

    Args:
        folder: The folder of results; it must exist.

    Raises:
        DiskFullError: The disk is full.
        OutputError: The journal cannot be written, or is another program's file.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.owner = secrets.token_hex(8)
        self._finished: list[str] = []
        self._durable = 0.0
        self._ended = threading.Event()
        self._dead: set[str] = set()
        self._forget_dead()
        self.beat()
        self._heart = threading.Thread(target=self._keep_beating, name="journal", daemon=True)
        self._heart.start()

    def _connect(self) -> sqlite3.Connection:
        with self._failures():
            try:
                self._writable = _open(self.path)
            except sqlite3.DatabaseError as error:
                if _code(error) != _CORRUPT and not _is_blank(self.path):
                    raise
                aside = self.path.with_name(f"{JOURNAL_NAME}-damaged")
                self.path.replace(aside)
                _log.warning("The journal %s is damaged: it is now %s.", self.path, aside.name)
                self._writable = _open(self.path)
        return self._writable

    @contextmanager
    def _failures(self) -> Generator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            start = f"Expected to write the journal {self.path}, but that failed ({error})"
            if _code(error) == _FULL:
                raise DiskFullError(f"{start}: free some space.") from error
            raise OutputError(
                f"{start}: choose another folder, or --skip-existing, which needs no journal."
            ) from error

    @contextmanager
    def transaction(self) -> Generator[None]:
        """Run the block as one transaction, in which no other run changes the journal.

        Raises:
            DiskFullError: The disk is full.
            OutputError: The journal cannot be written.
        """
        with self._lock, self._failures():
            durable = time.monotonic() - self._durable > _DURABLE_SECONDS
            self._writable.execute(f"PRAGMA synchronous = {'NORMAL' if durable else 'OFF'}")
            self._writable.execute("BEGIN IMMEDIATE")
            try:
                self._enter_finished()
                yield
                self._writable.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    self._writable.execute("ROLLBACK")
                raise
            self._finished.clear()
            if durable:
                self._durable = time.monotonic()

    def _enter_finished(self) -> None:
        self._writable.executemany(
            "UPDATE pictures SET state = 'done' WHERE output = ? AND owner = ?",
            [(output, self.owner) for output in self._finished],
        )

    def put(self, row: Row) -> None:
        """Enter a row; only inside of `transaction`."""
        self._writable.execute(_PUT, [getattr(row, name) for name in COLUMNS])

    def enter_written(self, row: Row, part: Path, seconds: float, sha256: str = "") -> Row:
        """Enter that a result is whole and about to take its name; return its row.

        Args:
            row: The claim.
            part: The file, still under its temporary name.
            seconds: How long the picture took.
            sha256: Of the file; "" if it is still to be computed.

        Raises:
            ClaimLostError: The claim was void, and another run has taken it over.
            OutputError: The journal cannot be written.
        """
        from lib_upscalers.models.checksum import sha256_of

        facts = part.stat()
        written = replace(
            row,
            state="written",
            sha256=sha256 or sha256_of(part),
            former=row.sha256,
            result_bytes=facts.st_size,
            result_changed=facts.st_mtime_ns,
            seconds=seconds,
            error="",
        )
        with self.transaction():
            now = self.row(row.output)
            if now is None or now.owner != self.owner:
                raise ClaimLostError(row.output)
            self.put(written)
        return written

    def enter_published(self, row: Row) -> None:
        """Note that a written result has its name; the journal gets it with the next change."""
        with self._lock:
            self._finished.append(row.output)

    def enter_failed(self, row: Row, error: str) -> None:
        """Enter that a claimed picture failed; an earlier result stays known."""
        if row.state == "written":
            row = replace(row, sha256=row.former, former="", result_bytes=0, result_changed=0)
        with self.transaction():
            self.put(replace(row, state="failed", owner=self.owner, error=error))

    def release(self, row: Row) -> None:
        """Give a claim back, as if it had never been made."""
        with self.transaction():
            self._writable.execute(
                "UPDATE pictures SET owner = '' WHERE output = ? AND owner = ? "
                "AND state = 'working'",
                (row.output, self.owner),
            )

    def is_live(self, owner: str) -> bool:
        """Return whether the run that made a claim may still be at work."""
        if owner == self.owner:
            return True
        if owner in self._dead:
            return False
        live = super().is_live(owner)
        if not live:
            self._dead.add(owner)
        return live

    def _forget_dead(self) -> None:
        with self.transaction():
            self._writable.execute("DELETE FROM owners WHERE seen < ?", (time.time() - _DAY,))

    def beat(self) -> None:
        """Enter that this run lives."""
        with self.transaction():
            self._writable.execute(
                "INSERT OR REPLACE INTO owners VALUES (?, ?, ?, ?)",
                (self.owner, this_host(), os.getpid(), time.time()),
            )

    def _keep_beating(self) -> None:
        while not self._ended.wait(_BEAT_SECONDS):
            try:
                self.beat()
            except (OutputError, sqlite3.Error) as error:
                _log.debug("The journal was not reached: %s", error)

    def close(self) -> None:
        """Give all claims back and close the file; a journal that holds no picture is removed."""
        self._ended.set()
        self._heart.join()
        with self._lock, closing(self._writable):
            empty = False
            with suppress(OutputError):
                with self.transaction():
                    self._writable.execute(
                        "UPDATE pictures SET owner = '' WHERE owner = ? AND state = 'working'",
                        (self.owner,),
                    )
                    self._writable.execute(
                        "DELETE FROM pictures WHERE owner = '' AND state = 'working' "
                        "AND sha256 = ''"
                    )
                    self._writable.execute("DELETE FROM owners WHERE name = ?", (self.owner,))
                empty = self._is_empty()
            with suppress(sqlite3.Error):
                self._writable.execute("PRAGMA journal_mode = DELETE").fetchall()
        if empty:
            self.path.unlink(missing_ok=True)

    def _is_empty(self) -> bool:
        counts = "SELECT (SELECT count(*) FROM pictures) + (SELECT count(*) FROM owners)"
        return self._writable.execute(counts).fetchone()[0] == 0


@contextmanager
def opened_journal(folder: Path) -> Generator[Journal]:
    """Open the journal of a folder; remove the folder if it was made and stays empty.

    Raises:
        OutputError: The folder cannot be made, or the journal cannot be written.
    """
    new = [each for each in (folder, *folder.parents) if not each.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"Expected to make the folder {folder}, but that failed ({error.strerror}): choose "
            "another one."
        ) from error
    journal = Journal(folder)
    try:
        yield journal
    finally:
        journal.close()
        for each in new:
            with suppress(OSError):
                each.rmdir()


def _open(path: Path) -> sqlite3.Connection:
    """Open a journal to write, and make it where there is none."""
    connection = sqlite3.connect(
        path, timeout=_LOCK_SECONDS, isolation_level=None, check_same_thread=False
    )
    try:
        _prepare(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Make the tables; check what is there."""
    # Write-ahead logging would be faster, but fails on network drives.
    connection.execute("PRAGMA journal_mode = TRUNCATE").fetchall()
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version not in (0, _VERSION):
        raise OutputError(
            f"Expected a journal of version {_VERSION}, but {path} has version {version}: use the "
            "version of Upscaler Lab that made it, or another folder."
        )
    connection.executescript(f"BEGIN IMMEDIATE;{_SCHEMA}PRAGMA user_version = {_VERSION};COMMIT;")
    if connection.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
        raise sqlite3.DatabaseError("database disk image is malformed")


def _is_blank(path: Path) -> bool:
    """Return whether a file begins with zeros, as one may after the power was lost."""
    try:
        with path.open("rb") as file:
            return not any(file.read(_HEAD_BYTES))
    except OSError:
        return False


def _code(error: BaseException) -> int:
    """Return SQLite's number of an error, which is an attribute from Python 3.11 on."""
    number = getattr(error, "sqlite_errorcode", None)
    if number is not None:
        return int(number) & 0xFF
    texts = (("malformed", _CORRUPT), ("full", _FULL))
    return next((code for text, code in texts if text in str(error)), 0)

"""Transfer one file from one address: take up what is there, watch what comes, check the whole."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO

from lib_upscalers.errors import DownloadError, OutputError, WrongHashError
from lib_upscalers.file_writing import appending, check_target, move_finished, write_text
from lib_upscalers.models.catalogue.file_hosts import is_zip
from lib_upscalers.models.catalogue.pace import Pace, PaceWatch, SlowError
from lib_upscalers.models.catalogue.zip_member import extract_network, names_of_networks

if TYPE_CHECKING:
    from concurrent.futures import Executor, Future
    from pathlib import Path

    from lib_upscalers.models.catalogue.fetching import Fetcher, Response
    from lib_upscalers.models.catalogue.schema import CatalogueFile
    from lib_upscalers.progress import Progress

_log = logging.getLogger("lib_upscalers")

MOST_BYTES = 2 << 30
_CHUNK = 1 << 20
_CHUNKS_TO_HASH = 8
_RANGE = re.compile(r"bytes (\d{1,15})-(\d{1,15})/(\d{1,15}|\*)")
_STRONG_TAG = re.compile(r'"[\x21\x23-\x7e]{0,200}"')
_ZIP_SPARE = 64 << 20
_STARTS_OF_PAGES = (b"<!doctype", b"<html", b"<head", b"<?xml")


@dataclass(frozen=True)
class Downloaded:
    """A file that is complete.

    Attributes:
        path: Where it lies, in the folder of downloads.
        sha256: What its bytes hash to.
        size_bytes: Its size.
        checked: Whether the catalogue has a SHA-256 for it, which is the same. False: it has none.
        address: Where it came from.
    """

    path: Path
    sha256: str
    size_bytes: int
    checked: bool
    address: str


class _RefusedError(DownloadError):
    """A server's answer that no further attempt at this address changes."""


@dataclass
class Transfer:
    """One download from one address, under a lock that the caller holds.

    Attributes:
        folder: Where the part and the finished file lie.
        file: What the catalogue says of it.
        key: The stem of their names.
        address: Where it is.
        fetcher: Opens addresses.
        pace: How patient it is.
        progress: Gets the bytes; may cancel.
        tag: The strong ETag, or the time of change, of what is there; "": unknown.
        resumed: Whether parts of several connections are joined.
    """

    folder: Path
    file: CatalogueFile
    key: str
    address: str
    fetcher: Fetcher
    pace: Pace
    progress: Progress
    tag: str = ""
    resumed: bool = False
    _digest: Any = field(default_factory=hashlib.sha256)

    @property
    def partial(self) -> Path:
        """The file that is not complete yet."""
        return self.folder / f"{self.key}.partial"

    @property
    def note(self) -> Path:
        """What belongs to the part: its address and validator."""
        return self.folder / f"{self.key}.json"

    @property
    def most(self) -> int:
        """How many bytes may come."""
        size = self.file.size_bytes
        if size is None:
            return MOST_BYTES
        return size + size // 4 + _ZIP_SPARE if is_zip(self.address) else size

    def run(self) -> Downloaded:
        """Fetch, check and name the file; uses the network.

        Raises:
            UpscalerError: As `Downloader.get`.
            Cancelled: The user stopped it.
        """
        with appending(self.partial) as stream:
            self._take_up(stream)
            self._fetch_all(stream)
            digest = self._digest.hexdigest()
            if self.resumed and self._mismatches(digest):
                # The parts may be of two files: only a whole one counts.
                self._restart(stream)
                self.resumed = False
                self._fetch_all(stream)
                digest = self._digest.hexdigest()
        try:
            return self._finish(digest)
        finally:
            for path in (self.partial, self.note):
                with suppress(OSError):
                    path.unlink()

    def _mismatches(self, digest: str) -> bool:
        return self.file.sha256 not in (None, digest) and not is_zip(self.address)

    def _finish(self, digest: str) -> Downloaded:
        final = self.folder / f"{self.key}.{self.file.kind}"
        if is_zip(self.address) and digest != self.file.sha256:
            digest = extract_network(self.partial, final, self.file, self.progress)
            self._check(final, digest)
        elif is_zip(self.address) and names_of_networks(self.partial, self.file.kind):
            digest = extract_network(self.partial, final, self.file, self.progress)
        else:
            self._check(self.partial, digest)
            move_finished(self.partial, final)
        size = final.stat().st_size
        checked = self.file.sha256 is not None
        return Downloaded(final, digest, size, checked, self.address)

    def _check(self, path: Path, digest: str) -> None:
        """Compare a whole file with the catalogue; remove it if it is another one."""
        size = path.stat().st_size
        problem = check_file(self.file, size, digest, self.address)
        if problem is not None:
            path.unlink()
            raise problem

    def _take_up(self, stream: BinaryIO) -> None:
        """Go on with what is there, if it is of this address and can be compared."""
        known = self._read_note()
        if known is None:
            self._restart(stream)
            return
        self.tag = known
        stream.seek(0)
        while chunk := stream.read(_CHUNK):
            self._digest.update(chunk)
        self.resumed = stream.tell() > 0

    def _restart(self, stream: BinaryIO) -> None:
        stream.truncate(0)
        stream.seek(0)
        self._digest = hashlib.sha256()
        self.tag = ""

    def _read_note(self) -> str | None:
        try:
            held: Any = json.loads(self.note.read_text("utf-8"))
            tag = str(held["tag"])
            return tag if held["address"] == self.address else None
        except (OSError, ValueError, TypeError, LookupError, RecursionError):
            return None

    def _write_note(self) -> None:
        text = json.dumps({"address": self.address, "tag": self.tag})
        write_text(self.note, text, overwrite=True)

    def _fetch_all(self, stream: BinaryIO) -> None:
        """Open connections until the file is complete.

        Raises:
            DownloadError: Too many in a row brought nothing, or one answer forbids more.
        """
        failures, pace = 0, self.pace
        while True:
            self.progress.check_cancelled()
            before = stream.seek(0, os.SEEK_END)
            try:
                self._fetch_some(stream)
            except _RefusedError:
                raise
            except DownloadError as error:
                moved = stream.seek(0, os.SEEK_END) > before
                failures = 0 if moved and not isinstance(error, SlowError) else failures + 1
                if failures >= pace.attempts:
                    raise
                _log.info("The download is taken up again: %s", error)
                time.sleep(pace.pause_seconds)
            else:
                return

    def _fetch_some(self, stream: BinaryIO) -> None:
        at = stream.seek(0, os.SEEK_END)
        if at and at == self.file.size_bytes and not is_zip(self.address):
            return
        headers: dict[str, str] = {}
        if at and (self.tag or self.file.sha256):
            headers["Range"] = f"bytes={at}-"
            if self.tag:
                headers["If-Range"] = self.tag
        with self.fetcher.open(self.address, headers) as answer:
            begin = self._begin(answer, stream, at)
            if begin is not None:
                self._take(answer, stream, begin)

    def _begin(self, answer: Response, stream: BinaryIO, at: int) -> int | None:
        """Return where an answer's bytes belong; None if there are no more to come.

        Raises:
            DownloadError: It is no answer to go on with; the file may have been reset for another.
        """
        if answer.status == 416 and at:
            return self._beyond_the_end(answer, stream, at)
        if answer.status not in (200, 206):
            text = (
                f"Expected a file from {answer.address.host}, but the server answers "
                f"{answer.status}: try again later, or open the model's page."
            )
            kind = DownloadError if answer.status in (429, 500, 502, 503, 504) else _RefusedError
            raise kind(text)
        if answer.is_page:
            raise _page(answer)
        tag = _validator(answer)
        if answer.status == 206:
            return self._continued(answer, stream, at, tag)
        self._restart(stream)
        self.resumed = False
        self._note(tag)
        self._check_announced(answer.length, answer, 0)
        return 0

    def _note(self, tag: str) -> None:
        self.tag = tag
        self._write_note()

    def _continued(self, answer: Response, stream: BinaryIO, at: int, tag: str) -> int:
        stated = _RANGE.fullmatch(answer.headers.get("content-range", ""))
        same = not self.tag or not tag or tag == self.tag
        if stated is None or int(stated[1]) != at or not same:
            # It is another part, or of a file that was changed meanwhile.
            self._restart(stream)
            raise DownloadError(
                f"Expected the rest of a file, but {answer.address.host} has changed it: it is "
                "fetched again from its beginning."
            )
        self.resumed = True
        if stated[3] != "*":
            self._check_announced(int(stated[3]), answer, at)
        return at

    def _beyond_the_end(self, answer: Response, stream: BinaryIO, at: int) -> None:
        if answer.headers.get("content-range", "").strip() == f"bytes */{at}":
            return
        self._restart(stream)
        raise DownloadError(
            f"Expected the rest of a file, but {answer.address.host} has a shorter one: it is "
            "fetched again from its beginning."
        )

    def _check_announced(self, total: int | None, answer: Response, have: int) -> None:
        """Check the size that a server announces, and that the disk has room for it."""
        if total is not None and total > self.most:
            raise _RefusedError(
                f"Expected {self.most:,} bytes at most, but {answer.address.host} announces "
                f"{total:,}: the catalogue is wrong, or this is another file. It is not fetched."
            )
        check_target(self.partial, overwrite=True, size=max(0, (total or 0) - have))

    def _take(self, answer: Response, stream: BinaryIO, begin: int) -> None:
        """Write the bytes of an answer to the end of the file, and hash them."""
        # Of a 206 answer this is the length of the rest.
        end = None if answer.length is None else begin + answer.length
        with ThreadPoolExecutor(1) as hashing:
            at = self._take_chunks(answer, stream, begin, hashing)
        if end is not None and at < end:
            raise DownloadError(
                f"Expected {end:,} bytes from {answer.address.host}, but the connection was lost "
                f"after {at:,}: try again, what is there is used."
            )

    def _take_chunks(
        self, answer: Response, stream: BinaryIO, begin: int, hashing: Executor
    ) -> int:
        """Take what comes; chunks are hashed while the next ones are on their way."""
        at, window = begin, PaceWatch(self.pace, begin)
        total = self.file.size_bytes or begin + (answer.length or 0)
        waiting: deque[Future[None]] = deque()
        while chunk := answer.read_some():
            if at == 0 and _begins_a_page(chunk):
                raise _page(answer)
            at += len(chunk)
            if at > self.most:
                self._restart(stream)
                raise _RefusedError(
                    f"Expected {self.most:,} bytes at most, but {answer.address.host} sends more: "
                    "the catalogue is wrong, or this is another file. Nothing is stored."
                )
            _write_all(stream, chunk)
            waiting.append(hashing.submit(self._digest.update, chunk))
            if len(waiting) > _CHUNKS_TO_HASH:
                waiting.popleft().result()
            window.check(at, answer)
            self.progress.update(at, max(total, at))
            self.progress.check_cancelled()
        return at


def check_file(
    file: CatalogueFile, size: int, digest: str, source: str
) -> WrongHashError | DownloadError | None:
    """Return why a whole file is not the one of the catalogue; None if it is, or nobody knows."""
    if file.sha256 is not None and digest != file.sha256:
        return WrongHashError(
            f"Expected SHA-256 {file.sha256} for the file of {source[:200]}, but it has {digest}: "
            "the file was changed, or the catalogue is wrong, which has happened. It is not used.",
            file.sha256,
            digest,
        )
    if file.size_bytes is not None and size != file.size_bytes:
        return DownloadError(
            f"Expected a file of {file.size_bytes:,} bytes, but it has {size:,}: it was changed, "
            "or the catalogue is wrong, which has happened. It is not used."
        )
    return None


def _write_all(stream: BinaryIO, chunk: bytes) -> None:
    left = memoryview(chunk)
    while left:
        written = stream.write(left)
        if not written:
            raise OutputError("Expected to write a download, but nothing is written: try again.")
        left = left[written:]


def _validator(answer: Response) -> str:
    """Return what If-Range takes (RFC 9110, 13.1.5): a strong ETag, else the time of change."""
    tag = answer.headers.get("etag", "")
    if _STRONG_TAG.fullmatch(tag):
        return tag
    changed = answer.headers.get("last-modified", "")
    usable = not tag and len(changed) < 64 and changed.isascii() and changed.isprintable()
    return changed if usable else ""


def _begins_a_page(chunk: bytes) -> bool:
    return chunk[:200].lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(_STARTS_OF_PAGES)


def _page(answer: Response) -> _RefusedError:
    return _RefusedError(
        f"Expected a file from {answer.address.host}, but it gives a web page: open the model's "
        "page and fetch the file there."
    )

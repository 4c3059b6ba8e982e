"""Download a file: resumable, bounded, checked by size and SHA-256 before it gets a name."""

from __future__ import annotations

import hashlib
import logging
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from lib_upscalers.errors import DownloadError, FetchError, WrongHashError
from lib_upscalers.file_writing import locking, remove_stale_parts
from lib_upscalers.models.catalogue.file_hosts import file_address, way_to
from lib_upscalers.models.catalogue.pace import Pace
from lib_upscalers.models.catalogue.transfer import Downloaded, Transfer
from lib_upscalers.models.checksum import sha256_of
from lib_upscalers.progress import NULL

if TYPE_CHECKING:
    from lib_upscalers.models.catalogue.fetching import Fetcher
    from lib_upscalers.models.catalogue.schema import CatalogueFile
    from lib_upscalers.progress import Progress

_log = logging.getLogger("lib_upscalers")

_DAY = 24 * 3600.0
_PARTIAL_DAYS = 14


class Downloader:
    """Downloads files into a folder of its own.

    Args:
        folder: Where parts and finished files lie until they are installed.
        fetcher: Opens addresses.
        pace: How patient it is.
    """

    def __init__(self, folder: Path, fetcher: Fetcher, pace: Pace | None = None) -> None:
        self._folder = folder
        self._fetcher = fetcher
        self._pace = pace or Pace()

    def get(self, file: CatalogueFile, progress: Progress = NULL) -> Downloaded:
        """Download a file, from the first of its addresses that gives it; uses the network.

        What an earlier run has left of it is used, also after a crash.

        Args:
            file: As the catalogue describes it.
            progress: Gets the bytes; may cancel, after which the part stays for the next time.

        Raises:
            WrongHashError: The servers give another file; nothing of it is stored.
            DownloadError: No address gives the file.
            BusyFileError: Another run downloads it at the moment.
            DiskFullError: The disk is full.
            Cancelled: The user stopped it.
        """
        addresses = [each for each in file.addresses if way_to(each) == "direct"]
        if not addresses:
            raise DownloadError(
                "Expected a file that can be fetched directly, but its server shows a page only: "
                "open the page, fetch it there, and drop the file on the page Models, or run "
                "`upscalers models verify FILE`."
            )
        key = file.sha256 or hashlib.sha256(addresses[0].encode()).hexdigest()
        self.tidy()
        with locking(self._folder / f"{key}.lock"):
            found = self._finished(file, key)
            if found is not None:
                return found
            return self._from_any(file, key, addresses, progress)

    def _from_any(
        self, file: CatalogueFile, key: str, addresses: list[str], progress: Progress
    ) -> Downloaded:
        problems: list[FetchError | WrongHashError] = []
        for address in addresses:
            try:
                return Transfer(
                    *(self._folder, file, key, file_address(address)),
                    *(self._fetcher, self._pace, progress),
                ).run()
            except (FetchError, WrongHashError) as error:
                _log.info("%s", error)
                problems.append(error)
        wrong = [each for each in problems if isinstance(each, WrongHashError)]
        raise (wrong or problems)[0]

    def _finished(self, file: CatalogueFile, key: str) -> Downloaded | None:
        """Return what an earlier run has finished and nobody has installed."""
        path = self._folder / f"{key}.{file.kind}"
        if file.sha256 is None or not path.is_file():
            return None
        with suppress(OSError):
            if sha256_of(path) == file.sha256:
                size = path.stat().st_size
                return Downloaded(path, file.sha256, size, checked=True, address="")
        return None

    def tidy(self) -> None:
        """Remove what nobody has come back for in two weeks, and what killed runs left."""
        remove_stale_parts(self._folder)
        with suppress(OSError):
            for entry in os.scandir(self._folder):
                with suppress(OSError):
                    if time.time() - entry.stat().st_mtime > _PARTIAL_DAYS * _DAY:
                        Path(entry.path).unlink()

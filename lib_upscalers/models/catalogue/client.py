"""The catalogue's client: fetch it once a session, keep the last one for offline use."""

from __future__ import annotations

import base64
import json
import logging
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from lib_upscalers.errors import CatalogueError, FetchError, OutputError
from lib_upscalers.file_writing import write_bytes
from lib_upscalers.models.catalogue.addresses import AddressRule
from lib_upscalers.models.catalogue.catalogue_settings import ADDRESS
from lib_upscalers.models.catalogue.fetching import Fetcher
from lib_upscalers.models.catalogue.schema import MOST_BYTES, parse_catalogue

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from lib_upscalers.models.catalogue.catalogue_settings import CatalogueSettings
    from lib_upscalers.models.catalogue.schema import Catalogue

_log = logging.getLogger("lib_upscalers")

_FILES = ("models.json", "architectures.json", "tags.json", "users.json")
_STORED = "catalogue.json"
_MOST_TAG = 256


@dataclass(frozen=True)
class CatalogueState:
    """What is known of the catalogue now.

    Attributes:
        catalogue: The newest one that is there; None: there is none yet.
        problem: Why it is not newer, in a sentence; "" where nothing failed.
    """

    catalogue: Catalogue | None = None
    problem: str = ""


@dataclass(frozen=True)
class _Part:
    """One file of the catalogue.

    Attributes:
        data: Its bytes.
        tag: Its ETag, for the same address only.
        address: Where it came from.
    """

    data: bytes
    tag: str = ""
    address: str = ""


def fetcher_of(settings: CatalogueSettings) -> Fetcher:
    """Return what opens addresses under these settings."""
    return Fetcher(settings.rule(), settings.timeout_seconds, settings.proxy, settings.enabled)


@dataclass
class CatalogueClient:
    """The catalogue, fetched when it is first asked for, and again on request.

    Several threads may use it; they wait for one request.

    Attributes:
        folder: Where the last one is stored.
        settings: Returns how it is reached, at the moment.
        fetcher: Makes what opens addresses.
    """

    folder: Path
    settings: Callable[[], CatalogueSettings]
    fetcher: Callable[[CatalogueSettings], Fetcher] = fetcher_of
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)
    _state: CatalogueState | None = field(default=None, init=False)
    _last: CatalogueState | None = field(default=None, init=False)

    def stored(self) -> CatalogueState:
        """Return the last catalogue without the network."""
        if self._state is not None:
            return self._state
        with self._lock:
            if self._state is None and self._last is None:
                self._last = self._parsed(self._read())
            return self._state or self._last or CatalogueState()

    def load(self, *, refresh: bool = False) -> CatalogueState:
        """Return the catalogue; uses the network, once a session or where `refresh` asks for it.

        Nothing is raised: where it cannot be fetched, the last one is returned, with the reason.
        """
        with self._lock:
            if self._state is None or refresh:
                self._state = self._renewed()
            return self._state

    def _renewed(self) -> CatalogueState:
        settings = self.settings()
        old, when = self._read()
        if not settings.enabled:
            last = self._parsed((old, when))
            return CatalogueState(last.catalogue, "Fetching the catalogue is switched off.")
        problem = ""
        for base in filter(None, (settings.address, settings.mirror)):
            try:
                parts = self._fetch(settings, base, old)
                now = time.time()
                rule = settings.rule()
                held = {name: part.data for name, part in parts.items()}
                catalogue = parse_catalogue(held, rule, now)
            except FetchError as error:
                _log.info("The catalogue at %s: %s", base, error)
                problem = problem or str(error)
                continue
            self._write(parts, now)
            return CatalogueState(catalogue)
        last = self._parsed((old, when))
        return CatalogueState(last.catalogue, problem)

    def _fetch(
        self, settings: CatalogueSettings, base: str, old: Mapping[str, _Part]
    ) -> dict[str, _Part]:
        fetcher = self.fetcher(settings)
        parts: dict[str, _Part] = {}
        for name in _FILES:
            address = f"{base.rstrip('/')}/{name}"
            try:
                parts[name] = _fetch_part(fetcher, address, old.get(name))
            except FetchError:
                if name == _FILES[0]:
                    raise
                # Names only: older ones are better than none.
                if name in old:
                    parts[name] = old[name]
        return parts

    def _parsed(self, stored: tuple[Mapping[str, _Part], float]) -> CatalogueState:
        parts, when = stored
        if not parts:
            return CatalogueState(problem="No catalogue was fetched yet.")
        try:
            held = {name: part.data for name, part in parts.items()}
            # It was fetched under settings that may have changed; what they trusted is only shown,
            # for a download obeys those of today.
            shown = AddressRule.trusting(
                part.address for part in parts.values() if not part.address.startswith(ADDRESS)
            )
            return CatalogueState(parse_catalogue(held, shown, when))
        except CatalogueError as error:
            return CatalogueState(problem=str(error))

    def _read(self) -> tuple[dict[str, _Part], float]:
        file = self.folder / _STORED
        try:
            if file.stat().st_size > 2 * MOST_BYTES:
                return {}, 0.0
            held: Any = json.loads(file.read_bytes())
            parts = {
                name: _Part(base64.b64decode(each["data"]), str(each["tag"]), str(each["address"]))
                for name, each in cast("dict[str, Any]", held["files"]).items()
                if name in _FILES
            }
            return parts, float(held["fetched"])
        except (FileNotFoundError, NotADirectoryError):
            return {}, 0.0
        except (OSError, ValueError, TypeError, LookupError, AttributeError, RecursionError) as e:
            _log.warning("%s cannot be read, the catalogue is fetched again: %s", file, e)
            return {}, 0.0

    def _write(self, parts: Mapping[str, _Part], when: float) -> None:
        files = {
            name: {
                "data": base64.b64encode(part.data).decode(),
                "tag": part.tag,
                "address": part.address,
            }
            for name, part in parts.items()
        }
        data = json.dumps({"fetched": when, "files": files}).encode()
        try:
            write_bytes(self.folder / _STORED, data, overwrite=True, make_folders=True)
        except OutputError as error:
            _log.warning("The catalogue cannot be stored: %s", error)


def _fetch_part(fetcher: Fetcher, address: str, old: _Part | None) -> _Part:
    known = old if old is not None and old.tag and old.address == address else None
    headers = {"If-None-Match": known.tag} if known is not None else {}
    with fetcher.open(address, headers) as answer:
        if answer.status == 304 and known is not None:
            return known
        if answer.status != 200:
            raise CatalogueError(
                f"Expected the catalogue at {address}, but the server answers {answer.status}: try "
                "again later, or check its address in the settings."
            )
        tag = answer.headers.get("etag", "")
        usable = tag.isascii() and tag.isprintable() and len(tag) <= _MOST_TAG
        return _Part(answer.read_all(MOST_BYTES), tag if usable else "", address)

"""Fetch from servers: over https, at the addresses that were checked, with bounded patience.

On `http.client`, which every host has because Python has it: it lets the connection be opened to
the very number that was checked, which a client that resolves names by itself does not.
"""

from __future__ import annotations

import http.client
import logging
import os
import socket
import ssl
import threading
import time
import urllib.request
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from lib_upscalers.errors import DownloadError, FetchError, UnsafeAddressError
from lib_upscalers.models.catalogue.addresses import is_private
from lib_upscalers.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence

    from lib_upscalers.models.catalogue.addresses import AddressRule, WebAddress

    Resolve = Callable[[str, int], Sequence[str]]

_log = logging.getLogger("lib_upscalers")

_MOST_REDIRECTS = 8
_REDIRECTS = frozenset((301, 302, 303, 307, 308))
_AGENT = f"upscaler-lab/{VERSION}"
_CHUNK = 1 << 18
# For an answer to begin, and for a short one to end.
_PATIENCE_SECONDS = 120.0
_FAULTS = (OSError, http.client.HTTPException, ValueError)


def resolve_name(host: str, port: int) -> list[str]:
    """Return the numeric addresses of a host, as the system's resolver gives them.

    Raises:
        OSError: It has none.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(each[4][0]) for each in found))


@dataclass
class Response:
    """A server's answer, read piece by piece.

    Attributes:
        address: Where it came from at last, after all redirects.
        status: The HTTP status.
        headers: By name in lower case.
    """

    address: WebAddress
    status: int
    headers: Mapping[str, str]
    _body: http.client.HTTPResponse

    @property
    def length(self) -> int | None:
        """How many bytes the body will have, where the server says so."""
        text = self.headers.get("content-length", "")
        return int(text) if text.isdecimal() and len(text) < 16 else None

    @property
    def is_page(self) -> bool:
        """Whether the server says that this is a web page."""
        kind = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        return kind in ("text/html", "application/xhtml+xml")

    def close(self) -> None:
        """End the connection."""
        self._body.close()

    def read_some(self) -> bytes:
        """Return the next bytes as soon as some are there; none at the end of the body.

        Raises:
            DownloadError: The connection was lost, or the server is silent for too long.
        """
        try:
            return self._body.read1(_CHUNK)
        except _FAULTS as error:
            raise _lost(self.address, error) from error

    def read_all(self, most: int) -> bytes:
        """Return the whole body.

        Raises:
            DownloadError: It has more than `most` bytes, or the connection was lost.
        """
        held = bytearray()
        end = time.monotonic() + _PATIENCE_SECONDS
        while piece := self.read_some():
            held += piece
            if time.monotonic() > end:
                raise _lost(self.address, "it is too slow")
            if len(held) > most:
                raise DownloadError(
                    f"Expected at most {most:,} bytes from {self.address.host}, but it sends more: "
                    "the address gives something else."
                )
        if self.length is not None and len(held) < self.length:
            raise _lost(self.address, f"{len(held):,} of {self.length:,} bytes came")
        return bytes(held)


@dataclass(frozen=True)
class Fetcher:
    """Opens addresses.

    Attributes:
        rule: Which addresses may be opened; each redirect is checked likewise.
        timeout_seconds: How long a server may be silent.
        proxy: As in `CatalogueSettings`.
        enabled: False refuses everything.
        resolve: Finds the numeric addresses of a name. It is asked once a connection, which then
            goes to one of the addresses that were checked.
        tls: How servers are recognised; None: as the system does.
    """

    rule: AddressRule
    timeout_seconds: float = 30.0
    proxy: str = ""
    enabled: bool = True
    resolve: Resolve = resolve_name
    tls: ssl.SSLContext | None = field(default=None, compare=False)

    @contextmanager
    def open(
        self, address: str, headers: Mapping[str, str] | None = None
    ) -> Generator[Response, None, None]:
        """Open an address and follow its redirects; uses the network.

        Args:
            address: Where to start.
            headers: Of the request.

        Yields:
            The answer, whatever its status.

        Raises:
            UnsafeAddressError: The address, a redirect or what its name resolves to is not allowed.
            DownloadError: The server cannot be reached, or redirects without end.
            FetchError: Fetching is switched off.
        """
        self.check_enabled()
        current = self.rule.check(address)
        for _ in range(_MOST_REDIRECTS):
            with (
                closing(self._connect(current)) as connection,
                closing(_ask(connection, current, headers or {})) as answer,
            ):
                target = answer.headers.get("location")
                if answer.status not in _REDIRECTS or not target:
                    yield answer
                    return
                _log.debug("%s redirects", current.host)
                current = self.rule.check(current.join(target))
        raise DownloadError(
            f"Expected a file, but {current.host} redirects more than {_MOST_REDIRECTS} times: "
            "try again later."
        )

    def check_enabled(self) -> None:
        """Return if anything may be fetched.

        Raises:
            FetchError: That is switched off.
        """
        if not self.enabled:
            raise FetchError(
                "Expected that files may be fetched from the internet, but that is switched off: "
                "switch it on in the catalogue's settings."
            )

    def _connect(self, address: WebAddress) -> _Connection:
        own = self.rule.is_trusted(address) and is_private(address.host)
        proxy = None if own else self._proxy(address)
        try:
            numbers = self.resolve(address.host, address.port)
        except OSError as error:
            if proxy is None:
                raise _lost(address, error) from error
            numbers = []  # the proxy alone may know the name
        self.rule.check_numbers(address, numbers)
        if proxy is None and not numbers:
            raise _lost(address, "its name has no address")
        made = _Connection(address, numbers, proxy, self.timeout_seconds, self._context(address))
        try:
            with made.ending():
                made.connect()
        except _FAULTS as error:
            made.close()
            raise _lost(address, error) from error
        return made

    def _context(self, address: WebAddress) -> ssl.SSLContext | None:
        if address.scheme != "https":
            return None
        return self.tls or system_tls()

    def _proxy(self, address: WebAddress) -> tuple[str, int, str] | None:
        """Return host, port and "user:password" of the proxy for an address; None: there is none.

        Raises:
            UnsafeAddressError: The environment names a proxy of another kind.
        """
        named = self.proxy
        if named == "none" or (not named and urllib.request.proxy_bypass(address.host)):
            return None
        named = named or urllib.request.getproxies().get(address.scheme, "")
        if not named:
            return None
        parts = urlsplit(named if "//" in named else f"http://{named}")
        if parts.scheme != "http" or not parts.hostname:
            raise UnsafeAddressError(
                "Expected an HTTP proxy, but the environment names one of another kind: name one "
                "in the catalogue's settings, or none."
            )
        name, secret = parts.username, parts.password
        login = f"{unquote(name)}:{unquote(secret or '')}" if name else ""
        return parts.hostname, parts.port or 80, login


class _Connection(http.client.HTTPConnection):
    """A connection to numbers that were checked, whatever the name resolves to by then."""

    def __init__(
        self,
        address: WebAddress,
        numbers: Sequence[str],
        proxy: tuple[str, int, str] | None,
        timeout: float,
        tls: ssl.SSLContext | None,
    ) -> None:
        super().__init__(address.host, address.port, timeout=timeout)
        self._numbers = numbers
        self._proxy = proxy
        self._tls = tls

    def connect(self) -> None:
        """Connect to the first number that answers, or through the proxy."""
        if self._proxy is None:
            self.sock = self._socket([(number, self.port) for number in self._numbers])
        else:
            host, port, _ = self._proxy
            self.sock = self._socket([(host, port)])
            self._ask_proxy()
        if self._tls is not None:
            self.sock = self._tls.wrap_socket(self.sock, server_hostname=self.host)

    @contextmanager
    def ending(self) -> Generator[None, None, None]:
        """End the connection if the block takes too long, byte by byte as it may be sent."""
        timer = threading.Timer(_PATIENCE_SECONDS, self._end)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _end(self) -> None:
        with suppress(OSError, AttributeError):
            self.sock.shutdown(socket.SHUT_RDWR)

    def _socket(self, places: Sequence[tuple[str, int]]) -> socket.socket:
        problem: OSError = OSError("no address")
        for place in places:
            try:
                return socket.create_connection(place, self.timeout)
            except OSError as error:
                problem = error
        raise problem

    def _ask_proxy(self) -> None:
        """Have the proxy connect to the host (RFC 9110, 9.3.6)."""
        import base64

        assert self._proxy is not None  # noqa: S101 - the caller's
        login = self._proxy[2]
        name = f"[{self.host}]" if ":" in self.host else self.host
        lines = [f"CONNECT {name}:{self.port} HTTP/1.1", f"Host: {name}:{self.port}"]
        if login:
            coded = base64.b64encode(login.encode()).decode()
            lines.append(f"Proxy-Authorization: Basic {coded}")
        self.sock.sendall(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))
        answer = http.client.HTTPResponse(self.sock, method="CONNECT")
        with closing(answer):
            answer.begin()
        if answer.status != http.HTTPStatus.OK:
            raise OSError(f"the proxy answers {answer.status} {answer.reason[:100]}")


def system_tls() -> ssl.SSLContext:
    """Return how servers are recognised here: by the system's certificates, else by certifi's."""
    context = ssl.create_default_context()
    places = ssl.get_default_verify_paths()
    here = any(place and os.path.exists(place) for place in (places.cafile, places.capath))  # noqa: PTH110
    if not context.get_ca_certs() and not here and find_spec("certifi") is not None:
        import certifi

        context.load_verify_locations(certifi.where())
    return context


def _ask(connection: _Connection, address: WebAddress, headers: Mapping[str, str]) -> Response:
    try:
        connection.putrequest("GET", address.path, skip_host=True, skip_accept_encoding=True)
        own = {"Host": address.netloc, "User-Agent": _AGENT, "Accept-Encoding": "identity"}
        for name, value in {**own, **headers, "Connection": "close"}.items():
            connection.putheader(name, value)
        with connection.ending():
            connection.endheaders()
            answer = connection.getresponse()
    except _FAULTS as error:
        raise _lost(address, error) from error
    found = {name.lower(): value for name, value in answer.getheaders()}
    if found.get("content-encoding", "identity").lower() not in ("identity", ""):
        answer.close()
        raise DownloadError(
            f"Expected a file as it is, but {address.host} sends it compressed: try again later."
        )
    return Response(address, answer.status, found, answer)


def _lost(address: WebAddress, problem: object) -> DownloadError:
    text = str(problem) or type(problem).__name__
    shown = "".join(each if each.isprintable() else "?" for each in text[:200])
    return DownloadError(
        f"Expected an answer of {address.host}, but the connection failed ({shown}): check the "
        "connection to the internet, and try again."
    )

"""A server on this computer that gives files as real ones do, and as bad ones would."""

from __future__ import annotations

import hashlib
import json
import re
import threading
import time
import zlib
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from lib_upscalers.models.catalogue.addresses import AddressRule
from lib_upscalers.models.catalogue.fetching import Fetcher
from tests.models.catalogue_data import catalogue_files, resource

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping
    from pathlib import Path

    Change = Callable[["Served"], None]


@dataclass
class Served:
    """A file on the server, and how the server behaves about it.

    Attributes:
        data: Its bytes.
        tag: Its ETag.
        ranges: Whether parts of it can be asked for.
        cut: Every answer ends after so many bytes, as when the connection is lost.
        kind: Its Content-Type.
        status: Instead of 200.
        headers: Further headers.
        length: Whether Content-Length is sent.
        endless: Zeros follow without end.
        slow: Seconds before each further byte, after the first thousand.
        before: Called before each answer; may change the rest.
        requests: The headers of all requests.
    """

    data: bytes = b""
    tag: str = '"one"'
    ranges: bool = True
    cut: int | None = None
    kind: str = "application/octet-stream"
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict[str, str])
    length: bool = True
    endless: bool = False
    slow: float = 0.0
    before: Change | None = None
    requests: list[dict[str, str]] = field(default_factory=list[dict[str, str]])


class Server:
    """What a test sees of it."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.files: dict[str, Served] = {}

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def rule(self) -> AddressRule:
        """The one that trusts this server alone."""
        return AddressRule.trusting([self.address])

    def fetcher(self, timeout_seconds: float = 5.0) -> Fetcher:
        return Fetcher(self.rule, timeout_seconds, proxy="none")

    def serve(self, path: str, served: Served) -> str:
        """Enter a file; return its address."""
        self.files[path] = served
        return self.address + path


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    files: dict[str, Served]

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass

    def do_GET(self) -> None:
        served = self.files.get(self.path.partition("?")[0])
        if served is None:
            self.send_error(404)
            return
        served.requests.append(dict(self.headers.items()))
        if served.before is not None:
            served.before(served)
        with suppress(OSError):
            self._answer(served)
        self.close_connection = True

    def _answer(self, served: Served) -> None:
        if served.tag and self.headers.get("If-None-Match") == served.tag:
            self.send_response(304)
            self.end_headers()
            return
        begin = self._begin(served)
        if begin is not None and begin >= len(served.data):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(served.data)}")
            self.end_headers()
            return
        body = served.data[begin or 0 :]
        self.send_response(served.status if begin is None else 206)
        if begin is not None:
            last = len(served.data) - 1
            self.send_header("Content-Range", f"bytes {begin}-{last}/{len(served.data)}")
        for name, value in served.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", served.kind)
        if served.tag:
            self.send_header("ETag", served.tag)
        if served.length:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self._send(served, body)

    def _begin(self, served: Served) -> int | None:
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        condition = self.headers.get("If-Range")
        if not served.ranges or wanted is None or condition not in (None, served.tag):
            return None
        return int(wanted[1])

    def _send(self, served: Served, body: bytes) -> None:
        body = body if served.cut is None else body[: served.cut]
        if not served.slow:
            self.wfile.write(body)
        else:
            self.wfile.write(body[:1000])
            for number in range(1000, len(body)):
                time.sleep(served.slow)
                self.wfile.write(body[number : number + 1])
        while served.endless:
            self.wfile.write(bytes(1 << 16))


@contextmanager
def running_server() -> Generator[Server, None, None]:
    """Run a server on a free port of 127.0.0.1."""
    handler = type("Handler", (_Handler,), {"files": {}})
    listening = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    listening.daemon_threads = True
    listening.block_on_close = False
    thread = threading.Thread(target=listening.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    server = Server(listening.server_address[1])
    handler.files = server.files
    try:
        yield server
    finally:
        listening.shutdown()
        listening.server_close()
        thread.join()


def served_file(server: Server, network: bytes) -> dict[str, Any]:
    """Serve a network's file, and return its entry in a catalogue."""
    address = server.serve("/a.pth", Served(network))
    sha256 = hashlib.sha256(network).hexdigest()
    return resource(address, size=len(network), sha256=sha256)


def serve_catalogue(server: Server, models: Mapping[str, object], data: Path) -> None:
    """Serve a catalogue, and have the program with that data folder use it."""
    for name, content in catalogue_files(models).items():
        server.serve(f"/api/{name}", Served(content, tag=f'"{zlib.crc32(content)}"'))
    settings = {"address": f"{server.address}/api", "proxy": "none"}
    data.mkdir(parents=True, exist_ok=True)
    (data / "catalogue-settings.json").write_text(json.dumps(settings))

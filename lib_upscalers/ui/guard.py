"""Refuse requests of other web pages, and paths of files that were not uploaded; pure ASGI.

A page anywhere on the web can send requests to a server on this computer, and by DNS rebinding even
read the answers. So the guard checks every request first. It allows only host names that the server
was started under (`Host`), only its own page (`Origin`, `Sec-Fetch-Site`), only addresses that the
page needs, only files that were uploaded or made here, and a limited number of bytes.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from lib_upscalers.ui.uploads import NOT_SENT, is_sent

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

_log = logging.getLogger("lib_upscalers")
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]

MOST_UPLOAD_BYTES = 512 << 20
_MOST_FORM_BYTES = 1 << 20  # beside the files of an upload
_MOST_JSON_BYTES = 4 << 20
_MOST_DEPTH = 32
_API = "/gradio_api/"
_FILE = f"{_API}file="
_UPLOAD = f"{_API}upload"
# The routes that the page uses. Gradio's others are closed: a proxy, another program's files,
# recordings, monitoring.
_PAGES = re.compile(
    r"/(|config|theme\.css|favicon\.ico|manifest\.json|robots\.txt|login|logout|login_check)/?"
    r"|/(assets|static|svelte)/.*|/languages/\w+\.json"
    r"|/gradio_api/(upload|upload_progress|info|user|token|app_id|login_check|startup-events"
    r"|cancel|reset|theme\.css|queue/(join|data)|heartbeat/[\w-]+)/?"
    r"|/gradio_api/(run|api|call)/.*"
    r"|/gradio_api/file=.*",
    re.DOTALL,
)
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::([0-9]{1,5}))?")
_FAULT = 500
_SAFE_METHODS = ("GET", "HEAD")
_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"content-security-policy", b"frame-ancestors 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"referrer-policy", b"same-origin"),
)


@dataclass(frozen=True)
class _Refusal:
    """The reason why a request is refused.

    Attributes:
        status: The HTTP status.
        text: One sentence.
    """

    status: int
    text: str


class _TooLargeError(Exception):
    """More bytes than allowed."""


@dataclass(frozen=True)
class _Head:
    """The head of a request."""

    scope: Message

    def values(self, name: bytes) -> list[str]:
        headers = cast("list[tuple[bytes, bytes]]", self.scope.get("headers", []))
        return [value.decode("latin-1") for key, value in headers if key == name]

    @property
    def path(self) -> str:
        return str(self.scope["path"])

    @property
    def method(self) -> str:
        return str(self.scope.get("method", ""))

    def content_length(self) -> int:
        """Return the length that the request announces; 0 if it does not."""
        return max((int(v) for v in self.values(b"content-length") if v.isdecimal()), default=0)


class Guard:
    """An application that passes harmless requests to another one.

    Args:
        application: Answers them.
        hosts: The names and addresses, without port, under which the server was started; the
            address at which a request arrived is allowed, too.
        folders: Returns the folders from which requests may name files.
        before_upload: Called in a thread before an upload is passed on.
    """

    def __init__(
        self,
        application: Application,
        hosts: Collection[str],
        folders: Callable[[], Sequence[Path]],
        before_upload: Callable[[], None],
    ) -> None:
        self._application = application
        self._hosts = frozenset(host.lower().strip("[]").rstrip(".") for host in hosts)
        self._folders = folders
        self._before_upload = before_upload

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it. Web sockets are always refused: the page has none."""
        if scope["type"] == "lifespan":
            await self._application(scope, receive, send)
        elif scope["type"] == "http":
            await self._answer(_Head(scope), receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})

    async def _answer(self, head: _Head, receive: Receive, send: Send) -> None:
        refusal = self._refusal(head)
        limited = _Limited(receive, _most_bytes(head.path))
        harmless = _Harmless(send)
        if refusal is None and head.path.rstrip("/") == _UPLOAD:
            await asyncio.to_thread(self._before_upload)
        elif refusal is None and not (head.method in _SAFE_METHODS or _is_login(head.path)):
            refusal = await self._read(limited)
        if refusal is None:
            refusal = await self._pass_on(head, limited, harmless)
        if refusal is not None and not harmless.started:
            await _refuse(refusal, harmless.send)

    async def _pass_on(self, head: _Head, body: _Limited, answer: _Harmless) -> _Refusal | None:
        try:
            await self._application(head.scope, body.receive, answer.send)
        except _TooLargeError:
            return _TOO_LARGE
        except Exception as error:  # noqa: BLE001 - gradio raises for numbers it does not know
            _log.warning("A request was not answered (%s: %s)", type(error).__name__, error)
        return None if answer.started else _SENSELESS

    def _refusal(self, head: _Head) -> _Refusal | None:
        hosts = head.values(b"host")
        if len(hosts) != 1 or not self._is_ours(hosts[0], head.scope):
            return _Refusal(
                403,
                "The app was not started for this name: see its option --allow-host.",
            )
        if not _PAGES.fullmatch(head.path):
            return _Refusal(404, "There is nothing at this address.")
        if not _from_own_page(head, hosts[0]):
            return _Refusal(403, "Requests of other web pages are refused.")
        file = head.path.removeprefix(_FILE)
        if file != head.path and not is_sent(file, self._folders()):
            return _Refusal(403, NOT_SENT)
        if head.content_length() > _most_bytes(head.path):
            return _TOO_LARGE
        return None

    def _is_ours(self, host: str, scope: Message) -> bool:
        parts = _HOST.fullmatch(host.lower())
        name = parts[1].strip("[]").rstrip(".") if parts else ""
        arrived_at = cast("Sequence[Any]", scope.get("server") or ("",))[0]
        return bool(name) and (name in self._hosts or name == arrived_at)

    async def _read(self, body: _Limited) -> _Refusal | None:
        """Read a body of JSON, and search it for files that were not uploaded."""
        try:
            values = json.loads(await body.whole() or b"null")
        except _TooLargeError:
            return _TOO_LARGE
        except (ValueError, RecursionError):
            return _Refusal(400, "Expected JSON, but got something else.")
        for depth, value in _walk(values):
            if depth > _MOST_DEPTH:
                return _Refusal(
                    400, f"Expected JSON of at most {_MOST_DEPTH} levels, but got more."
                )
            if isinstance(value, dict) and "path" in value:
                path = cast("dict[str, Any]", value)["path"]
                if path is not None and not is_sent(path, self._folders()):
                    return _Refusal(403, NOT_SENT)
        return None


_SENSELESS = _Refusal(400, "Expected a request as the page sends it: reload the page.")
_TOO_LARGE = _Refusal(
    413, f"Expected at most {MOST_UPLOAD_BYTES >> 20} MB, but got more: send a smaller file."
)


def _is_login(path: str) -> bool:
    return path.rstrip("/") == "/login"  # it is a form, which names no files


def _most_bytes(path: str) -> int:
    upload = path.rstrip("/") == _UPLOAD
    return MOST_UPLOAD_BYTES + _MOST_FORM_BYTES if upload else _MOST_JSON_BYTES


def _from_own_page(head: _Head, host: str) -> bool:
    """Return whether no other web page has caused a request, as far as its headers show.

    Another page may only open ours, as a link does. Programs other than browsers send no such
    headers.
    """
    if any(not _same_origin(origin, host) for origin in head.values(b"origin")):
        return False
    if all(site in ("same-origin", "none") for site in head.values(b"sec-fetch-site")):
        return True
    opened = head.values(b"sec-fetch-mode"), head.values(b"sec-fetch-dest")
    return (
        head.method in _SAFE_METHODS and head.path == "/" and opened == (["navigate"], ["document"])
    )


def _same_origin(origin: str, host: str) -> bool:
    scheme, _, rest = origin.lower().partition("://")
    theirs, ours = _HOST.fullmatch(rest), _HOST.fullmatch(host.lower())
    if scheme not in ("http", "https") or theirs is None or ours is None:
        return False
    port = "443" if scheme == "https" else "80"
    return (theirs[1], theirs[2] or port) == (ours[1], ours[2] or port)


def _walk(values: object) -> Iterator[tuple[int, object]]:
    """Yield every value in a JSON value, with its depth."""
    stack: list[tuple[int, object]] = [(1, values)]
    while stack:
        depth, value = stack.pop()
        yield depth, value
        if isinstance(value, dict):
            stack += [(depth + 1, each) for each in cast("dict[str, object]", value).values()]
        elif isinstance(value, list):
            stack += [(depth + 1, each) for each in cast("list[object]", value)]


class _Limited:
    """A body that raises an error if it is too large, and that can be read twice."""

    def __init__(self, receive: Receive, most: int) -> None:
        self._receive = receive
        self._left = most
        self._read: list[Message] = []

    async def receive(self) -> Message:
        if self._read:
            return self._read.pop(0)
        message = await self._receive()
        self._left -= len(message.get("body", b""))
        if self._left < 0:
            raise _TooLargeError
        return message

    async def whole(self) -> bytes:
        messages: list[Message] = []
        while not messages or messages[-1].get("more_body"):
            messages.append(await self.receive())
        self._read = messages
        return b"".join(message.get("body", b"") for message in messages)


class _Harmless:
    """Sends answers with headers that forbid other pages to use them."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.started = False

    async def send(self, message: Message) -> None:
        starts = message["type"] == "http.response.start"
        if not self.started and (not starts or message["status"] == _FAULT):
            return  # The guard answers by a sentence.
        if starts:
            self.started = True
            given = cast("list[tuple[bytes, bytes]]", message.get("headers", []))
            names = {name.lower() for name, _ in given}
            message["headers"] = [
                *(pair for pair in given if not pair[0].lower().startswith(b"access-control-")),
                *(pair for pair in _HEADERS if pair[0] not in names),
            ]
        await self._send(message)


async def _refuse(refusal: _Refusal, send: Send) -> None:
    body = json.dumps({"detail": refusal.text, "error": refusal.text}).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})

"""A really started app against other web pages, odd requests and other computers."""

from __future__ import annotations

import asyncio
import contextlib
import json
import math
import random
import re
import socket
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import numpy as np
import pytest
from PIL import Image

from lib_upscalers.errors import InputError
from lib_upscalers.ui.app_login import USER, Login, host_names, is_this_computer
from lib_upscalers.ui.guard import MOST_UPLOAD_BYTES, Guard
from lib_upscalers.ui.setting_controls import values_in_order
from tests.running_app import ROOT, RunningApp, run_app

if TYPE_CHECKING:
    from collections.abc import Iterator, MutableMapping, Sequence

    from lib_upscalers.ui.guard import Receive

# All but the last two wait for an app, which takes seconds to start.
pytestmark = pytest.mark.slow
META = {"meta": {"_type": "gradio.FileData"}}
SENTENCE = "Expected a picture that was dropped here"
PASSWORD = "a long password"  # noqa: S105 - of this test
EVERYWHERE = "0.0.0.0"  # noqa: S104 - what is refused without a password


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningApp]:
    """An app that runs; in the end it has written no traceback."""
    with run_app(tmp_path_factory.mktemp("home")) as running:
        yield running
    assert "Traceback" not in running.console(), running.console()


@pytest.fixture(scope="module")
def sent(app: RunningApp, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A picture that was sent to the app, as requests name it."""
    return {"path": app.upload(_picture(tmp_path_factory.mktemp("sent") / "sent.png")), **META}


def _picture(path: Path) -> Path:
    pixels = np.random.default_rng(5).integers(0, 256, (24, 32, 3), np.uint8)
    Image.fromarray(pixels).save(path)
    return path


def _form(picture: object, **fields: object) -> list[object]:
    values: dict[str, object] = {
        "names": ["Nearest", "Box"],
        "mode": "Enlarge it",
        "scale": 2,
        "width": 0,
        "height": 0,
        "fit": True,
        "shrink": "2",
        "kernel": "Bicubic",
        "jpeg": 0,
    }
    engine = values_in_order({}, overriding=False)
    return [None, picture, *(values | fields).values(), *engine]


def _sentence(answer: dict[str, Any]) -> str:
    """Return the sentence with which a call was refused; "" where it was not."""
    if "refused" in answer:
        assert answer["refused"] < 500, answer
        return str(answer["detail"])
    output = answer["output"]
    if "error" in output:
        return str(output["error"])
    found = [re.search(r'role="alert">(.+?)</p>', str(each)) for each in output["data"]]
    return "".join(each[1] for each in found if each)


def test_a_picture_that_was_sent_is_compared(app: RunningApp, sent: dict[str, Any]) -> None:
    answer = app.call(app.functions()["state image"], *_form(sent))
    assert _sentence(answer) == ""
    assert "finished" in answer["output"]["data"][0]


def test_files_that_were_not_sent_are_refused_alike(app: RunningApp, tmp_path: Path) -> None:
    functions = app.functions()
    (tmp_path / "text.txt").write_text("no picture")
    link = Path(app.store) / "uploads" / "link.png"
    link.symlink_to(_picture(tmp_path / "other.png"))
    others = [tmp_path / "other.png", tmp_path / "text.txt", tmp_path / "nothing.png", tmp_path]
    paths = [*map(str, others), str(link), f"{app.store}/../../../etc/passwd", "http://127.0.0.1/"]
    paths += ["", "\0", "x" * 70000, "\\\\host\\share\\x.png", f"{app.store}/pictures"]
    metas: list[dict[str, object]] = [{}, META, {"meta": 3}, {"meta": {"_type": []}, "url": "x"}]
    for path in paths:
        for meta in metas:
            file = {"path": path, **meta}
            test = {"mode": "Test on this picture"}
            for answer in (
                app.call(functions["state image"], *_form(file)),
                app.call(functions["state file"], *_form([file], **test)),
                app.call(functions["Take a folder"], [file]),
            ):
                assert _sentence(answer).startswith(SENTENCE), (path, meta, answer)
    for odd in ({"path": 3}, {"path": {}}, 5, "/etc/passwd", [["x"]], [{"path": ["x"]}]):
        assert _sentence(app.call(functions["state image"], *_form(odd))), odd


def test_only_names_that_the_app_was_started_for_are_answered(app: RunningApp) -> None:
    port = app.address.rsplit(":", 1)[1]
    for host in ("localhost", "LOCALHOST", "127.0.0.1", "[::1]", "localhost."):
        answer = app.client.get("/config", headers={"host": f"{host}:{port}"})
        assert answer.status_code == 200, host
    evil = ("evil.example", "127.0.0.1.evil.example", "evil@localhost", "192.168.0.9", "", "[::2]")
    for host in evil:
        for method, path in (("GET", "/"), ("GET", "/config"), ("POST", "/gradio_api/queue/join")):
            headers = {"host": host, "origin": f"http://{host}"}
            answer = app.client.request(method, path, headers=headers)
            assert answer.status_code in (400, 403), (host, path)
            assert "access-control-allow-origin" not in answer.headers


def test_other_pages_are_refused(app: RunningApp) -> None:
    port = app.address.rsplit(":", 1)[1]
    origins = [
        "http://evil.example",
        "null",
        "http://127.0.0.1",
        "http://localhost:3000",
        "file://",
    ]
    origins += [f"http://localhost:{port}", f"http://127.0.0.1:{port}.evil.example", ""]
    foreign = [{"origin": origin} for origin in origins]
    foreign += [{"sec-fetch-site": site} for site in ("cross-site", "same-site", "odd")]
    foreign += [{"origin": app.address, "sec-fetch-site": "cross-site"}]
    files = {"files": ("x.png", b"x")}
    for headers in foreign:
        answers = [
            app.client.post("/gradio_api/upload", files=files, headers=headers),
            app.client.post("/gradio_api/queue/join", json={}, headers=headers),
            app.client.post("/gradio_api/run/predict", json={}, headers=headers),
            app.client.get("/config", headers=headers),
            app.client.options(
                "/gradio_api/upload", headers={**headers, "access-control-request-method": "POST"}
            ),
        ]
        for answer in answers:
            assert answer.status_code == 403, (headers, answer.request.url)
            assert not any(name.startswith("access-control") for name in answer.headers)
    framed = {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}
    assert app.client.get("/", headers={**framed, "sec-fetch-dest": "iframe"}).status_code == 403
    link = app.client.get("/", headers={**framed, "sec-fetch-dest": "document"})
    assert link.status_code == 200, "a link to the app may be followed"
    assert link.headers["x-frame-options"] == "DENY"
    own = {"origin": app.address, "sec-fetch-site": "same-origin"}
    answer = app.client.post("/gradio_api/upload", files=files, headers=own)
    assert answer.status_code == 200
    assert not any(name.startswith("access-control") for name in answer.headers)


def test_only_results_are_served(app: RunningApp, sent: dict[str, Any], tmp_path: Path) -> None:
    fed = app.call(app.functions()["state image"], *_form(sent))["output"]["data"][0]
    result = re.search(r"gradio_api/file=[^&]+", fed)
    assert result
    assert app.client.get(f"/{result[0]}").status_code == 200
    secret = next(path for path in app.store.glob("secret/*"))
    private = [path for path in app.store.rglob("*") if path.parent.name in ("secret", "sessions")]
    private += [app.store / "secret", app.store, tmp_path, Path(__file__), secret.parent]
    for path in (*map(str, private), "http://127.0.0.1/", "C:\\Windows\\win.ini", "\0"):
        for prefix in ("/gradio_api/file=", "/file=", "/gradio_api/file/"):
            answer = app.client.get(prefix + quote(path))
            assert answer.status_code in (403, 404), path
            assert "text" not in answer.headers["content-type"]
    contents = (path.read_bytes() for path in app.store.rglob("*") if path.is_file())
    assert all(secret.name.encode() not in text for text in contents), "it is in no file"
    if sys.platform != "win32":
        for folder in (app.store, *(path for path in app.store.glob("*") if path.is_dir())):
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700, folder


def test_routes_that_the_page_does_not_need_are_closed(app: RunningApp) -> None:
    for path in (
        *("docs", "redoc", "openapi.json", "monitoring", "monitoring/summary", "pwa_icon"),
        *("gradio_api/proxy=http://127.0.0.1/", "gradio_api/runs", "gradio_api/vibe-code"),
        *("gradio_api/deep_link", "gradio_api/openapi.json", "gradio_api/component_server"),
        *("gradio_api/custom_component/a/b/c/d", "gradio_api/stream/a/b/c/playlist.m3u8"),
        *("gradio_api/dev/reload", "gradio_api/process_recording", "gradio_api/mcp/sse"),
    ):
        for method in ("GET", "POST"):
            assert app.client.request(method, f"/{path}").status_code == 404, path


def _send(app: RunningApp, head: str, body: Sequence[bytes]) -> str:
    """Send a request by hand; return the first line of the answer."""
    host, port = app.address.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=60) as connection:
        with contextlib.suppress(OSError):
            connection.sendall(f"{head}\r\nhost: {host}:{port}\r\n\r\n".encode())
            for part in body:
                connection.sendall(part)
        with connection.makefile("rb") as answer:
            return answer.readline().decode()


def test_uploads_are_limited_in_size(app: RunningApp) -> None:
    before = set(app.store.glob("uploads/*/*"))
    form = "content-type: multipart/form-data; boundary=x"
    announced = f"POST /gradio_api/upload HTTP/1.1\r\n{form}\r\ncontent-length: {600 << 20}"
    assert "413" in _send(app, announced, []), "before anything is sent"
    json_head = "POST /gradio_api/queue/join HTTP/1.1\r\ncontent-type: application/json"
    assert "413" in _send(app, f"{json_head}\r\ncontent-length: {5 << 20}", [])
    megabyte = b"100000\r\n" + bytes(1 << 20) + b"\r\n"
    chunked = f"{json_head}\r\ntransfer-encoding: chunked"
    assert "413" in _send(app, chunked, [megabyte] * 6), "while it is sent"
    assert set(app.store.glob("uploads/*/*")) == before, "nothing is left of them"


def test_an_upload_that_announces_no_size_ends_at_the_limit(tmp_path: Path) -> None:
    sent: list[MutableMapping[str, Any]] = []
    taken = 0

    async def application(_scope: object, receive: Receive, _send: object) -> None:
        nonlocal taken
        while True:
            taken += len((await receive())["body"])

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": megabyte, "more_body": True}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    megabyte = bytes(1 << 20)
    guard = Guard(application, ["localhost"], lambda: [tmp_path], lambda: None)
    scope = {"type": "http", "method": "POST", "path": "/gradio_api/upload"}
    call = guard({**scope, "headers": [(b"host", b"localhost")]}, receive, send)
    # In a thread of its own, for the browser tests leave an event loop running in this one.
    with ThreadPoolExecutor(1) as beside:
        beside.submit(asyncio.run, call).result()
    assert sent[0]["status"] == 413
    assert MOST_UPLOAD_BYTES <= taken <= MOST_UPLOAD_BYTES + 2 * len(megabyte)


def _random_json(rng: random.Random, depth: int = 0) -> object:
    kinds: list[object] = [None, True, -1, 2, 1.5, 10**30, math.inf, "", "x", "\u202e", "Nearest"]
    if depth > 3 or rng.random() < 0.5:
        return rng.choice(kinds)
    if rng.random() < 0.5:
        return [_random_json(rng, depth + 1) for _ in range(rng.randrange(4))]
    keys = ("upscaler-lab", "upscalers", "test", "size", "scale", "session", "kind", "shrink", "a")
    return {rng.choice(keys): _random_json(rng, depth + 1) for _ in range(rng.randrange(5))}


def test_texts_and_messages_of_any_kind_get_a_sentence(app: RunningApp) -> None:
    functions, rng = app.functions(), random.Random(14)  # noqa: S311 - the same every time
    names = {"upscaler-lab": 1, "upscalers": ["Nearest", "Box"]}
    fields: list[tuple[str, object]] = [
        ("test", value) for value in (1.5, [], "x", {"shrink": []}, {"shrink": 2, "kernel": {}})
    ]
    fields += [("size", value) for value in (3, [1], [1, []], {}, [math.inf, 2], [True, 1.5])]
    fields += [("scale", value) for value in ([], {}, "2", math.inf, math.nan, 10**400)]
    texts = [json.dumps({**names, field: value}) for field, value in fields]
    texts += ["[" * 100_000, '{"a":' * 5000, "1" * 5000, "\ud800", "\0", "null", "\\", "x" * 10**6]
    texts.append('{"upscaler-lab": 1, "upscalers": ["\\ud800", "Box"]}')
    texts += [json.dumps(_random_json(rng)) for _ in range(30)]
    odd = [None, 3, [], {"a": [1]}, True]
    for text in (*texts, *odd):
        for name in ("Apply", "upscaler-lab-feed-keep"):
            assert _sentence(app.call(functions[name], text)), (name, text)
        assert "data" in app.call(functions["upscaler-lab-feed-restore"], text)["output"]


def test_fields_of_any_kind_get_a_sentence(app: RunningApp, sent: dict[str, Any]) -> None:
    function = app.functions()["state image"]
    for field, values in {
        "scale": (math.inf, -math.inf, math.nan, "x", None, [], {}, 10**400, -1, 0),
        "names": (["no such upscaler", "Box"], [], 3, "Box", {}, [["Box"], {}], None, [1, 2]),
        "mode": ("x", 3, {}, [[]]),
        "kernel": ("x", 3, {}),
        "jpeg": (math.nan, 101, "x", []),
        "shrink": ("9", 3, {}),
    }.items():
        test = {} if field in ("scale", "names", "mode") else {"mode": "Test on this picture"}
        for value in values:
            answer = app.call(function, *_form(sent, **{**test, field: value}))
            assert _sentence(answer), (field, value)
    for sides in ({"width": math.nan, "height": 3}, {"width": 1e300, "height": 1}):
        assert _sentence(app.call(function, *_form(sent, **sides))), sides
    assert _sentence(app.call(function, 1)), "too few"
    assert _sentence(app.call(999, 1)), "no such function"
    for body in ("[", "[" * 100_000, '{"data": ' + "[" * 40 + "]" * 40 + "}", "", '"x"'):
        for path in ("queue/join", "run/predict", "call/predict", "cancel", "reset"):
            headers = {"content-type": "application/json"}
            answer = app.client.post(f"/gradio_api/{path}", content=body, headers=headers)
            assert 400 <= answer.status_code < 500, (path, body[:20])


def test_uploads_are_gone_when_the_app_has_ended(tmp_path: Path) -> None:
    with run_app(tmp_path) as running:
        path = Path(running.upload(_picture(tmp_path / "x.png")))
        assert running.store / "uploads" in path.parents
    assert not list(running.store.glob("uploads/*"))


def test_other_computers_need_a_password(tmp_path: Path) -> None:
    secret = tmp_path / "password.txt"
    secret.write_text(PASSWORD + "\n")
    options = (
        "--host",
        EVERYWHERE,
        "--password-file",
        str(secret),
        "--allow-host",
        "proxy.example",
    )
    with run_app(tmp_path, *options) as running:
        client = running.client
        assert "Other computers can open the app now" in running.console()
        assert PASSWORD not in running.console()
        for path in ("/config", "/gradio_api/file=/x", "/gradio_api/info"):
            assert client.get(path).status_code in (401, 403), path
        assert client.post("/gradio_api/upload", files={"files": b"x"}).status_code == 401
        assert client.post("/gradio_api/queue/join", json={"data": []}).status_code == 401
        for user, password in ((USER, "wrong"), ("other", PASSWORD), ("", "")):
            answer = client.post("/login", data={"username": user, "password": password})
            assert answer.status_code >= 400, user
        foreign = {"origin": "http://evil.example"}
        right = {"username": USER, "password": PASSWORD}
        assert client.post("/login", data=right, headers=foreign).status_code == 403
        assert client.post("/login", data=right).status_code == 200
        assert client.get("/config").status_code == 200
        evil = {"host": "evil.example"}
        assert client.get("/config", headers=evil).status_code == 403
        named = {"host": f"{socket.gethostname()}:{running.address.rsplit(':', 1)[1]}"}
        assert client.get("/config", headers=named).status_code == 200
        assert client.get("/config", headers={"host": "proxy.example"}).status_code == 200


def test_without_a_password_other_computers_are_not_let_in(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "lib_upscalers.app", "--no-browser", "--host", EVERYWHERE],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 2
    assert "--password-file" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_login_takes_one_password_and_not_too_many_guesses() -> None:
    now = [0.0]
    login = Login(PASSWORD, lambda: now[0])
    assert login(USER, PASSWORD)
    assert not login("other", PASSWORD)
    for guess in ("", "\ud800", PASSWORD.upper(), *map(str, range(20))):
        assert not login(USER, guess), guess
    assert not login(USER, PASSWORD), "after many guesses nobody is let in for a while"
    now[0] += 61
    assert login(USER, PASSWORD)
    with pytest.raises(InputError, match="8 characters"):
        Login("short")


def test_addresses_of_this_computer_are_known() -> None:
    for host in ("127.0.0.1", "localhost", "::1", "[::1]", "127.1.2.3"):
        assert is_this_computer(host), host
        assert "evil.example" not in host_names(host)
    for host in (EVERYWHERE, "::", "192.0.2.1"):
        assert not is_this_computer(host), host
        assert host_names(host) >= {"localhost", "127.0.0.1", "::1"}

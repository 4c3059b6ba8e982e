"""The app in a process of its own, as a program on this computer talks to it."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
PATIENCE_SECONDS = 600  # a machine that does much else takes minutes to import torch


def free_port() -> int:
    """Return a port of this computer that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True)
class RunningApp:
    """An app that runs.

    Attributes:
        home: The folder that it takes for the user's own.
        address: Of its page.
        log: The file of all that it writes to the console.
        client: Sends requests to it.
    """

    home: Path
    address: str
    log: Path
    client: httpx.Client

    @property
    def store(self) -> Path:
        """The folder of comparisons."""
        return next(self.home.rglob("compare"))

    def console(self) -> str:
        """Return all that it has written to the console."""
        return self.log.read_text(encoding="utf-8")

    def functions(self) -> dict[str, int]:
        """Return the numbers of functions, by the element or text of what they listen to.

        What follows another function goes by the kinds of its first two inputs: "state image".
        """
        config = self.client.get("/config").json()
        components = {each["id"]: each for each in config["components"]}
        found: dict[str, int] = {}
        for each in config["dependencies"]:
            props = components.get(each["targets"][0][0], {}).get("props", {})
            kinds = " ".join(components[number]["type"] for number in each["inputs"][:2])
            name = props.get("elem_id") or props.get("label") or props.get("value")
            found[name or kinds] = each["id"]
        return found

    def upload(self, path: Path) -> str:
        """Send a file; return its path in the app."""
        with path.open("rb") as stream:
            answer = self.client.post("/gradio_api/upload", files={"files": (path.name, stream)})
        answer.raise_for_status()
        return str(answer.json()[0])

    def call(self, function: int, *data: object) -> dict[str, Any]:
        """Call a function as the page does; return the last message, or what refused it."""
        session = secrets.token_hex(6)
        body = {"data": data, "fn_index": function, "session_hash": session}
        answer = self.client.post(
            "/gradio_api/queue/join",
            content=json.dumps(body),
            headers={"content-type": "application/json"},
        )
        if answer.is_error:
            return {"refused": answer.status_code, **answer.json()}
        last: dict[str, Any] = {}
        with self.client.stream(
            "GET", "/gradio_api/queue/data", params={"session_hash": session}
        ) as lines:
            for line in lines.iter_lines():
                if line.startswith("data:"):
                    message = json.loads(line[5:])
                    if message["msg"] in ("process_generating", "process_completed"):
                        last = message
                    if message["msg"] == "process_completed":
                        break
        return last


@contextlib.contextmanager
def run_app(home: Path, *arguments: str, port: int | None = None) -> Iterator[RunningApp]:
    """Start the app, and end it.

    Args:
        home: The folder that it takes for the user's own.
        arguments: Further options.
        port: Where it listens; None: at any free one.
    """
    log = home / "console.txt"
    names = ("HOME", "XDG_DATA_HOME", "LOCALAPPDATA")
    command = [sys.executable, "-m", "lib_upscalers.app", "--no-browser"]
    with log.open("w", encoding="utf-8") as stream:
        process = subprocess.Popen(
            [*command, "--port", str(port or free_port()), *arguments],
            cwd=ROOT,
            env={**os.environ, **dict.fromkeys(names, str(home))},
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
        )
        try:
            address = _address(process, log)
            with httpx.Client(base_url=address, timeout=PATIENCE_SECONDS, trust_env=False) as http:
                yield RunningApp(home, address.rstrip("/"), log, http)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(PATIENCE_SECONDS)


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    for _ in range(PATIENCE_SECONDS * 5):
        text = log.read_text(encoding="utf-8")
        if "Ready: " in text:
            return text.split("Ready: ")[1].split()[0]
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.2)
            break
    raise AssertionError(f"the app did not start:\n{log.read_text(encoding='utf-8')}")

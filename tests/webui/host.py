"""A WebUI that is installed already, started with a data folder of its own and stopped again.

Nothing in the installation is changed: `--data-dir` puts extensions, networks, settings and results
into a temporary folder. Only checkpoints are found where `$WEBUI_ARGS` says.
"""

from __future__ import annotations

import base64
import io
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROOT = Path(__file__).resolve().parent.parent.parent
PATIENCE = int(os.environ.get("WEBUI_PATIENCE", "400"))
_NOT_INSTALLED = shutil.ignore_patterns(
    ".git", ".venv", ".ci", "__pycache__", ".*_cache", "tests", "benchmarks", "docs", "test-results"
)
# Another extension that wraps what we wrap; its line in the log shows that it is asked.
_NEIGHBOUR = """
import logging
from modules import processing, script_callbacks
owner = processing.StableDiffusionProcessingTxt2Img
original = owner.sample_hr_pass
def sample_hr_pass(self, *args, **kwargs):
    logging.getLogger("neighbour").warning("neighbour was asked")
    return original(self, *args, **kwargs)
owner.sample_hr_pass = sample_hr_pass
def restore():
    owner.sample_hr_pass = original
script_callbacks.on_script_unloaded(restore)
"""


@dataclass(frozen=True)
class Answer:
    """What the server answered."""

    status: int
    body: Any

    @property
    def text(self) -> str:
        return self.body if isinstance(self.body, str) else json.dumps(self.body)


@dataclass
class WebUI:
    """One WebUI, from start to stop."""

    root: Path
    python: str
    arguments: Sequence[str]
    data: Path
    login: str = ""
    port: int = 0
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def kind(self) -> str:
        """Return which WebUI it is, told by what only one of them has."""
        if (self.root / "ldm_patched").is_dir():
            return "reForge"
        if (self.root / "modules_forge").is_dir():
            return "Forge" if (self.root / "packages_3rdparty").is_dir() else "Neo"
        return "A1111"

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        return (self.data / "webui.log").read_text(encoding="utf-8", errors="replace")

    def install(self) -> None:
        """Put the extension, as a user copies it, into the extensions."""
        ours = self.data / "extensions" / "upscaler-lab"
        shutil.copytree(ROOT, ours, ignore=_NOT_INSTALLED)

    def install_neighbour(self) -> None:
        """Put another extension into the extensions."""
        scripts = self.data / "extensions" / "zz-neighbour" / "scripts"
        scripts.mkdir(parents=True)
        (scripts / "neighbour.py").write_text(_NEIGHBOUR, encoding="utf-8")

    def start(self, *more: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        command = [self.python, "launch.py", "--data-dir", str(self.data), "--port", str(self.port)]
        # Gradio 4.40 serves the data folder alone, without the WebUI's own scripts and styles.
        command += ["--gradio-allowed-path", str(self.root)]
        command += ["--loglevel", "DEBUG", *self.arguments, *more]
        if "--nowebui" not in more:
            command.append("--api")
        environment = {
            **os.environ,
            "SD_WEBUI_RESTARTING": "1",
            "GRADIO_ANALYTICS_ENABLED": "False",
        }
        if self.kind == "Neo":
            self._prepare_neo()
        starts = self.log.count("Startup time: ") if (self.data / "webui.log").exists() else 0
        with (self.data / "webui.log").open("ab") as stream:
            self.process = subprocess.Popen(
                command, cwd=self.root, env=environment, stdout=stream, stderr=stream
            )
        self.wait(starts + 1)
        settings = {"live_previews_enable": False}
        # Neo answers 500, with a traceback, to a setting that nobody declared (options.py, 165).
        if (self.data / "extensions" / "upscaler-lab").exists():
            settings["upscaler_lab_rare_latent_modes"] = True
        self.post("/sdapi/v1/options", settings)

    def _prepare_neo(self) -> None:
        """Write settings that Neo reads once, when it starts, and what it writes when it ends.

        Until it has ended once, it pastes no prompt: it calls the class of the present value, which
        is that of None (modules/infotext_utils.py, 118). Hires. fix rounds to the setting
        "Resolution Step", 64 at first (modules/ui.py, 95). It starts with no settings but those of
        its own version (modules/launch_utils.py, 593).
        """
        values = {f"{tab}/Prompt/value": "" for tab in ("txt2img", "img2img")}
        settings: dict[str, object] = {"res_step": 8}
        source = (self.root / "modules" / "launch_utils.py").read_text(encoding="utf-8")
        version = re.search(r'^VERSION_UID\b.*"(.+)"', source, re.MULTILINE)
        if version:
            settings["VERSION_UID"] = version[1]
        for name, content in (("ui-config.json", values), ("config.json", settings)):
            path = self.data / name
            if not path.exists():
                path.write_text(json.dumps(content), encoding="utf-8")

    def wait(self, starts: int = 1) -> None:
        """Wait until it has started that often and answers."""
        for _ in range(PATIENCE * 2):
            if self.process is None or self.process.poll() is not None:
                break
            if self.log.count("Startup time: ") >= starts and self.answers():
                return
            time.sleep(0.5)
        raise AssertionError(f"the WebUI did not start:\n{self.log[-8000:]}")

    def answers(self) -> bool:
        try:
            return self.get("/sdapi/v1/upscalers").status in {200, 401}
        except OSError:
            return False

    def stop(self) -> None:
        if self.process is None:
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(20)
        self.process = None

    def get(self, path: str) -> Answer:
        return self._ask(urllib.request.Request(self.address + path))  # noqa: S310

    def post(self, path: str, body: Mapping[str, Any] | None = None) -> Answer:
        headers = {"Content-Type": "application/json"}
        data = json.dumps(body or {}).encode()
        request = urllib.request.Request(self.address + path, data, headers)  # noqa: S310
        return self._ask(request)

    def _ask(self, request: urllib.request.Request) -> Answer:
        if self.login:
            login = base64.b64encode(self.login.encode()).decode()
            request.add_header("Authorization", f"Basic {login}")
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:  # noqa: S310 - loopback
                return Answer(answer.status, _parsed(answer.read()))
        except urllib.error.HTTPError as error:
            return Answer(error.code, _parsed(error.read()))

    def names(self, what: str = "upscalers") -> list[str]:
        """Return the names in one of the lists of the WebUI's own API, in order."""
        return [each["name"] for each in self.get(f"/sdapi/v1/{what}").body]

    def loads(self, name: str) -> int:
        """Return how often our library read a network's file so far."""
        return len(re.findall(rf"{re.escape(name)}: loaded \d+ bytes of weights", self.log))

    def complaints(self, since: int = 0, until: int | None = None) -> list[str]:
        """Return the last lines of the tracebacks in the log that have to do with us."""
        blocks = re.split(r"(?=Traceback \(most recent call last\))", self.log[since:until])[1:]
        return [block[-3000:] for block in blocks if "upscaler" in block[:3000].lower()]

    def logs(self, words: str, since: int = 0) -> bool:
        """Return whether the log has these words; Forge writes an error after its answer."""
        for _ in range(40):
            if words in self.log[since:]:
                return True
            time.sleep(0.25)
        return False

    def results(self, pattern: str) -> list[Path]:
        """Return the result files, oldest first."""
        found = [path for path in self.data.rglob(pattern) if "extensions" not in path.parts]
        return sorted(found, key=lambda path: path.stat().st_mtime)


def _parsed(text: bytes) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return text.decode(errors="replace")


def named_by_environment(data: Path, login: str = "") -> WebUI:
    """Return the WebUI that the environment variables tell of."""
    root = Path(os.environ["WEBUI_ROOT"]).expanduser().resolve()
    arguments = shlex.split(os.environ.get("WEBUI_ARGS", ""))
    return WebUI(root, os.environ.get("WEBUI_PYTHON", "python"), arguments, data, login)


def encoded(image: Image.Image, file_format: str = "PNG", **options: object) -> str:
    """Return an image as base64 of a file."""
    file = io.BytesIO()
    image.save(file, file_format, **options)
    return base64.b64encode(file.getvalue()).decode()


def decoded(text: str) -> Image.Image:
    """Return the image in a base64 text."""
    return Image.open(io.BytesIO(base64.b64decode(text.partition(",")[2] or text)))

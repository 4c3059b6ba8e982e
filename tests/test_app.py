"""The parts of the app that need no browser."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from lib_upscalers.errors import ImageError, ModelFileError
from lib_upscalers.geometry import Size
from lib_upscalers.image_files import read_picture, write_picture
from lib_upscalers.targets import Target
from lib_upscalers.ui.cells import (
    Failed,
    Finished,
    Idle,
    Running,
    State,
    Stopped,
    Waiting,
    alert,
    render,
    seconds,
)
from lib_upscalers.ui.gradio_compat import file_url
from lib_upscalers.ui.results import ResultFolder, saved_name
from lib_upscalers.ui.sample import HEIGHT, WIDTH, draw_sample
from lib_upscalers.ui.work import RowWork
from lib_upscalers.upscale import Result

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lib_upscalers.images import Picture
    from lib_upscalers.progress import Progress

ROOT = Path(__file__).resolve().parent.parent
HOSTILE = "\"><script>alert(1)</script><img src=x onerror=alert(2)>' & ünï"
FINISHED = Finished(HOSTILE, 'file="x".png', HOSTILE, Size(4, 3), 1234, 0.5, 0.25)


class _Tags(HTMLParser):
    """Collects what a browser would see."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]

    def handle_data(self, data: str) -> None:
        self.text += data


def _seen(html: str) -> _Tags:
    parser = _Tags()
    parser.feed(html)
    parser.close()
    return parser


@pytest.mark.parametrize(
    "html",
    [
        alert(HOSTILE),
        *map(
            render,
            [
                Idle(),
                Waiting(HOSTILE),
                Running(HOSTILE, 0.5, HOSTILE),
                FINISHED,
                Failed(HOSTILE, HOSTILE),
                Stopped(HOSTILE),
            ],
        ),
    ],
)
def test_no_markup_comes_from_a_name(html: str) -> None:
    seen = _seen(html)
    assert "script" not in seen.tags
    assert "onerror" not in seen.attributes
    assert seen.tags.count("img") <= 1


def test_a_failure_is_readable() -> None:
    assert _seen(render(Failed("x", HOSTILE))).text == HOSTILE
    assert 'role="alert"' in render(Failed("x", "no"))
    assert alert("") == ""


def test_a_result_tells_size_time_and_file() -> None:
    text = _seen(render(FINISHED)).text
    for part in ("4 \N{MULTIPLICATION SIGN} 3", "0.50 s", "loading 0.25 s", "Download PNG (1 kB)"):
        assert part in text


@pytest.mark.parametrize(
    ("fraction", "percent"), [(-1, 0), (0, 0), (0.426, 43), (1, 100), (7, 100)]
)
def test_progress_stays_between_0_and_100(fraction: float, percent: int) -> None:
    assert f'value="{percent}"' in render(Running("x", fraction, ""))


def test_progress_that_is_not_known_shows_no_number() -> None:
    html = render(Running("x", None, "Saving"))
    assert "value=" not in html
    assert "%" not in html


def test_times() -> None:
    assert [seconds(time) for time in (0.001, 0.234, 61.27)] == ["under 0.01 s", "0.23 s", "61.3 s"]


def test_places_of_results_cannot_be_guessed_and_old_ones_leave() -> None:
    results = ResultFolder(kept=3)
    try:
        files = [results.new_file("a.png") for _ in range(5)]
        for file in files[2:]:
            file.touch()
        assert len(set(files)) == 5
        assert {file.name for file in files} == {"a.png"}
        assert min(len(file.parent.name) for file in files) >= 20
        results.new_file("b.png")
        assert [file.exists() for file in files] == [False, False, False, True, True]
    finally:
        results.close()
    assert not results.path.exists()


@pytest.mark.parametrize(
    ("picture", "upscaler"),
    [("a", "Lanczos"), ("../../etc/x", 'a/b\\c:*?"<>|'), ("…", ""), ("x" * 300, "y"), ("猫", "ü")],
)
def test_saved_names_are_valid_everywhere(picture: str, upscaler: str) -> None:
    name = saved_name(picture, upscaler, 20, 10)
    assert re.fullmatch(r"[\w.()+-]+\.png", name)
    assert not name.startswith(".")
    assert len(name) <= 124
    assert saved_name("a", "Lanczos", 20, 10) == "a-Lanczos-20x10.png"


def test_the_address_of_a_file_is_relative_and_quoted() -> None:
    address = file_url(Path("/some/a b#c/ü?.png"))
    assert not address.startswith("/")
    assert address.endswith("file=/some/a%20b%23c/%C3%BC%3F.png")


def test_the_sample_is_the_same_every_time() -> None:
    first, second = draw_sample(), draw_sample()
    assert first.size == Size(WIDTH, HEIGHT)
    assert first.pixels.dtype == np.uint8
    assert np.array_equal(first.pixels, second.pixels)
    assert len(np.unique(first.pixels.reshape(-1, 3), axis=0)) > 500


@dataclass
class _FakeUpscaler:
    """Doubles pictures; its upscalers are named after what they do."""

    release: threading.Event = field(default_factory=threading.Event)

    def find(self, name: str) -> str:
        if name == "missing":
            raise ModelFileError("Expected a file, but it is gone.")
        return name

    def run(self, picture: Picture, choice: str, target: Target, *, progress: Progress) -> Result:
        if choice == "faulty":
            raise ZeroDivisionError("division by zero")
        deadline = time.monotonic() + 20
        while choice == "slow" and not self.release.is_set():
            assert time.monotonic() < deadline
            progress.update(1, 2, "tile 1 of 2")
            progress.check_cancelled()
            time.sleep(0.005)
        return Result(picture, run_seconds=1.0)


@pytest.fixture
def results() -> Iterator[ResultFolder]:
    folder = ResultFolder()
    yield folder
    folder.close()


@pytest.fixture
def sample(results: ResultFolder) -> Path:
    path = results.path / "my sample.png"
    write_picture(draw_sample(), path)
    return path


def _work(results: ResultFolder, fake: _FakeUpscaler) -> RowWork:
    return RowWork(fake, results, str)  # type: ignore[arg-type]


def _kinds(states: tuple[State, ...]) -> list[str]:
    return [type(state).__name__ for state in states]


def test_one_failure_does_not_stop_the_others(
    results: ResultFolder, sample: Path, caplog: pytest.LogCaptureFixture
) -> None:
    names = ("missing", "faulty", "fine")
    *_, last = _work(results, _FakeUpscaler()).run(sample, names, Target(scale=2))
    assert _kinds(last) == ["Failed", "Failed", "Finished"]
    missing, faulty, fine = last
    assert isinstance(missing, Failed)
    assert missing.reason == "Expected a file, but it is gone."
    assert isinstance(faulty, Failed)
    assert "a fault of this program" in faulty.reason
    assert "Traceback" in caplog.text
    assert isinstance(fine, Finished)
    assert fine.file_name == "my_sample-fine-192x144.png"
    assert np.array_equal(read_picture(fine.url).pixels, draw_sample().pixels)


def test_results_come_one_by_one(results: ResultFolder, sample: Path) -> None:
    fake = _FakeUpscaler()
    seen: list[list[str]] = []
    for states in _work(results, fake).run(sample, ("fine", "slow", "fine"), Target(scale=2)):
        seen.append(_kinds(states))
        if seen[-1] == ["Finished", "Running", "Waiting"]:
            fake.release.set()
    assert ["Finished", "Running", "Waiting"] in seen
    assert seen[-1] == ["Finished"] * 3


def test_cancelling_keeps_what_is_done(results: ResultFolder, sample: Path) -> None:
    work = _work(results, _FakeUpscaler())
    last: tuple[State, ...] = ()
    for states in work.run(sample, ("fine", "slow", "fine"), Target(scale=2)):
        last = states
        if _kinds(states)[1] == "Running":
            work.cancelled.set()
    assert _kinds(last) == ["Finished", "Stopped", "Stopped"]


def test_a_reader_that_goes_away_ends_the_work(results: ResultFolder, sample: Path) -> None:
    work = _work(results, _FakeUpscaler())
    states = work.run(sample, ("slow",), Target(scale=2))
    next(states)
    threads = [thread for thread in threading.enumerate() if "_run_all" in thread.name]
    states.close()  # type: ignore[attr-defined]
    assert work.cancelled.is_set()
    assert threads
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()


def test_a_broken_picture_is_told_before_any_work(results: ResultFolder, tmp_path: Path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    with pytest.raises(ImageError):
        next(_work(results, _FakeUpscaler()).run(broken, ("fine",), Target(scale=2)))


def _app(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "lib_upscalers.app", "--no-browser", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_a_port_that_is_taken_is_one_clear_line() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = _app("--port", port)
    assert done.returncode == 1
    assert f"port {port}" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_device_that_is_not_there_is_one_clear_line() -> None:
    done = _app("--device", "abacus")
    assert done.returncode == 2
    assert "'abacus'" in done.stderr
    assert "Traceback" not in done.stderr

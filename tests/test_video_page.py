"""The app's form for a video without a browser: look, estimate, preview, pause, stop, go on."""

from __future__ import annotations

import json
import re
import threading
import time
from html import unescape
from typing import TYPE_CHECKING

import pytest

from lib_upscalers.compare.store import Store
from lib_upscalers.hosts.standalone import StandaloneHost
from lib_upscalers.ui.compare_actions import CompareActions
from lib_upscalers.ui.gradio_compat import file_url
from lib_upscalers.ui.video_actions import VideoActions
from lib_upscalers.ui.video_values import VideoForm
from lib_upscalers.upscaling.upscaler import Upscaler
from lib_upscalers.video import pieces
from tests.video.clips import Clip, frames_of, stamps_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytest.importorskip("av")


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[[], VideoActions]]:
    """Return what makes actions, as a start of the app does."""
    made: list[VideoActions] = []

    def start() -> VideoActions:
        host = StandaloneHost(device_name="cpu", own_data_folder=tmp_path / "data")
        store = Store(tmp_path / "store")
        actions = CompareActions(Upscaler(host), host, store, file_url, lambda: tmp_path)
        made.append(VideoActions(actions))
        return made[-1]

    yield start
    for each in made:
        each.close()


def until(actions: VideoActions, words: str) -> str:
    deadline = time.monotonic() + 600
    while words not in actions.status():
        assert time.monotonic() < deadline, actions.status()
        time.sleep(0.05)
    return actions.status()


def filled(source: Path, output: Path, **others: object) -> tuple[object, ...]:
    form = {"source": str(source), "output": str(output), "upscaler": "Nearest", **others}
    return tuple(form.get(name, getattr(VideoForm, name, "")) for name in VideoForm.__annotations__)


def act_on_run(monkeypatch: pytest.MonkeyPatch, act: Callable[[int], None]) -> None:
    """Call `act` with the number of each frame before it is enlarged."""
    enlarge, calls = Upscaler.run, 0

    def acting(self: Upscaler, *arguments: object) -> object:
        nonlocal calls
        calls += 1
        act(calls)
        return enlarge(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Upscaler, "run", acting)


@pytest.mark.slow
def test_a_video_is_looked_at_estimated_and_done(
    make: Callable[[], VideoActions], tmp_path: Path
) -> None:
    source, output = Clip().write(tmp_path / "in.mkv"), tmp_path / "out.mkv"
    actions = make()
    assert (actions.status(), actions.last_form()) == ("", VideoForm())
    found = actions.look(*filled(source, tmp_path / ""))
    assert "48x32, 20 frames, 1 seconds, h264 yuv420p" in found.html
    assert found.frames == 20
    found = actions.look(*filled(source, "", scale=2.0))  # type: ignore[arg-type]
    assert found.output == str(tmp_path / "in-2x.mkv")
    values = filled(source, output)
    assert re.search(r"About \d+ seconds and 1 MB for 96x64", actions.estimate(*values))
    assert not list(tmp_path.glob("out*"))
    assert actions.start(*values) == ""
    assert "20 of 20 frames" in until(actions, "Finished")
    assert stamps_of(output) == stamps_of(source)
    assert make().last_form().source == str(source)
    actions.stop()
    assert "Finished" in actions.status()
    assert "there already" in actions.start(*values)


def test_an_error_of_the_video_before_does_not_stay(
    make: Callable[[], VideoActions], tmp_path: Path
) -> None:
    text = tmp_path / "text.mp4"
    text.write_text("no video", encoding="utf-8")
    actions = make()
    assert actions.start(*filled(text, tmp_path / "out.mkv")) == ""
    until(actions, "text.mp4 cannot be read")
    clip = Clip((0, 40)).write(tmp_path / "in.mkv")
    assert "in.mkv" in actions.start(*filled(clip, clip))
    assert actions.status() == ""


@pytest.mark.slow
def test_any_frame_is_shown_before_and_after(
    make: Callable[[], VideoActions], tmp_path: Path
) -> None:
    source = Clip(codec="ffv1", pixel_format="yuv444p", options={}).write(tmp_path / "in.mkv")
    actions, values = make(), filled(source, tmp_path / "out.mkv")
    fed, said = actions.show(14, *values)
    assert said == ""
    view = json.loads(unescape(re.findall('data-feed="([^"]*)"', fed)[0]))
    assert view["title"] == "in, frame 14"
    assert (view["source"]["width"], view["entries"][0]["result"]["width"]) == (48, 96)
    for odd in (0, 21, None, "3"):
        fed, said = actions.show(odd, *values)
        assert fed == ""
        assert "Expected a frame from 1 to 20" in said


@pytest.mark.slow
def test_a_pause_loses_nothing_and_a_stop_goes_on_after_a_restart(
    make: Callable[[], VideoActions], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pieces.cut, "__defaults__", (0.3,))
    source = Clip().write(tmp_path / "in.mkv")
    values, whole = filled(source, tmp_path / "out.mkv"), filled(source, tmp_path / "whole.mkv")
    actions = make()
    actions.start(*whole)
    until(actions, "Finished")
    numbers: list[int] = []

    def act(number: int) -> None:
        numbers.append(number)
        if number == 3:
            actions.pause()
        if number == 13:
            actions.stop()

    with monkeypatch.context() as patch:
        act_on_run(patch, act)
        assert actions.start(*values) == ""
        until(actions, "Paused</b> <span>3 of 20 frames")
        assert "stop it first" in actions.start(*whole)
        assert "stop it first" in actions.estimate(*values)
        assert actions.start(*values) == ""
        assert "of 20 frames" in until(actions, "Stopped")
    assert numbers == list(range(1, 14))
    again = make()
    assert again.start(*values) == ""
    assert "20 of 20 frames, 8 before" in until(again, "Finished")
    for one, other in zip(
        frames_of(tmp_path / "out.mkv"), frames_of(tmp_path / "whole.mkv"), strict=True
    ):
        assert bytes(one.planes[0]) == bytes(other.planes[0])


@pytest.mark.slow
def test_a_pause_leaves_the_network_to_others(
    make: Callable[[], VideoActions], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = Clip().write(tmp_path / "in.mkv")
    values = filled(source, tmp_path / "out.mkv", upscaler="Lab Fast 2x")
    actions = make()
    with monkeypatch.context() as patch:
        act_on_run(patch, lambda number: actions.pause() if number == 2 else None)
        actions.start(*values)
        until(actions, "Paused")
    shown: list[str] = []
    thread = threading.Thread(target=lambda: shown.append(actions.show(5, *values)[1]))
    thread.start()
    thread.join(600)
    assert shown == [""]


@pytest.mark.slow
def test_faults_are_listed(make: Callable[[], VideoActions], tmp_path: Path) -> None:
    source = Clip(codec="ffv1", options={"g": "1", "slicecrc": "1"}).write(tmp_path / "in.mkv")
    data = bytearray(source.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 400] = bytes(400)
    source.write_bytes(data)
    actions = make()
    actions.start(*filled(source, tmp_path / "out.mkv"))
    assert "s: the frame is damaged" in until(actions, "Finished")
    values = filled(source, tmp_path / "new.mkv", upscaler="Lab Fast 2x", tiles=True, scale=1.5)
    actions.start(*values)
    assert "Expected a whole scale" in until(actions, "Expected")


def test_what_makes_no_sense_is_a_sentence(
    make: Callable[[], VideoActions], tmp_path: Path
) -> None:
    actions, output = make(), tmp_path / "out.mkv"
    source = Clip((0, 40, 80)).write(tmp_path / "<b>.mkv")
    (tmp_path / "empty").mkdir()
    for values, words in (
        (filled(source, output, scale=None), "Expected a video, a result"),
        (filled(source, output, scale=float("inf")), "Expected a scale"),
        (filled(source, output, crf=1.5), "Expected a whole number"),
        (filled(source, output, upscaler="No such"), "No such"),
        (filled(source, output, part="5"), "Expected a part"),
        (filled(source, output, codec="gif"), "Expected a codec"),
        (filled(source, tmp_path / "out.avi"), "a result that ends in"),
        (filled(source, source), "is the input"),
        ((str(source),), "Expected a video"),
    ):
        assert words in actions.start(*values), values
    for path, words in (
        ("", "fill it in"),
        ("\0", "fill it in"),
        (tmp_path / "none.mkv", "there is no file"),
        (tmp_path / "empty", "holds none"),
    ):
        assert words in actions.look(*filled(path, output)).html, path  # type: ignore[arg-type]
    found = actions.look(*filled(tmp_path, output))
    assert found.videos == (str(source),)
    assert "<b>" not in found.html
    assert actions.look(*filled(f'"{source}"', output)).frames == 3  # type: ignore[arg-type]

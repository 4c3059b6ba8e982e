"""Running a comparison: everybody's own fate, cancelling, keeping."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from lib_upscalers.compare.align import Trial
from lib_upscalers.compare.metrics import METRICS
from lib_upscalers.compare.peak_memory import ProcessWatch
from lib_upscalers.compare.request import ComparisonRequest
from lib_upscalers.compare.session import from_json, means
from lib_upscalers.compare.subject import make_subject, read_subject
from lib_upscalers.errors import ImageError, InputError
from lib_upscalers.geometry import Size
from lib_upscalers.hosts.standalone import StandaloneHost
from lib_upscalers.models import architectures
from lib_upscalers.pictures.files import read_picture
from lib_upscalers.pictures.picture import Picture
from lib_upscalers.targets import Target
from lib_upscalers.upscaling.candidates import candidates, comparison, default_names
from lib_upscalers.upscaling.upscaler import Upscaler
from tests.compare.fakes import HOSTILE, Fate, candidate, make, picture

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lib_upscalers.compare.session import Session

PLAN = ComparisonRequest(("a", "b"), Target(scale=2.0))
TEST = ComparisonRequest(("a", "b"), Target(scale=2.0), Trial(2))


def _states(session: Session) -> list[str]:
    return [entry.state for entry in session.entries]


def _last(sessions: Iterator[Session]) -> Session:
    *_, last = sessions
    return last


def test_twelve_of_which_five_fail(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    fates = [
        Fate("faulty" if i in (0, 3) else "vanished" if i in (4, 7, 11) else "fine")
        for i in range(12)
    ]
    work = make(tmp_path, [candidate(f"{HOSTILE}{i}", fate) for i, fate in enumerate(fates)])
    last = _last(work.run())
    assert _states(last) == ["failed" if f.what != "fine" else "finished" for f in fates]
    assert last.entries[4].text == "Expected a file, but it is gone."
    assert "a fault of this program" in last.entries[0].text
    assert "Traceback" in caplog.text
    assert from_json(last.to_json()) == last
    assert work.store.load(last.name) == last


def test_results_come_one_by_one(tmp_path: Path) -> None:
    slow = Fate("slow")
    work = make(tmp_path, [candidate("a", Fate()), candidate("b", slow), candidate("c", Fate())])
    seen = []
    for session in work.run():
        seen.append(_states(session))
        if seen[-1] == ["finished", "running", "waiting"]:
            slow.release.set()
    assert ["finished", "running", "waiting"] in seen
    assert seen[-1] == ["finished"] * 3


def test_a_result_has_its_pixels_cost_and_figures(tmp_path: Path) -> None:
    work = make(tmp_path, [candidate("a", Fate()), candidate("b", Fate())])
    entry = _last(work.run()).entries[0]
    assert entry.result
    stored = read_picture(work.store.path(entry.result.file))
    assert np.array_equal(stored.pixels, picture().pixels.repeat(2, 0).repeat(2, 1))
    assert (entry.result.width, entry.result.height) == (64, 48)
    assert entry.cost
    assert (entry.cost.passes, entry.cost.tiles, entry.cost.precision) == (2, 8, "fp16")
    assert entry.cost.peak_of == "process"
    assert set(entry.figures) == {name for name, m in METRICS.items() if not m.needs_reference}


def test_what_a_run_imports_is_not_measured(tmp_path: Path) -> None:
    events: list[str] = []

    class Noting(ProcessWatch):
        def start(self) -> None:
            events.append("measured from here")
            super().start()

    first = replace(candidate("a", Fate()), prepare=lambda: events.append("imported"))
    work = make(tmp_path, [first, candidate("b", Fate())])
    _last(replace(work, watch=Noting()).run())
    assert events == ["imported", "measured from here", "measured from here"]


def test_a_network_imports_all_architectures_before_it_runs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[str] = []
    monkeypatch.setattr(architectures, "registry", lambda: made.append("registry"))
    found = candidates(Upscaler(StandaloneHost(device_name="cpu")), ["Lanczos", "Lab Fast 2x"])
    assert found[0].prepare is None
    assert found[1].prepare is not None
    found[1].prepare()
    assert made == ["registry"]


def test_cancelling_keeps_what_is_done(tmp_path: Path) -> None:
    work = make(
        tmp_path, [candidate("a", Fate()), candidate("b", Fate("slow")), candidate("c", Fate())]
    )
    last = None
    for session in work.run():
        last = session
        if _states(session)[1] == "running":
            work.cancelled.set()
    assert last
    assert _states(last) == ["finished", "stopped", "stopped"]
    assert _states(work.store.load(last.name)) == ["finished", "stopped", "stopped"]


def test_the_program_around_can_stop_it(tmp_path: Path) -> None:
    work = make(tmp_path, [candidate("a", Fate("slow")), candidate("b", Fate())])
    stop = threading.Event()
    work.stopped = stop.is_set
    last = None
    for session in work.run():
        last = session
        stop.set()
    assert last
    assert _states(last) == ["stopped", "stopped"]


def test_a_reader_that_goes_away_ends_the_work(tmp_path: Path) -> None:
    """A browser tab that is closed in the middle."""
    work = make(tmp_path, [candidate("a", Fate("slow")), candidate("b", Fate())])
    sessions = work.run()
    next(sessions)
    threads = [thread for thread in threading.enumerate() if thread.name == "comparison"]
    sessions.close()
    assert threads
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive()


def test_two_at_once_do_not_mix(tmp_path: Path) -> None:
    """Two browser tabs, one store."""
    first = make(tmp_path, [candidate("a", Fate("slow")), candidate("b", Fate())])
    second = make(tmp_path, [candidate("c", Fate()), candidate("d", Fate())])
    running = first.run()
    one = next(running)
    other = _last(second.run())
    running.close()
    assert one.name != other.name
    assert [entry.name for entry in second.store.load(other.name).entries] == ["c", "d"]


def test_what_did_not_change_is_not_done_again(tmp_path: Path) -> None:
    same, changed = Fate(), Fate()
    for identity in ("fine", "fine now"):
        changed.what = identity
        last = _last(make(tmp_path, [candidate("a", same), candidate("b", changed)]).run())
    assert (same.runs, changed.runs) == (1, 2)
    assert [entry.cached for entry in last.entries] == [True, False]
    assert last.entries[0].cost
    _last(make(tmp_path, [candidate("a", same), candidate("b", changed)], trial=Trial(2)).run())
    assert same.runs == 2, "another picture, another truth"


def test_what_does_not_fit_is_not_tried(tmp_path: Path) -> None:
    fate = Fate()
    work = make(tmp_path, [candidate("a", fate, needs=3 << 30), candidate("b", Fate())])
    assert "3.0 GiB" in work.warning()
    assert "1.0 GiB are free" in work.warning()
    last = _last(work.run())
    assert _states(last) == ["failed", "finished"]
    assert "3.0 GiB" in last.entries[0].text
    assert fate.runs == 0
    assert make(tmp_path, [candidate("b", Fate()), candidate("c", Fate())]).warning() == ""


def test_a_test_knows_the_truth(tmp_path: Path) -> None:
    work = make(tmp_path, [candidate("a", Fate()), candidate("b", Fate())], trial=Trial(4))
    last = _last(work.run())
    assert (last.width, last.height) == (32, 24)
    assert last.trial == "shrunk 4x by Bicubic"
    assert last.reference
    assert np.array_equal(
        read_picture(work.store.path(last.reference.file)).pixels, picture().pixels
    )
    assert (last.source.width, last.source.height) == (8, 6)
    assert {"psnr", "ssim", "gmsd"} <= set(last.entries[0].figures)
    assert list(means([last, last])["a"]["psnr"]) == [last.entries[0].figures["psnr"]] * 2


def test_jpeg_hurts() -> None:
    requests = [
        ComparisonRequest(("a", "b"), Target(scale=2.0), Trial(2, jpeg=quality))
        for quality in (None, 10)
    ]
    clean, dirty = (make_subject(picture(60, 60), "x", request).source for request in requests)
    assert clean.size == dirty.size
    assert not np.array_equal(clean.pixels, dirty.pixels)


def test_an_odd_picture_is_cut_and_that_is_told() -> None:
    subject = make_subject(picture(25, 31), "x", TEST)
    assert subject.reference
    assert subject.reference.size == Size(30, 24)
    assert "Cut to 30x24" in subject.notes[0]


def test_transparency_is_laid_on_white_in_a_test_only() -> None:
    seen = Picture(picture().pixels, np.full((24, 32), 9, np.uint8))
    assert make_subject(seen, "x", PLAN).source.alpha is not None
    subject = make_subject(seen, "x", TEST)
    assert subject.source.alpha is None
    assert "on white" in subject.notes[0]


def test_of_an_animation_the_first_frame_and_it_is_said(tmp_path: Path) -> None:
    path = tmp_path / "moves.gif"
    frames = [Image.new("RGB", (9, 8), color) for color in ("red", "blue", "lime")]
    frames[0].save(path, save_all=True, append_images=frames[1:])
    subject = read_subject(path, PLAN)
    assert "3 frames" in subject.notes[0]
    assert subject.source.pixels[0, 0].tolist() == [255, 0, 0]


@pytest.mark.slow
@pytest.mark.parametrize("size", [(1, 1), (20000, 2)])
def test_the_smallest_and_the_widest(tmp_path: Path, size: tuple[int, int]) -> None:
    path = tmp_path / "in.png"
    Image.new("RGB", size, "teal").save(path)
    request = ComparisonRequest(("Nearest", "Lanczos"), Target(scale=2.0))
    host = StandaloneHost(device_name="cpu", own_data_folder=tmp_path / "data")
    upscaler = Upscaler(host)
    store = make(tmp_path / "store", [candidate("a", Fate()), candidate("b", Fate())]).store
    work = comparison(
        read_subject(path, request), request, candidates(upscaler, request.names), store, host
    )
    last = _last(work.run())
    assert _states(last) == ["finished"] * 2
    assert (last.width, last.height) == (2 * size[0], 2 * size[1])
    with pytest.raises(InputError, match="at least"):
        read_subject(path, TEST)


def test_a_broken_picture_is_told(tmp_path: Path) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    with pytest.raises(ImageError, match=r"broken\.png"):
        read_subject(broken, PLAN)


def test_an_upscaler_that_is_not_there_fails_by_itself(tmp_path: Path) -> None:
    host = StandaloneHost(device_name="cpu", own_data_folder=tmp_path)
    upscaler = Upscaler(host)
    extra = candidate("latent mode", Fate())
    found = candidates(upscaler, ["Nearest", "no such", "latent mode"], [extra])
    assert [each.name for each in found] == ["Nearest", "no such", "latent mode"]
    assert found[2] is extra
    with pytest.raises(InputError, match="no such"):
        found[1].identity()


def test_a_comparison_starts_with_a_network_that_people_like() -> None:
    upscaler = Upscaler(StandaloneHost(device_name="cpu"))
    choices = upscaler.choices()
    assert default_names(choices)[:2] == ["Nearest", "Lanczos"]
    assert default_names([c for c in choices if c.kind == "pixel"])[2] == "Mitchell"
    network = next(c for c in choices if c.kind == "network")
    assert default_names(choices)[2] == network.name


def test_memory_is_estimated_from_the_largest_picture_on_the_way() -> None:
    upscaler = Upscaler(StandaloneHost(device_name="cpu"))
    kernel, network = candidates(upscaler, ["Lanczos", "Lab Fast 2x"])
    small, target = Size(1000, 1000), Size(3000, 3000)
    assert kernel.needs(small, target) >= target.area * 3
    assert network.needs(small, target) > kernel.needs(small, target), "it makes 4000 x 4000"

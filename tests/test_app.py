"""What the tab and the app do without a browser: actions, texts, how the app starts."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import threading
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, cast

import gradio as gr
import numpy as np
import pytest

from lib_upscalers import app
from lib_upscalers.compare.align import Trial
from lib_upscalers.compare.store import Store
from lib_upscalers.hosts.standalone import StandaloneHost
from lib_upscalers.pictures.files import read_picture, write_picture
from lib_upscalers.ui import client_watch
from lib_upscalers.ui.compare_actions import CompareActions, Form
from lib_upscalers.ui.compare_tab import values_of
from lib_upscalers.ui.gradio_compat import file_url, listen
from lib_upscalers.ui.result_use import Use
from lib_upscalers.ui.sample import HEIGHT, WIDTH, draw_sample
from lib_upscalers.ui.viewer_feed import alert, feed, idle_feed
from lib_upscalers.upscaling.settings import Settings
from lib_upscalers.upscaling.upscaler import Upscaler
from tests.compare.fakes import HOSTILE, Fate, candidate

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence
    from typing import Any

ROOT = Path(__file__).resolve().parent.parent
FORM = Form(("Nearest", "Lanczos"))


class _Seen(HTMLParser):
    """Collects what a browser would see."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: dict[str, str] = {}
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name: value or "" for name, value in attrs}

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture
def fate() -> Fate:
    """What becomes of the candidate "extra"."""
    return Fate()


@pytest.fixture
def actions(tmp_path: Path, fate: Fate) -> CompareActions:
    """Actions whose files lie in a folder of the test, where uploads are, too."""
    host = StandaloneHost(device_name="cpu", own_data_folder=tmp_path / "data")
    use = Use("Elsewhere", ["menu", "slider"], lambda used: [used.name, used.scale])
    return CompareActions(
        Upscaler(host),
        host,
        Store(tmp_path / "store"),
        lambda path: f"file={path.as_posix()}",
        lambda: tmp_path,
        more=lambda: [candidate("extra", fate)],
        uses=[use],
    )


@pytest.fixture
def sample(tmp_path: Path) -> str:
    """A picture whose name is hostile, as far as file systems allow."""
    path = tmp_path / "<img src=x onerror=alert(1)>&.png"
    write_picture(draw_sample(), path)
    return str(path)


def _fed(html: str) -> dict[str, Any]:
    return json.loads(_Seen(html).attributes["data-feed"])


def _all(actions: CompareActions, path: str | None, form: Form) -> list[tuple[str, str]]:
    return list(actions.compare(path, form, "token"))


def test_no_markup_comes_from_a_name() -> None:
    for html in (alert(HOSTILE), feed({"x": HOSTILE}), idle_feed([HOSTILE])):
        assert set(_Seen(html).tags) <= {"p", "span"}
    assert _Seen(alert(HOSTILE)).text == HOSTILE
    assert _fed(idle_feed([HOSTILE]))["entries"][0]["name"] == HOSTILE
    assert alert("") == ""


@pytest.mark.slow
def test_a_comparison_feeds_the_viewer(actions: CompareActions, sample: str) -> None:
    last, said = _all(actions, sample, FORM)[-1]
    view = _fed(last)
    assert said == ""
    assert view["title"] == Path(sample).stem
    assert [entry["state"] for entry in view["entries"]] == ["finished"] * 2
    file = Path(view["entries"][0]["result"]["url"].removeprefix("file="))
    expected = draw_sample().pixels.repeat(2, 0).repeat(2, 1)
    assert np.array_equal(read_picture(file).pixels, expected)
    assert len(file.parent.name) >= 32, "a place that nobody guesses"
    assert {measure["name"] for measure in view["measures"]} >= set(view["entries"][0]["figures"])


def test_the_last_comparison_comes_back(actions: CompareActions, sample: str) -> None:
    last, _ = _all(actions, sample, FORM)[-1]
    assert actions.restore(_fed(last)["name"]) == last
    assert actions.restore("0" * 32) == ""
    assert actions.restore("../secret") == ""


@pytest.mark.parametrize(
    ("path", "form", "reason"),
    [
        (None, FORM, "no picture yet"),
        ("broken.png", FORM, r"broken\.png"),
        ("sample", Form(()), "1 to 12"),
        ("sample", Form(FORM.names, scale=0), "scale"),
        ("sample", Form(FORM.names, size=(99999, 1)), "64 times"),
    ],
)
def test_what_cannot_be_done_is_told(
    actions: CompareActions, sample: str, tmp_path: Path, path: str | None, form: Form, reason: str
) -> None:
    (tmp_path / "broken.png").write_bytes(b"no picture")
    named = {"sample": sample, "broken.png": str(tmp_path / "broken.png"), None: None}[path]
    [(fed, said)] = _all(actions, named, form)
    assert fed == ""
    assert re.search(reason, _Seen(said).text)
    assert str(tmp_path) not in said, "where the upload was put is of no use"


def test_one_side_keeps_the_shape_and_both_may_stretch(
    actions: CompareActions, sample: str
) -> None:
    for size, after, stretched in (
        ((WIDTH * 3, 0), (WIDTH * 3, HEIGHT * 3), False),
        ((0, HEIGHT * 3), (WIDTH * 3, HEIGHT * 3), False),
        ((50, 60), (50, 60), True),
    ):
        for fit in (False, True):
            form = replace(FORM, size=size, fit=fit)
            fed = _fed(_all(actions, sample, form)[-1][0])
            if fit and stretched:
                assert (fed["width"], fed["height"]) == (50, round(50 * HEIGHT / WIDTH))
            else:
                assert (fed["width"], fed["height"]) == after
            assert any("Stretched" in note for note in fed["notes"]) is (stretched and not fit)


def test_settings_as_text_ask_for_an_exact_size() -> None:
    for text, fit in (
        ('{"upscaler-lab": 1, "upscalers": ["Box"], "size": [30, 40]}', False),
        ('{"upscaler-lab": 1, "upscalers": ["Box"], "scale": 3}', gr.update()),
    ):
        assert values_of(text, ["Box"], overriding=False)[5] == fit


def test_cancel_and_a_tab_that_is_closed(actions: CompareActions, sample: str, fate: Fate) -> None:
    fate.what = "slow"
    form = Form(("extra", "Nearest"))
    for fed, _ in actions.compare(sample, form, "mine"):
        actions.cancel("another")
        if _fed(fed)["entries"][0]["state"] == "running":
            actions.cancel("mine")
    assert [entry["state"] for entry in _fed(fed)["entries"]] == ["stopped", "stopped"]
    work = actions.compare(sample, form, "closed")
    next(work)
    work.close()
    for thread in threading.enumerate():
        if thread.name == "comparison":
            thread.join(20)
            assert not thread.is_alive()


@pytest.mark.slow
def test_work_stops_when_nobody_asks_for_more(
    actions: CompareActions, sample: str, fate: Fate, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An iterator that is neither closed nor asked, as Gradio 3.41 leaves that of a closed page."""
    monkeypatch.setattr(client_watch, "_GONE_SECONDS", 0.2)
    fate.what = "slow"
    work = actions.compare(sample, Form(("extra", "Nearest")), "left")
    while _fed(next(work)[0])["entries"][0]["state"] != "running":
        continue
    for thread in threading.enumerate():
        if thread.name == "comparison":
            thread.join(15)
            assert not thread.is_alive()
    fed = list(work)[-1][0]
    assert [entry["state"] for entry in _fed(fed)["entries"]] == ["stopped", "stopped"]


def test_a_client_is_gone_when_it_does_not_come_back() -> None:
    now = [0.0]
    watch = client_watch.ClientWatch[str](clock=lambda: now[0])
    values = watch.watch(lambda: iter("ab"))
    assert not watch.is_closed()
    for expected in "ab":
        assert next(values) == expected
        now[0] += 7
        assert not watch.is_closed()
    now[0] += 2
    assert watch.is_closed()
    assert list(values) == []
    assert watch.is_closed()


@pytest.mark.parametrize("closed", [False, True])
def test_what_work_holds_is_free_when_the_page_is_gone(
    monkeypatch: pytest.MonkeyPatch, *, closed: bool
) -> None:
    """A reload of Gradio 3.41 leaves the iterator as it is, with the WebUI's queue in its hands."""
    monkeypatch.setattr(client_watch, "_GONE_SECONDS", 0.2)
    watch, held = client_watch.ClientWatch[int](), threading.Lock()

    def work() -> Iterator[int]:
        with held:
            yield 0
            while not watch.is_closed():
                yield 1
            yield 2

    values = watch.watch(work)
    assert next(values) == 0
    if closed:
        cast("Generator[int]", values).close()
    assert held.acquire(timeout=20)
    assert closed or list(values)[-1] == 2, "the last value remains for a page that comes back"


def test_the_page_is_not_kept_when_the_program_closes() -> None:
    """Gradio 3.41 forgets a request whose page it cannot reach, and a reload waits for it."""
    closing, waits = threading.Event(), threading.Event()

    def work() -> Iterator[int]:
        yield 1
        waits.wait(60)
        yield 2

    values = client_watch.ClientWatch[int](closing.is_set).watch(work)
    assert next(values) == 1
    closing.set()
    assert list(values) == [], "the work still waits, for the WebUI's queue perhaps"
    waits.set()


def test_the_page_gets_the_error_of_its_work() -> None:
    def work() -> Iterator[int]:
        yield 1
        raise ValueError("a fault")

    values = client_watch.ClientWatch[int]().watch(work)
    assert next(values) == 1
    with pytest.raises(ValueError, match="a fault"):
        next(values)


def test_cancelling_before_its_turn(actions: CompareActions, sample: str, fate: Fate) -> None:
    actions.cancel("early")
    for fed, _ in actions.compare(sample, Form(("extra", "Nearest")), "early"):
        last = _fed(fed)
    assert [entry["state"] for entry in last["entries"]] == ["stopped", "stopped"]
    assert fate.runs == 0


@pytest.mark.slow
def test_several_pictures_are_tested(actions: CompareActions, sample: str, tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"no picture")
    form = Form(("Nearest", "extra"), trial=Trial(2))
    shown = list(actions.several([sample, str(tmp_path / "broken.png"), sample], form, "t"))
    _, said, links = shown[-1]
    assert "broken.png" in said
    views = [_fed(fed) for fed, _, _ in shown if fed]
    assert views[-1]["done"] == 2
    assert views[-1]["pictures"] == 3
    row = next(row for row in views[-1]["rows"] if row["name"] == "Nearest")
    assert len(row["figures"]["psnr"]) == 2
    assert _Seen(links).tags == ["a", "a", "a"]


@pytest.mark.parametrize(
    ("count", "trial", "reason"),
    [(0, Trial(2), "1 to 50"), (51, Trial(2), "51"), (1, None, "test")],
)
def test_several_pictures_have_limits(
    actions: CompareActions, sample: str, count: int, trial: Trial | None, reason: str
) -> None:
    [(_, said, _)] = actions.several([sample] * count, Form(FORM.names, trial=trial), "t")
    assert reason in said


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["html", "png", "csv", "json"])
def test_it_can_be_kept(actions: CompareActions, sample: str, kind: str) -> None:
    last, _ = _all(actions, sample, FORM)[-1]
    link = actions.export(json.dumps({"session": _fed(last)["name"], "kind": kind}))
    seen = _Seen(link)
    assert seen.tags == ["a"]
    assert seen.attributes["download"].endswith(f"compared.{kind}")
    assert Path(seen.attributes["href"].removeprefix("file=")).stat().st_size > 100


@pytest.mark.parametrize("message", ["", "[]", "{}", '{"session": "x", "kind": "html"}', "null"])
def test_a_message_that_makes_no_sense_is_refused(actions: CompareActions, message: str) -> None:
    assert 'role="alert"' in actions.export(message)


@pytest.mark.slow
def test_a_use_gets_the_upscaler_and_the_scale(actions: CompareActions, sample: str) -> None:
    last, _ = _all(actions, sample, FORM)[-1]
    message = json.dumps({"session": _fed(last)["name"], "upscaler": "Lanczos"})
    values: Sequence[Any] = actions.fill(actions.uses[0], message)
    assert list(values) == ["Lanczos", 2.0]


@pytest.mark.slow
def test_settings_of_the_engine_count(actions: CompareActions, sample: str) -> None:
    """Those of the form over those of the page of settings."""
    page = replace(actions, settings=lambda: Settings(linear_light=True))
    form = replace(FORM, engine={"linear_light": False})
    plain, light, off = (
        _fed(_all(*arguments)[-1][0])["entries"][1]["result"]["url"].removeprefix("file=")
        for arguments in ((actions, sample, FORM), (page, sample, FORM), (page, sample, form))
    )
    pixels = [read_picture(Path(file)).pixels for file in (plain, light, off)]
    assert np.array_equal(pixels[0], pixels[2])
    assert not np.array_equal(pixels[0], pixels[1])
    [(_, said)] = _all(actions, sample, replace(FORM, engine={"passes": "none at all"}))
    assert "passes" in said


def test_all_that_there_is_can_be_chosen(actions: CompareActions) -> None:
    names = actions.names()
    assert names[-1] == "extra"
    assert {"Nearest", "Lanczos"} < set(names)


def _gradio_3(*_: object, api_name: bool, queue: bool, _js: str) -> str:
    assert not api_name
    assert not queue
    return _js


def _gradio_4(*_: object, api_name: bool, queue: bool, js: str) -> str:
    assert not api_name
    assert not queue
    return js


def _forge(*args: object, **more: Any) -> str:  # noqa: ANN401 - whatever there is
    """Wrap Gradio 4 as Forge and Neo do (gradio_extensions.py, 111)."""
    assert more.pop("show_progress") == "hidden"
    return _gradio_4(*args, **more)


@pytest.mark.parametrize("event", [_gradio_3, _gradio_4, _forge])
def test_an_event_keeps_its_script_on_every_webui(event: Callable[..., str]) -> None:
    assert listen(event, None, None, None, js="() => ['asked for']") == "() => ['asked for']"


@pytest.mark.slow
def test_the_address_of_a_file_is_relative_and_quoted() -> None:
    address = file_url(Path("/some/a b#c/ü?.png"))
    assert not address.startswith("/")
    assert address.endswith("file=/some/a%20b%23c/%C3%BC%3F.png")


@pytest.mark.slow
def test_the_sample_is_the_same_every_time() -> None:
    first, second = draw_sample(), draw_sample()
    assert (first.size.width, first.size.height) == (WIDTH, HEIGHT)
    assert first.pixels.dtype == np.uint8
    assert np.array_equal(first.pixels, second.pixels)
    assert len(np.unique(first.pixels.reshape(-1, 3), axis=0)) > 500


def _app(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "lib_upscalers.app", "--no-browser", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.mark.slow
def test_a_port_that_is_taken_is_one_clear_line() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = _app("--port", port)
    assert done.returncode == 1
    assert f"port {port}" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--prot", "7861"], "did you mean --port?"),
        (["--port", "99999"], "expected a port up to 65535, but got '99999'"),
        (["--port", "web"], "expected a port up to 65535, but got 'web'"),
    ],
)
def test_what_the_app_cannot_use_is_named(
    arguments: list[str], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        app.main(arguments)
    assert caught.value.code == 2
    assert named in capsys.readouterr().err


def test_a_device_that_is_not_there_is_one_clear_line() -> None:
    done = _app("--device", "abacus")
    assert done.returncode == 2
    assert "'abacus'" in done.stderr
    assert "Traceback" not in done.stderr

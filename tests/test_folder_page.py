"""The app's form for folders without a browser: it goes on, lists failures, shows results."""

from __future__ import annotations

import json
import re
import time
from html import unescape
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from lib_upscalers.compare.store import Store
from lib_upscalers.geometry import Size
from lib_upscalers.hosts.standalone import StandaloneHost
from lib_upscalers.jobs.tally import Tally
from lib_upscalers.ui.compare_actions import CompareActions
from lib_upscalers.ui.folder_actions import OWN_FORMAT, FolderActions, FolderForm
from lib_upscalers.ui.gradio_compat import file_url
from lib_upscalers.ui.stored_form import last_form
from lib_upscalers.upscaling.upscaler import Upscaler
from lib_upscalers.video.piece_run import VideoTally

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[[], FolderActions]]:
    """Return what makes actions, as a start of the app does."""
    made: list[FolderActions] = []

    def start() -> FolderActions:
        host = StandaloneHost(device_name="cpu", own_data_folder=tmp_path / "data")
        store = Store(tmp_path / "store")
        actions = CompareActions(Upscaler(host), host, store, file_url, lambda: tmp_path)
        made.append(FolderActions(actions))
        return made[-1]

    yield start
    for each in made:
        each.close()


def draw(folder: Path, *names: str) -> None:
    folder.mkdir(exist_ok=True)
    for name in names:
        Image.new("RGB", (8, 6), "green").save(folder / name)


def until(actions: FolderActions, words: str) -> str:
    deadline = time.monotonic() + 600
    while words not in actions.status():
        assert time.monotonic() < deadline, actions.status()
        time.sleep(0.05)
    return actions.status()


@pytest.mark.slow
def test_a_folder_is_done_and_goes_on_after_a_restart(
    make: Callable[[], FolderActions], tmp_path: Path
) -> None:
    source, results = tmp_path / "in", tmp_path / "out"
    draw(source, "a.png", "b.png")
    (source / "c<b>.png").write_bytes(b"no picture")
    values = (str(source), str(results), "Box", 2.0, OWN_FORMAT, False, 0, 0)
    actions = make()
    assert actions.status() == ""
    assert actions.last_form() == FolderForm()
    assert actions.start(*values) == ""
    shown = until(actions, "Finished</b> <span>2 of 3 done, 1 failed")
    assert "c&lt;b&gt;.png" in shown
    assert "c<b>" not in shown
    assert len(re.findall("<img", shown)) == 4
    again = make()
    form = again.last_form()
    assert (form.source, form.upscaler) == (str(source), "Box")
    draw(source, "c<b>.png", "d.png")
    assert again.start(*values, failed_only=True) == ""
    assert "Failed" not in until(again, "Finished</b> <span>1 of 1 done")
    assert again.start(*values) == ""
    until(again, "3 done before, 1 done now")
    assert {path.name for path in results.glob("*.png")} == {"a.png", "b.png", "c<b>.png", "d.png"}


def test_results_fit_into_the_sides_that_are_given_and_have_their_own_shape() -> None:
    for sides, picture, expected in (
        ((100, 0), Size(20, 10), Size(100, 50)),
        ((0, 100), Size(20, 10), Size(200, 100)),
        ((100, 100), Size(20, 10), Size(100, 50)),
        ((100, 100), Size(10, 20), Size(50, 100)),
        ((0, 0), Size(20, 10), Size(40, 20)),
    ):
        form = FolderForm.of("in", "out", "Box", 2.0, OWN_FORMAT, False, *sides)
        assert form.target(picture).resolve(picture) == expected


def test_a_form_of_an_earlier_version_is_read(tmp_path: Path) -> None:
    (tmp_path / "form.json").write_text(
        '{"source": "in", "results": "out", "upscaler": "Box", "scale": 3.0, '
        f'"ending": "{OWN_FORMAT}", "recursive": true}}'
    )
    assert last_form(FolderForm, tmp_path / "form.json") == FolderForm(
        "in", "out", "Box", 3.0, recursive=True
    )


def test_the_speed_of_a_run_that_has_ended_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    for tally in (Tally(total=1), VideoTally(1)):
        tally.end()
        before, now = tally.seconds, time.monotonic()
        with monkeypatch.context() as patch:
            patch.setattr(time, "monotonic", lambda now=now: now + 1000)
            assert tally.seconds == before


@pytest.mark.slow
def test_a_result_is_shown_before_and_after(
    make: Callable[[], FolderActions], tmp_path: Path
) -> None:
    draw(tmp_path / "in", "a.png")
    actions = make()
    actions.start(str(tmp_path / "in"), str(tmp_path / "out"), "Box", 2.0, "webp", False, 0, 0)
    until(actions, "Finished")
    (name,) = actions.names()
    fed, said = actions.show(name)
    assert said == ""
    view = json.loads(unescape(re.findall('data-feed="([^"]*)"', fed)[0]))
    assert (view["source"]["width"], view["entries"][0]["result"]["width"]) == (8, 16)
    assert actions.compare.restore(view["name"]) == fed
    for odd in ("/etc/passwd", None, 5):
        assert actions.show(odd)[0] == ""
        assert "Expected one of the last results" in actions.show(odd)[1]


@pytest.mark.slow
def test_pausing_leaves_the_rest(
    make: Callable[[], FolderActions], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw(tmp_path / "in", *(f"{number}.png" for number in range(6)))
    actions = make()
    enlarge = Upscaler.run

    def pausing(self: Upscaler, *arguments: object) -> object:
        actions.pause()
        return enlarge(self, *arguments)  # type: ignore[arg-type]

    values = (str(tmp_path / "in"), str(tmp_path / "out"), "Box", 2.0, OWN_FORMAT, False, 0, 0)
    with monkeypatch.context() as patch:
        patch.setattr(Upscaler, "run", pausing)
        assert actions.start(*values) == ""
        assert "left" in until(actions, "Paused")
    assert actions.start(*values) == ""
    until(actions, "Finished")
    assert len(list((tmp_path / "out").glob("*.png"))) == 6


def test_what_makes_no_sense_is_a_sentence(
    make: Callable[[], FolderActions], tmp_path: Path
) -> None:
    actions = make()
    draw(tmp_path / "in", "a.png")
    source, results = str(tmp_path / "in"), str(tmp_path / "out")
    for values in (
        ("", results, "Box", 2.0, OWN_FORMAT, False, 0, 0),
        (source, "", "Box", 2.0, OWN_FORMAT, False, 0, 0),
        (source, results, "Box", None, OWN_FORMAT, False, 0, 0),
        (source, results, "Box", float("inf"), OWN_FORMAT, False, 0, 0),
        (source, results, None, 2.0, OWN_FORMAT, False, 0, 0),
        (source, "\0", "Box", 2.0, OWN_FORMAT, False, 0, 0),
        (source, results, "Box", 2.0, OWN_FORMAT, False, -1, 0),
        (source, results, "Box", 2.0, OWN_FORMAT, False, 0, 1.5),
        (source, results, "Box", 2.0, OWN_FORMAT, False, float("inf"), 0),
        (source,),
    ):
        assert "Expected" in actions.start(*values), values
    rest = ("Box", 2.0, OWN_FORMAT, False, 0, 0)
    assert "there is no folder" in actions.start(str(tmp_path / "nothere"), results, *rest)
    assert "is a file: name its" in actions.start(str(tmp_path / "in" / "a.png"), results, *rest)
    assert actions.status() == "", "nothing was begun"
    assert actions.start(source, results, "No such", *rest[1:]) == ""
    assert "No such" in until(actions, "Stopped")


def test_the_page_names_no_option_of_the_command_line(
    make: Callable[[], FolderActions], tmp_path: Path
) -> None:
    draw(tmp_path / "in")
    frames = [Image.new("RGB", (8, 6), (90 * number, 0, 0)) for number in range(3)]
    frames[0].save(tmp_path / "in" / "a.gif", save_all=True, append_images=frames[1:])
    actions = make()
    actions.start(str(tmp_path / "in"), str(tmp_path / "out"), "Box", 2.0, "jpg", False, 0, 0)
    until(actions, "Finished")
    (name,) = actions.names()
    fed = unescape(actions.show(name)[0])
    assert "3 frames: the first is taken" in fed
    assert "--" not in fed


def test_what_is_left_out_of_a_folder_is_named(
    make: Callable[[], FolderActions], tmp_path: Path
) -> None:
    draw(tmp_path / "in", "a.png")
    draw(tmp_path / "in" / "deep", "b.png")
    (tmp_path / "in" / "c.txt").touch()
    actions = make()
    values = (f'"{tmp_path / "in"}"', str(tmp_path / "out"), "Box", 2.0, OWN_FORMAT)
    assert actions.start(*values, False, 0, 0) == ""
    shown = until(actions, "Finished")
    assert "1 .txt; 1 sub-folder, which “Sub-folders, too” reads." in shown
    assert actions.start(*values, True, 0, 0) == ""
    assert "sub-folder" not in until(actions, "1 done before, 1 done now")

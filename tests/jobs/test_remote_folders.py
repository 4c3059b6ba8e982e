"""Folders whose pictures are done by workers: results, journal, and proofs, without a cluster."""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lib_upscalers import errors
from lib_upscalers.cli.main import main
from lib_upscalers.errors import InputError, UpscalerError
from lib_upscalers.jobs.journal_view import JOURNAL_NAME, JournalView
from lib_upscalers.jobs.picture_worker import PictureTask, PictureWorker
from lib_upscalers.jobs.ray_cluster import RayOptions, _shares, picklable
from lib_upscalers.jobs.worker_proof import proving
from tests.jobs.local_pool import use_local_pool

Capture = pytest.CaptureFixture[str]
pytestmark = pytest.mark.usefixtures("own_folders")


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch) -> set[object]:
    return use_local_pool(monkeypatch)


def draw(*names: str) -> None:
    for number, name in enumerate(names):
        pixels = np.random.default_rng(number).integers(0, 255, (9, 7, 3), dtype=np.uint8)
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(name)


def contents(folder: str) -> dict[str, bytes]:
    return {
        path.name: path.read_bytes()
        for path in sorted(Path(folder).iterdir())
        if not path.name.startswith(JOURNAL_NAME)
    }


def run(*words: str) -> int:
    return main(["upscale", *words, "-u", "Lab Fast 2x", "--device", "cpu"])


@pytest.mark.usefixtures("pool")
def test_workers_make_the_same_files_and_the_journal_knows_them(capsys: Capture) -> None:
    draw("in/a.png", "in/b.jpg", "in/c.webp")
    frames = [Image.new("L", (4, 4), level) for level in (0, 90, 200)]
    frames[0].save("in/d.gif", save_all=True, append_images=frames[1:])
    Path("in/e.png").write_bytes(b"no picture")
    assert run("in", "plain") == 1
    assert run("in", "out", "--ray") == 1
    assert contents("out") == contents("plain")
    assert "4 of 5 done, 1 failed" in capsys.readouterr().err.splitlines()[-1]
    with JournalView(Path("out")) as journal:
        states = {name: journal.row(name).state for name in ("a.png", "e.png")}  # type: ignore[union-attr]
    assert states == {"a.png": "done", "e.png": "failed"}
    assert run("in", "out") == 1
    assert "4 done before" in capsys.readouterr().err.splitlines()[-1]


def test_a_picture_that_ends_its_workers_fails_alone(pool: set[object], capsys: Capture) -> None:
    draw("in/a.png", "in/b.png")
    pool.add("a.png")
    assert run("in", "out", "--ray") == 1
    assert "a.png: Expected a worker" in capsys.readouterr().err
    assert list(contents("out")) == ["b.png"]
    pool.clear()
    assert run("in", "out", "--ray") == 0
    assert list(contents("out")) == ["a.png", "b.png"]


@pytest.mark.usefixtures("pool")
def test_what_is_there_stays(capsys: Capture) -> None:
    draw("in/a.png", "in/b.png", "out/a.png")
    before = Path("out/a.png").read_bytes()
    assert run("in", "out", "--ray") == 0
    assert Path("out/a.png").read_bytes() == before
    assert "1 there already" in capsys.readouterr().err.splitlines()[-1]
    assert run("in", "out", "--ray", "--overwrite") == 0
    assert Path("out/a.png").read_bytes() != before


@pytest.mark.usefixtures("pool")
def test_a_file_that_appears_meanwhile_stays(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    do = PictureWorker.do

    def doing(self: PictureWorker, task: PictureTask) -> object:
        row = do(self, task)
        task.job.output.write_bytes(b"another program's")
        return row

    monkeypatch.setattr(PictureWorker, "do", doing)
    draw("in/a.png")
    assert run("in", "out", "--ray") == 1
    assert "is there already" in capsys.readouterr().err
    assert contents("out") == {"a.png": b"another program's"}


@pytest.mark.usefixtures("pool")
def test_one_file_is_no_work_for_a_cluster(capsys: Capture) -> None:
    draw("a.png")
    assert run("a.png", "b.png", "--ray") == 2
    assert "Expected a folder" in capsys.readouterr().err


class Works:
    fingerprint = "same"


def test_a_machine_that_differs_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.node", lambda: "node-7")
    with proving(tmp_path / "out", "same") as proof:
        assert proof.check(Works()) == "node-7"
        for other, text in (
            (replace(proof, marker=tmp_path / "elsewhere"), "read and write"),
            (replace(proof, text="another run's"), "read and write"),
            (replace(proof, version="0.0.1"), "version 0.0.1 on every machine, but node-7"),
            (replace(proof, fingerprint="other"), "same network files"),
        ):
            with pytest.raises(InputError, match=text):
                other.check(Works())
    assert not any((tmp_path / "out").iterdir())


def test_workers_fit_into_the_machines() -> None:
    machines = [
        {"Alive": True, "Resources": {"CPU": 10.0}},
        {"Alive": True, "Resources": {"CPU": 2.0}},
        {"Alive": True, "Resources": {"memory": 1.0}},
        {"Alive": False, "Resources": {"CPU": 64.0}},
    ]
    assert list(_shares(machines, RayOptions())) == [(4, 0), (4, 0), (2, 0)]
    assert list(_shares(machines, RayOptions(cores=1))) == [(1, 0)] * 12
    machines[0]["Resources"] = {"CPU": 10.0, "GPU": 2.0}
    assert list(_shares(machines, RayOptions())) == [(5, 1), (5, 1)]
    assert list(_shares(machines, RayOptions(on_gpu=False))) == [(4, 0), (4, 0), (2, 0)]


def test_every_error_of_ours_travels() -> None:
    for name in dir(errors):
        kind = getattr(errors, name)
        if isinstance(kind, type) and issubclass(kind, UpscalerError):
            arguments = ("a", "b", "c") if name == "WrongHashError" else ("a",)
            try:
                error = kind(*arguments)
            except TypeError:
                continue
            assert isinstance(pickle.loads(pickle.dumps(picklable(error))), UpscalerError), name

    class ForeignError(Exception):
        def __init__(self, one: int, two: int) -> None:
            super().__init__(f"{one} and {two}")

    assert str(picklable(ForeignError(1, 2))) == "ForeignError: 1 and 2"

"""The bug report: all that is needed, and nothing private."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lib_upscalers import StandaloneHost, Upscaler
from lib_upscalers.cli.main import main
from lib_upscalers.diagnosis.bug_report import Section, bug_report
from lib_upscalers.diagnosis.privacy import short_path, without_private
from lib_upscalers.diagnosis.recent_problems import RecentProblems
from lib_upscalers.errors import InputError
from lib_upscalers.version import VERSION
from tests.cases import each_case

if TYPE_CHECKING:
    from collections.abc import Iterator

HOME = Path("/home/eve")


@each_case(
    "text, expected",
    [
        ("see /home/eve/pics/holiday.png now", "see …/(picture).png now"),
        ("C:\\Users\\Eve\\models\\net.pth: damaged", "…/net.pth: damaged"),
        ("at /mnt/secret project/x.pth", "at …/secret project/x.pth"),
        ("https://eve:word@proxy.org/a/b", "https://proxy.org/a/b"),
        ("Eve's device of Eve", "(user)'s device of (user)"),
        ("believe, never", "believe, never"),
        ("torch 2.9/1.0, fp16/fp32", "torch 2.9/1.0, fp16/fp32"),
        ("summer.JPG failed", "(picture).JPG failed"),
    ],
)
def test_private_parts_are_removed(text: str, expected: str) -> None:
    assert without_private(text, HOME, "eve") == expected


@each_case(
    "path, expected",
    [
        ("/home/eve", "~"),
        ("/home/eve/models", "~/models"),
        ("/home/eve/a/b/models", "~/…/models"),
        ("/mnt/disk/models", "…/models"),
        ("models/mine", "models/mine"),
    ],
)
def test_paths_are_shortened(path: str, expected: str) -> None:
    assert short_path(Path(path), HOME) == expected


@pytest.fixture
def problems() -> Iterator[RecentProblems]:
    found = RecentProblems(2)
    found.attach()
    yield found
    found.detach()


def test_problems_are_stored_without_the_names_in_them(problems: RecentProblems) -> None:
    log = logging.getLogger("lib_upscalers")
    log.info("nothing of note")
    for name in ("first.png", "second.png"):
        log.warning("%s is damaged", name)
    fault = ValueError("off by 7")
    fault.__cause__ = InputError("no third.png")
    log.error("It failed", exc_info=fault)
    lines = problems.lines()
    text = "\n".join(lines)
    assert "first.png" not in text
    assert "third.png" not in text
    assert [line for line in lines if "WARNING: %s is damaged" in line] == [lines[0]]
    assert "  ValueError: off by 7" in lines
    assert "  InputError" in lines


def test_the_report_names_the_machine_and_survives_what_fails(tmp_path: Path) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "broken.pth").write_bytes(b"no network")
    host = StandaloneHost((folder,), own_data_folder=tmp_path)

    def fails() -> list[str]:
        raise RuntimeError("nobody is there")

    text = bug_report(host, Upscaler(host), [Section("Program", fails)])
    for part in (
        *(f"Upscaler Lab {VERSION}", "RuntimeError: nobody is there", "Python 3.", "torch "),
        *("[Device]\ncpu", "broken.pth", "Lab Fast 2x enlarged a drawing of 48x48"),
    ):
        assert part in text, part
    assert str(tmp_path) not in text


def test_a_device_that_computes_nonsense_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    host = StandaloneHost(own_data_folder=tmp_path)
    upscaler = Upscaler(host)
    original = upscaler.run

    def black(*arguments: Any) -> Any:  # noqa: ANN401
        done = original(*arguments)
        if done.passes:
            done.picture.pixels[:] = 0
        return done

    monkeypatch.setattr(upscaler, "run", black)
    assert "WRONG" in bug_report(host, upscaler, [])


def test_the_command_prints_the_report(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("UPSCALER_LAB_PASSWORD", "very secret")
    assert main(["doctor"]) == 0
    shown = capsys.readouterr().out
    assert "UPSCALER_LAB_PASSWORD is set" in shown
    assert "very secret" not in shown
    assert "[Test]\nLab Fast 2x" in shown

"""The command line in the user's language."""

from __future__ import annotations

import json
import logging
import re
import sys
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from lib_upscalers.cli import main
from lib_upscalers.words import translator_of

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("own_folders")


@pytest.fixture(autouse=True)
def _russian(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANGUAGE", "ru")


def test_help_and_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["upscale", "--help"])
    shown = capsys.readouterr().out
    assert shown.startswith("использование: upscalers upscale IN")
    assert "показать эту справку и выйти" in shown
    assert "(по\n" in shown or "(по умолчанию" in shown
    with pytest.raises(SystemExit) as ended:
        main(["upscale", "a.png", "--size", "4"])
    assert ended.value.code == 2
    shown = capsys.readouterr().err
    assert "ошибка: аргумент --size: нужен размер вроде 1920x1080" in shown


def test_work_errors_and_tables(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Image.new("RGB", (8, 6)).save(tmp_path / "a.png")
    assert main(["upscale", "a.png", "none.png", "out", "-u", "Lanczos"]) == 1
    shown = capsys.readouterr().err
    assert "none.png: Нужна картинка или папка, а файла или папки none.png нет." in shown  # noqa: RUF001
    assert "готово 1 из 2, не удалось: 1." in shown
    assert main(["list"]) == 0
    assert capsys.readouterr().out.startswith("НАЗВАНИЕ")


def test_a_run_that_was_stopped_says_so_in_one_language() -> None:
    words = translator_of("ru_RU", ["utf-8"])
    for line in (
        "2 of 5 done, 1 failed, 3 left: the same command goes on with them.",
        "18 of 72 frames, 0.95 frames/s: the same command goes on.",
    ):
        assert not re.search("[a-z]", words(line)), line


def test_what_programs_read_stays_as_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.new("RGB", (8, 6)).save(tmp_path / "a.png")
    assert main(["upscale", "a.png", "none.png", "out", "-u", "Lanczos", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert "Expected a picture" in json.dumps(told)


def test_the_report_stays_in_english_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 0
    shown = capsys.readouterr()
    assert "[Machine]" in shown.out
    assert shown.err.startswith("Отчёт — по-английски")


def test_the_log_stays_in_english(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object, **__: object) -> None:
        logging.getLogger("lib_upscalers").warning("Stopped.")

    monkeypatch.setattr("lib_upscalers.cli.listing.show_list", fail)
    main(["list"])
    assert "warning: Stopped." in capsys.readouterr().err


def test_a_stream_without_the_letters_gets_english(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    module = sys.modules["lib_upscalers.cli.main"]
    monkeypatch.setattr(module, "encodings", lambda: ["ascii"])
    with pytest.raises(SystemExit):
        main(["--help"])
    assert capsys.readouterr().out.startswith("usage: ")


def test_what_a_folder_leaves_out_is_said_in_one_language() -> None:
    words = translator_of("ru_RU", ["utf-8"])
    one, more = (f"{n}, which --recursive reads" for n in ("1 sub-folder", "3 sub-folders"))
    page = "3 sub-folders, which “Sub-folders, too” reads"
    files = "4 files of formats that are not read: 1 .psd, 3 without an ending"
    lines = (one, files, f"{files}; {one}", f"{files}; {more}", f"{files}; {page}", "2 sub-folders")
    for line in lines:
        shown = words(f"in: left out {line}")
        assert not re.search(r"without|left|ub-folder|which|files|reads", shown), shown

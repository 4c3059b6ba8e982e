from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from lib_upscalers import file_writing
from lib_upscalers.errors import AlreadyExistsError, DiskFullError, OutputError
from lib_upscalers.file_writing import (
    check_target,
    remove_stale_parts,
    write_bytes,
    write_text,
    writing,
    writing_path,
)

if TYPE_CHECKING:
    from pathlib import Path

posix = pytest.mark.skipif(sys.platform == "win32", reason="POSIX alone")

HOLDING = """
import sys, time
from pathlib import Path
from lib_upscalers.file_writing import writing
with writing(Path(sys.argv[1]), overwrite=True) as stream:
    stream.write(b"half")
    stream.flush()
    sys.stdout.write("ready\\n")
    sys.stdout.flush()
    time.sleep(60)
"""


def hold(file: Path) -> subprocess.Popen[str]:
    """Start a process that has begun to write a file and does not end."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDING, str(file)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def test_the_name_appears_at_the_end(tmp_path: Path) -> None:
    for overwrite in (False, True):
        file = tmp_path / f"deep{overwrite}" / "file"
        with writing_path(file, overwrite=overwrite, make_folders=True) as part:
            part.write_text("new")
            assert not file.exists()
        assert file.read_text() == "new"
        assert list(file.parent.iterdir()) == [file]


def write_half(file: Path, problem: BaseException) -> None:
    with writing(file, overwrite=True) as stream:
        stream.write(b"half")
        raise problem


def test_what_fails_leaves_the_old_file(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("old")
    for problem in (KeyboardInterrupt(), ValueError(), MemoryError(), SystemExit(1)):
        with pytest.raises(type(problem)):
            write_half(file, problem)
        assert file.read_text() == "old"
        assert list(tmp_path.iterdir()) == [file]


def test_a_file_that_is_there_is_not_replaced_unless_asked(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("old")
    with pytest.raises(AlreadyExistsError, match="file is there already"):
        write_text(file, "new", overwrite=False)
    assert file.read_text() == "old"
    write_text(file, "new", overwrite=True)
    assert file.read_text() == "new"


def write_meanwhile(file: Path) -> None:
    with writing(file, overwrite=False) as stream:
        stream.write(b"ours")
        file.write_text("theirs")


def no_links(number: int) -> object:
    def link(source: object, target: object) -> None:
        raise OSError(number, os.strerror(number))

    return link


def test_a_file_that_appears_meanwhile_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With hard links and without."""
    for number in (None, errno.EPERM, errno.EOPNOTSUPP):
        if number is not None:
            monkeypatch.setattr(os, "link", no_links(number))
        file = tmp_path / f"file{number}"
        with pytest.raises(AlreadyExistsError):
            write_meanwhile(file)
        assert file.read_text() == "theirs", number
        write_text(tmp_path / f"new{number}", "ours", overwrite=False)
        assert (tmp_path / f"new{number}").read_text() == "ours"
    assert not list(tmp_path.glob(".*"))


@posix
def test_an_input_is_never_replaced_whatever_it_is_called(tmp_path: Path) -> None:
    source = tmp_path / "input"
    source.write_text("precious")
    (tmp_path / "symbolic").symlink_to(source)
    os.link(source, tmp_path / "hard")
    (tmp_path / "folder").mkdir()
    names = ("input", "symbolic", "hard", "folder/../input")
    for name in names:
        for other in names:
            with pytest.raises(OutputError, match="is the input"):
                write_text(tmp_path / name, "x", overwrite=True, protected=[tmp_path / other])
    assert source.read_text() == "precious"
    write_text(tmp_path / "output", "x", overwrite=True, protected=[source, tmp_path / "gone"])


@posix
def test_a_symbolic_link_goes_on_pointing(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    write_text(tmp_path / "link", "new", overwrite=True)
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"
    (tmp_path / "dangling").symlink_to("nothing")
    with pytest.raises(AlreadyExistsError):
        write_text(tmp_path / "dangling", "new", overwrite=False)


def test_a_full_disk_is_noticed_before_writing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))
    with pytest.raises(DiskFullError, match=r"5,000 bytes.*1,000"):
        write_bytes(tmp_path / "file", bytes(5000), overwrite=True)
    with pytest.raises(DiskFullError):
        check_target(tmp_path / "file", overwrite=True, size=1001)
    assert not list(tmp_path.iterdir())
    write_bytes(tmp_path / "file", bytes(500), overwrite=True)


def test_a_full_disk_is_told_apart(tmp_path: Path) -> None:
    """So that a run of many pictures can end at the first."""
    for number in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)):
        with (
            pytest.raises(DiskFullError, match="free some space"),
            writing(tmp_path / "file", overwrite=True),
        ):
            raise OSError(number, os.strerror(number))
    with pytest.raises(OutputError) as caught, writing(tmp_path / "file", overwrite=True):
        raise OSError(errno.EIO, os.strerror(errno.EIO))
    assert not isinstance(caught.value, DiskFullError)


@posix
def test_the_next_run_removes_what_a_killed_one_left(tmp_path: Path) -> None:
    process = hold(tmp_path / "file")
    parts = list(tmp_path.glob(".*.part"))
    assert len(parts) == 1
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert parts[0].exists()
    write_text(tmp_path / "other", "new", overwrite=True)
    assert [each.name for each in tmp_path.iterdir()] == ["other"]


def test_what_a_live_run_writes_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    process = hold(tmp_path / "file")
    try:
        part = next(tmp_path.glob(".*.part"))
        assert remove_stale_parts(tmp_path) == 0
        if sys.platform != "win32":
            # In another container the number seems to be nobody's, and time has passed.
            monkeypatch.setattr(file_writing, "is_alive", lambda _: False)
            os.utime(part, (0, 0))
            assert remove_stale_parts(tmp_path) == 0
        assert part.exists()
    finally:
        end(process)


def test_parts_of_other_machines_stay_for_a_day(tmp_path: Path) -> None:
    part = tmp_path / ".00000000-1-0123456789abcdef.part"
    part.touch()
    assert remove_stale_parts(tmp_path) == 0
    long_ago = time.time() - 25 * 3600
    os.utime(part, (long_ago, long_ago))
    for name in (".hidden.part", "song.part", ".00000000-1-0123456789abcdef.part.txt"):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (0, 0))
    assert remove_stale_parts(tmp_path) == 1
    assert not part.exists()
    assert len(list(tmp_path.iterdir())) == 3


def test_errors_say_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for target, text in (
        (tmp_path / "none" / "a", "make the folder first"),
        (tmp_path / "file" / "a", "choose another folder"),
        (tmp_path, "Expected the name of a file"),
        (tmp_path / ("x" * 300), "shorter name"),
        (tmp_path / "a\0b", "choose another"),
    ):
        with pytest.raises(OutputError, match=text):
            write_text(target, "new", overwrite=False)


@posix
def test_names_may_be_as_long_as_the_system_allows(tmp_path: Path) -> None:
    write_text(tmp_path / ("ü" * 127), "new", overwrite=False)
    assert len(list(tmp_path.iterdir())) == 1


def test_texts_are_written_as_they_are(tmp_path: Path) -> None:
    write_text(tmp_path / "a", "a\r\nb\nä\udcff", overwrite=True)
    assert (tmp_path / "a").read_bytes() == "a\r\nb\nä\\udcff".encode()

"""Which files the command line reads and writes: nothing may ever be lost."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import pytest

from lib_upscalers.errors import InputError, OutputError
from lib_upscalers.jobs.output_paths import FilePlan, plan, writable
from tests.cases import each_case


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder: in/{a.png, b.JPG, notes.txt, deep/c.webp, deep/a.png}, one.png."""
    (tmp_path / "in" / "deep").mkdir(parents=True)
    for name in (
        "in/a.png",
        "in/b.JPG",
        "in/notes.txt",
        "in/deep/c.webp",
        "in/deep/a.png",
        "one.png",
    ):
        (tmp_path / name).write_bytes(b"x")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _plan(
    *names: str,
    output: str,
    extension: str | None = None,
    recursive: bool = False,
    overwrite: bool = False,
) -> FilePlan:
    return plan(names, output, extension=extension, recursive=recursive, overwrite=overwrite)


def _pairs(work: FilePlan) -> dict[str, str]:
    return {job.source.as_posix(): job.output.as_posix() for job in work.jobs}


@pytest.mark.usefixtures("folder")
class TestOutput:
    def test_one_picture_to_one_file(self) -> None:
        assert _pairs(_plan("one.png", output="big.jpg")) == {"one.png": "big.jpg"}

    def test_a_file_without_an_ending_gets_one(self) -> None:
        assert _pairs(_plan("one.png", output="big")) == {"one.png": "big.png"}
        assert _pairs(_plan("one.png", output="big", extension="webp")) == {"one.png": "big.webp"}

    def test_one_picture_into_a_folder(self) -> None:
        assert _pairs(_plan("one.png", output="new/")) == {"one.png": "new/one.png"}
        Path("there").mkdir()
        assert _pairs(_plan("one.png", output="there")) == {"one.png": "there/one.png"}

    def test_a_folder_is_mirrored(self) -> None:
        flat = {"in/a.png": "out/a.png", "in/b.JPG": "out/b.JPG"}
        deep = {"in/deep/a.png": "out/deep/a.png", "in/deep/c.webp": "out/deep/c.webp"}
        assert _pairs(_plan("in", output="out")) == flat
        assert _pairs(_plan("in", output="out", recursive=True)) == flat | deep

    def test_patterns_are_expanded_here(self) -> None:
        assert _pairs(_plan("in/*.png", output="out")) == {"in/a.png": "out/a.png"}
        assert _pairs(_plan("in/**/*.png", output="out")) == {
            "in/a.png": "out/a.png",
            "in/deep/a.png": "out/deep/a.png",
        }

    def test_a_name_with_brackets_is_a_name_first(self) -> None:
        Path("x[1].png").write_bytes(b"x")
        assert _pairs(_plan("x[1].png", output="big.png")) == {"x[1].png": "big.png"}

    def test_a_picture_that_is_named_twice_is_done_once(self) -> None:
        assert len(_plan("in/a.png", "in", "in/*.png", "./in/a.png", output="out").jobs) == 2

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
    def test_an_empty_name_is_not_the_current_folder(self) -> None:
        (refusal,) = _plan("", output="out").refusals
        assert "an empty name" in str(refusal.error)
        with pytest.raises(InputError, match="an empty name"):
            _plan("one.png", output="")

    def test_a_pipe_is_neither_read_as_a_folder_nor_written(self) -> None:
        os.mkfifo("pipe")
        assert not _plan("pipe", output="out.png").into_folder
        with pytest.raises(InputError, match="pipe or a device"):
            _plan("one.png", output="pipe")

    def test_several_pictures_need_a_folder(self) -> None:
        for output in ("big.png", "one.png"):
            with pytest.raises(InputError, match="Expected a folder"):
                _plan("in", output=output)

    def test_the_format_must_fit_the_file(self) -> None:
        with pytest.raises(InputError, match=r"ends in \.webp"):
            _plan("one.png", output="big.png", extension="webp")
        assert _plan("one.png", output="big.jpeg", extension="jpg").jobs

    @pytest.mark.parametrize("name", ["big.xyz", "big.txt"])
    def test_a_format_that_cannot_be_written_is_refused(self, name: str) -> None:
        with pytest.raises(InputError, match="ends in one of"):
            _plan("one.png", output=name)

    def test_results_of_an_earlier_run_are_not_read(self) -> None:
        Path("in/out").mkdir()
        Path("in/out/a.png").write_bytes(b"x")
        work = _plan("in", output="in/out", recursive=True, overwrite=True)
        assert "in/out/a.png" not in _pairs(work)
        assert len(work.jobs) == 4

    def test_what_is_named_is_read_even_inside_the_output(self) -> None:
        work = _plan("one.png", "in/a.png", output="in", extension="webp")
        assert _pairs(work) == {"one.png": "in/one.webp", "in/a.png": "in/a.webp"}


@pytest.mark.usefixtures("folder")
class TestRefusals:
    def test_what_is_missing_is_told_and_the_rest_done(self) -> None:
        work = _plan("nothing.png", "one.png", "*.bmp", "empty", output="out/")
        assert _pairs(work) == {"one.png": "out/one.png"}
        names = [refusal.name for refusal in work.refusals]
        assert names == ["nothing.png", "*.bmp", "empty"]

    def test_a_folder_without_pictures_says_how_to_look_deeper(self) -> None:
        Path("shelf/deep").mkdir(parents=True)
        (refusal,) = _plan("shelf", output="out").refusals
        assert "--recursive" in str(refusal.error)

    def test_a_picture_is_never_its_own_result(self) -> None:
        work = _plan("one.png", output="one.png", overwrite=True)
        assert not work.jobs
        assert "the picture itself" in str(work.refusals[0].error)

    def test_nor_by_another_way(self, folder: Path) -> None:
        (folder / "link").symlink_to(folder / "in", target_is_directory=True)
        for output in ("./one.png", str(folder / "one.png"), "in/../one.png", "ONE.png"):
            assert not _plan("one.png", output=output, overwrite=True).jobs
        assert not _plan("in", output="link", overwrite=True).jobs

    def test_nor_the_result_of_another_one(self) -> None:
        work = _plan("in/a.png", "in/deep/a.png", "one.png", output="in", overwrite=True)
        assert _pairs(work) == {"one.png": "in/one.png"}

    def test_what_exists_stays(self) -> None:
        Path("big.png").write_bytes(b"precious")
        assert "--overwrite" in str(_plan("one.png", output="big.png").refusals[0].error)
        assert _plan("one.png", output="big.png", overwrite=True).jobs

    def test_two_pictures_of_one_name_from_two_folders(self) -> None:
        work = _plan("in/a.png", "in/deep/a.png", output="out")
        assert _pairs(work) == {"in/a.png": "out/a.png"}
        assert "in/a.png" in str(work.refusals[0].error).replace("\\", "/")

    def test_two_pictures_that_differ_in_their_ending_alone(self) -> None:
        Path("in/a.jpg").write_bytes(b"x")
        work = _plan("in", output="out", extension="webp")
        assert _pairs(work)["in/a.png"] == "out/a.png.webp"
        assert _pairs(work)["in/a.jpg"] == "out/a.jpg.webp"
        assert _pairs(work)["in/b.JPG"] == "out/b.webp"

    def test_a_name_that_such_a_result_would_have_is_numbered(self) -> None:
        Path("in/a.jpg").write_bytes(b"x")
        Path("in/a.png.png").write_bytes(b"x")
        work = _plan("in", output="out", extension="webp")
        assert not work.refusals
        assert _pairs(work)["in/a.png"] == "out/a.png.webp"
        assert _pairs(work)["in/a.png.png"] == "out/a.png-2.webp"

    def test_a_folder_that_cannot_be_written_is_named_once(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(path: str, mode: int) -> bool:
            return not (path and mode)

        monkeypatch.setattr(os, "access", refuse)
        with pytest.raises(OutputError, match="must not be written"):
            _plan("in", output="out")


@pytest.mark.slow
@pytest.mark.usefixtures("folder")
@each_case("extension", [None, *writable()])
@each_case("overwrite", [False, True])
def test_no_result_meets_another_file(extension: str | None, *, overwrite: bool) -> None:
    """Whatever is combined, results are distinct, and none is a picture that is read."""
    names = ("in", "in/deep", "one.png", "in/*.JPG", "in/**/*")
    for count, output in itertools.product(range(1, 4), ("out", "in", "in/deep", ".")):
        for chosen in itertools.combinations(names, count):
            if chosen == ("one.png",) and output == "out":
                continue
            work = _plan(
                *chosen, output=output, extension=extension, recursive=True, overwrite=overwrite
            )
            results = [str(job.output.resolve()).casefold() for job in work.jobs]
            assert len(set(results)) == len(results)
            assert not set(results) & {str(job.source.resolve()).casefold() for job in work.jobs}
            assert overwrite or not any(job.output.exists() for job in work.jobs)

"""`upscalers video`: timestamps, colours, copied streams, pieces that go on, refusals."""

from __future__ import annotations

import io
import math
import os
import subprocess
import sys
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from lib_upscalers.cli.main import main
from lib_upscalers.geometry import Size
from lib_upscalers.jobs.claims import Claim
from lib_upscalers.training.drawing.synthetic import draw
from lib_upscalers.upscaling.upscaler import Upscaler
from lib_upscalers.video import pieces, video_run
from lib_upscalers.video.colour import Colour, from_rgb, to_rgb
from lib_upscalers.video.decoding import Decoder
from lib_upscalers.video.encoding import Encoding, PieceWriter
from lib_upscalers.video.video_facts import is_cover, probe
from tests.jobs.local_pool import use_local_pool
from tests.video.clips import Clip, frames_of, picture, stamps_of

if TYPE_CHECKING:
    from collections.abc import Callable

av = pytest.importorskip("av")
Capture = pytest.CaptureFixture[str]
IRREGULAR = (0, 42, 83, 125, 250, 260, 300, 500, 512, 1000, 1040, 1073, 1100)
DOUBLE = ("-u", "Nearest", "--scale", "2")
pytestmark = pytest.mark.usefixtures("own_folders")


def run(source: str | Path, output: str, *arguments: str) -> int:
    return main(["video", str(source), output, *DOUBLE, *arguments])


def count_runs(monkeypatch: pytest.MonkeyPatch, act: Callable[[int], None]) -> None:
    """Call `act` with the number of each frame before it is enlarged."""
    enlarge, calls = Upscaler.run, 0

    def acting(self: Upscaler, *arguments: object) -> object:
        nonlocal calls
        calls += 1
        act(calls)
        return enlarge(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Upscaler, "run", acting)


def content(path: str | Path) -> list[tuple[Fraction, bytes]]:
    with av.open(str(path)) as container:
        return [
            (packet.pts * packet.time_base, bytes(packet))
            for packet in container.demux(video=0)
            if packet.size
        ]


@pytest.fixture
def short_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut pieces of 0.3 seconds."""
    monkeypatch.setattr(pieces.cut, "__defaults__", (0.3,))


@pytest.mark.usefixtures("short_pieces")
@pytest.mark.parametrize(
    ("clip", "name", "result"),
    [
        (Clip(IRREGULAR), "in.mkv", "out.mkv"),
        (Clip(tuple(range(0, 30 * 1001, 1001)), Fraction(1, 24000)), "in.mp4", "out.mp4"),
        (Clip(tuple(range(0, 30 * 1001, 1001)), Fraction(1, 24000)), "in.mp4", "out.mkv"),
        (Clip(tuple(range(0, 30 * 37, 37)), Fraction(1, 90000)), "in.mp4", "out.mp4"),
        (Clip(options={"x264-params": "open-gop=1:keyint=8:bframes=3"}), "in.mkv", "out.mp4"),
    ],
)
def test_every_frame_keeps_its_time(clip: Clip, name: str, result: str) -> None:
    source = clip.write(Path(name))

    assert run(source, result) == 0

    expected = stamps_of(source)
    if result.endswith(".mkv"):  # which counts in milliseconds
        expected = [Fraction(math.floor(each * 1000 + Fraction(1, 2)), 1000) for each in expected]
    assert stamps_of(Path(result)) == expected
    found = frames_of(Path(result))
    assert len(found) == len(expected)
    assert {(frame.width, frame.height) for frame in found} == {(96, 64)}
    assert not list(Path().glob("*.pieces"))


def test_no_chroma_is_lost_that_a_codec_can_hold() -> None:
    for source, expected in (("440", "444"), ("411", "422"), ("410", "420"), ("420", "420")):
        path = Clip(pixel_format=f"yuv{source}p", codec="ffv1", options={}).write(Path("in.mkv"))
        found = Encoding.named("h264").codec.pixel_format(probe(path))
        assert found == f"yuv{expected}p", source


@pytest.mark.usefixtures("short_pieces")
def test_timestamps_of_decoding_become_those_of_showing(capsys: Capture) -> None:
    """AVI has no others, so that the decoder gives frames with those of their neighbours."""
    options = {"crf": "1", "x264-params": "bframes=3:b-adapt=0:keyint=9:scenecut=0"}
    clip = Clip(tuple(range(30)), Fraction(1, 25), size=(96, 64), options=options)
    source = clip.write(Path("in.avi"))
    before = frames_of(source)
    assert any(one.pts > other.pts for one, other in pairwise(before)), "the clip shows nothing"

    assert (
        main(["video", str(source), "out.mkv", "-u", "Nearest", "--scale", "1", "--crf", "0"]) == 0
    )

    after = frames_of(Path("out.mkv"))
    assert "damaged" not in capsys.readouterr().err
    assert [round(25 * frame.time) for frame in after] == sorted(frame.pts for frame in before)
    for number, (one, other) in enumerate(zip(before, after, strict=True)):
        luma = (frame.to_ndarray()[:64].astype(int) for frame in (one, other))
        assert np.abs(np.subtract(*luma)).max() <= 2, number


def test_frames_of_one_time_are_taken_once() -> None:
    source = Clip().write(Path("in.mkv"))
    facts = probe(source)
    piece = pieces.cut(pieces.read_timeline(facts), facts)[0]
    decoder = Decoder(facts, piece)
    decoder._wanted = lambda frames=decoder._wanted: (  # type: ignore[method-assign]
        frame for each in frames() for frame in (each, each)
    )
    assert [frame.stamp for frame in decoder.frames()] == list(piece.stamps)


@pytest.mark.parametrize(
    ("clip", "kept"),
    [
        (Clip(matrix=1), ("yuv420p", 1, 1)),
        (Clip(matrix=6, transfer=6), ("yuv420p", 6, 1)),
        (Clip(full=True, pixel_format="yuvj420p"), ("yuv420p", 1, 2)),
        (Clip(pixel_format="yuv420p10le"), ("yuv420p10le", 1, 1)),
        (Clip(pixel_format="yuv444p"), ("yuv444p", 1, 1)),
    ],
)
def test_colours_and_their_tags_stay(clip: Clip, kept: tuple[str, int, int]) -> None:
    source = clip.write(Path("in.mkv"))

    assert run(source, "out.mkv", "--crf", "0") == 0

    before, after = frames_of(source)[5], frames_of(Path("out.mkv"))[5]
    name, matrix, levels = kept
    assert after.format.name.replace("yuvj", "yuv") == name
    assert (after.colorspace, after.color_range) == (matrix, levels)
    assert (after.color_primaries, after.color_trc) == (before.color_primaries, before.color_trc)
    assert after.to_ndarray(format="rgb24")[2, 2] == pytest.approx(
        before.to_ndarray(format="rgb24")[1, 1], abs=1
    )


@pytest.mark.parametrize("bits", [8, 10])
@pytest.mark.parametrize("full", [False, True])
def test_the_matrix_is_that_of_the_standard(bits: int, *, full: bool) -> None:
    # Worked out from ITU-R BT.709's equations; limited 8-bit: 95, 165, 119 as Y, Cb, Cr order.
    pixels = np.array([[[186, 107, 49]]], np.uint8)
    colour = Colour(1, full, 1, 1)

    planes = from_rgb(pixels, bits, colour)

    if (bits, full) == (8, False):
        assert planes.ravel().tolist() == [119, 95, 165]
    back = to_rgb(planes, bits, colour).astype(float)
    assert back / (255 if bits == 8 else 65535) * 255 == pytest.approx(pixels, abs=2)


def test_a_size_without_tags_is_taken_as_players_take_it() -> None:
    unknown = Colour(2, False, 2, 2)

    assert unknown.with_guesses(640, 480).matrix == 6
    assert unknown.with_guesses(720, 576).matrix == 5
    assert unknown.with_guesses(1280, 720).matrix == 1


def test_sound_fonts_chapters_and_tags_are_copied(capsys: Capture) -> None:
    source = Clip(sound_offset=120, subtitles=True).write(Path("in.mkv"))

    assert run(source, "out.mkv") == 0

    assert stamps_of(Path("out.mkv"), "audio") == stamps_of(source, "audio")
    with av.open("out.mkv") as container:
        assert [each.type for each in container.streams] == ["video", "audio", "attachment"]
        assert container.metadata["title"] == "A clip"
        assert container.streams[0].metadata["language"] == "jpn"
        assert container.chapters()[0]["metadata"] == {"title": "First"}
    assert "left out" not in capsys.readouterr().err


@pytest.mark.parametrize("ending", ["mkv", "mp4"])
def test_the_cover_stays_a_cover(ending: str, capsys: Capture) -> None:
    data = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(data, "JPEG")
    source = Clip(cover=data.getvalue()).write(Path("in.mkv"))

    assert run(source, f"out.{ending}") == 0

    assert "left out" not in capsys.readouterr().err
    with av.open(f"out.{ending}") as container:
        _, cover = container.streams.video
        assert is_cover(cover)
        assert bytes(next(container.demux(cover))) == data.getvalue()


def test_a_cover_that_a_container_does_not_hold_is_named(capsys: Capture) -> None:
    data = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(data, "JPEG")
    source = Clip(cover=data.getvalue()).write(Path("in.mkv"))
    assert run(source, "out.mov") == 0
    assert "mov cannot hold cover" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("codec", "ending"), [("h264", "mkv"), ("h264", "mp4"), ("ffv1", "mp4"), ("prores", "mov")]
)
def test_pixels_that_are_not_square_stay_so(codec: str, ending: str) -> None:
    source = Clip(aspect=Fraction(64, 45)).write(Path("in.mkv"))
    assert run(source, f"out.{ending}", "--codec", codec) == 0
    with av.open(f"out.{ending}") as container:
        assert container.streams.video[0].sample_aspect_ratio == Fraction(64, 45)


@pytest.mark.parametrize(
    ("clip", "codec", "ending", "words"),
    [
        (Clip(aspect=Fraction(64, 45)), "ffv1", "mkv", "square pixels"),
        (Clip(), "h264", "webm", "container that holds h264"),
        (Clip(), "ffv1", "mov", "container that holds ffv1"),
        (Clip(), "prores", "mp4", "container that holds prores"),
        (Clip(), "av1", "mov", "container that holds av1"),
    ],
)
def test_what_a_container_cannot_hold_is_refused_before_the_work(
    clip: Clip, codec: str, ending: str, words: str, capsys: Capture
) -> None:
    source = clip.write(Path("in.mkv"))
    assert run(source, f"out.{ending}", "--codec", codec) == 2
    assert words in capsys.readouterr().err
    assert not list(Path().glob("out*"))


def test_what_a_container_cannot_hold_is_named(capsys: Capture) -> None:
    source = Clip(sound_offset=0, subtitles=True).write(Path("in.mkv"))

    assert run(source, "out.mp4") == 0

    assert "mp4 cannot hold attached file font.ttf: left out" in capsys.readouterr().err
    assert stamps_of(Path("out.mp4"), "audio")


@pytest.mark.parametrize("ending", ["mkv", "mp4"])
def test_sound_that_begins_before_the_pictures_is_whole(ending: str) -> None:
    """AAC begins with a packet of which its decoder needs the end, at a negative time."""
    source = Clip(sound_offset=0).write(Path("in.mp4"))
    assert stamps_of(source, "audio")[0] < 0
    assert run(source, f"out.{ending}") == 0
    heard = []
    for path in (source, Path(f"out.{ending}")):
        with av.open(str(path)) as container:
            packets = [bytes(each) for each in container.demux(audio=0) if each.size]
        heard.append(packets)
    assert heard[0] == heard[1]


def test_a_part_begins_at_zero_with_its_sound(capsys: Capture) -> None:
    source = Clip(tuple(range(0, 2000, 40)), sound_offset=0).write(Path("in.mkv"))

    assert run(source, "out.mkv", "--trim", "0.2-0.4") == 0

    assert stamps_of(Path("out.mkv")) == [Fraction(each, 1000) for each in range(0, 200, 40)]
    assert 0 <= stamps_of(Path("out.mkv"), "audio")[0] < Fraction(1, 20)
    before = frames_of(source)[5].to_ndarray(format="rgb24").astype(int)
    after = frames_of(Path("out.mkv"))[0].to_ndarray(format="rgb24").astype(int)
    assert np.abs(after[::2, ::2] - before).mean() < 4
    assert run(source, "late.mkv", "--trim", "5-6") == 2
    assert "has 2.0 seconds" in capsys.readouterr().err
    assert run(source, "late.mkv", "--trim", "5-") == 2
    assert "between 5 and the end." in capsys.readouterr().err


def test_a_missing_folder_is_made() -> None:
    source = Clip(stamps=(0, 40, 80)).write(Path("in.mkv"))
    assert run(source, "new/deep/out.mkv") == 0
    assert [each.name for each in Path("new/deep").iterdir()] == ["out.mkv"]


def test_equal_frames_are_enlarged_once(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    numbers: list[int] = []
    count_runs(monkeypatch, numbers.append)
    source = Clip(hold=3, codec="ffv1", pixel_format="yuv444p", options={}).write(Path("in.mkv"))

    assert run(source, "out.mkv", "--codec", "ffv1") == 0

    assert len(numbers) == 7
    assert "13 like the frame before them" in capsys.readouterr().err
    shown = [frame.to_ndarray(format="rgb24") for frame in frames_of(Path("out.mkv"))]
    for number, pixels in enumerate(shown):
        wanted = picture(number // 3, (48, 32)).repeat(2, 0).repeat(2, 1)
        assert np.abs(pixels.astype(int) - wanted).max() <= 3


def killed_with_pieces_left(monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a video that was enlarged by a run that was killed before it removed its pieces."""

    def killed(folder: Path) -> None:
        raise KeyboardInterrupt(folder)

    source = Clip().write(Path("in.mkv"))
    with monkeypatch.context() as patch:
        patch.setattr(video_run, "_remove_pieces", killed)
        assert run(source, "out.mkv") == 130
    return source


@pytest.mark.slow
def test_pieces_of_a_result_that_is_there_are_removed_by_the_next_run(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    source = killed_with_pieces_left(monkeypatch)
    assert Path("out.mkv").exists()
    assert Path("out.mkv.pieces").exists()

    assert run(source, "out.mkv") != 0
    assert "--overwrite" in capsys.readouterr().err
    assert not Path("out.mkv.pieces").exists()


def test_pieces_of_another_result_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    source = killed_with_pieces_left(monkeypatch)
    Path("out.mkv").write_bytes(b"another")
    assert run(source, "out.mkv") != 0
    assert list(Path("out.mkv.pieces").glob("*.mkv"))


@pytest.mark.usefixtures("short_pieces")
def test_a_run_goes_on_with_the_piece_that_was_in_work(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    source = Clip().write(Path("in.mkv"))
    assert run(source, "whole.mkv") == 0

    def stop(number: int) -> None:
        if number == 13:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        count_runs(patch, stop)
        assert run(source, "out.mkv") == 130
    assert not Path("out.mkv").exists()
    assert "the same command goes on" in capsys.readouterr().err

    assert run(source, "out.mkv") == 0

    assert "20 of 20 frames, 8 before" in capsys.readouterr().err
    assert content("out.mkv") == content("whole.mkv")
    assert not list(Path().glob("out.mkv.pieces"))


@pytest.mark.usefixtures("short_pieces")
def test_a_stop_loses_no_frame_of_slow_work(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    source = Clip().write(Path("in.mkv"))
    lossless = ("--codec", "ffv1")
    assert run(source, "whole.mkv", *lossless) == 0
    monkeypatch.setattr(video_run, "_LOST_SECONDS", 0.0)
    before = []
    for frames in (3, 2, 6):
        stop_at = frames + 1

        def stop(number: int, last: int = stop_at) -> None:
            if number == last:
                raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            count_runs(patch, stop)
            assert run(source, "out.mkv", *lossless) == 130
        before.append(sum(len(frames_of(each)) for each in Path("out.mkv.pieces").glob("*.mkv")))

    assert before == [3, 5, 11], "each run went on where the one before was stopped"
    capsys.readouterr()
    assert run(source, "out.mkv", *lossless) == 0
    assert "20 of 20 frames, 11 before" in capsys.readouterr().err
    assert stamps_of(Path("out.mkv")) == stamps_of(Path("whole.mkv"))
    pixels = [
        np.stack([frame.to_ndarray(format="rgb24") for frame in frames_of(Path(name))])
        for name in ("out.mkv", "whole.mkv")
    ]
    assert np.array_equal(*pixels)
    assert not list(Path().glob("out.mkv.pieces"))


@pytest.mark.usefixtures("short_pieces")
def test_another_setting_makes_the_pieces_anew(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    source = Clip().write(Path("in.mkv"))

    def stop(number: int) -> None:
        if number == 13:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        count_runs(patch, stop)
        run(source, "out.mkv")
    assert run(source, "out.mkv", "--crf", "30") == 0

    assert " before" not in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.slow
def test_killed_at_any_moment_it_loses_one_piece_at_most() -> None:
    """A process that dies in the middle of a piece; the next one goes on."""
    source = Clip().write(Path("in.mkv"))
    program = (
        "import os, sys\n"
        "from lib_upscalers.upscaling.upscaler import Upscaler\n"
        "from lib_upscalers.video import pieces\n"
        "from lib_upscalers.cli.main import main\n"
        "pieces.cut.__defaults__ = (0.3,)\n"
        "enlarge, calls = Upscaler.run, []\n"
        "def acting(self, *arguments):\n"
        "    calls.append(1)\n"
        "    if len(calls) == 13: os._exit(9)\n"
        "    return enlarge(self, *arguments)\n"
        "Upscaler.run = acting\n"
        "main(sys.argv[1:])\n"
    )
    arguments = ["video", str(source), "out.mkv", *DOUBLE]

    here = [str(Path(__file__).parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(here)}

    done = subprocess.run([sys.executable, "-c", program, *arguments], check=False, env=environment)

    assert done.returncode == 9
    assert not Path("out.mkv").exists()
    assert [each.name for each in Path("out.mkv.pieces").glob("*.mkv")] == ["00001.mkv"]


def test_damaged_frames_show_what_is_beside_them(capsys: Capture) -> None:
    source = Clip(codec="ffv1", options={"g": "1", "slicecrc": "1"}).write(Path("in.mkv"))
    data, packets = bytearray(source.read_bytes()), content(source)
    for number in (0, 7, 19):
        place = data.index(packets[number][1])
        data[place : place + len(packets[number][1])] = bytes(len(packets[number][1]))
    source.write_bytes(data)

    assert run(source, "out.mkv") == 0

    # FFV1 conceals some of them without a word.
    assert "of the source are damaged, 1" in capsys.readouterr().err
    assert stamps_of(Path("out.mkv")) == stamps_of(source)


@pytest.mark.slow
def test_a_broken_end_is_named_and_the_rest_is_done(capsys: Capture) -> None:
    source = Clip(tuple(range(0, 4000, 40))).write(Path("in.mkv"))
    data = source.read_bytes()
    source.write_bytes(data[: len(data) * 2 // 3])

    assert run(source, "out.mkv") == 0

    there = stamps_of(Path("out.mkv"))
    assert 30 < len(there) < 100
    assert there == stamps_of(source)[: len(there)]


@pytest.mark.parametrize(
    ("clip", "name", "words"),
    [
        (Clip(matrix=9, transfer=16, pixel_format="yuv420p10le"), "in.mkv", "HDR, PQ"),
        (Clip(matrix=9, transfer=18, pixel_format="yuv420p10le"), "in.mkv", "HDR, HLG"),
        (Clip(options={"x264-params": "interlaced=1"}), "in.mkv", "interlaced"),
        (
            Clip(codec="ffv1", pixel_format="yuva420p", options={}),
            "in.mkv",
            "has transparency",
        ),
    ],
)
def test_what_would_be_spoilt_is_refused(
    clip: Clip, name: str, words: str, capsys: Capture
) -> None:
    source = clip.write(Path(name))

    assert run(source, "out.mkv") == 1

    assert words in capsys.readouterr().err
    assert not Path("out.mkv").exists()
    assert not Path("out.mkv.pieces").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["in.mkv", "out.avi"], "a result that ends in .mkv"),
        (["in.mkv", "in.mkv"], "is the input in.mkv"),
        (["in.mkv", "in.mkv", "--overwrite"], "is the input in.mkv"),
        (["in.mkv", "there.mkv"], "--overwrite"),
        (["none.mkv", "out.mkv"], "there is no file none.mkv"),
        (["text.mkv", "out.mkv"], "cannot be read as one"),
        (["in.mkv", "out.mkv", "--crf", "99"], "from 0 to 51"),
        (["in.mkv", "out.mkv", "--codec", "ffv1", "--crf", "9"], "no such quality"),
        (["in.mkv", "out.mkv", "more.mkv"], "one video and one result"),
        (["in.mkv", "out.webm"], "choose another --codec"),
    ],
)
def test_bad_arguments_are_explained(arguments: list[str], words: str, capsys: Capture) -> None:
    Clip((0, 40, 80)).write(Path("in.mkv"))
    Path("there.mkv").write_bytes(b"mine")
    Path("text.mkv").write_text("no video", encoding="utf-8")

    assert main(["video", *arguments, "-u", "Nearest"]) in (1, 2)

    assert words in capsys.readouterr().err
    assert Path("there.mkv").read_bytes() == b"mine"


def test_an_odd_size_is_refused_and_an_odd_scale_is_rounded(capsys: Capture) -> None:
    source = Clip((0, 40, 80), size=(46, 30)).write(Path("in.mkv"))

    assert main(["video", str(source), "a.mkv", "-u", "Nearest", "--size", "69x45"]) == 2
    assert "an even width and height" in capsys.readouterr().err
    assert main(["video", str(source), "b.mkv", "-u", "Nearest", "--scale", "1.5"]) == 0
    assert frames_of(Path("b.mkv"))[0].width in (68, 70)


def test_without_the_package_it_names_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.setitem(sys.modules, "av", None)

    assert run("in.mkv", "out.mkv") == 1

    assert "pip install 'upscaler-lab[video]'" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.usefixtures("short_pieces")
def test_workers_make_the_same_video_and_lost_pieces_are_done_again(
    monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    source = Clip().write(Path("in.mkv"))
    assert run(source, "whole.mkv") == 0
    lost = use_local_pool(monkeypatch)
    lost.add(2)
    assert run(source, "out.mkv", "--ray") == 1
    assert "Expected a worker" in capsys.readouterr().err
    assert [each.name for each in Path("out.mkv.pieces").glob("*.mkv")] == ["00001.mkv"]
    lost.clear()
    assert run(source, "out.mkv", "--ray") == 0
    assert "20 of 20 frames, 8 before" in capsys.readouterr().err
    assert content("out.mkv") == content("whole.mkv")
    assert not list(Path().glob("out.mkv.pieces"))


def test_two_runs_share_the_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """A piece that another run has claimed is waited for and not done twice."""
    source, waits = Clip().write(Path("in.mkv")), []
    claims = video_run.claim_some

    def busy(*arguments: Any) -> Any:
        if not waits:
            waits.append(1)
            return [Claim(arguments[1][0], "busy")]
        return claims(*arguments)

    monkeypatch.setattr(video_run, "claim_some", busy)
    monkeypatch.setattr(video_run, "_BUSY_SECONDS", 0.0)

    assert run(source, "out.mkv") == 0
    assert len(stamps_of(Path("out.mkv"))) == 20


@pytest.mark.slow
def test_the_same_frames_are_encoded_the_same_way() -> None:
    """At this size x264's AVX-512 code gave another file every few runs."""
    facts = probe(Clip((0, 40)).write(Path("in.mkv")))
    pixels = draw("painting", 496, 7)[100:164].repeat(2, 0).repeat(2, 1)
    files: set[bytes] = set()
    for _ in range(8):
        file = io.BytesIO()
        with PieceWriter(file, facts, Size(192, 128), Encoding.named("h264")) as writer:
            for number in range(48):
                left = 4 * number
                writer.write(writer.planes(pixels[:, left : left + 192]), number * 40)
        files.add(file.getvalue())
    assert len(files) == 1

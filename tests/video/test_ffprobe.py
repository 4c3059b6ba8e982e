"""What Debian's ffprobe, another build of FFmpeg, says of results: streams, times, colours."""

from __future__ import annotations

import json
import shutil
import subprocess
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from lib_upscalers.cli.main import main
from tests.video.clips import Clip

pytest.importorskip("av")
pytestmark = [
    pytest.mark.usefixtures("own_folders"),
    pytest.mark.skipif(
        not (shutil.which("ffprobe") and shutil.which("ffmpeg")),
        reason="ffprobe and ffmpeg are not installed: apt install ffmpeg",
    ),
]
IRREGULAR = (0, 42, 83, 125, 250, 260, 300, 500, 512, 1000, 1040, 1073, 1100)
SUBTITLES = """[Script Info]
ScriptType: v4.00+

[V4+ Styles]
Format: Name, Fontname, Fontsize
Style: Default,Font,20

[Events]
Format: Layer, Start, End, Style, Text
Dialogue: 0,0:00:00.10,0:00:00.60,Default,Hello
"""
COLOURS = ("pix_fmt", "color_range", "color_space", "color_transfer", "color_primaries")


def probe(path: Path, *sections: str) -> dict[str, Any]:
    command = ["ffprobe", "-v", "error", "-of", "json", *sections, str(path)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert not done.stderr, done.stderr
    return json.loads(done.stdout)


def streams(path: Path) -> list[dict[str, Any]]:
    return probe(path, "-show_streams")["streams"]


def frame_times(path: Path) -> list[Fraction]:
    found = probe(path, "-select_streams", "v:0", "-show_frames", "-show_entries", "frame=pts_time")
    return [Fraction(each["pts_time"]) for each in found["frames"]]


def enlarge(source: Path, output: str, *more: str) -> Path:
    words = ["video", str(source), output, "-u", "Nearest", "--scale", "2", *more]
    assert main(words) == 0
    return Path(output)


@pytest.mark.slow
@pytest.mark.parametrize("codec", ["h264", "hevc", "ffv1"])
def test_frames_and_their_times(codec: str) -> None:
    source = Clip(IRREGULAR).write(Path("in.mkv"))
    output = enlarge(source, "out.mkv", "--codec", codec)
    assert frame_times(output) == frame_times(source)
    video = streams(output)[0]
    assert (video["codec_name"], video["width"], video["height"]) == (codec, 96, 64)


@pytest.mark.slow
@pytest.mark.parametrize(
    "clip",
    [
        Clip(matrix=1),
        Clip(matrix=6, transfer=6),
        Clip(matrix=5, transfer=6),
        Clip(full=True, pixel_format="yuvj420p"),
        Clip(pixel_format="yuv420p10le"),
        Clip(pixel_format="yuv422p10le"),
    ],
)
def test_colours(clip: Clip) -> None:
    source = clip.write(Path("in.mkv"))
    before, after = (streams(each)[0] for each in (source, enlarge(source, "out.mkv")))
    for name in COLOURS:
        expected = before[name].replace("yuvj", "yuv") if name == "pix_fmt" else before.get(name)
        assert after.get(name, "").replace("yuvj", "yuv") == expected, name


@pytest.mark.slow
def test_sound_subtitles_font_and_chapters() -> None:
    """Of an MKV that ffmpeg has put together."""
    clip = Clip(sound_offset=120, subtitles=True).write(Path("clip.mkv"))
    Path("subtitles.ass").write_text(SUBTITLES, encoding="utf-8")
    source = Path("in.mkv")
    command = ["ffmpeg", "-v", "error", "-i", str(clip), "-i", "subtitles.ass", "-map", "0:v"]
    command += ["-map", "0:a", "-map", "1", "-map", "0:t", "-c", "copy", str(source)]
    subprocess.run(command, check=True)
    output = enlarge(source, "out.mkv")
    kinds = [(each["codec_type"], each.get("codec_name")) for each in streams(source)]
    assert [(each["codec_type"], each.get("codec_name")) for each in streams(output)] == kinds
    assert ("subtitle", "ass") in kinds
    for kind in ("a", "s"):
        packets = ("-select_streams", kind, "-show_packets", "-show_entries", "packet=pts,size")
        assert probe(output, *packets) == probe(source, *packets), kind
    chapters = [probe(each, "-show_chapters")["chapters"] for each in (source, output)]
    assert [each["start_time"] for each in chapters[0]] == [
        each["start_time"] for each in chapters[1]
    ]
    assert chapters[1][0]["tags"]["title"] == "First"

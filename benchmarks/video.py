"""What a video costs, and what is left of it after a kill.

python -m benchmarks.video bars --seconds 4     # 1080p from 540p: network's share, memory
python -m benchmarks.video threes --seconds 4   # a clip on threes against one without repeats
python -m benchmarks.video tiles --seconds 4    # --changed-tiles on a clip that is partly still
python -m benchmarks.video kills --count 50     # kill -9 at random moments

Clips are drawn by our own code. Needs `pip install 'upscaler-lab[video]'`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import psutil

from benchmarks.folders import check
from lib_upscalers.training.drawing.synthetic import draw

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]

ROOT = Path(__file__).resolve().parent.parent
RATE = 24
# Runs a command with pieces of so many seconds; at the end it writes how long the network was at
# work, the time between the first frame's begin and the last one's end, and the CPU's time.
PROGRAM = """
import json, sys, time
from lib_upscalers.cli.main import main
from lib_upscalers.upscaling.upscaler import Upscaler
from lib_upscalers.video import pieces
pieces.cut.__defaults__ = (float(sys.argv[1]),)
enlarge, spans = Upscaler.run, []
def timed(self, *values, **named):
    start = time.perf_counter()
    try:
        return enlarge(self, *values, **named)
    finally:
        spans.append((start, time.perf_counter()))
Upscaler.run = timed
code = main(sys.argv[2:])
if spans:
    busy = sum(stop - start for start, stop in spans[1:])
    total = spans[-1][1] - spans[0][1]
    print(json.dumps([busy, total, len(spans), time.process_time()]))
sys.exit(code)
"""


def write_clip(
    path: Path,
    size: tuple[int, int],
    frames: int,
    picture: Callable[[int], Pixels],
    *,
    lossless: bool,
) -> Path:
    """Encode pictures as a clip."""
    import av

    codec, options = ("ffv1", {}) if lossless else ("libx264", {"crf": "14", "g": "48"})
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=RATE, options=options)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        context = stream.codec_context
        context.colorspace = context.color_primaries = context.color_trc = 1
        context.color_range = 1
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(picture(number), format="rgb24")
            frame = frame.reformat(format="yuv420p", dst_colorspace=1, dst_color_range=1)
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            for packet in stream.encode(frame):
                container.mux(packet)
        for packet in stream.encode(None):
            container.mux(packet)
    return path


def panning(size: tuple[int, int], hold: int) -> Callable[[int], Pixels]:
    """Return pictures of a camera that moves over a drawing, each `hold` times."""
    width, height = size
    base = draw("painting", width + 400, 7)

    def picture(number: int) -> Pixels:
        left = number // hold * 2 % 400
        return np.ascontiguousarray(base[100 : 100 + height, left : left + width])

    return picture


def partly_still(size: tuple[int, int]) -> Callable[[int], Pixels]:
    """Return pictures of a drawing on which a sixteenth of the area moves."""
    still, moving = panning(size, 1)(0), panning((size[0] // 4, size[1] // 4), 1)

    def picture(number: int) -> Pixels:
        pixels, part = still.copy(), moving(number)
        pixels[64 : 64 + len(part), 96 : 96 + part.shape[1]] = part
        return pixels

    return picture


def run(source: Path, output: Path, *more: str, piece: float = 10.0) -> list[float]:
    """Run the command; return seconds of network, all seconds, calls, CPU and the most memory."""
    words = ["video", str(source), str(output), "-u", "Lab Fast 2x", "--scale", "2", "-q", *more]
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(piece), *words], cwd=ROOT, stdout=subprocess.PIPE
    )
    most, watched = 0, psutil.Process(process.pid)
    while process.poll() is None:
        try:
            most = max(most, watched.memory_info().rss)
        except psutil.Error:
            break
        time.sleep(0.1)
    out, _ = process.communicate()
    check(process.returncode == 0, "a run failed")
    return [*json.loads(out.splitlines()[-1]), most / 1e9]


def bars(seconds: int) -> None:
    """Enlarge 540p to 1080p: how much of the time the network works, and the memory."""
    size = (960, 540)
    with tempfile.TemporaryDirectory() as name:
        for length in (seconds, 3 * seconds):
            clip = Path(name) / f"{length}.mkv"
            write_clip(clip, size, length * RATE, panning(size, 1), lossless=False)
            busy, total, calls, _, memory = run(clip, Path(name) / f"{length}-out.mkv")
            print(
                f"{length} s, {calls:.0f} frames in {total:.1f} s ({calls / total:.2f}/s): network "
                f"busy {busy / total:.1%}, memory {memory:.2f} GB"
            )


def threes(seconds: int) -> None:
    """Compare a clip whose frames are drawn on threes with one of different frames."""
    size = (480, 270)
    with tempfile.TemporaryDirectory() as name:
        for lossless in (True, False):
            found: list[tuple[float, float]] = []
            for hold in (1, 3):
                clip = Path(name) / f"{hold}{lossless}.mkv"
                write_clip(clip, size, seconds * RATE, panning(size, hold), lossless=lossless)
                _, total, calls, cpu, _ = run(clip, clip.with_suffix(".out.mkv"))
                found.append((total, cpu))
                print(f"hold {hold}, {'FFV1' if lossless else 'x264'}: {calls:.0f} frames enlarged")
            (one, cpu_one), (three, cpu_three) = found
            print(
                f"on threes {three / one:.2f} of the time, {cpu_three / cpu_one:.2f} of the CPU's"
            )


def tiles(seconds: int) -> None:
    """Compare whole frames with tiles that changed, on a clip of which a sixteenth moves."""
    size = (640, 360)
    with tempfile.TemporaryDirectory() as name:
        for lossless, levels in ((True, "0"), (False, "2")):
            clip = Path(name) / f"{lossless}.mkv"
            write_clip(clip, size, seconds * RATE, partly_still(size), lossless=lossless)
            whole = run(clip, clip.with_suffix(".whole.mkv"), "--codec", "ffv1")
            changed = run(
                *(clip, clip.with_suffix(".tiles.mkv"), "--codec", "ffv1"),
                *("--changed-tiles", levels),
            )
            most, mean = difference(clip.with_suffix(".whole.mkv"), clip.with_suffix(".tiles.mkv"))
            kind = "FFV1" if lossless else "x264"
            print(
                f"{kind}, --changed-tiles {levels}: {changed[1] / whole[1]:.2f} of the time, "
                f"{changed[3] / whole[3]:.2f} of the CPU's; values differ by {most} at most, "
                f"{mean:.4f} on average"
            )


def difference(one: Path, other: Path) -> tuple[int, float]:
    """Return by how much the values of two videos differ, at most and on average."""
    import av

    most, means = 0, []
    with av.open(str(one)) as first, av.open(str(other)) as second:
        for left, right in zip(first.decode(video=0), second.decode(video=0), strict=True):
            apart = np.abs(left.to_ndarray().astype(int) - right.to_ndarray())
            most, means = max(most, int(apart.max())), [*means, float(apart.mean())]
    return most, float(np.mean(means))


def contents(path: Path) -> str:
    """Return a hash of all frames of a video, as they are encoded, and their times."""
    import av

    digest = hashlib.sha256()
    with av.open(str(path)) as container:
        for packet in container.demux(video=0):
            if packet.size:
                digest.update(f"{packet.pts} {packet.dts} ".encode() + bytes(packet))
    return digest.hexdigest()


def kills(count: int) -> None:
    """Kill runs at random moments, go on, and compare with one that nobody disturbed."""
    chance = random.Random(1)  # noqa: S311 - moments, not secrets
    with tempfile.TemporaryDirectory() as name:
        base, size = Path(name), (96, 64)
        clip = write_clip(base / "in.mkv", size, 240, panning(size, 1), lossless=False)
        arguments = ("-u", "Lanczos", "--codec", "h264")
        run(clip, base / "plain.mkv", *arguments, piece=1.0)
        expected = contents(base / "plain.mkv")
        killed, rounds, lost = 0, 0, 0
        while killed < count:
            rounds += 1
            output = base / f"out{rounds}.mkv"
            ended = False
            while not ended:
                there = pieces_of(output)
                wait = chance.uniform(0, 5.0) if killed < count else None
                ended = run_and_kill(clip, output, arguments, wait)
                killed += not ended
                now = pieces_of(output)
                again = [each for each, stamp in there.items() if now.get(each) != stamp]
                lost += 0 if ended else len(again)
                check(ended or not output.exists() or contents(output) == expected, "half a file")
            check(contents(output) == expected, "the result differs")
            check(not list(base.glob("*.part")) and not pieces_of(output), "parts are left")
        print(f"{killed} kills over {rounds} videos of 5 pieces: finished pieces lost {lost},")
        print("no half file under a final name, all results equal byte for byte in their frames")


def pieces_of(output: Path) -> dict[str, tuple[int, int]]:
    """Return number and time of all finished pieces, which change if one is written again."""
    found = {each.name: each.stat() for each in Path(f"{output}.pieces").glob("*.mkv")}
    return {name: (each.st_ino, each.st_mtime_ns) for name, each in found.items()}


def names_in(folder: Path) -> set[str]:
    """Return the names in a folder, temporary ones too; none where it is not there."""
    return {each.name for each in folder.glob("*")}


def run_and_kill(clip: Path, output: Path, arguments: tuple[str, ...], wait: float | None) -> bool:
    """Start a run, kill it so long after it has begun a piece; return whether it has ended."""
    words = ["video", str(clip), str(output), "--scale", "2", "-q", *arguments]
    folder = Path(f"{output}.pieces")
    there = names_in(folder)
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "1.0", *words], cwd=ROOT, stdout=subprocess.DEVNULL
    )
    while process.poll() is None and names_in(folder) == there:
        time.sleep(0.005)
    try:
        code = process.wait(wait)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()
        return False
    check(code == 0 or output.exists(), "a run failed")
    return True


def main() -> None:
    """Run one of the measurements."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("bars", "threes", "tiles", "kills"))
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--count", type=int, default=50)
    options = parser.parse_args()
    if options.what == "kills":
        kills(options.count)
    else:
        {"bars": bars, "threes": threes, "tiles": tiles}[options.what](options.seconds)


if __name__ == "__main__":
    main()

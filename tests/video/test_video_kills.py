"""`kill -9` while a video is enlarged: at most the piece in work is lost, the result is the same.

`python -m benchmarks.video kills --count 50` does so at many more moments.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lib_upscalers.cli.main import main
from lib_upscalers.video import pieces
from tests.video.clips import Clip
from tests.video.test_video_command import DOUBLE, content

pytest.importorskip("av")
# Frames take 50 ms, so that there are moments between pieces, frames and the last step.
PROGRAM = (
    "import sys, time\n"
    "from lib_upscalers.upscaling.upscaler import Upscaler\n"
    "from lib_upscalers.video import pieces\n"
    "from lib_upscalers.cli.main import main\n"
    "pieces.cut.__defaults__ = (0.3,)\n"
    "enlarge = Upscaler.run\n"
    "def slowly(self, *arguments):\n"
    "    time.sleep(0.05)\n"
    "    return enlarge(self, *arguments)\n"
    "Upscaler.run = slowly\n"
    "sys.exit(main(sys.argv[1:]))\n"
)


def finished(output: Path) -> dict[str, int]:
    folder = Path(f"{output}.pieces")
    return {each.name: each.stat().st_ino for each in folder.glob("*.mkv")}


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
@pytest.mark.usefixtures("own_folders")
def test_kills_at_random_moments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces.cut, "__defaults__", (0.3,))
    source, output = Clip(tuple(range(0, 40 * 40, 40))).write(Path("in.mkv")), Path("out.mkv")
    assert main(["video", str(source), "whole.mkv", *DOUBLE]) == 0
    here = [str(Path(__file__).parents[2]), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(here)}
    words = [sys.executable, "-c", PROGRAM, "video", str(source), str(output), *DOUBLE, "-q"]
    chance, kills = random.Random(2), 0  # noqa: S311 - moments, not secrets
    while not output.exists():
        there = finished(output)
        process = subprocess.Popen(words, env=environment)
        # A process needs seconds to begin; what matters comes after.
        while process.poll() is None and finished(output) == there:
            time.sleep(0.002)
        try:
            process.wait(chance.uniform(0, 0.6) if kills < 4 else None)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            kills += 1
        now = finished(output)
        assert output.exists() or there.items() <= now.items(), "a finished piece was lost"
    assert kills >= 1
    assert content(output) == content("whole.mkv")
    # It may have been killed after the result had its name; whoever comes back finds it there.
    assert main(words[3:]) != 0
    assert not list(Path().glob("out.mkv.pieces*"))
    assert not list(Path().glob("*.part"))

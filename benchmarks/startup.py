"""Measure how much time the extension adds to the start of a WebUI.

    WEBUI_ROOT=~/stable-diffusion-webui WEBUI_PYTHON=~/stable-diffusion-webui/venv/bin/python \
    python -m benchmarks.startup [ROUNDS]

One WebUI is started with the extension and without it by turns, each in a data folder of its own;
the first start of each is not counted, for then Python compiles. Its own line "Startup time" gives
the seconds from "load scripts" on; what comes before is importing what the WebUI needs anyway. A
step's time may go to the next one, because a collection of garbage falls into another: so the sum
counts, as the difference of the medians.
"""

from __future__ import annotations

import os
import re
import statistics
import sys
import tempfile
from pathlib import Path

from tests.webui.host import WebUI, named_by_environment

_ROUNDS = 7
_FIRST_STEP = "load scripts"


def seconds(webui: WebUI) -> float:
    """Start and stop a WebUI; return how long it started, importing left out."""
    webui.start()
    webui.stop()
    line = webui.log.rpartition("Startup time: ")[2].partition("\n")[0]
    steps = re.findall(r"([0-9.]+)s", line[line.index(_FIRST_STEP) :])
    return sum(float(step) for step in steps)


def main() -> None:
    """Print the figures."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else _ROUNDS
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryDirectory() as folder:
        webuis = {name: named_by_environment(Path(folder) / name) for name in ("bare", "with")}
        for webui in webuis.values():
            webui.data.mkdir()
        webuis["with"].install()
        times: dict[str, list[float]] = {name: [] for name in webuis}
        for turn in range(rounds + 1):
            for name, webui in webuis.items():
                taken = seconds(webui)
                if turn:
                    times[name].append(taken)
    for name, taken in times.items():
        print(f"{name:5} " + " ".join(f"{each:5.1f}" for each in taken))
    bare, installed = (statistics.median(taken) for taken in times.values())
    print(f"median: {installed:.2f} s with, {bare:.2f} s without, {installed - bare:+.2f} s")


if __name__ == "__main__":
    main()

"""Time the comparison of finished pictures in a running WebUI: ``python -m benchmarks.finished``.

A WebUI with the extension and `--api` has to run on this machine. The same cells are made three
ways, by turns: by our script, each by its own Hires. fix job, and by the WebUI's script "X/Y/Z
plot". What sampling one first pass takes is the difference between a plain job with twice as many
steps and one with as many: nothing else of that job is in the cells. So "one first pass and its
second passes, each alone" is what the own jobs took without the first passes that are made again.

CPU seconds are those of the WebUI's process; what else the machine does changes them little. The
script is run ten times more at the end, to see how much memory the process has after each run.
"""

from __future__ import annotations

import argparse
import statistics
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import psutil

from benchmarks.webui import WebUI

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_SCRIPT = "compare upscalers in hires. fix"
_MEGABYTE = 1 << 20


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.finished", description=__doc__)
    parser.add_argument("--address", default="http://127.0.0.1:7860")
    parser.add_argument("--upscalers", default="Latent (Mitchell),Latent (bislerp),Lab Fast 2x")
    parser.add_argument("--strengths", default="0.4,0.6")
    parser.add_argument("--side", type=int, default=256, help="of the small picture")
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--runs", type=int, default=10, help="in a row, for memory")
    return parser.parse_args()


def process_at(address: str) -> psutil.Process:
    """Return the process that serves an address of this machine.

    Raises:
        SystemExit: There is none.
    """
    port = urlsplit(address).port
    for each in psutil.net_connections("tcp"):
        here = each.laddr[1] if each.laddr else None
        if each.status == psutil.CONN_LISTEN and here == port and each.pid:
            return psutil.Process(each.pid)
    raise SystemExit(f"No process of this machine listens at {address}.")


class Stopwatch:
    """Takes the time of jobs, on the clock and in CPU seconds of the WebUI.

    Args:
        ui: The WebUI.
        process: Its process.
    """

    def __init__(self, ui: WebUI, process: psutil.Process) -> None:
        self._ui = ui
        self._process = process

    def taken(self, *jobs: Mapping[str, Any]) -> tuple[float, float]:
        """Run txt2img jobs; return the seconds on the clock and of the CPU."""
        clock, cpu = time.perf_counter(), self._cpu()
        for job in jobs:
            self._ui.post("/sdapi/v1/txt2img", dict(job))
        return time.perf_counter() - clock, self._cpu() - cpu

    def _cpu(self) -> float:
        times = self._process.cpu_times()
        return times.user + times.system

    def megabytes(self) -> float:
        """Return how much memory the WebUI has."""
        return self._process.memory_info().rss / _MEGABYTE


def axis(ui: WebUI, label: str) -> int:
    """Return the number of an axis of the script "X/Y/Z plot"."""
    scripts = ui.get("/sdapi/v1/script-info")
    named = [each for each in scripts if each["name"] == "x/y/z plot"]
    (script,) = (each for each in named if not each["is_img2img"])
    choices: list[str] = script["args"][0]["choices"]
    return choices.index(label)


def jobs_of(ui: WebUI, given: argparse.Namespace) -> dict[str, list[dict[str, Any]]]:
    """Return the jobs of each way to make the cells, and those that tell of the first pass."""
    names, strengths = given.upscalers.split(","), given.strengths.split(",")
    job = {"prompt": "a cat", "seed": 7, "steps": given.steps, "sampler_name": "Euler a"}
    job |= {"width": given.side, "height": given.side, "cfg_scale": 5, "send_images": False}
    hires = {**job, "enable_hr": True, "hr_scale": 2, "hr_upscaler": names[0]}
    # The second pass has as many steps whatever the first one has.
    hires |= {"hr_second_pass_steps": given.steps}
    script = [names, given.strengths, 0, False, None]
    plot = [axis(ui, "Hires upscaler"), ",".join(names), names]
    plot += [axis(ui, "Denoising"), given.strengths, [], 0, "", []]
    plot += [False, False, False, False, False, False, False, 0, False]
    cells = [
        {**hires, "hr_upscaler": name, "denoising_strength": float(strength)}
        for name in names
        for strength in strengths
    ]
    return {
        "plain": [job],
        "plain, twice the steps": [{**job, "steps": 2 * given.steps}],
        "script": [{**hires, "script_name": _SCRIPT, "script_args": script}],
        "own jobs": cells,
        "X/Y/Z plot": [{**hires, "script_name": "x/y/z plot", "script_args": plot}],
    }


def report(unit: str, taken: Mapping[str, Sequence[float]], cells: int) -> None:
    """Print the medians and ratios of one kind of seconds."""
    for name, values in taken.items():
        print(f"{unit:6} {name:24} {statistics.median(values):7.2f} s")
    plain, twice = (statistics.median(values) for values in list(taken.values())[:2])
    first = twice - plain
    alone = [own - (cells - 1) * first for own in taken["own jobs"]]
    against = {
        f"one first pass and {cells} second passes": alone,
        "own jobs": taken["own jobs"],
        "X/Y/Z plot": taken["X/Y/Z plot"],
    }
    for name, others in against.items():
        ratios = [ours / other for ours, other in zip(taken["script"], others, strict=True)]
        print(
            f"{unit:6} script / {name}: {statistics.median(ratios):.3f} "
            f"({min(ratios):.3f} to {max(ratios):.3f})"
        )


def memory(run: Callable[[], object], watch: Stopwatch, runs: int) -> None:
    """Print how much memory the WebUI has after each of some runs."""
    after: list[float] = []
    for _ in range(runs):
        run()
        after.append(watch.megabytes())
    print("MB after each run: " + " ".join(f"{each:.0f}" for each in after))


def main() -> None:
    """Print the times and their ratios."""
    given = arguments()
    ui = WebUI(given.address)
    watch = Stopwatch(ui, process_at(given.address))
    ways = jobs_of(ui, given)
    watch.taken(*ways["script"])
    clock: dict[str, list[float]] = {name: [] for name in ways}
    cpu: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(given.turns):
        # Each way comes first and last as often.
        for name in sorted(ways, reverse=bool(number % 2)):
            seconds, busy = watch.taken(*ways[name])
            clock[name].append(seconds)
            cpu[name].append(busy)
            print(f"{name:24} {seconds:7.2f} s, CPU {busy:7.2f} s", flush=True)
    cells = len(ways["own jobs"])
    report("clock", clock, cells)
    report("CPU", cpu, cells)
    memory(lambda: watch.taken(*ways["script"]), watch, given.runs)


if __name__ == "__main__":
    main()

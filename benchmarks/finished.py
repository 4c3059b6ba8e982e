"""Time the comparison of finished pictures in a running WebUI: ``python -m benchmarks.finished``.

A WebUI with the extension and `--api` has to run. The same cells are made three ways, by turns:
by our script, each by its own Hires. fix job, and by the WebUI's script "X/Y/Z plot". The first
pass alone is timed, too, so that the cells' own part of their jobs is known.
"""

from __future__ import annotations

import argparse
import statistics
import time
from typing import Any

from benchmarks.webui import WebUI

_SCRIPT = "compare upscalers in hires. fix"


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.finished", description=__doc__)
    parser.add_argument("--address", default="http://127.0.0.1:7860")
    parser.add_argument("--upscalers", default="Latent (Mitchell),Latent (bislerp),Lab Fast 2x")
    parser.add_argument("--strengths", default="0.4,0.6")
    parser.add_argument("--side", type=int, default=256, help="of the small picture")
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--turns", type=int, default=3)
    return parser.parse_args()


def seconds(ui: WebUI, job: dict[str, Any]) -> float:
    """Run a txt2img job and return how long it took."""
    start = time.perf_counter()
    ui.post("/sdapi/v1/txt2img", job)
    return time.perf_counter() - start


def axis(ui: WebUI, label: str) -> int:
    """Return the number of an axis of the script "X/Y/Z plot"."""
    scripts = ui.get("/sdapi/v1/script-info")
    named = [each for each in scripts if each["name"] == "x/y/z plot"]
    (script,) = (each for each in named if not each["is_img2img"])
    choices: list[str] = script["args"][0]["choices"]
    return choices.index(label)


def main() -> None:
    """Print the times and their ratios."""
    given = arguments()
    ui, names = WebUI(given.address), given.upscalers.split(",")
    strengths = given.strengths.split(",")
    job = {"prompt": "a cat", "seed": 7, "steps": given.steps, "sampler_name": "Euler a"}
    job |= {"width": given.side, "height": given.side, "cfg_scale": 5, "send_images": False}
    hires = {**job, "enable_hr": True, "hr_scale": 2, "hr_upscaler": names[0]}
    script = [names, given.strengths, 0, False, None]
    plot = [axis(ui, "Hires upscaler"), ",".join(names), names]
    plot += [axis(ui, "Denoising"), given.strengths, [], 0, "", []]
    plot += [False, False, False, False, False, False, False, 0, False]
    ways = {
        "first pass": lambda: seconds(ui, job),
        "script": lambda: seconds(ui, {**hires, "script_name": _SCRIPT, "script_args": script}),
        "own jobs": lambda: sum(
            seconds(ui, {**hires, "hr_upscaler": name, "denoising_strength": float(strength)})
            for name in names
            for strength in strengths
        ),
        "X/Y/Z plot": lambda: seconds(
            ui, {**hires, "script_name": "x/y/z plot", "script_args": plot}
        ),
    }
    seconds(ui, {**hires, "script_name": _SCRIPT, "script_args": script})
    times: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(given.turns):
        for name, run in ways.items():
            times[name].append(run())
    middle = {name: statistics.median(values) for name, values in times.items()}
    for name, value in middle.items():
        print(f"{name:12} {value:7.2f} s")
    cells = len(names) * len(strengths)
    once = middle["own jobs"] - (cells - 1) * middle["first pass"]
    print(f"script / (one first pass and {cells} second passes): {middle['script'] / once:.2f}")
    print(f"script / own jobs: {middle['script'] / middle['own jobs']:.2f}")
    print(f"script / X/Y/Z plot: {middle['script'] / middle['X/Y/Z plot']:.2f}")


if __name__ == "__main__":
    main()

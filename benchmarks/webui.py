"""Our engine against a WebUI's own, for the same file, in a WebUI that runs with ``--api``.

    python -m benchmarks.webui networks http://127.0.0.1:7860 --upscaler 4x-Name --size 512
    python -m benchmarks.webui steps http://127.0.0.1:7860
    python -m benchmarks.webui with-without http://127.0.0.1:7860 http://127.0.0.1:7861

`networks` enlarges pictures by the WebUI's entry of that name, by turns as it is and with the
setting "Run the WebUI's own neural upscalers through this engine": one picture, then four in one
call. Every picture is another one, because the WebUI remembers results. `steps` compares Hires.
fix with a latent mode of the WebUI's own and with one of ours. `with-without` makes the same
picture with the WebUI's own latent mode in two WebUIs of one kind, the first of which has the
extension and the second has not; what a step takes is the difference between many and one. Times
are printed as ratios of ours to theirs, by turns in one run, the median of the rounds.
"""

from __future__ import annotations

import argparse
import base64
import io
import json
import statistics
import time
import urllib.request
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Callable

SETTING = "upscaler_lab_host_networks"
STEPS = 20


class WebUI:
    """A WebUI's API.

    Args:
        address: Where it is.
    """

    def __init__(self, address: str) -> None:
        self._address = address.rstrip("/")
        self._pictures = np.random.default_rng(0)

    def post(self, path: str, body: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON
        """Send a request and return the answer."""
        request = urllib.request.Request(  # noqa: S310 - the user's own address
            self._address + path,
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request) as answer:  # noqa: S310
            return json.load(answer)

    def get(self, path: str) -> Any:  # noqa: ANN401 - JSON
        """Return what the WebUI answers."""
        with urllib.request.urlopen(self._address + path) as answer:  # noqa: S310
            return json.load(answer)

    def picture(self, side: int) -> str:
        """Return a new picture in base64."""
        values = self._pictures.integers(0, 256, (side // 8, side // 8, 3), np.uint8)
        image = Image.fromarray(values).resize((side, side), Image.Resampling.BICUBIC)
        file = io.BytesIO()
        image.save(file, "PNG")
        return base64.b64encode(file.getvalue()).decode()

    def use_ours(self, *, ours: bool) -> None:
        """Choose whose engine runs the WebUI's own networks."""
        self.post("/sdapi/v1/options", {SETTING: ours})

    def enlarge(self, upscaler: str, scale: float, side: int, count: int) -> None:
        """Enlarge some new pictures in one call."""
        pictures = [{"data": self.picture(side), "name": f"{i}.png"} for i in range(count)]
        body = {"upscaler_1": upscaler, "upscaling_resize": scale, "imageList": pictures}
        self.post("/sdapi/v1/extra-batch-images", body)

    def hires(self, mode: str, side: int, steps: int) -> None:
        """Make a picture with Hires. fix."""
        self.post(
            "/sdapi/v1/txt2img",
            {
                "prompt": "a cat",
                "seed": 1,
                "steps": 1,
                "width": side,
                "height": side,
                "enable_hr": True,
                "hr_upscaler": mode,
                "hr_scale": 2,
                "hr_second_pass_steps": steps,
                "denoising_strength": 0.9,
                "hr_additional_modules": ["Use same choices"],
            },
        )


def seconds(work: Callable[[], object]) -> float:
    """Return how long something takes."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def report(label: str, theirs: list[float], ours: list[float]) -> None:
    """Print a ratio."""
    ratios = [mine / other for mine, other in zip(ours, theirs, strict=True)]
    print(
        f"{label:32} theirs {statistics.median(theirs):7.2f} s  ours {statistics.median(ours):7.2f}"
        f" s  ratio {statistics.median(ratios):.2f}"
    )


def networks(webui: WebUI, upscaler: str, scale: float, side: int, rounds: int) -> None:
    """Compare the engines."""
    for count in (1, 4):
        times: dict[bool, list[float]] = {False: [], True: []}
        for ours in (False, True):
            webui.use_ours(ours=ours)
            webui.enlarge(upscaler, scale, 32, 1)
        for _ in range(rounds):
            for ours, taken in times.items():
                webui.use_ours(ours=ours)
                taken.append(
                    seconds(lambda count=count: webui.enlarge(upscaler, scale, side, count))
                )
        webui.use_ours(ours=False)
        report(f"{upscaler}, {count} of {side}x{side}", times[False], times[True])


def steps(webui: WebUI, side: int, rounds: int) -> None:
    """Compare the steps after a latent mode of the WebUI's with those after one of ours."""
    modes = {"Latent": list[float](), "Latent (Mitchell)": list[float]()}
    for mode in modes:
        webui.hires(mode, side, 1)
    for _ in range(rounds):
        for mode, taken in modes.items():
            taken.append(seconds(lambda mode=mode: webui.hires(mode, side, STEPS)))
    theirs, ours = modes.values()
    report(f"{STEPS} steps at {side * 2}x{side * 2}", theirs, ours)


def with_without(installed: WebUI, bare: WebUI, side: int, rounds: int) -> None:
    """Compare the steps of Hires. fix where the extension is with those where it is not."""
    times: dict[WebUI, list[float]] = {bare: [], installed: []}
    for webui in times:
        webui.hires("Latent", side, 1)
    for turn in range(rounds):
        # Whoever comes second may find another load, so each is first as often.
        for webui in sorted(times, key=lambda each: (each is installed) == bool(turn % 2)):
            few = seconds(lambda webui=webui: webui.hires("Latent", side, 1))
            many = seconds(lambda webui=webui: webui.hires("Latent", side, STEPS + 1))
            times[webui].append(many - few)
    report(f"{STEPS} steps at {side * 2}x{side * 2}", times[bare], times[installed])


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.webui", description=__doc__)
    parser.add_argument("what", choices=["networks", "steps", "with-without"])
    parser.add_argument("addresses", nargs="+", metavar="ADDRESS")
    parser.add_argument("--upscaler", default="4x-Random")
    parser.add_argument("--scale", type=float, default=4)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    webui = WebUI(options.addresses[0])
    if options.what == "with-without":
        with_without(webui, WebUI(options.addresses[-1]), options.size, options.rounds)
    elif options.what == "steps":
        steps(webui, options.size, options.rounds)
    else:
        networks(webui, options.upscaler, options.scale, options.size, options.rounds)


if __name__ == "__main__":
    main()

"""Time of every latent mode and finisher as a ratio to torch's bicubic, all in one run.

    OMP_NUM_THREADS=1 python -m benchmarks.latent_speed
    OMP_NUM_THREADS=1 python -m benchmarks.latent_speed --beside other.py:bislerp

Everything runs by turns; of each, the fastest round counts, which a busy machine disturbs least.
`--beside` adds a function (samples, width, height) from a file of another project.
"""

from __future__ import annotations

import argparse
import runpy
import time
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch.nn.functional import interpolate

from lib_upscalers.geometry import Size
from lib_upscalers.latent import LATENT_MODES, Finishers, upscale_latent

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Enlarge = Callable[[torch.Tensor, int, int], torch.Tensor]

CASES = [(4, 64), (4, 128), (16, 128)]
FINISHERS = {
    "blend": Finishers(blend_with="Latent (nearest-exact)", blend=0.5),
    "sharpen": Finishers(sharpen=1),
    "match": Finishers(match=True),
    "renoise": Finishers(renoise=1),
}
PLAIN = "Latent (bilinear)"
BASE = "torch bicubic"


def torch_bicubic(samples: torch.Tensor, width: int, height: int) -> torch.Tensor:
    """Enlarge as the hosts' bicubic does."""
    return interpolate(samples, (height, width), mode="bicubic")


def ours(
    samples: torch.Tensor, width: int, height: int, *, mode: str, finishers: Finishers
) -> torch.Tensor:
    """Enlarge with a mode and finishers."""
    return upscale_latent(samples, Size(width, height), mode, finishers)


def functions(beside: str | None) -> Mapping[str, Enlarge]:
    """Return all that is to be timed, by name."""
    found: dict[str, Enlarge] = {BASE: torch_bicubic}
    for mode, entry in LATENT_MODES.items():
        # What the others take is up to the model: benchmarks/latent.py shows it.
        if entry.within is None:
            found[mode] = partial(ours, mode=mode, finishers=Finishers())
    for name, finishers in FINISHERS.items():
        found[f"bilinear + {name}"] = partial(ours, mode=PLAIN, finishers=finishers)
    if beside:
        path, _, function = beside.rpartition(":")
        found[f"beside: {function}"] = runpy.run_path(path)[function]
    return found


def fastest(
    calls: Mapping[str, Enlarge], samples: torch.Tensor, side: int, rounds: int
) -> Mapping[str, float]:
    """Return the seconds of each function's fastest round."""
    best = dict.fromkeys(calls, float("inf"))
    for _ in range(rounds):
        for name, call in calls.items():
            # Twice, because weights that are kept have been pushed out by those of the others.
            for _ in range(2):
                start = time.perf_counter()
                call(samples, side, side)
                if samples.is_cuda:
                    torch.cuda.synchronize()
                best[name] = min(best[name], time.perf_counter() - start)
    return best


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--beside", help="FILE.py:FUNCTION of another project")
    arguments = parser.parse_args()
    calls = functions(arguments.beside)
    columns: list[Mapping[str, float]] = []
    for channels, side in CASES:
        samples = torch.randn(1, channels, side, side, device=arguments.device)
        columns.append(fastest(calls, samples, 2 * side, arguments.rounds))
    heads = [f"1x{channels}x{side}x{side} to {2 * side}" for channels, side in CASES]
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {arguments.device}")
    print("| | " + " | ".join(heads) + " |\n|---|" + "---:|" * len(CASES))
    print(f"| {BASE}, ms | " + " | ".join(f"{each[BASE] * 1e3:.2f}" for each in columns) + " |")
    for name in list(calls)[1:]:
        ratios = " | ".join(f"{each[name] / each[BASE]:.2f}" for each in columns)
        print(f"| {name} | {ratios} |")


if __name__ == "__main__":
    main()

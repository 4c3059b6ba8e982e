"""What a folder's journal and queues cost, and what is left after a kill.

python -m benchmarks.folders overhead            # share on top of the pictures' own times
python -m benchmarks.folders memory --count 10000
python -m benchmarks.folders kills --count 50    # kill -9 at random moments
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil

from lib_upscalers import StandaloneHost, Target, Upscaler, read_picture, write_picture
from lib_upscalers.pictures.picture import Picture

ROOT = Path(__file__).resolve().parent.parent


def draw(folder: Path, count: int, side: int) -> None:
    """Write pictures of soft noise."""
    folder.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(1)
    for number in range(count):
        small = generator.integers(0, 256, (side // 8, side // 8, 3), np.uint8)
        write_picture(Picture(small.repeat(8, 0).repeat(8, 1)), folder / f"{number:05}.png")


def command(source: Path, results: Path, *more: str) -> list[str]:
    """Return the command line of a run."""
    return [sys.executable, "-m", "lib_upscalers", "upscale", str(source), str(results), *more]


def overhead(upscaler_name: str, count: int, side: int) -> None:
    """Compare a run over a folder with the sum of reading, enlarging and writing alone."""
    from lib_upscalers.cli.main import main

    with tempfile.TemporaryDirectory() as name:
        base = Path(name)
        draw(base / "in", count, side)
        upscaler = Upscaler(StandaloneHost())
        choice = upscaler.find(upscaler_name)
        sources = sorted((base / "in").iterdir())
        (base / "alone").mkdir()
        upscaler.run(read_picture(sources[0]), choice, Target(scale=2))
        for turn in range(3):
            start = time.perf_counter()
            for source in sources:
                result = upscaler.run(read_picture(source), choice, Target(scale=2))
                write_picture(result.picture, base / "alone" / source.name)
            alone = time.perf_counter() - start
            start = time.perf_counter()
            arguments = [str(base / "in"), str(base / f"out{turn}"), "-u", upscaler_name]
            check(main(["upscale", *arguments, "--scale", "2", "-q"]) == 0, "a run failed")
            run = time.perf_counter() - start
            print(f"own times {alone:.2f} s, run {run:.2f} s: {100 * (run / alone - 1):+.1f} %")


def memory(count: int) -> None:
    """Watch the memory of a run over many small pictures, then time a run with nothing to do."""
    with tempfile.TemporaryDirectory() as name:
        base = Path(name)
        draw(base / "in", count, 64)
        arguments = command(base / "in", base / "out", "-u", "Lanczos", "--scale", "2", "-q")
        process = subprocess.Popen(arguments, cwd=ROOT)
        watched = psutil.Process(process.pid)
        early = last = 0
        start = time.perf_counter()
        while process.poll() is None:
            done = sum(1 for _ in os.scandir(base / "out")) if (base / "out").exists() else 0
            try:
                last = watched.memory_info().rss or last
            except psutil.Error:
                break
            if done >= 100 and not early:
                early = last
            time.sleep(0.2)
        check(process.wait() == 0, "the run failed")
        print(f"{count} pictures of 64 x 64 in {time.perf_counter() - start:.1f} s")
        print(f"memory after 100: {early / 1e6:.0f} MB, at the end: {last / 1e6:.0f} MB")
        start = time.perf_counter()
        subprocess.run(arguments, cwd=ROOT, check=True)
        print(f"a run with nothing to do: {time.perf_counter() - start:.2f} s")


def digests(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of all results."""
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.glob("*.png"))
    }


def kills(count: int, pictures: int) -> None:
    """Kill a run at random moments until it has ended; compare the results."""
    chance = random.Random(1)  # noqa: S311 - moments, not secrets
    with tempfile.TemporaryDirectory() as name:
        base = Path(name)
        draw(base / "in", pictures, 64)
        options = ("-u", "Lanczos", "--scale", "2", "--json", "-q")
        subprocess.run(command(base / "in", base / "plain", *options), cwd=ROOT, check=True)
        expected = digests(base / "plain")
        done_again, killed, rounds = 0, 0, 0
        while killed < count:
            results = base / f"out{rounds}"
            rounds += 1
            output = b""
            while not output:
                before = stamps(results)
                wait = chance.uniform(0, 0.4) if killed < count else None
                output = run_and_kill(command(base / "in", results, *options), results, wait)
                killed += not output
                now = stamps(results)
                done_again += sum(now.get(each) != stamp for each, stamp in before.items())
                found = digests(results)
                wrong = [each for each, digest in found.items() if expected[each] != digest]
                check(not wrong, f"half or wrong files: {wrong}")
            check(json.loads(output)["left"] == 0, "pictures are left")
            check(digests(results) == expected, "the results differ")
            check(not list(results.glob(".*")), "parts of dead runs are left")
        print(f"{killed} kills in {rounds} rounds over {pictures} pictures:")
        print(f"half or wrong files 0, results done again {done_again}, all results equal")


def run_and_kill(arguments: list[str], results: Path, wait: float | None) -> bytes:
    """Start a run and kill it so long after its first result; return its output if it ended."""
    there = len(stamps(results))
    process = subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.PIPE)
    while process.poll() is None and len(stamps(results)) == there:
        time.sleep(0.005)
    try:
        return process.communicate(timeout=wait)[0]
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.communicate()
        return b""


def check(holds: bool, text: str) -> None:  # noqa: FBT001 - as assert
    """End with a text unless something holds."""
    if not holds:
        raise SystemExit(text)


def stamps(folder: Path) -> dict[str, tuple[int, int]]:
    """Return number and time of all results, which change if one is written again."""
    found = {path.name: path.stat() for path in folder.glob("*.png")} if folder.exists() else {}
    return {name: (each.st_ino, each.st_mtime_ns) for name, each in found.items()}


def main() -> None:
    """Run one of the measurements."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("overhead", "memory", "kills"))
    parser.add_argument("--upscaler", default="Lab Fast 2x")
    parser.add_argument("--count", type=int)
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--pictures", type=int, default=400)
    options = parser.parse_args()
    if options.what == "overhead":
        overhead(options.upscaler, options.count or 200, options.side)
    elif options.what == "memory":
        memory(options.count or 10_000)
    else:
        kills(options.count or 50, options.pictures)


if __name__ == "__main__":
    main()

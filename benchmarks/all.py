"""Make the page of benchmarks: machine, versions, and what each one prints, when and at which load.

    python -m benchmarks.all [--page FILE] [--only NAME ...]
                             [--set5 FOLDER] [--webui ADDRESS] [--peers NAME=FILE.py ...]

Without --page it is a page of the documentation's reference. Run it on a machine that does nothing
else: each section states the load before and after it, and says so where the machine was not idle.
With --only, the others of the page stay as they are, if the page is of this machine and these
versions. The page is written after each section. What fails or takes longer than half an hour is
stated, not left out. With --webui, a WebUI that runs there is measured too, as a peer; with
--peers, copies of other programs' functions, as `benchmarks.peers` describes.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

from lib_upscalers.diagnosis.system_facts import machine_lines, package_lines
from lib_upscalers.models.measurements import device_name
from lib_upscalers.version import VERSION

ROOT = Path(__file__).resolve().parent.parent
WEIGHTS = sorted(str(each) for each in (ROOT / "lib_upscalers/weights").glob("lab_*.safetensors"))
PAGE = ROOT / "docs" / "reference" / "benchmarks.md"
_MOST_SECONDS = 1800.0
# More running processes than this, for each core, and the machine is not idle.
_IDLE_LOAD = 0.15

BENCHMARKS = {
    "The engine: time": ("engine", "time"),
    "bf16 on this CPU": ("precision", *WEIGHTS),
    "One picture on the command line": ("first_picture",),
    "A folder of small pictures": ("small_pictures",),
    "A folder: what the journal costs": ("folders", "overhead"),
    "Resampling": ("resample",),
    "Loading networks": ("loading",),
    "Comparing": ("comparing",),
    "Hashing beside a comparison": ("hashing",),
}
# These take no times, so what else the machine does matters little.
UNTIMED = {
    "The engine: tiles against the whole picture": ("engine", "exact"),
    "The engine: memory": ("engine", "memory"),
}


def load() -> float | None:
    """Return the average number of running processes of the last minute; None if not known."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None


def run(arguments: tuple[str, ...]) -> str:
    """Return what a benchmark prints, or why it could not be measured."""
    command = [sys.executable, "-m", f"benchmarks.{arguments[0]}", *arguments[1:]]
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            timeout=_MOST_SECONDS,
        )
    except subprocess.TimeoutExpired:
        return f"not measured: it took longer than {_MOST_SECONDS / 60:.0f} minutes"
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        return f"not measured: {reason}"
    return done.stdout.rstrip()


def head() -> str:
    """Return the lines that name the machine and the versions."""
    lines = [
        "# Benchmarks",
        "",
        f"By `python -m benchmarks.all`, Upscaler Lab {VERSION}. Each section states when it was",
        "measured, and how many processes the machine was running before and after it (load).",
        "",
        f"- {device_name('cpu')}",
        *(f"- {line}" for line in (*machine_lines(), *package_lines())),
        "",
    ]
    return "\n".join(lines)


def section(title: str, arguments: tuple[str, ...], *, first: bool) -> str:
    """Measure, and return a section of the page; the load of one before it is our own."""
    before = load()
    found = run(arguments)
    own = 0.0 if first else 1.0
    idle = before is not None and before <= own + _IDLE_LOAD * (os.cpu_count() or 1)
    stamp = (
        f"{time.strftime('%Y-%m-%d %H:%M')}, load {_words(before)} before, {_words(load())} after."
    )
    if not idle and title not in UNTIMED:
        stamp += " **The machine was not idle: read ratios, and those with care.**"
    command = f"`python -m benchmarks.{shown(arguments)}`"
    return "\n".join([f"## {title}", "", command, "", stamp, "", "```text", found, "```", ""])


def _words(value: float | None) -> str:
    return "not known" if value is None else f"{value:.2f}"


def sections_of(page: Path, beginning: str) -> dict[str, str]:
    """Return the sections of a page by their titles; none where it begins in another way."""
    text = page.read_text(encoding="utf-8") if page.exists() else ""
    if not text.startswith(beginning):
        return {}
    parts = text.removeprefix(beginning).split("\n## ")[1:]
    return {part.partition("\n")[0]: f"## {part}" for part in parts}


def shown(arguments: tuple[str, ...]) -> str:
    """Return the command as the page names it, without folders that are this machine's own."""
    return " ".join(map(_plain, arguments))


def _plain(word: str) -> str:
    name, equals, place = word.rpartition("=")
    path = Path(place)
    if not path.is_absolute():
        return word
    inside = path.is_relative_to(ROOT)
    return f"{name}{equals}{path.relative_to(ROOT) if inside else path.name}"


def main() -> None:
    """Run all, and write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--page", type=Path, default=PAGE)
    parser.add_argument("--only", nargs="+", help="modules, such as engine")
    parser.add_argument("--set5", type=Path, help="a folder with the pictures of Set5")
    parser.add_argument("--webui", help="the address of a WebUI that runs")
    parser.add_argument("--peers", nargs="+", metavar="NAME=FILE.py", help="other programs' code")
    options = parser.parse_args()
    todo = dict(BENCHMARKS)
    if options.set5 is not None:
        for weights in WEIGHTS:
            scale = Path(weights).stem[-2]
            if scale == "1":
                continue
            arguments = ("fidelity", weights, "--scale", scale, "--data", str(options.set5))
            todo[f"PSNR on Set5: {Path(weights).stem}"] = arguments
    if options.webui:
        todo["Beside a WebUI's own engine"] = ("webui", "networks", options.webui)
    if options.peers:
        todo["Beside other programs' functions"] = ("peers", *options.peers)
    todo.update(UNTIMED)
    beginning = head()
    kept = sections_of(options.page, beginning) if options.only else {}
    chosen = {t: a for t, a in todo.items() if not options.only or a[0] in options.only}
    for place, (title, arguments) in enumerate(chosen.items()):
        print(title, flush=True)
        kept[title] = section(title, arguments, first=not place)
        found = [kept[each] for each in (*todo, *kept) if each in kept]
        options.page.write_text("\n".join([beginning, *dict.fromkeys(found)]), encoding="utf-8")


if __name__ == "__main__":
    main()

"""What all fuzzers share: damage, random values, the loop, and the command line."""

from __future__ import annotations

import argparse
import logging
import math
import re
import sys
import time
import warnings
from collections import Counter
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

CORPUS = Path(__file__).parent / "corpus"
# Where the boundaries of types and formats lie.
_NUMBERS = (
    *("0", "1", "-1", "2", "3", "16", "255", "256", "65535", "65536", "2147483647", "2147483648"),
    *("-2147483648", "4294967296", "9223372036854775807", "18446744073709551616", "9" * 40),
    *("1e9", "1e400", "-0.0", "0.5", "1.5", "NaN", "Infinity", "true", "null", '"1"', "[]", "{}"),
)
_TEXTS = (
    *("", " ", "a", "0", "-", "--", "..", "/", "\0", "\n", "\x1b[2J", "\u202e", "\ud800", "é" * 40),
    *("x" * 300, "Lanczos", "Nearest", "auto", "none", "{}", "[]", "%s", "{0}", "nan", "con"),
)


@dataclass(frozen=True)
class Fuzzer:
    """A reader of foreign input, and what is fed to it.

    Attributes:
        about: What it does, for its command's help.
        seeds: Returns valid inputs by the names of their files.
        prepared: Called with a folder for files; a context that yields the check. The check reads a
            file and returns "done" or "refused"; it raises whatever the reader must never raise.
        damage: Returns another content for a file, by its name, its content, and a generator.
    """

    about: str
    seeds: Callable[[], Mapping[str, bytes]]
    prepared: Callable[[Path], AbstractContextManager[Callable[[Path], str]]]
    damage: Callable[[str, bytes, np.random.Generator], bytes]

    def cases(self, seed: int) -> Iterator[tuple[str, bytes]]:
        """Yield damaged files for ever: their names, with the number of the case, and contents."""
        files = list(self.seeds().items())
        number = 0
        while True:
            rng = np.random.default_rng((seed, number))
            name, data = files[int(rng.integers(len(files)))]
            yield f"{seed}-{number}-{name}", self.damage(name, data, rng)
            number += 1


def damaged(data: bytes, rng: np.random.Generator) -> bytes:
    """Return a file with some bytes changed, removed, repeated, or the end cut off."""
    wrong = bytearray(data)
    for _ in range(int(rng.integers(1, 6))):
        # Headers say more than contents.
        reach = len(wrong) if rng.random() < 0.4 else min(len(wrong), 300)
        place = int(rng.integers(0, max(1, reach)))
        length = int(rng.integers(1, 9))
        choice = rng.integers(0, 6)
        if choice == 0:
            wrong[place : place + length] = rng.bytes(length)
        elif choice == 1:
            wrong[place : place + length] = b"\xff" * length
        elif choice == 2:
            wrong[place : place + length] = bytes(length)
        elif choice == 3:
            del wrong[place : place + length]
        elif choice == 4:
            wrong[place:place] = wrong[place : place + 4 * length]
        elif rng.random() < 0.3:
            del wrong[place:]
    return bytes(wrong)


def renumbered(text: bytes, rng: np.random.Generator) -> bytes:
    """Return a text with some of its numbers changed."""
    found = list(re.finditer(rb"-?\d[\d.e+-]*", text))
    if not found:
        return damaged(text, rng)
    for place in sorted(rng.integers(0, len(found), int(rng.integers(1, 4))), reverse=True):
        begin, end = found[place].span()
        text = text[:begin] + one_of(rng, _NUMBERS).encode() + text[end:]
    return text


def one_of(rng: np.random.Generator, values: tuple[str, ...] | list[str]) -> str:
    """Return one of several texts."""
    return values[int(rng.integers(len(values)))]


def random_text(rng: np.random.Generator) -> str:
    """Return a text that programs stumble over, or a random one."""
    if rng.random() < 0.7:
        return one_of(rng, _TEXTS)
    return "".join(chr(int(rng.integers(1, 0x3000))) for _ in range(int(rng.integers(1, 12))))


def random_value(rng: np.random.Generator, depth: int = 0) -> object:
    """Return any value that JSON has, NaN and infinities among them."""
    kind = int(rng.integers(0, 10 if depth < 3 else 7))
    if kind < 3:
        numbers = (0, 1, -1, 2, 7, 255, 1 << 31, 1 << 63, 10**30, 0.5, 1.5, 1e300, -2.5)
        return numbers[int(rng.integers(len(numbers)))]
    if kind < 5:
        return random_text(rng)
    if kind < 7:
        others = (None, True, False, math.nan, math.inf, -math.inf, 10**400)
        return others[int(rng.integers(len(others)))]
    count = int(rng.integers(0, 4))
    if kind < 9:
        return [random_value(rng, depth + 1) for _ in range(count)]
    return {random_text(rng): random_value(rng, depth + 1) for _ in range(count)}


def changed(value: object, rng: np.random.Generator) -> object:
    """Return a value of JSON with something in it replaced, left out or added."""
    if rng.random() < 0.25 or not isinstance(value, (dict, list)) or not value:
        return random_value(rng, depth=1)
    if isinstance(value, list):
        made = list(value)
        place = int(rng.integers(len(made)))
        choice = rng.random()
        if choice < 0.2:
            del made[place]
        elif choice < 0.4:
            made.insert(place, made[place])
        else:
            made[place] = changed(made[place], rng)
        return made
    table = dict(value)
    key = list(table)[int(rng.integers(len(table)))]
    if rng.random() < 0.2:
        del table[key]
    elif rng.random() < 0.2:
        table[random_text(rng)] = random_value(rng, depth=1)
    else:
        table[key] = changed(table[key], rng)
    return table


def fuzz(fuzzer: Fuzzer, folder: Path, seconds: float, seed: int) -> Counter[str]:
    """Check damaged files for some time; return how many were done and refused.

    Raises:
        AssertionError: A file did something else; it lies in `folder`.
    """
    counts: Counter[str] = Counter()
    with fuzzer.prepared(folder) as check, warnings.catch_warnings():
        warnings.simplefilter("error")  # as pytest does
        end = time.monotonic() + seconds
        for name, data in fuzzer.cases(seed):
            if time.monotonic() > end:
                break
            file = folder / name
            file.write_bytes(data)
            start = time.monotonic()
            try:
                counts[check(file)] += 1
            except Exception as error:
                raise AssertionError(f"{file}: {type(error).__name__}: {error}") from error
            assert time.monotonic() - start < 30, f"{file} takes too long"
            file.unlink()
    return counts


def peak_mebibytes() -> int:
    """Return the most memory that this process has had; 0 where the system does not say."""
    with suppress(OSError):
        status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
        return int(status.split("VmHWM:")[1].split()[0]) // 1024
    return 0


def run(fuzzer: Fuzzer) -> None:
    """Run a fuzzer from the command line."""
    parser = argparse.ArgumentParser(description=fuzzer.about)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument(
        "--keep", type=Path, default=Path("fuzz-found"), metavar="FOLDER", help="for what breaks"
    )
    options = parser.parse_args()
    logging.disable()
    options.keep.mkdir(parents=True, exist_ok=True)
    counts = fuzz(fuzzer, options.keep.absolute(), options.minutes * 60, options.seed)
    sys.stdout.write(f"seed {options.seed}: {dict(counts)}, nothing else\n")

"""Look for known vulnerabilities in all that the locks list, for every machine and Python.

The advisories are those of https://osv.dev, or of another source that speaks as it does and that
UPSCALER_LAB_ADVISORIES names. Where the source cannot be reached, nothing is looked for.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING

from supply.pins import LOCKS, canonical, read_pins

if TYPE_CHECKING:
    from collections.abc import Iterable

    from supply.pins import Pin

SOURCE = "https://api.osv.dev/v1/query"
# Advisories that do not concern us, with the reason.
ACCEPTED: dict[str, str] = {}
_SECONDS = 5


def source() -> str:
    """Return the address of the advisories."""
    return os.environ.get("UPSCALER_LAB_ADVISORIES") or SOURCE


def is_reachable(address: str) -> bool:
    """Return whether anything answers at an address, within a few seconds."""
    request = urllib.request.Request(address, method="HEAD")  # noqa: S310 - the user names it
    try:
        urllib.request.urlopen(request, timeout=_SECONDS).close()  # noqa: S310
    except urllib.error.HTTPError:
        return True
    except (OSError, ValueError):
        return False
    return True


def can_ask() -> bool:
    """Return whether the source can be reached; if not, say so."""
    if is_reachable(source()):
        return True
    sys.stdout.write(f"audit: the advisories at {source()} are not reachable, skipped.\n")
    return False


def rounds(pins: Iterable[Pin]) -> list[list[Pin]]:
    """Divide packages so that none is in a round twice: other machines have other versions."""
    made: list[dict[str, Pin]] = []
    seen: set[tuple[str, str]] = set()
    for pin in pins:
        name = canonical(pin.name)
        if (name, pin.version) in seen:
            continue
        seen.add((name, pin.version))
        free = next((each for each in made if name not in each), None)
        if free is None:
            made.append(free := {})
        free[name] = pin
    return [list(each.values()) for each in made]


def line(pin: Pin) -> str:
    """Return a package as a file of requirements lists it, for all machines."""
    return " ".join([f"{pin.name}=={pin.version}", *(f"--hash=sha256:{h}" for h in pin.hashes)])


def command(file: Path, address: str) -> list[str]:
    """Return the command that looks for what a file lists."""
    ignored = [part for name in ACCEPTED for part in ("--ignore-vuln", name)]
    return [
        *(sys.executable, "-m", "pip_audit", "--strict", "--disable-pip", "--require-hashes"),
        *("--progress-spinner", "off", "--vulnerability-service", "osv", "--osv-url", address),
        *ignored,
        *("-r", str(file)),
    ]


def main() -> int:
    """Run the audit; return 0 if nothing is known or nothing can be asked."""
    if not can_ask():
        return 0
    texts = [lock.read_text("utf-8") for lock in sorted(LOCKS.glob("*.txt"))]
    pins = [pin for text in texts for pin in read_pins(text)]
    with tempfile.TemporaryDirectory() as scratch:
        files: list[Path] = []
        for number, found in enumerate(rounds(pins)):
            files.append(Path(scratch) / f"{number}.txt")
            files[-1].write_text("\n".join(map(line, found)), encoding="utf-8")
        codes = [subprocess.run(command(file, source()), check=False).returncode for file in files]
    return int(any(codes))


if __name__ == "__main__":
    sys.exit(main())

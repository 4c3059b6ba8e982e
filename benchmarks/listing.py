"""Time of `upscalers list` for a folder of networks, the first time and from what is stored then.

    python -m benchmarks.listing FOLDER

`benchmarks.mixed_networks` makes a folder of 200 files.

The processes' own time is taken, which other programs lengthen less than the clock's,
without what Python takes to start. Stored facts are those of a folder of its own, so that the first
time is one.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile


def spent(arguments: list[str], data: str) -> float:
    """Return how many seconds Python computes with these arguments; not known on Windows."""
    environment = {**os.environ, "XDG_DATA_HOME": data, "LOCALAPPDATA": data}
    before = os.times()
    subprocess.run(
        [sys.executable, *arguments],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=True,
    )
    after = os.times()
    user = after.children_user - before.children_user
    return user + after.children_system - before.children_system


def main() -> None:
    """Print both times for the folder that is named."""
    if len(sys.argv) != 2:
        sys.exit("Expected a folder of networks: python -m benchmarks.listing FOLDER")
    command = ["-m", "lib_upscalers", "list", "--models", sys.argv[1]]
    with tempfile.TemporaryDirectory() as data:
        start = min(spent(["-c", "pass"], data) for _ in range(5))
        print(f"first: {spent(command, data) - start:.2f} s")
        print(f"later: {min(spent(command, data) for _ in range(5)) - start:.2f} s")


if __name__ == "__main__":
    main()

"""Time to a list of a folder's networks, the first time and from what is stored then.

    python -m benchmarks.listing FOLDER

The process's own time is taken, which other programs on the machine do not lengthen; imports are
made before. Stored facts are those of a folder of its own, so that the first time is one.
"""

from __future__ import annotations

import logging
import sys
import tempfile
import time
from pathlib import Path

from lib_upscalers.models.architectures import registry
from lib_upscalers.models.folders import Facts, scan


def main() -> None:
    """Print both times for the folder that is named."""
    if len(sys.argv) != 2:
        sys.exit("Expected a folder of networks: python -m benchmarks.listing FOLDER")
    folder = Path(sys.argv[1])
    logging.getLogger("lib_upscalers").setLevel(logging.ERROR)
    registry()
    with tempfile.TemporaryDirectory() as data:
        for turn in ("first", "second"):
            start = time.process_time()
            entries = scan([folder], Facts.in_folder(Path(data)))
            spent = time.process_time() - start
            print(f"{turn}: {len(entries)} networks, {spent:.2f} s")


if __name__ == "__main__":
    main()

"""Read every file in folders of test pictures, and count what becomes of them.

    UPSCALER_LAB_CORPUS=folder:another python -m tests.corpus.pictures

Each file is "done", "refused" (a sentence that names the cause) or "internal" (anything else, of
which there must be none).
"""

from __future__ import annotations

import logging
import os
import sys
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from lib_upscalers.errors import ImageError
from lib_upscalers.pictures.files import read_picture

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

VARIABLE = "UPSCALER_LAB_CORPUS"


def folders() -> list[Path]:
    """Return the folders that the environment names; none where it names none."""
    return [Path(name) for name in os.environ.get(VARIABLE, "").split(os.pathsep) if name]


def files(places: Iterable[Path]) -> Iterator[Path]:
    """Yield all files in folders, in order."""
    for place in places:
        yield from (path for path in sorted(place.rglob("*")) if path.is_file())


def classify(path: Path) -> tuple[str, str]:
    """Return "done", "refused" or "internal", and the notes or the reason."""
    try:
        picture = read_picture(path)
    except ImageError as error:
        return "refused", str(error)
    except Exception as error:  # noqa: BLE001 - that is what is looked for
        return "internal", f"{type(error).__name__}: {error}"
    return "done", " ".join(picture.notes)


def main() -> int:
    """Print what became of each file, and the sums; return 1 if any was internal."""
    logging.disable()
    counts: defaultdict[str, int] = defaultdict(int)
    for path in files(folders()):
        kind, text = classify(path)
        counts[kind] += 1
        if kind != "done" or text:
            sys.stdout.write(f"{kind}\t{path}\t{text}\n")
    sys.stdout.write(f"{dict(counts)}\n")
    return int(counts["internal"] > 0)


if __name__ == "__main__":
    sys.exit(main())

"""Enlarge the PNG files of a folder to a width: python examples/folder.py FOLDER RESULTS 1920."""

from __future__ import annotations

import sys
from pathlib import Path

from lib_upscalers import (
    Size,
    StandaloneHost,
    Target,
    Upscaler,
    UpscalerError,
    read_picture,
    write_picture,
)

folder, results, width = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
upscaler = Upscaler(StandaloneHost())
choice = upscaler.find("Lanczos")
results.mkdir(parents=True, exist_ok=True)
failed = 0
for path in sorted(folder.glob("*.png")):
    try:
        picture = read_picture(path)
        height = max(1, round(width * picture.size.height / picture.size.width))
        result = upscaler.run(picture, choice, Target(size=Size(width, height)))
        write_picture(result.picture, results / path.name)
    except UpscalerError as error:  # one bad file does not stop the others
        failed += 1
        sys.stderr.write(f"{path}: {error}\n")
sys.exit(1 if failed else 0)

"""Run the command line by `python -m lib_upscalers`."""

from __future__ import annotations

import sys

from lib_upscalers.cli.main import main

if __name__ == "__main__":
    sys.exit(main())

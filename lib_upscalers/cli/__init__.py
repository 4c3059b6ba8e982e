"""The command line, `upscalers`: one module a command."""

from __future__ import annotations

from lib_upscalers.cli.main import main

__all__ = ["main"]

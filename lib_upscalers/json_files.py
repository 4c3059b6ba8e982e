"""Small JSON files that the program stores for itself: settings, marks, what was measured."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any, cast

from lib_upscalers.file_writing import write_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_log = logging.getLogger("lib_upscalers")


def read_object(file: Path, otherwise: str) -> dict[str, Any]:
    """Return the object in a JSON file; an empty one if there is no file, or a damaged one.

    Args:
        file: The file; it need not exist.
        otherwise: What follows from damage, for the line in the log.
    """
    try:
        held: Any = json.loads(file.read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError, RecursionError) as error:
        _log.warning("%s cannot be read, so %s: %s", file, otherwise, error)
        return {}
    if not isinstance(held, dict):
        _log.warning("%s holds no JSON object, so %s", file, otherwise)
    return table(held)


def table(held: object) -> dict[str, Any]:
    """Return a value of JSON as an object; an empty one if it is something else."""
    return cast("dict[str, Any]", held) if isinstance(held, dict) else {}


def write_object(file: Path, values: Mapping[str, Any]) -> None:
    """Store an object in a JSON file; missing folders are made.

    Raises:
        OutputError: The file cannot be written.
    """
    write_text(file, json.dumps(values), overwrite=True, make_folders=True)

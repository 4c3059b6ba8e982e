"""Marks that the user gives networks (label, favourite, hidden), stored by path."""

from __future__ import annotations

import threading
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from lib_upscalers.errors import InputError
from lib_upscalers.json_files import read_object, table, write_object

if TYPE_CHECKING:
    from pathlib import Path

_FILE = "model-marks.json"
_LONGEST = 100


@dataclass(frozen=True)
class Mark:
    """What is said of one file.

    Attributes:
        label: What the user calls it; "": nothing.
        favourite: Whether it comes first in lists.
        hidden: Whether lists leave it out.
        source_sha256: The hash of the file that it was converted from; "": none.
    """

    label: str = ""
    favourite: bool = False
    hidden: bool = False
    source_sha256: str = ""


class ModelMarks:
    """Marks of files, by path, stored in a file. Several threads may use it.

    Args:
        folder: Where they are stored; it need not exist.
    """

    def __init__(self, folder: Path) -> None:
        self._file = folder / _FILE
        self._lock = threading.Lock()

    def all(self) -> dict[str, Mark]:
        """Return all marks by path, as they are stored now."""
        stored = table(read_object(self._file, "no network is marked").get("files"))
        return {path: _mark(value) for path, value in stored.items()}

    def get(self, path: Path) -> Mark:
        """Return the mark of a file."""
        return self.all().get(str(path.resolve()), Mark())

    def change(
        self,
        path: Path,
        *,
        label: str | None = None,
        favourite: bool | None = None,
        hidden: bool | None = None,
        source_sha256: str | None = None,
    ) -> Mark:
        """Change what is given, and store it.

        Raises:
            InputError: The label is too long, or has line breaks and the like.
            OutputError: It cannot be stored.
        """
        if label is not None and (len(label) > _LONGEST or not (label.isprintable() or not label)):
            raise InputError(
                f"Expected a label of one line and at most {_LONGEST} characters, but got another: "
                "shorten it."
            )
        values = {
            "label": label,
            "favourite": favourite,
            "hidden": hidden,
            "source_sha256": source_sha256,
        }
        given = {name: value for name, value in values.items() if value is not None}
        with self._lock:
            held = self.all()
            key = str(path.resolve())
            mark = replace(held.get(key, Mark()), **given)
            if mark == Mark():
                held.pop(key, None)
            else:
                held[key] = mark
            files = {path: asdict(each) for path, each in held.items()}
            write_object(self._file, {"files": files})
        return mark

    def forget(self, path: Path) -> None:
        """Remove what is stored of a file."""
        self.change(path, label="", favourite=False, hidden=False, source_sha256="")


def _mark(value: Any) -> Mark:  # noqa: ANN401 - JSON
    plain = Mark()
    try:
        found = {name: value[name] for name in asdict(plain)}
    except (TypeError, LookupError):
        return plain
    sound = all(type(each) is type(getattr(plain, name)) for name, each in found.items())
    return Mark(**found) if sound else plain

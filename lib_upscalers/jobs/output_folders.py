"""Make the folders of results."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from lib_upscalers.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path


@contextmanager
def folders_for(target: Path) -> Generator[None]:
    """Make the folders of a file; remove those that are new if the block fails.

    Raises:
        OutputError: They cannot be made.
    """
    new = [each for each in (target.parent, *target.parent.parents) if not each.exists()]
    try:
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(
                f"Expected to make the folder {target.parent}, but that failed ({error.strerror}): "
                "choose another one."
            ) from error
        yield
    except BaseException:
        for folder in new:
            with suppress(OSError):
                folder.rmdir()
        raise

"""Log Pillow's warnings, so that none reaches a terminal."""

from __future__ import annotations

import logging
import os
import threading
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator

_log = logging.getLogger("lib_upscalers")

# Pillow's limit, its tolerance of truncation, Python's warnings and the process's standard error
# belong to the whole process: one thread at a time changes them.
PILLOW_LOCK = threading.RLock()


@contextmanager
def warnings_logged() -> Generator[None, None, None]:
    """Log Pillow's warnings in the block; warnings of other modules are issued after it."""
    with PILLOW_LOCK:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield
        for each in caught:
            if f"{os.sep}PIL{os.sep}" in each.filename:
                _log.debug("Pillow: %s", each.message)
            else:
                warnings.warn_explicit(each.message, each.category, each.filename, each.lineno)

"""Run a page's long work in a thread, and keep what ended it for the page."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from lib_upscalers.errors import Cancelled, UpscalerError

if TYPE_CHECKING:
    from collections.abc import Callable

_log = logging.getLogger("lib_upscalers")


class BackgroundWork:
    """Work that begins with `start`.

    Args:
        name: Of the thread, and of the work in the log.
        work: Runs in the thread; what it raises becomes `problem`.
    """

    def __init__(self, name: str, work: Callable[[], None]) -> None:
        self.problem = ""
        """Why it ended early; "" if it did not, or by its user."""
        self._name = name
        self._work = work
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def join(self) -> None:
        """Wait for the end."""
        self._thread.join()

    def is_running(self) -> bool:
        """Return whether it has begun and not ended."""
        return self._thread.is_alive()

    def _run(self) -> None:
        try:
            self._work()
        except Cancelled:
            pass
        except (UpscalerError, OSError) as error:
            self.problem = str(error)
        except Exception as error:  # noqa: BLE001 - the page shows it, and the app lives on
            _log.exception("The work “%s” was not finished", self._name)
            self.problem = f"{type(error).__name__}: {error}"

"""Use the WebUI's progress bar, its queue, and its buttons Interrupt and Skip."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from lib_upscalers.errors import Cancelled
from lib_upscalers.hosts.webui.host_modules import host_module

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

# The names of the WebUI's job while nothing is sampled: then our work may move the bar.
_JOBS_WITHOUT_SAMPLING = ("extras", "Upscale", "Upscaler Lab")


class HostProgress:
    """Writes progress into the WebUI's state and reads its interrupts. Implements `Progress`.

    Args:
        state: ``shared.state``.
        title: The start of the text; "" for none.
        moves_bar: Whether to move the bar; while a picture is sampled, the sampler moves it.
    """

    def __init__(self, state: Any, title: str, *, moves_bar: bool) -> None:
        self._state = state
        self._title = title
        self._moves_bar = moves_bar

    def update(self, step: int, total: int, text: str = "") -> None:
        """Show the progress of the work."""
        words = [word for word in (self._title, text) if word]
        self._state.textinfo = "Upscaler Lab: " + ", ".join(words)
        if self._moves_bar:
            self._state.sampling_step, self._state.sampling_steps = step, total

    def check_cancelled(self) -> None:
        """Return if neither Interrupt nor Skip was pressed.

        Raises:
            Cancelled: One of them was.
        """
        if self._state.interrupted or self._state.skipped:
            raise Cancelled


@contextmanager
def displayed_progress(state: Any, title: str) -> Generator[HostProgress, None, None]:
    """Yield progress that the WebUI displays; restore its texts afterwards.

    Args:
        state: ``shared.state``.
        title: The start of the text.
    """
    names = ("textinfo", "sampling_step", "sampling_steps", "job_no")
    before = {name: getattr(state, name) for name in names}
    moves_bar = state.job_count > 0 and str(state.job) in _JOBS_WITHOUT_SAMPLING
    if moves_bar:
        # The Extras tab counts a picture as done when it starts it.
        state.job_no = max(0, state.job_no - 1)
    try:
        # On a CPU a large network takes a minute until the first tile is done.
        state.textinfo = f"Upscaler Lab: {title}"
        yield HostProgress(state, title, moves_bar=moves_bar)
    finally:
        for name in names if moves_bar else names[:1]:
            setattr(state, name, before[name])


@contextmanager
def job(closing: Callable[[], bool]) -> Generator[Callable[[], bool], None, None]:
    """Run a job in the WebUI's queue; yield a function that returns whether it was stopped.

    Args:
        closing: Returns whether the WebUI closes, which ends a job that has just begun, too.
    """
    state = host_module("shared").state
    with host_module("call_queue").queue_lock:
        # Reloading the UI sets an interrupt; starting a job clears it.
        state.begin(job="Upscaler Lab")
        try:
            yield lambda: bool(state.interrupted or state.skipped or closing())
        finally:
            state.end()

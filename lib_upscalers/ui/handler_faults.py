"""Show an unexpected error of a page's function as one sentence, and log it in full."""

from __future__ import annotations

import functools
import inspect
import logging
from typing import TYPE_CHECKING, Any, NoReturn

import gradio as gr

from lib_upscalers.errors import REPORT_HINT, UpscalerError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_log = logging.getLogger("lib_upscalers")


def shielded(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that does the same, and raises gradio's error instead of any other.

    Gradio itself would show the word "Error" alone.

    Args:
        function: What gradio calls; it may be a generator function.
    """
    if inspect.isgeneratorfunction(function):

        @functools.wraps(function)
        def generate(*values: Any) -> Iterator[Any]:  # noqa: ANN401 - as gradio has it
            try:
                yield from function(*values)
            except Exception as error:  # noqa: BLE001 - it must not end in silence
                _raise(error)

        return generate

    @functools.wraps(function)
    def answer(*values: Any) -> Any:  # noqa: ANN401
        try:
            return function(*values)
        except Exception as error:  # noqa: BLE001
            _raise(error)

    return answer


def _raise(error: Exception) -> NoReturn:
    if isinstance(error, gr.Error):
        raise error
    if isinstance(error, UpscalerError):
        raise gr.Error(str(error)) from error
    _log.error("An unexpected error of the page. %s", REPORT_HINT, exc_info=error)
    text = " ".join(str(error).split())[:200]
    raise gr.Error(
        f"This could not be done ({type(error).__name__}: {text}): the log has what a bug report "
        "needs."
    ) from error

"""Having the WebUI call functions of ours when something happens."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from lib_upscalers.hosts.webui.host_modules import host_module

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def enter(callbacks: Mapping[str, Callable[..., Any]]) -> None:
    """Have the WebUI call functions.

    To tell which extension one is from, it looks up the source of every frame on the stack
    (script_callbacks.py:129), a tenth of a second for each function where a script is being
    loaded. A thread of its own has a short stack.

    Args:
        callbacks: By the names of the functions that take them, such as "on_before_ui".
    """
    with ThreadPoolExecutor(1) as thread:
        thread.submit(_enter, callbacks).result()


def _enter(callbacks: Mapping[str, Callable[..., Any]]) -> None:
    # Called from here and not by the thread itself: it is this file that tells the extension.
    module = host_module("script_callbacks")
    for name, callback in callbacks.items():
        getattr(module, name)(callback)

"""Register our callbacks with the WebUI."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from lib_upscalers.hosts.webui.host_modules import host_module

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def register(callbacks: Mapping[str, Callable[..., Any]]) -> None:
    """Register callbacks with the WebUI.

    To find the extension that registers one, the WebUI reads the source of every frame on the stack
    (script_callbacks.py:129), which takes a tenth of a second each while a script is being loaded.
    A new thread has a short stack.

    Args:
        callbacks: By the names of the functions that take them, such as "on_before_ui".
    """
    with ThreadPoolExecutor(1) as thread:
        thread.submit(_register, callbacks).result()


def _register(callbacks: Mapping[str, Callable[..., Any]]) -> None:
    # Called from this file, not by the thread pool: the file on the stack names the extension.
    module = host_module("script_callbacks")
    for name, callback in callbacks.items():
        getattr(module, name)(callback)

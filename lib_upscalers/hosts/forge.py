"""Forge, reForge and Forge Neo as hosts: they manage the device's memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lib_upscalers.hosts.a1111 import A1111Host
from lib_upscalers.hosts.webui.host_modules import optional_module

if TYPE_CHECKING:
    from collections.abc import Callable

# Forge and Neo; reForge.
_HELPERS = ("modules_forge.utils", "modules_forge.forge_util")


class ForgeHost(A1111Host):
    """A WebUI with a memory manager.

    Args:
        prepare: Its function that frees the device's memory.
    """

    def __init__(self, prepare: Callable[[], None]) -> None:
        self._prepare = prepare

    def make_room(self) -> None:
        """Have the memory manager move models off the device."""
        self._prepare()


def memory_helper() -> Callable[[], None] | None:
    """Return the function that frees the device's memory; None outside the Forges."""
    for name in _HELPERS:
        helper = getattr(optional_module(name), "prepare_free_memory", None)
        if helper is not None:
            return helper
    return None

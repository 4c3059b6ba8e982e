"""Detect the WebUI by its capabilities."""

from __future__ import annotations

from lib_upscalers.hosts.a1111 import A1111Host
from lib_upscalers.hosts.forge import ForgeHost, memory_helper


def detect() -> A1111Host:
    """Return the WebUI that we run in, as a host for the library."""
    helper = memory_helper()
    return A1111Host() if helper is None else ForgeHost(helper)

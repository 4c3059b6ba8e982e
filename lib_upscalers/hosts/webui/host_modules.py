"""Import the WebUI's own modules, which exist only inside it."""

from __future__ import annotations

from importlib import import_module
from typing import Any

Foreign = Any
"""Something of the WebUI: untyped, and different on every host."""


def host_module(name: str) -> Foreign:
    """Return the WebUI's module ``modules.<name>``.

    Raises:
        ImportError: This is no WebUI, or one that lacks it.
    """
    return import_module(f"modules.{name}")


def optional_module(name: str) -> Foreign | None:
    """Return a module by its whole name, or None if this WebUI lacks it."""
    try:
        return import_module(name)
    except ImportError:
        return None


def setting(key: str, default: object) -> Foreign:
    """Return a setting's value, also before the page that declares it was built."""
    return host_module("shared").opts.data.get(key, default)

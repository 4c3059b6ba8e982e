"""The page Models in a WebUI: its library of networks, and who may change it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lib_upscalers.hosts.webui.host_modules import host_module
from lib_upscalers.models.catalogue.library import ModelLibrary

if TYPE_CHECKING:
    from lib_upscalers.hosts.webui.engine import Engine


def model_library(engine: Engine) -> ModelLibrary:
    """Return the library of the WebUI's networks."""
    host, upscaler = engine.host, engine.upscaler
    return ModelLibrary(
        host.data_folder(), host.model_folders, upscaler.entries, hashes=upscaler.hashes
    )


def may_change() -> bool:
    """Return whether users of the page may get and delete networks.

    Those who may not install extensions may not: so it is under ``--listen`` and ``--share``.
    """
    options = host_module("shared").cmd_opts
    return not getattr(options, "disable_extension_access", False)

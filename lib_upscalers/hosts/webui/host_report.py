"""Describe the WebUI for a bug report: version, settings, extensions that wrap its functions."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

from lib_upscalers.diagnosis.bug_report import Section
from lib_upscalers.hosts.webui import options
from lib_upscalers.hosts.webui.full_vae import loaded_model
from lib_upscalers.hosts.webui.host_modules import host_module, optional_module
from lib_upscalers.hosts.webui.wrappers import HOST, owners

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# Functions that decide what our work looks like, and that we leave as they are.
_OTHERS = (
    ("modules.processing", "process_images"),
    ("modules.images", "resize_image"),
    ("modules.images", "save_image"),
    ("torch.nn.functional", "interpolate"),
)
_PATHS = (options.FOLDERS.key,)


def host_sections(patched: Iterable[tuple[Any, str]]) -> Sequence[Section]:
    """Return the sections about the WebUI.

    Args:
        patched: The classes and modules of which we have replaced a function, with its name.
    """
    return (
        Section("Program", _program),
        Section("Settings that are not the defaults", _settings),
        Section("Extensions", _extensions),
        Section("Functions, from the outermost to the innermost", lambda: _functions(patched)),
    )


def _program() -> list[str]:
    launch = host_module("launch_utils")
    forge = optional_module("modules_forge.forge_version")
    more = f", Forge {forge.version}" if forge else ""
    flags = [each.split("=")[0] for each in sys.argv[1:] if each.startswith("--")]
    model = loaded_model()
    loaded = "none" if model is None else type(model).__name__
    return [
        f"WebUI {launch.git_tag()} ({launch.commit_hash()[:10]}){more}",
        f"started with {' '.join(flags) or 'no options'}",
        f"loaded model: {loaded}",
    ]


def _settings() -> list[str]:
    lines: list[str] = []
    for option in options.OPTIONS:
        found = options.value(option)
        if found == option.default:
            continue
        # Folders are private.
        shown = f"{len(options.folders())} lines" if option.key in _PATHS else repr(found)
        lines.append(f"{option.label}: {shown}")
    return lines


def _extensions() -> list[str]:
    module = host_module("extensions")
    return [
        f"{each.name} {getattr(each, 'version', '') or ''}".rstrip()
        for each in module.active()
        if not each.is_builtin
    ]


def _functions(patched: Iterable[tuple[Any, str]]) -> list[str]:
    lines = [_line(getattr(owner, "__name__", "?"), owner, field) for owner, field in patched]
    for name, field in _OTHERS:
        module = optional_module(name)
        if hasattr(module, field) and owners(getattr(module, field)) not in ([HOST], ["torch"]):
            lines.append(_line(name, module, field))
    return lines


def _line(name: str, owner: Any, field: str) -> str:
    return f"{name}.{field}: {', '.join(owners(getattr(owner, field))) or 'not in Python'}"

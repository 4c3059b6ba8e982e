"""Add the engine's settings as options of a command; parsing imports nothing heavy."""

from __future__ import annotations

import argparse
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from lib_upscalers.upscaling.settings import ENGINE_SETTINGS, Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lib_upscalers.upscaling.settings import EngineSetting

_PREFIX = "engine_"
_NONE: Mapping[str, str] = MappingProxyType({})


def add_engine_settings(
    parser: argparse.ArgumentParser, *, renamed: Mapping[str, str] = _NONE
) -> None:
    """Add an option for each of the engine's settings, in a group of their own.

    Args:
        parser: The command's parser.
        renamed: Options of settings whose own option means something else there, by the setting.
    """
    group = parser.add_argument_group("how it is computed")
    for setting in ENGINE_SETTINGS:
        option = renamed.get(setting.name) or "--" + setting.name.replace("_", "-")
        dest = _PREFIX + setting.name
        group.add_argument(option, dest=dest, help=_help(setting), **_kind(setting))


def read_engine_settings(options: argparse.Namespace) -> Settings:
    """Return the settings that the options of `add_engine_settings` state.

    Raises:
        InputError: A value is none of the setting's choices.
    """
    given = vars(options)
    return Settings(**{each.name: given[_PREFIX + each.name] for each in ENGINE_SETTINGS})


def _help(setting: EngineSetting) -> str:
    if setting.kind == "flag":
        return setting.help
    if setting.default is None:
        return f"{setting.help} (default: {setting.automatic})"
    what = f": {setting.automatic}" if setting.automatic else ""
    return f"{setting.help} (default: {setting.default}{what})"


def _kind(setting: EngineSetting) -> dict[str, Any]:
    """Return argparse's arguments for a setting's values."""
    if setting.kind == "flag":
        return {"action": "store_true", "default": setting.default}
    if setting.kind == "number":
        return {"type": _whole_number(setting.least), "metavar": "PIXELS"}
    if setting.registry is not None:
        return {"metavar": "NAME", "default": setting.default}
    return {"choices": setting.choices_listed, "default": setting.default}


def _whole_number(least: int) -> Any:  # noqa: ANN401 - argparse takes any function
    def read(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = least - 1
        if number < least:
            raise argparse.ArgumentTypeError(
                f"expected a whole number of {least} or more, but got {text!r}"
            )
        return number

    return read

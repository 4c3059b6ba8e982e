"""Add axes to the WebUI's script "X/Y/Z plot"."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from lib_upscalers.hosts.webui import options
from lib_upscalers.hosts.webui.host_modules import host_module
from lib_upscalers.hosts.webui.latents import AXIS
from lib_upscalers.latent import LATENT_MODES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lib_upscalers.hosts.webui.options import Option

_SCRIPT = "xyz_grid.py"
_PREFIX = "[Upscaler Lab] "
_TYPES: Mapping[str, type] = MappingProxyType(
    {"slider": float, "check": str, "dropdown": str, "radio": str}
)
_SETTINGS = (*options.FINISHERS, *options.ENGINE.values())


def add_axes() -> None:
    """Add our axes to the script, unless they are there already."""
    grid = _grid()
    if grid is None or any(option.label.startswith(_PREFIX) for option in grid.axis_options):
        return
    grid.axis_options.append(
        grid.AxisOptionImg2Img(
            _PREFIX + "Latent resize",
            str,
            _set_mode,
            confirm=_confirm_modes,
            choices=lambda: list(LATENT_MODES),
        )
    )
    grid.axis_options.extend(_axis(grid, option) for option in _SETTINGS)


def _grid() -> Any:
    """Return the script's module; None if it is not loaded."""
    for data in host_module("scripts").scripts_data:
        module: str = data.script_class.__module__
        if module == _SCRIPT or str(data.path).endswith(_SCRIPT):
            return data.module
    return None


def _axis(grid: Any, option: Option) -> Any:
    def apply(p: Any, x: Any, xs: Any) -> None:
        del xs
        p.override_settings[option.key] = _read(option, x)

    choices: Callable[[], list[str]] | None = None
    if option.widget == "check":
        choices = lambda: ["True", "False"]  # noqa: E731
    elif option.choices:
        choices = lambda: list(option.choices)  # noqa: E731
    label = _PREFIX + option.label
    return grid.AxisOption(label, _TYPES[option.widget], apply, choices=choices)


def _read(option: Option, value: Any) -> Any:
    """Return a setting's value from a cell's.

    Raises:
        RuntimeError: There is no such choice; the script's own axes raise this, too.
    """
    if option.widget == "check":
        return str(value).strip().lower() in {"true", "yes", "1", "on"}
    if option.choices and value not in option.choices:
        raise RuntimeError(
            f"Expected one of {', '.join(option.choices)} for {option.label}, but got {value!r}."
        )
    return value


def _set_mode(p: Any, x: str, xs: Any) -> None:
    del xs
    setattr(p, AXIS, x)


def _confirm_modes(p: Any, xs: list[str]) -> None:
    del p
    for name in xs:
        LATENT_MODES[name]

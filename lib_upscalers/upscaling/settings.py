"""The engine's settings: each is described once, and every user interface is made from that.

A new setting is one more field of `Settings`. The command line, the script of the Extras tab, the
API, the WebUI's page of settings, the axes of its X/Y/Z plot and the form of the comparison read
`ENGINE_SETTINGS`.
"""

# ruff: noqa: RUF009 - `described` is `dataclasses.field`

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, Literal, TypeVar, get_args

from lib_upscalers.errors import InputError
from lib_upscalers.geometry import Border
from lib_upscalers.host import Backend, Precision

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lib_upscalers.registry import Registry

Alpha = Literal["network", "kernel"]
Passes = Literal["whole", "reduced"]
Value = int | str | bool | None

AS_IN_SETTINGS = "As in the settings"
"""The choice of a form that leaves a setting as the form's base has it."""
ON, OFF = "on", "off"
"""The choices of a form for a flag, where it can also be `AS_IN_SETTINGS`."""

_T = TypeVar("_T")
_METADATA = "engine setting"


@dataclass(frozen=True)
class Shortcut:
    """A check box that offers two of a setting's choices.

    Attributes:
        name: Its name among a form's values, and the field of the API.
        label: Its label.
        help: What it does, as `EngineSetting.help`.
        ticked: The choice when it is ticked.
        cleared: The choice when it is not.
    """

    name: str
    label: str
    help: str
    ticked: str
    cleared: str


@dataclass(frozen=True)
class EngineSetting:
    """The description of one setting.

    Attributes:
        label: Its label in forms and on the WebUI's page of settings.
        help: What it does: begins with a small letter, ends without a full stop.
        automatic: What the automatic value means, which is None for a number and "auto" among
            choices; "" if there is no automatic value.
        least: The least number.
        slider: The largest number of a slider, and its step; the slider's 0 is the automatic value.
        choices_listed: The choices, if they are fixed.
        registry: Returns the registry that has the choices, if they are not fixed.
        infotext: Its name in infotexts, after their prefix; "" if it does not change what a
            picture looks like.
        shortcut: The check box that replaces it in forms with little room.
        name: The attribute of `Settings`, and the field of the API; the option of the command line
            and the key of the WebUI's setting are made from it.
        default: The value that is right for nearly everybody.
    """

    label: str
    help: str
    automatic: str = ""
    least: int = 0
    slider: tuple[int, int] = (0, 1)
    choices_listed: tuple[str, ...] = ()
    registry: Callable[[], Registry[Any]] | None = None
    infotext: str = ""
    shortcut: Shortcut | None = None
    name: str = ""
    default: Value = None

    @property
    def kind(self) -> Literal["number", "choice", "flag"]:
        """What values it has."""
        if isinstance(self.default, bool):
            return "flag"
        return "choice" if isinstance(self.default, str) else "number"

    def choices(self) -> tuple[str, ...]:
        """Return all choices, in menu order; none for a number or a flag."""
        return self.choices_listed or tuple(self.registry() if self.registry else ())

    def check(self, value: object) -> None:
        """Check a choice; numbers are checked where tiles are planned.

        Raises:
            UnknownNameError: The registry has no such entry; the text suggests the nearest.
            InputError: There is no such choice.
        """
        if self.registry is not None:
            self.registry()[str(value)]
        elif self.choices_listed and value not in self.choices_listed:
            raise InputError(
                f"Expected one of {', '.join(self.choices_listed)} for the setting {self.name}, "
                f"but got {value!r}: choose another."
            )

    def is_automatic(self, value: object) -> bool:
        """Return whether a form's value lets the engine choose."""
        return bool(self.automatic) and value in (None, 0, "auto")


def described(default: _T, description: EngineSetting) -> _T:
    """Return a field of `Settings` with its description, which gets its name and default.

    Args:
        default: The setting's default.
        description: All else.
    """
    return field(default=default, metadata={_METADATA: description})


def _kernels() -> Registry[Any]:
    from lib_upscalers.resampling.kernels import KERNELS

    return KERNELS


@dataclass(frozen=True)
class Settings:
    """How a picture is enlarged. The defaults are right for nearly everybody.

    Attributes:
        tile: The largest side of a tile; None: the fastest that fits.
        overlap: Context on each side of a tile; None: as far as the network looks.
        precision: In which precision; "auto": what the host asks for.
        backend: By what a CPU computes networks; "auto": by what was measured to be faster, in a
            WebUI by torch.
        padding: What lies beyond the picture's edges for a network; "wrap" lets a seamless
            texture stay seamless, at whole multiples of the network's scale.
        alpha: Whether transparency that varies is enlarged by the network or by the kernel.
        kernel: The kernel that brings a network's result to the exact size.
        linear_light: Whether kernels mix light and not sRGB values.
        passes: Whether a network that has to run again runs on the whole result of its last
            pass, or on one that was first reduced to what suffices: much faster, a little
            softer (`docs/explanation/quality.md` has figures).

    Raises:
        InputError: A value is none of the setting's choices.
    """

    tile: int | None = described(
        None,
        EngineSetting(
            "Tile",
            "largest side of what goes through a network at once, in pixels of its input",
            automatic="the fastest that fits into memory",
            least=1,
            slider=(2048, 32),
        ),
    )
    overlap: int | None = described(
        None,
        EngineSetting(
            "Overlap of tiles",
            "context on each side of a tile, in pixels",
            automatic="as far as the network looks, which leaves no seam",
            slider=(256, 4),
        ),
    )
    precision: Precision = described(
        "auto",
        EngineSetting(
            "Precision",
            "what networks compute in",
            automatic="half where the network and the device are good at it, and a WebUI's "
            "--no-half is obeyed",
            choices_listed=get_args(Precision),
        ),
    )
    backend: Backend = described(
        "auto",
        EngineSetting(
            "Computed by",
            "what computes networks on a CPU; ncnn is an optional package",
            automatic="the faster one, if ncnn is installed; in a WebUI torch",
            choices_listed=get_args(Backend),
        ),
    )
    padding: Border = described(
        "none",
        EngineSetting(
            "Padding",
            "what a network sees beyond the edges of a picture; wrap is for seamless textures",
            choices_listed=get_args(Border),
            infotext="padding",
            shortcut=Shortcut(
                "seamless",
                "Seamless texture",
                "whether opposite edges belong together",
                ticked="wrap",
                cleared="none",
            ),
        ),
    )
    alpha: Alpha = described(
        "network",
        EngineSetting(
            "Transparency by",
            "what enlarges transparency that varies",
            choices_listed=get_args(Alpha),
            infotext="transparency",
            shortcut=Shortcut(
                "alpha_by_network",
                "Transparency through the network",
                "whether the network enlarges transparency, too; otherwise the kernel does",
                ticked="network",
                cleared="kernel",
            ),
        ),
    )
    kernel: str = described(
        "Lanczos",
        EngineSetting(
            "Final kernel",
            "brings a network's result to the exact size",
            registry=_kernels,
            infotext="kernel",
        ),
    )
    linear_light: bool = described(
        default=False,
        description=EngineSetting(
            "Linear light",
            "kernels mix light instead of stored values",
            infotext="linear light",
        ),
    )
    passes: Passes = described(
        "whole",
        EngineSetting(
            "Passes",
            "where a network has to run again: on its whole last result, or on one reduced to "
            "what is needed, which is faster and a little softer",
            choices_listed=get_args(Passes),
            infotext="passes",
        ),
    )

    def __post_init__(self) -> None:
        """Check the choices."""
        for setting in ENGINE_SETTINGS:
            setting.check(getattr(self, setting.name))


def settings_described(kind: type) -> tuple[EngineSetting, ...]:
    """Return the descriptions of a class's fields, in their order.

    Args:
        kind: `Settings`, or a class made from it.
    """
    return tuple(
        replace(each.metadata[_METADATA], name=each.name, default=each.default)
        for each in fields(kind)
    )


ENGINE_SETTINGS = settings_described(Settings)


def form_names() -> list[str]:
    """Return the names of a form's values for the settings: their own, and their shortcuts'."""
    shortcuts = [each.shortcut.name for each in ENGINE_SETTINGS if each.shortcut]
    return [*(each.name for each in ENGINE_SETTINGS), *shortcuts]


def chosen(values: Mapping[str, object]) -> dict[str, Any]:
    """Return the settings that a form or a request chooses, to be put over others.

    Args:
        values: By `form_names`; others are ignored. None, the automatic value, `AS_IN_SETTINGS`,
            and a shortcut as it is by default choose nothing.

    Returns:
        By the names of `Settings`' attributes.

    Raises:
        InputError: A number is none, or a setting and its shortcut contradict each other.
    """
    found: dict[str, Any] = {}
    for setting in ENGINE_SETTINGS:
        value = values.get(setting.name)
        if not (value in (None, AS_IN_SETTINGS) or setting.is_automatic(value)):
            found[setting.name] = _value(setting, value)
        if setting.shortcut is not None:
            _add_shortcut(found, setting, setting.shortcut, values.get(setting.shortcut.name))
    return found


def _value(setting: EngineSetting, value: object) -> object:
    if setting.kind == "flag":
        return value in (True, ON)
    if setting.kind == "choice":
        return value
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < 1 << 31:
        raise InputError(f"Expected a whole number for the setting {setting.name}: correct it.")
    return int(value)


def differences(settings: Settings) -> dict[str, Any]:
    """Return the settings that differ from the defaults, by name."""
    values = {each: getattr(settings, each.name) for each in ENGINE_SETTINGS}
    return {each.name: value for each, value in values.items() if value != each.default}


def _add_shortcut(
    found: dict[str, Any], setting: EngineSetting, shortcut: Shortcut, ticked: object
) -> None:
    """Enter the choice of a check box, if it is not as it is by default."""
    value = shortcut.ticked if ticked else shortcut.cleared
    if ticked is None or value == setting.default:
        return
    if found.setdefault(setting.name, value) != value:
        raise InputError(
            f"Expected {shortcut.name} or {setting.name}, but got {shortcut.name} {ticked} and "
            f"{setting.name} {found[setting.name]!r}: give one of the two."
        )

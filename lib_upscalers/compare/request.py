"""Describe the request for a comparison, and write it as text that can be shared."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from lib_upscalers.compare.align import Trial
from lib_upscalers.errors import InputError
from lib_upscalers.geometry import Size
from lib_upscalers.targets import Target

if TYPE_CHECKING:
    from collections.abc import Mapping

LEAST, MOST = 1, 12
_FORMAT = 1
_MARK = "upscaler-lab"
_ADVICE = 'Expected settings such as {"upscaler-lab": 1, "upscalers": ["Nearest", "Lanczos"], …}'
# Enough for 12 names of 4096 characters, each escaped.
_MOST_CHARACTERS = 1 << 19


@dataclass(frozen=True)
class ComparisonRequest:
    """What to compare.

    Attributes:
        names: The upscalers, 1 to 12, none twice.
        target: To which size; with a trial, the size of the reference picture.
        trial: How the picture is shrunk first; None: it is not.
        engine: The engine's settings that are not the defaults, by name.
    """

    names: tuple[str, ...]
    target: Target
    trial: Trial | None = None
    engine: Mapping[str, Any] = field(default_factory=dict[str, Any], hash=False)

    def __post_init__(self) -> None:
        """Check the upscalers.

        Raises:
            InputError: There are too few, too many, or doubles, or a name is no valid Unicode.
        """
        if not LEAST <= len(self.names) <= MOST:
            raise InputError(
                f"Expected {LEAST} to {MOST} upscalers to compare, but got {len(self.names)}."
            )
        if len(set(self.names)) < len(self.names):
            raise InputError("Expected each upscaler once, but one is there twice.")
        if any("\ud800" <= character <= "\udfff" for name in self.names for character in name):
            raise InputError("Expected names of upscalers, but one is not valid Unicode text.")

    def to_text(self, version: str) -> str:
        """Return the request as one line, which `parse` reads.

        Args:
            version: Of this program, to repeat the comparison exactly.
        """
        values: dict[str, Any] = {_MARK: _FORMAT, "version": version, "upscalers": self.names}
        if self.trial is not None:
            values["test"] = {"shrink": self.trial.factor, "kernel": self.trial.kernel}
            if self.trial.jpeg is not None:
                values["test"]["jpeg"] = self.trial.jpeg
        elif self.target.size is not None:
            values["size"] = [self.target.size.width, self.target.size.height]
        else:
            values["scale"] = self.target.scale
        if self.engine:
            values["engine"] = dict(self.engine)
        return json.dumps(values, ensure_ascii=False)

    @classmethod
    def parse(cls, text: str) -> ComparisonRequest:
        """Read what `to_text` wrote, here or elsewhere.

        Raises:
            InputError: It is no such text, of a newer format, or invalid.
        """
        values = _object(text)
        names = values.get("upscalers")
        if not isinstance(names, list) or not all(isinstance(n, str) for n in cast("Any", names)):
            raise InputError(f"{_ADVICE}, but there is no list of upscalers.")
        trial = _trial(values.get("test"))
        engine = values.get("engine", {})
        if not isinstance(engine, dict):
            raise InputError(f"{_ADVICE}, but the engine's settings are of the wrong kind.")
        known = cast("dict[str, Any]", engine)
        return cls(tuple(cast("list[str]", names)), _target(values, trial), trial, known)


def _object(text: str) -> dict[str, Any]:
    if len(text) > _MOST_CHARACTERS:
        raise InputError(f"{_ADVICE}, but got {len(text):,} characters.")
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        raise InputError(f"{_ADVICE}, but got no JSON.") from None
    if not isinstance(values, dict) or not isinstance(cast("Any", values).get(_MARK), int):
        raise InputError(f"{_ADVICE}, but got other JSON.")
    found = cast("dict[str, Any]", values)
    if found[_MARK] > _FORMAT:
        raise InputError(
            f"Expected settings of format {_FORMAT}, but got a newer one: a newer version of this "
            "program wrote them; update this one."
        )
    return found


def _number(value: object, what: str) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1 << 31:
        return value
    raise InputError(f"{_ADVICE}, but {what} is of the wrong kind.")


def _whole_number(value: object, what: str) -> int:
    number = _number(value, what)
    if number != int(number):
        raise InputError(f"{_ADVICE}, but {what} is {number:g} instead of a whole number.")
    return int(number)


def _trial(values: object) -> Trial | None:
    if values is None:
        return None
    if not isinstance(values, dict):
        raise InputError(f"{_ADVICE}, but the test is of the wrong kind.")
    found = cast("dict[str, Any]", values)
    kernel, jpeg = found.get("kernel", "Bicubic"), found.get("jpeg")
    if not isinstance(kernel, str):
        raise InputError(f"{_ADVICE}, but the kernel is of the wrong kind.")
    quality = None if jpeg is None else _whole_number(jpeg, "the JPEG quality")
    return Trial(_whole_number(found.get("shrink"), "the test's factor"), kernel, quality)


def _target(values: dict[str, Any], trial: Trial | None) -> Target:
    if trial is not None:
        return Target(scale=float(trial.factor))
    match values.get("size"):
        case None:
            scale = values.get("scale", 2.0)
            return Target(scale=float(_number(scale, "the scale")))
        case [width, height]:
            return Target(
                size=Size(_whole_number(width, "the width"), _whole_number(height, "the height"))
            )
        case _:
            raise InputError(f"{_ADVICE}, but the size is of the wrong kind.")

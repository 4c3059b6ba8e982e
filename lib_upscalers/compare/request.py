"""What is to be compared, as a text that can be shared."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lib_upscalers.compare.align import Trial
from lib_upscalers.errors import InputError
from lib_upscalers.geometry import Size
from lib_upscalers.targets import Target

if TYPE_CHECKING:
    from collections.abc import Sequence

LEAST, MOST = 2, 12
_FORMAT = 1
_MARK = "upscaler-lab"
_ADVICE = 'Expected settings such as {"upscaler-lab": 1, "upscalers": ["Nearest", "Lanczos"], …}'


@dataclass(frozen=True)
class Plan:
    """What is to be compared.

    Attributes:
        names: The upscalers, 2 to 12, none twice.
        target: To which size; where there is a trial, it is the size of the true picture.
        trial: How the picture is made small first; None: it is enlarged as it is.
    """

    names: tuple[str, ...]
    target: Target
    trial: Trial | None = None

    def __post_init__(self) -> None:
        """Check the upscalers.

        Raises:
            InputError: There are too few, too many, or doubles.
        """
        if not LEAST <= len(self.names) <= MOST:
            raise InputError(
                f"Expected {LEAST} to {MOST} upscalers to compare, but got {len(self.names)}."
            )
        if len(set(self.names)) < len(self.names):
            raise InputError("Expected each upscaler once, but one is there twice.")

    def to_text(self, version: str) -> str:
        """Return the plan as one line, which `parse` understands.

        Args:
            version: Of this program, for whoever wants to repeat it exactly.
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
        return json.dumps(values, ensure_ascii=False)

    @classmethod
    def parse(cls, text: str) -> Plan:
        """Read what `to_text` wrote, here or elsewhere.

        Raises:
            InputError: It is no such text, of a newer format, or makes no sense.
        """
        try:
            values = json.loads(text)
        except ValueError:
            raise InputError(f"{_ADVICE}, but got no JSON.") from None
        if not isinstance(values, dict) or not isinstance(values.get(_MARK), int):
            raise InputError(f"{_ADVICE}, but got other JSON.")
        if values[_MARK] > _FORMAT:
            raise InputError(
                f"Expected settings of format {_FORMAT}, but got format {values[_MARK]}: a newer "
                "version of this program wrote them; update this one."
            )
        names = values.get("upscalers")
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise InputError(f"{_ADVICE}, but there is no list of upscalers.")
        try:
            trial = _trial(values.get("test"))
            return cls(tuple(names), _target(values, trial), trial)
        except (ArithmeticError, KeyError, LookupError, TypeError, ValueError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(f"{_ADVICE}, but a value is of the wrong kind.") from None


def _trial(values: Any) -> Trial | None:  # noqa: ANN401 - whatever JSON holds
    if values is None:
        return None
    jpeg = values.get("jpeg")
    kernel = str(values.get("kernel", "Bicubic"))
    return Trial(int(values["shrink"]), kernel, None if jpeg is None else int(jpeg))


def _target(values: dict[str, Any], trial: Trial | None) -> Target:
    if trial is not None:
        return Target(scale=float(trial.factor))
    if "size" in values:
        width, height = values["size"]
        return Target(size=Size(int(width), int(height)))
    scale = float(values.get("scale", 2.0))
    return Target(scale=scale if math.isfinite(scale) else 0.0)


def unknown(names: Sequence[str], known: Sequence[str]) -> list[str]:
    """Return the names that are not known here."""
    return [name for name in names if name not in known]

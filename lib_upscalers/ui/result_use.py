"""The use of a compared upscaler elsewhere in the program around the comparison."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path


@dataclass(frozen=True)
class Used:
    """What is used of a result.

    Attributes:
        name: The upscaler's.
        scale: By how much it enlarged.
        picture: The file of the picture that came in.
        strength: Of a finished picture, the denoising strength of its second pass; else None.
        steps: Of a finished picture, the steps of its second pass; 0: as many as in the first.
    """

    name: str
    scale: float
    picture: Path
    strength: float | None = None
    steps: int = 0


def _nothing(_name: str) -> str:
    return ""


@dataclass(frozen=True)
class Use:
    """Another use of a result's upscaler, in the program around.

    Attributes:
        label: The text of the button, such as "Extras".
        outputs: The gradio components that are filled.
        fill: Returns a value for each of them.
        refuse: Takes an upscaler's name, and returns why it cannot be used so; "" if it can.
        js: Run in the browser afterwards, such as to open another tab.
        told: What the page says then; {name} and {scale} are filled in.
    """

    label: str
    outputs: Sequence[Any]
    fill: Callable[[Used], Sequence[Any]]
    refuse: Callable[[str], str] = _nothing
    js: str = "() => {}"
    told: str = ""

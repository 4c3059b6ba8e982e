"""The way in which all pictures of a run are enlarged, and the fingerprint of that way."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from lib_upscalers.models.architectures.lean_imports import few_collections
from lib_upscalers.upscaling.settings import ENGINE_SETTINGS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from lib_upscalers.geometry import Size
    from lib_upscalers.models.entry import ModelEntry
    from lib_upscalers.pictures.picture import Picture
    from lib_upscalers.progress import Progress
    from lib_upscalers.targets import Target
    from lib_upscalers.upscaling.choices import Choice
    from lib_upscalers.upscaling.settings import Settings
    from lib_upscalers.upscaling.upscaler import Result, Upscaler

# Settings that leave the pixels as they are: who gives a smaller tile after a lack of memory does
# not have to do everything once more.
_WITHOUT_EFFECT: Final = frozenset(("tile",))


@dataclass(frozen=True)
class Method:
    """How pictures are enlarged.

    Attributes:
        name: Of the upscaler, for people.
        run: Enlarges a picture. Raises what `Upscaler.run` raises.
        target: Returns the target for a picture of a size.
        fingerprint: Different for every other way to make pixels; see `fingerprint_of`.
    """

    name: str
    run: Callable[[Picture, Target, Progress], Result]
    target: Callable[[Size], Target]
    fingerprint: str


def fingerprint_of(
    choices: Sequence[Choice],
    settings: Settings,
    others: Mapping[str, Any],
    digest: Callable[[ModelEntry], str],
) -> str:
    """Return a text that changes with whatever changes the pixels of results.

    A network counts by the bytes of its file, not by its name; device, tile and limits do not
    count.

    Args:
        choices: The upscalers, in their order.
        settings: How they run.
        others: What else decides the pixels, such as the scale: values that JSON can hold.
        digest: Returns a hash of a network's files.

    Raises:
        ModelFileError: A network's file cannot be read.
    """
    engine = {
        each.name: getattr(settings, each.name)
        for each in ENGINE_SETTINGS
        if each.name not in _WITHOUT_EFFECT
    }
    parts = {"upscalers": [_identity(each, digest) for each in choices], "engine": engine, **others}
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def method_of(
    upscaler: Upscaler,
    choice: Choice,
    settings: Settings,
    target: Callable[[Size], Target],
    others: Mapping[str, Any],
) -> Method:
    """Return the method of one upscaler; `others` as in `fingerprint_of`.

    Raises:
        ModelFileError: The network's file cannot be read.
    """
    return Method(
        choice.name,
        lambda picture, target, progress: upscaler.run(picture, choice, target, settings, progress),
        target,
        fingerprint_of([choice], settings, others, upscaler.digest),
    )


def _identity(choice: Choice, digest: Callable[[ModelEntry], str]) -> str:
    from lib_upscalers.errors import ModelFileError

    if choice.entry is None:
        return choice.name
    try:
        return digest(choice.entry)
    except OSError as error:
        raise ModelFileError(
            f"Expected the file of {choice.name} at {choice.entry.path}, but it cannot be read "
            f"({error.strerror}): get it again."
        ) from error


def import_heavy() -> None:
    """Import what all stages of a picture need, in one thread.

    Two threads that import torch for the first time at once can find half of it.
    """
    with few_collections():
        for name in ("tiling.exhaustion", "upscaling.network_passes", "models.building"):
            import_module(f"lib_upscalers.{name}")

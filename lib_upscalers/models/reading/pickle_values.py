"""The values that the pickle of a saved network may have: calls, records, plain keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from lib_upscalers.models.reading.faults import DamagedFileError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_PLAIN_KEYS = (str, int, float, bytes, type(None))


class EndedError(DamagedFileError):
    """The bytes end before the pickle does."""

    def __init__(self) -> None:
        super().__init__("it ends too early")


@dataclass(frozen=True)
class Maker:
    """What a pickle may call; `call` gets the arguments that the pickle has made."""

    call: Callable[..., object]


class Record:
    """An object of a script, of which only the attributes matter."""

    def __init__(self) -> None:
        self.held: dict[object, Any] = {}


def plain_key(key: object) -> Any:  # noqa: ANN401
    """Return a key that is fast to hash; nested tuples could take exponential time.

    Raises:
        DamagedFileError: It is none.
    """
    if not isinstance(key, _PLAIN_KEYS):
        raise DamagedFileError("its pickle has a name that is neither text nor a number")
    return key


def as_named(value: object) -> dict[Any, Any] | None:
    """Return a dictionary for a container: of a list of pairs or of dictionaries, too; else None.

    Some trainers save the state dicts of several networks in a list, or pairs of name and tensor.
    """
    if isinstance(value, dict):
        return cast("dict[Any, Any]", value)
    if not isinstance(value, (list, tuple)):
        return None
    items = cast("Sequence[Any]", value)
    if items and all(isinstance(each, tuple) and len(each) == 2 for each in items):
        pairs = cast("Sequence[tuple[Any, Any]]", items)
        if all(isinstance(name, str) for name, _ in pairs):
            return dict(pairs)
    if any(isinstance(each, dict) for each in items):
        return {str(i): each for i, each in enumerate(items)}
    return None

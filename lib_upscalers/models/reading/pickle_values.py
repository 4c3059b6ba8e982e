"""The values that the pickle of a saved network may have: calls, records, plain keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lib_upscalers.models.reading.faults import DamagedFileError

if TYPE_CHECKING:
    from collections.abc import Callable

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

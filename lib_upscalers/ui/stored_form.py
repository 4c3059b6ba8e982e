"""Read what the user filled into a form last."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar

from lib_upscalers.errors import InputError
from lib_upscalers.json_files import read_object

if TYPE_CHECKING:
    from pathlib import Path

    from typing_extensions import Self


class _Form(Protocol):
    __dataclass_fields__: ClassVar[dict[str, Any]]

    @classmethod
    def of(cls, *values: object) -> Self: ...


Form = TypeVar("Form", bound=_Form)


def last_form(kind: type[Form], file: Path) -> Form:
    """Return what a file holds of a form; an empty one if it is missing, damaged or refused.

    Args:
        kind: A dataclass with defaults, whose `of` checks values in the order of its fields.
        file: Where the form was stored.
    """
    values = read_object(file, "the form is empty")
    try:
        # A file of an earlier version lacks the newer fields.
        return kind.of(*(values.get(each.name, each.default) for each in fields(kind)))
    except InputError:
        return kind()

"""Collect named entries in order, by decorating functions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from lib_upscalers.errors import UnknownNameError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

T = TypeVar("T")


def unknown_name(kind: str, name: str, known: Iterable[str]) -> UnknownNameError:
    """Make the error for an unknown name, with the nearest known ones.

    Args:
        kind: What it should be the name of, such as ``"upscaler"``.
        name: The unknown name.
        known: All known names.
    """
    names = list(known)
    folded = {known_name.casefold(): known_name for known_name in names}
    import difflib

    close = difflib.get_close_matches(name.casefold(), folded, n=3, cutoff=0.4)
    hint = ", ".join(repr(folded[match]) for match in close or sorted(folded)[:10])
    advice = f"did you mean {hint}?" if close else f"known ones: {hint or 'none'}."
    return UnknownNameError(f"Expected the name of {kind}, but got {name!r}; {advice}")


class Registry(Generic[T]):
    """An ordered name -> entry map; a second entry of one name is an error.

    Args:
        kind: The kind of the entries, with its article, for error texts: ``"a kernel"``.
    """

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._entries: dict[str, T] = {}

    def add(self, name: str, entry: T) -> T:
        """Add `entry` under `name` and return it.

        Raises:
            ValueError: The name is taken.
        """
        if name in self._entries:
            raise ValueError(f"Expected a new name for {self._kind}, but {name!r} is taken.")
        self._entries[name] = entry
        return entry

    def __getitem__(self, name: str) -> T:
        """Return the entry of that name.

        Raises:
            UnknownNameError: There is none; the text suggests the nearest names.
        """
        try:
            return self._entries[name]
        except KeyError:
            raise unknown_name(self._kind, name, self._entries) from None

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def items(self) -> Iterable[tuple[str, T]]:
        """Return the (name, entry) pairs in order of entry."""
        return self._entries.items()

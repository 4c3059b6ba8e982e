"""Replace the WebUI's functions by ours, and undo that."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lib_upscalers.hosts.webui.host_modules import host_module

if TYPE_CHECKING:
    from collections.abc import Callable

KEY = "upscaler-lab"


class Patches:
    """The WebUI's functions that are replaced by ours.

    If another extension has replaced ours since, it still calls ours, which then only calls the
    original.
    """

    def __init__(self) -> None:
        self._made: list[tuple[Any, str, Any, list[bool]]] = []

    def wrap(
        self,
        owner: Any,
        field: str,
        make: Callable[[Any, Callable[[], bool]], Any],
    ) -> None:
        """Replace a function.

        Args:
            owner: The class or module that has it.
            field: Its name there.
            make: Returns ours; takes the original, and a function that returns whether ours is
                still active.
        """
        patches = host_module("patches")
        active = [True]
        ours = make(getattr(owner, field), lambda: bool(active[0]))
        patches.patch(KEY, owner, field, ours)
        self._made.append((owner, field, ours, active))

    def replaced(self) -> list[tuple[Any, str]]:
        """Return the owners of the replaced functions, with the functions' names."""
        return [(owner, field) for owner, field, _, _ in self._made]

    def undo(self) -> None:
        """Restore every original; the last replaced first."""
        patches = host_module("patches")
        while self._made:
            owner, field, ours, active = self._made.pop()
            active[0] = False
            if getattr(owner, field) is ours:
                patches.undo(KEY, owner, field)
            else:
                # Undoing would remove the function with which another extension has replaced ours.
                patches.originals[KEY].pop((owner, field), None)

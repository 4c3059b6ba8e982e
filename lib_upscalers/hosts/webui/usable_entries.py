"""List the entries of Hires. fix that can be used with the loaded model, for the guide."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lib_upscalers.latent import LATENT_MODES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lib_upscalers.latent.outlook import Outlook

_SOFTER = (
    "For the loaded model it goes by way of a quick preview picture: clean, a little softer. The "
    "button below Hires. fix trains a network for it."
)


class UsableEntries:
    """What of the menu works, and how.

    Args:
        listed: Returns the names that the menu of Hires. fix lists.
        outlook: Returns what a latent mode will do with the loaded model; None where none is.
    """

    def __init__(
        self, listed: Callable[[], Sequence[str]], outlook: Callable[[str], Outlook | None]
    ) -> None:
        self._listed = listed
        self._outlook = outlook

    def names(self) -> list[str]:
        """Return the names of the menu, but for modes that another one replaces."""
        return [name for name in self._listed() if not self._is_replaced(name)]

    def note(self, name: str) -> str:
        """Return what to say of an entry with the loaded model, or ""."""
        outlook = self._outlook(name)
        if outlook is None or outlook.used == name:
            return ""
        return _SOFTER if LATENT_MODES[outlook.used].family == "round trip" else ""

    def _is_replaced(self, name: str) -> bool:
        outlook = self._outlook(name)
        return outlook is not None and outlook.used != name and not self.note(name)

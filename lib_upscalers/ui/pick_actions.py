"""Act on the messages of the viewer's blind test: store, export and delete picks."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from lib_upscalers.compare.picks import pick_from
from lib_upscalers.errors import InputError
from lib_upscalers.ui.viewer_feed import message_values

if TYPE_CHECKING:
    from lib_upscalers.compare.picks import PickStore
    from lib_upscalers.compare.session import Session

# Of those that are stored, for one comparison.
_MOST_PICKS = 1000
# Browsers may hold 2000 picks of an older version.
_MOST_CHARACTERS = 1 << 20


def stored_picks(store: PickStore, session: Session) -> dict[str, Any]:
    """Return what the viewer's blind test starts with; nothing while a comparison runs."""
    if any(entry.state in ("waiting", "running") for entry in session.entries):
        return {}
    held = store.read()
    names = {entry.upscaler or entry.name for entry in session.entries}
    own = [each for each in held.picks if {each.better, each.worse} <= names]
    return {"storing": held.storing, "picks": [asdict(each) for each in own[-_MOST_PICKS:]]}


def act_on_picks(store: PickStore, message: object) -> str | None:
    """Do what a message of the blind test asks; return the text of an export, if it is one.

    Raises:
        InputError: It is no such message.
        OutputError: The picks cannot be stored.
    """
    values = message_values(message, _MOST_CHARACTERS)
    match values:
        case {"action": "add", "picks": [*picks]}:
            store.add([pick_from(each) for each in picks])
        case {"action": "switch", "storing": bool(storing)}:
            store.switch(storing=storing)
        case {"action": "forget"}:
            store.forget()
        case {"action": "export"}:
            return store.export()
        case _:
            raise InputError("Expected picks of a blind test, but got something else.")
    return None

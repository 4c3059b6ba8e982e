"""Show one picture before and after in the comparison's viewer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lib_upscalers.compare.session import Entry, Session
from lib_upscalers.compare.store import saved_name
from lib_upscalers.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lib_upscalers.pictures.picture import Picture
    from lib_upscalers.ui.compare_actions import CompareActions


def show_before_and_after(
    compare: CompareActions,
    key: str,
    title: str,
    pictures: tuple[Picture, Picture],
    upscaler: str,
    notes: Sequence[str] = (),
) -> str:
    """Store both pictures; return the viewer's feed that shows them.

    Args:
        compare: The comparison whose viewer it is.
        key: Of the store, for what is different from all others.
        title: Of the picture.
        pictures: Before and after.
        upscaler: What enlarged it.
        notes: What the user should know of it, a sentence each.

    Raises:
        OutputError: They cannot be stored.
    """
    store = compare.store
    before, after = (
        store.put_picture(key, saved_name(title, part), picture)
        for part, picture in zip(("before", upscaler), pictures, strict=True)
    )
    entry = Entry(name=upscaler, kind="network", state="finished", fraction=1.0, result=after)
    session = Session(
        name=store.new_name(),
        title=title,
        source=before,
        width=after.width,
        height=after.height,
        entries=(entry,),
        notes=tuple(notes),
        version=VERSION,
    )
    store.save(session)
    return compare.view(session)

"""Open a comparison again: from its report, or from the file of its session."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from lib_upscalers.compare.session import Session, StoredPicture, from_json
from lib_upscalers.errors import ReportFileError, UpscalerError
from lib_upscalers.file_writing import write_bytes
from lib_upscalers.pictures.files import picture_size

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lib_upscalers.compare.store import Store

    Data = Callable[[StoredPicture], bytes]

_SESSION = re.compile(r'<script type="application/json" id="session">(.*?)</script>', re.DOTALL)
_PICTURE = re.compile(r'<script type="text/plain" id="(picture-\d+)">([\w+/=]*)</script>')
_REPORT_ADVICE = "give the HTML report of one comparison, which has its pictures."
_MOST_BYTES = 4 << 30


def open_again(path: Path, store: Store) -> Session:
    """Bring a comparison into a store.

    Args:
        path: A report of one comparison (HTML), or the JSON file of a session in the folder
            `sessions` of a store, beside which the pictures are.
        store: Gets the pictures and the session, under new names; one that it has is returned as
            it is.

    Returns:
        The session, with nothing that still runs.

    Raises:
        ReportFileError: The file is neither, is damaged, or its pictures no longer exist.
        OutputError: The store cannot be written.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ReportFileError(f"Expected a report of at most 4 GB, but {path} is larger.")
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise ReportFileError(
            f"Expected a report or a stored session at {path}, but it cannot be read "
            f"({error.strerror}): name another file."
        ) from None
    if text.lstrip()[:1] == "<":
        return _of_report(path, text, store)
    return _of_session(path, text, store)


def _of_report(path: Path, text: str, store: Store) -> Session:
    found = _SESSION.search(text)
    if found is None:
        raise ReportFileError(
            f"Expected a report of one comparison, but {path} holds none that can be opened "
            f"(figures alone, or made by an older version): {_REPORT_ADVICE}"
        )
    texts = {match[1]: match[2] for match in _PICTURE.finditer(text)}

    def data_of(picture: StoredPicture) -> bytes:
        try:
            return base64.b64decode(texts[picture.file], validate=True)
        except (KeyError, binascii.Error):
            raise ReportFileError(
                f"Expected all pictures in {path}, but one is missing or damaged: {_REPORT_ADVICE}"
            ) from None

    return _brought(from_json(found[1]), data_of, store)


def _of_session(path: Path, text: str, store: Store) -> Session:
    if text.lstrip()[:1] == "[":
        raise ReportFileError(
            f"Expected a comparison with its pictures, but {path} has the figures alone: "
            f"{_REPORT_ADVICE}"
        )
    session = from_json(text)
    folder = path.resolve().parent.parent
    if folder == store.folder.resolve():
        return session.ended()

    def data_of(picture: StoredPicture) -> bytes:
        try:
            return (folder / picture.file).read_bytes()
        except OSError:
            raise ReportFileError(
                f"Expected the pictures of {path} in {folder}, but one is no longer there: "
                f"{_REPORT_ADVICE}"
            ) from None

    return _brought(session, data_of, store)


def _brought(session: Session, data_of: Data, store: Store) -> Session:
    """Return a session whose pictures are in the store."""
    name = store.new_name()
    count = 0

    def bring(picture: StoredPicture) -> StoredPicture:
        nonlocal count
        count += 1
        return _stored(picture, data_of(picture), count, name, store)

    source = bring(session.source)
    reference = None if session.reference is None else bring(session.reference)
    entries = tuple(
        entry if entry.result is None else replace(entry, result=bring(entry.result))
        for entry in session.entries
    )
    pictures = replace(session, source=source, reference=reference, entries=entries)
    made = replace(pictures, name=name, siblings={}).ended()
    store.save(made)
    return made


def _stored(
    picture: StoredPicture, data: bytes, number: int, name: str, store: Store
) -> StoredPicture:
    """Write a picture into the store, if it is the one that it claims to be."""
    path = store.make_folder("pictures", name) / f"{number:03d}.png"
    write_bytes(path, data, overwrite=True)
    try:
        size = picture_size(path)
        fits = (size.width, size.height) == (picture.width, picture.height)
    except UpscalerError:
        fits = False
    if not fits:
        path.unlink(missing_ok=True)
        raise ReportFileError(
            "Expected pictures of the sizes that the comparison names, but one is damaged: "
            f"{_REPORT_ADVICE}"
        )
    return replace(picture, file=path.relative_to(store.folder).as_posix(), size_bytes=len(data))

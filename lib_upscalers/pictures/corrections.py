"""Correct what Pillow reads wrongly from some files, without an error, before it decodes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PIL import ImageFile

_MEANING, _BITS, _FILL_ORDER, _ORIENTATION = 262, 258, 266, 274
_BANDS, _PLANES, _EXTRA, _NUMBERS = 277, 284, 338, 339
_APART = 2
# The orientations that exchange width and height.
_TRANSPOSED = (5, 6, 7, 8)


def tiff_tags(image: object) -> Mapping[int, Any]:
    """Return the tags of a TIFF file that Pillow has opened; none for any other picture."""
    return getattr(image, "tag_v2", {})


def has_planes_apart(image: object) -> bool:
    """Return whether a TIFF file stores each channel by itself."""
    tags = tiff_tags(image)
    return tags.get(_PLANES) == _APART and tags.get(_BANDS, 1) > 1


def stored_size(image: ImageFile.ImageFile) -> tuple[int, int]:
    """Return width and height as the file stores them.

    Newer versions of Pillow exchange those of a TIFF file, by its orientation, when they open it.
    """
    tags = tiff_tags(image)
    width, height = tags.get(256), tags.get(257)
    return (width, height) if isinstance(width, int) and isinstance(height, int) else image.size


def correct(image: ImageFile.ImageFile) -> None:
    """Correct an opened picture that is not decoded yet.

    Raises:
        NotImplementedError: Pillow would decode something else than its pixels.
    """
    if image.format == "PNG":
        _correct_transparent_grey(image)
    elif image.format == "TIFF":
        _correct_tiff(image)


def _correct_transparent_grey(image: ImageFile.ImageFile) -> None:
    """Scale a transparent grey of 2 or 4 bits as the pixels are scaled, to 8 bits."""
    key = image.info.get("transparency")
    name = str(image.tile[0][3]) if image.tile else ""
    bits = {"L;2": 2, "L;4": 4}.get(name)
    if bits is not None and isinstance(key, int) and key < 1 << bits:
        image.info["transparency"] = key * (255 // ((1 << bits) - 1))


def _correct_tiff(image: ImageFile.ImageFile) -> None:
    tags = tiff_tags(image)
    if tags.get(_ORIENTATION) in _TRANSPOSED:
        # Pillow would map an uncompressed file into memory with width and height exchanged.
        image.filename = ""
    tiles: list[Any] = list(image.tile)
    uncorrected = all(tile[0] == "raw" and len(tile[3][0]) == 1 for tile in tiles)
    if tags.get(_PLANES) == _APART and tiles and uncorrected:
        _correct_planes(image, tiles)


def _correct_planes(image: ImageFile.ImageFile, tiles: list[Any]) -> None:
    """Name the kind of uncompressed planes in full, where Pillow takes its first letter alone."""
    from PIL.TiffImagePlugin import OPEN_INFO

    tags = tiff_tags(image)
    order, bits = getattr(tags, "prefix", b"II"), tags.get(_BITS, (1,))
    if has_planes_apart(image):
        if bits[0] == 16 and image.mode in ("RGB", "RGBA"):
            end = ";16L" if order == b"II" else ";16B"
            image.tile = [with_kind(tile, tile[3][0][0] + end) for tile in tiles]
        elif bits[0] != 8:
            raise NotImplementedError(f"planes of {bits[0]} bits")
        return
    key = (
        *(order, tags.get(_MEANING, 0), tags.get(_NUMBERS, (1,)), tags.get(_FILL_ORDER, 1)),
        *(bits, tags.get(_EXTRA, ())),
    )
    image.tile = [with_kind(tile, OPEN_INFO[key][1]) for tile in tiles]


def with_kind(tile: Any, kind: str, codec: str = "") -> Any:  # noqa: ANN401 - named since 11.1
    """Return one of Pillow's tiles with another kind of pixels, and by another decoder if named."""
    own, extents, offset, arguments = tile
    if codec:
        arguments = ("", 0, 1)
    changed = kind if isinstance(arguments, str) else (kind, *arguments[1:])
    values = (codec or own, extents, offset, changed)
    return values if type(tile) is tuple else type(tile)(*values)

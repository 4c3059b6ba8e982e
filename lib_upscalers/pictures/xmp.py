"""Read and write XMP packets, and carry in them the texts that only PNG holds by itself.

XMP Specification Part 1 and 3, https://developer.adobe.com/xmp/docs/XMPSpecifications/.
"""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PIL import Image

PNG_KEY = "XML:com.adobe.xmp"
"""The key under which PNG's text chunks hold XMP."""
JPEG_LABEL = b"http://ns.adobe.com/xap/1.0/\0"
"""What an APP1 segment of a JPEG file with XMP starts with."""

_TIFF_TAG = 700
_SPACE = "urn:upscaler-lab:texts:1.0/"
_HEAD = (
    b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/">\n'
    b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">\n'
)
_END_OF_RDF = b"</rdf:RDF>"
_TAIL = _END_OF_RDF + b'\n</x:xmpmeta>\n<?xpacket end="w"?>'
_ORIENTATION = re.compile(
    rb"""(tiff:Orientation\s*=\s*["']\s*|<tiff:Orientation>\s*)\d+(?=\s*["'<])"""
)
_SIZES = rb"(?:tiff:ImageWidth|tiff:ImageLength|exif:PixelXDimension|exif:PixelYDimension)"
_SIZE_ATTRIBUTE = re.compile(rb"\s" + _SIZES + rb"""\s*=\s*(?:"[^"]*"|'[^']*')""")
_SIZE_ELEMENT = re.compile(rb"<(" + _SIZES + rb")>[^<]*</\1>\s*")
_OURS = re.compile(
    rb'<rdf:Description[^>]* xmlns:lab="' + _SPACE.encode() + rb'"[^>]*>.*?</rdf:Description>\n?',
    re.DOTALL,
)
_ITEM = re.compile(
    r"<lab:key>(?P<key>.*?)</lab:key>\s*<lab:text>(?P<text>.*?)</lab:text>", re.DOTALL
)
_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def read_xmp(image: Image.Image) -> bytes | None:
    """Return the XMP packet of a loaded image, wherever its version of Pillow puts it."""
    tags: Mapping[int, Any] = getattr(image, "tag_v2", None) or {}
    texts: Mapping[str, Any] = getattr(image, "text", None) or {}
    for found in (image.info.get("xmp"), texts.get(PNG_KEY), tags.get(_TIFF_TAG)):
        if isinstance(found, str) and found:
            return found.encode("utf-8", errors="replace")
        if isinstance(found, bytes) and found:
            return found.rstrip(b"\0")
    for name, data in getattr(image, "applist", None) or ():
        if name == "APP1" and data.startswith(JPEG_LABEL):
            return bytes(data[len(JPEG_LABEL) :])
    return None


def correct_xmp(packet: bytes) -> bytes:
    """Return a packet that fits the pixels: upright, and without the old file's size."""
    packet = _ORIENTATION.sub(rb"\g<1>1", packet)
    return _SIZE_ELEMENT.sub(b"", _SIZE_ATTRIBUTE.sub(b"", packet))


def take_texts(packet: bytes) -> tuple[bytes | None, dict[str, str]]:
    """Split a packet that `add_texts` made into the one before and the texts.

    Returns:
        The packet, or None where nothing else is in it, and keys and texts.
    """
    texts: dict[str, str] = {}
    for part in _OURS.findall(packet):
        for match in _ITEM.finditer(part.decode("utf-8", errors="replace")):
            texts[html.unescape(match["key"])] = html.unescape(match["text"])
    if not texts:
        return packet, {}
    rest = _OURS.sub(b"", packet)
    return (None if rest == _HEAD + _TAIL else rest), texts


def add_texts(packet: bytes | None, texts: Mapping[str, str]) -> bytes | None:
    """Return a packet with texts in it, in a description of their own.

    Args:
        packet: What it may hold already; None for a new one.
        texts: Keys and texts; characters that XML does not know become U+FFFD.

    Returns:
        None where the packet is of a kind that nothing can be added to.
    """
    items = "".join(
        f'<rdf:li rdf:parseType="Resource"><lab:key>{_escape(key)}</lab:key>'
        f"<lab:text>{_escape(text)}</lab:text></rdf:li>\n"
        for key, text in texts.items()
    )
    ours = (
        f'<rdf:Description rdf:about="" xmlns:lab="{_SPACE}">'
        f"<lab:texts><rdf:Bag>\n{items}</rdf:Bag></lab:texts></rdf:Description>\n"
    )
    whole = packet or _HEAD + _TAIL
    before, end, after = whole.rpartition(_END_OF_RDF)
    return before + ours.encode() + end + after if end else None


def _escape(text: str) -> str:
    plain = _ILLEGAL.sub("\ufffd", text)
    return html.escape(plain, quote=False).replace("\r", "&#13;")

"""The servers that files lie on: which give a file at once, and which only a page about it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit, urlunsplit

if TYPE_CHECKING:
    from lib_upscalers.models.catalogue.schema import CatalogueFile

Way = Literal["direct", "extra", "page"]

# Pages with a button, or with a file encrypted for their own program. The second value: whether
# the package openmodeldb can fetch from there.
_PAGES = (
    ("drive.google.com", True),
    ("docs.google.com", True),
    ("mega.nz", True),
    ("mega.co.nz", True),
    ("mediafire.com", True),
    ("1drv.ms", False),
    ("onedrive.live.com", False),
    ("pcloud.link", False),
    ("pcloud.com", False),
    ("icedrive.net", False),
    ("dropbox.com", False),
    ("sharepoint.com", False),
    ("terabox.com", False),
    ("yandex.ru", False),
    ("disk.yandex.com", False),
)
_FILES = ("github.com", "githubusercontent.com", "huggingface.co", "hf.co", "backblazeb2.com")
_FILE_NAME = re.compile(r"\.(pth|pt|ckpt|safetensors|onnx|zip)$", re.IGNORECASE)
_ON_GITHUB = re.compile(r"/[^/]+/[^/]+/(?:raw|blob|releases/download|archive)/.+")
_ON_HUGGING_FACE = re.compile(r"/.+/(?:resolve|blob)/.+")


def way_to(address: str) -> Way:
    """Return how a file can be had from an address.

    Returns:
        "direct": the server sends the file itself; "extra": the package openmodeldb can fetch it;
        "page": a person has to, in a browser.
    """
    parts = urlsplit(address)
    host = (parts.hostname or "").lower()
    for name, extra in _PAGES:
        if _is_of(host, name):
            return "extra" if extra else "page"
    if _is_of(host, "github.com"):
        return "direct" if _ON_GITHUB.fullmatch(parts.path) else "page"
    if _is_of(host, "huggingface.co"):
        return "direct" if _ON_HUGGING_FACE.fullmatch(parts.path) else "page"
    named = _FILE_NAME.search(parts.path) is not None
    return "direct" if named or any(_is_of(host, name) for name in _FILES) else "page"


def file_address(address: str) -> str:
    """Return the address of the file itself where a direct one is of a page that shows it."""
    parts = urlsplit(address)
    host = (parts.hostname or "").lower()
    path = parts.path
    if host == "github.com":
        path = re.sub(r"^(/[^/]+/[^/]+)/blob/", r"\1/raw/", path)
    elif host == "huggingface.co":
        path = path.replace("/blob/", "/resolve/", 1)
    return urlunsplit(parts._replace(path=path))


def is_zip(address: str) -> bool:
    """Return whether an address names a .zip archive rather than the network itself."""
    return urlsplit(address).path.lower().endswith(".zip")


def best_way(files: tuple[CatalogueFile, ...]) -> Way:
    """Return the easiest way to any of several files."""
    ways = {way_to(address) for file in files for address in file.addresses}
    return "direct" if "direct" in ways else "extra" if "extra" in ways else "page"


def _is_of(host: str, domain: str) -> bool:
    return host == domain or host.endswith(f".{domain}")

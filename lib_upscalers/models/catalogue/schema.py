"""Read OpenModelDB's catalogue into checked values; nothing in it is trusted.

The format: https://github.com/OpenModelDB/open-model-database, src/lib/schema.ts. Its files map ids
to objects: models.json, architectures.json, tags.json and users.json.
"""

from __future__ import annotations

import json
import re
import unicodedata
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NoReturn, cast

from lib_upscalers.errors import CatalogueError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from lib_upscalers.models.catalogue.addresses import AddressRule

Kind = Literal["pth", "safetensors", "onnx"]

MOST_BYTES = 64 << 20
_MOST_MODELS = 100_000
_MOST_ITEMS = 64
_LONGEST_NAME = 120
_LONGEST_TEXT = 8_000
_LARGEST_FILE = 1 << 40
_KINDS: tuple[Kind, ...] = ("pth", "safetensors", "onnx")
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,119}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_INVISIBLE = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")


@dataclass(frozen=True)
class CatalogueFile:
    """A file of a network, as the catalogue describes it.

    Attributes:
        kind: Its format, which is its ending, too.
        size_bytes: Its size; None: not stated.
        sha256: The SHA-256 of its bytes, 64 digits in lower case; None: not stated.
        addresses: Where it is; each is https, or of a server that the user has named.
    """

    kind: Kind
    size_bytes: int | None
    sha256: str | None
    addresses: tuple[str, ...]


@dataclass(frozen=True)
class PreviewPair:
    """A picture before and after.

    Attributes:
        before: The address of the small picture, https.
        after: The address of the enlarged one; that of a single picture where `before` is "".
        caption: A text, maybe "".
    """

    before: str
    after: str
    caption: str = ""


@dataclass(frozen=True)
class CatalogueModel:
    """A network of the catalogue. Texts are plain: no markup in them means anything.

    Attributes:
        id: Its key, of letters, digits, dots and hyphens.
        name: What its author calls it.
        authors: Their names.
        licence: SPDX; None: not stated.
        tags: Names of tags.
        description: Markdown, to be shown as text.
        date: yyyy-mm-dd, or "".
        architecture: The id of its architecture.
        architecture_name: What people call that.
        scale: 1 to 64.
        input_channels: 1 to 64.
        output_channels: Likewise.
        files: At least one.
        previews: Maybe none.
    """

    id: str
    name: str
    authors: tuple[str, ...]
    licence: str | None
    tags: tuple[str, ...]
    description: str
    date: str
    architecture: str
    architecture_name: str
    scale: int
    input_channels: int
    output_channels: int
    files: tuple[CatalogueFile, ...]
    previews: tuple[PreviewPair, ...] = ()


@dataclass(frozen=True)
class Catalogue:
    """What the catalogue held at a time.

    Attributes:
        models: By id.
        fetched: When it was fetched, in seconds since 1970; 0: unknown.
        skipped: How many entries were left out because they make no sense.
    """

    models: Mapping[str, CatalogueModel]
    fetched: float = 0.0
    skipped: int = 0
    _by_hash: dict[str, tuple[str, int]] = field(
        default_factory=dict[str, tuple[str, int]], repr=False, compare=False
    )

    def __post_init__(self) -> None:
        for model in self.models.values():
            for number, file in enumerate(model.files):
                if file.sha256 is not None:
                    self._by_hash.setdefault(file.sha256, (model.id, number))

    def find_hash(self, sha256: str) -> tuple[CatalogueModel, CatalogueFile] | None:
        """Return the model and the file that a SHA-256 belongs to; None if there is none."""
        found = self._by_hash.get(sha256)
        if found is None:
            return None
        model = self.models[found[0]]
        return model, model.files[found[1]]


def parse_catalogue(
    files: Mapping[str, bytes], rule: AddressRule, fetched: float = 0.0
) -> Catalogue:
    """Return the catalogue in the bytes of its files.

    Args:
        files: By name; ``"models.json"`` must be there, others improve names.
        rule: Which addresses are believed; others are left out.
        fetched: When, in seconds since 1970.

    Raises:
        CatalogueError: models.json is not what it should be: truncated, huge, of another schema.
    """
    held = _object(files.get("models.json", b""), "models.json")
    if len(held) > _MOST_MODELS:
        raise _none_such("models.json", f"it names {len(held):,} models")
    names = _Names(*(_named(files, each) for each in ("architectures", "tags", "users")))
    models: dict[str, CatalogueModel] = {}
    for key, value in held.items():
        model = _model(key, value, names, rule)
        if model is not None:
            models[key] = model
    if not models:
        raise _none_such("models.json", "none of its entries is a model")
    return Catalogue(models, fetched, len(held) - len(models))


@dataclass(frozen=True)
class _Names:
    architectures: Mapping[str, str]
    tags: Mapping[str, str]
    users: Mapping[str, str]


def plain_text(value: object, longest: int, *, lines: bool = False) -> str:
    """Return a foreign value as text without invisible characters; "" if it is no text.

    Args:
        value: Anything.
        longest: More characters than this are cut off.
        lines: Whether line breaks stay.
    """
    if not isinstance(value, str):
        return ""
    text = value[: 2 * longest].replace("\r\n", "\n")
    if not (text.isascii() and text.isprintable()):
        text = "".join(
            each if each.isprintable() or (lines and each == "\n") or not _hidden(each) else " "
            for each in text
        )
    return text.strip()[:longest]


def _hidden(character: str) -> bool:
    return unicodedata.category(character) in _INVISIBLE


def _object(data: bytes, name: str) -> dict[str, Any]:
    if len(data) > MOST_BYTES:
        raise _none_such(name, f"it has {len(data):,} bytes")
    try:
        held: Any = json.loads(data, parse_int=_integer, parse_constant=_no_number)
    except (ValueError, RecursionError, MemoryError) as error:
        raise _none_such(name, f"it is no JSON ({plain_text(str(error), 100)})") from error
    if not isinstance(held, dict):
        raise _none_such(name, f"it holds a {type(held).__name__}")
    return cast("dict[str, Any]", held)


def _integer(digits: str) -> int:
    if len(digits) > 18:
        raise ValueError("a number has too many digits")
    return int(digits)


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def _none_such(name: str, reason: str) -> CatalogueError:
    return CatalogueError(
        f"Expected the catalogue of OpenModelDB in {name}, but {reason}: try again later, or check "
        "its address in the settings."
    )


def _named(files: Mapping[str, bytes], name: str) -> dict[str, str]:
    """Return ids and names of one of the smaller files; nothing if it is missing or damaged."""
    file = f"{name}.json"
    if file not in files:
        return {}
    try:
        held = _object(files[file], file)
    except CatalogueError:
        return {}
    found = (
        (key, plain_text(cast("dict[str, Any]", value).get("name"), _LONGEST_NAME))
        for key, value in held.items()
        if isinstance(value, dict)
    )
    return {key: name for key, name in found if name}


def _model(key: str, value: object, names: _Names, rule: AddressRule) -> CatalogueModel | None:
    """Return a model; None where what it needs is missing or senseless."""
    if not isinstance(value, dict) or not _ID.fullmatch(key) or ".." in key:
        return None
    held = cast("dict[str, Any]", value)
    scale, inputs, outputs = (
        _count(held.get(name), 64) for name in ("scale", "inputChannels", "outputChannels")
    )
    files = tuple(each for item in _items(held.get("resources")) if (each := _file(item, rule)))
    architecture = plain_text(held.get("architecture"), _LONGEST_NAME)
    if not (scale and inputs and outputs and files and architecture):
        return None
    author = held.get("author")
    authors = [author] if isinstance(author, str) else _items(author)
    date = plain_text(held.get("date"), 10)
    return CatalogueModel(
        id=key,
        name=plain_text(held.get("name"), _LONGEST_NAME) or key,
        authors=_texts(authors, names.users),
        licence=plain_text(held.get("license"), _LONGEST_NAME) or None,
        tags=_texts(held.get("tags"), names.tags),
        description=plain_text(held.get("description"), _LONGEST_TEXT, lines=True),
        date=date if _DATE.fullmatch(date) else "",
        architecture=architecture,
        architecture_name=names.architectures.get(architecture, architecture),
        scale=scale,
        input_channels=inputs,
        output_channels=outputs,
        files=files,
        previews=tuple(_previews(held, rule)),
    )


def _items(value: object) -> list[Any]:
    return cast("list[Any]", value)[:_MOST_ITEMS] if isinstance(value, list) else []


def _texts(value: object, names: Mapping[str, str]) -> tuple[str, ...]:
    """Return the names of a list of ids, each once."""
    ids = (plain_text(each, _LONGEST_NAME) for each in _items(value))
    return tuple(dict.fromkeys(names.get(each, each) for each in ids if each))


def _count(value: object, most: int) -> int | None:
    return value if type(value) is int and 1 <= value <= most else None


def _file(value: object, rule: AddressRule) -> CatalogueFile | None:
    if not isinstance(value, dict):
        return None
    held = cast("dict[str, Any]", value)
    kind: Any = held.get("type")
    addresses = tuple(each for each in _items(held.get("urls")) if rule.allows(each))
    if kind not in _KINDS or not addresses:
        return None
    digest = plain_text(held.get("sha256"), 80).lower()
    return CatalogueFile(
        kind=kind,
        size_bytes=_count(held.get("size"), _LARGEST_FILE),
        sha256=digest if _SHA256.fullmatch(digest) else None,
        addresses=addresses,
    )


def _previews(held: Mapping[str, Any], rule: AddressRule) -> Iterator[PreviewPair]:
    get: Callable[[Any, str], str] = lambda item, name: (  # noqa: E731 - three fields alike
        item[name] if rule.allows(item.get(name)) else ""
    )
    for item in _items(held.get("images")):
        if not isinstance(item, dict):
            continue
        caption = plain_text(cast("dict[str, Any]", item).get("caption"), _LONGEST_NAME)
        before, after = get(item, "LR"), get(item, "SR")
        alone = get(item, "url")
        if before and after:
            yield PreviewPair(before, after, caption)
        elif alone:
            yield PreviewPair("", alone, caption)

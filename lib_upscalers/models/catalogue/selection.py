"""Search, filter and sort the catalogue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from lib_upscalers.models.catalogue.file_hosts import best_way
from lib_upscalers.models.catalogue.licences import licence_words
from lib_upscalers.models.catalogue.support import folded, problem_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from lib_upscalers.models.catalogue.schema import CatalogueFile, CatalogueModel

Order = Literal["fit", "newest", "size", "speed"]
ORDERS: tuple[Order, ...] = get_args(Order)
_KINDS: Mapping[str, int] = {"safetensors": 0, "pth": 1, "onnx": 2}

# Pictures a second of 640 x 480 pixels at 4x on an RTX 4090, by traiNNer-redux's table
# docs/source/resources/benchmark4x.csv; what is not in it counts as in between.
SPEEDS: Mapping[str, float] = {
    "compact": 227.0,
    "span": 82.0,
    "plksr": 10.9,
    "mosr": 12.0,
    "omnisr": 7.8,
    "rcan": 7.4,
    "esrgan": 4.8,
    "swinir": 0.71,
    "hat": 0.59,
    "dat": 0.285,
    "srformer": 0.29,
    "atd": 0.37,
    "grl": 0.17,
    "drct": 0.094,
}
_UNKNOWN_SPEED = 2.0


@dataclass(frozen=True)
class Filter:
    """What is looked for; what is left empty excludes nothing.

    Attributes:
        text: Words, each of which is in a name, author, tag, architecture or description.
        scale: How many times as large.
        architecture: Its name, however it is spelled.
        tag: Its name.
        paid_work: Only licences that allow it.
        direct: Only files that can be fetched directly.
        runs_here: Only architectures that are known here; a set as of `known_architectures`.
        order: Which come first.
    """

    text: str = ""
    scale: int | None = None
    architecture: str = ""
    tag: str = ""
    paid_work: bool = False
    direct: bool = False
    runs_here: frozenset[str] | None = None
    order: Order = "fit"


def select(models: Iterable[CatalogueModel], wanted: Filter) -> list[CatalogueModel]:
    """Return the models that pass a filter, in its order."""
    words = wanted.text.casefold().split()
    found = [each for each in models if _passes(each, wanted, words)]
    return sorted(found, key=_key(wanted.order, words))


def best_file(model: CatalogueModel) -> CatalogueFile:
    """Return the file to fetch: one that can be fetched directly, .safetensors before a pickle."""

    def rank(file: CatalogueFile) -> tuple[int, int, int]:
        way = ("direct", "extra", "page").index(best_way((file,)))
        return way, 0 if file.sha256 else 1, _KINDS[file.kind]

    return min(model.files, key=rank)


def speed_of(model: CatalogueModel) -> float | None:
    """Return pictures a second as in `SPEEDS`, by architecture alone; None: not measured."""
    found = SPEEDS.get(folded(model.architecture))
    return found if found is not None else SPEEDS.get(folded(model.architecture_name))


def speed_class(model: CatalogueModel) -> str:
    """Return "fast", "medium" or "slow", by architecture; "" where it was not measured."""
    speed = speed_of(model)
    if speed is None:
        return ""
    return "fast" if speed >= 20 else "medium" if speed >= 2 else "slow"


def _passes(model: CatalogueModel, wanted: Filter, words: list[str]) -> bool:
    checks = (
        wanted.scale is None or model.scale == wanted.scale,
        not wanted.architecture
        or folded(wanted.architecture) in (folded(model.architecture), folded(architecture(model))),
        not wanted.tag or wanted.tag.casefold() in (tag.casefold() for tag in model.tags),
        not wanted.paid_work or licence_words(model.licence).paid_work == "yes",
        not wanted.direct or best_way(model.files) == "direct",
        wanted.runs_here is None or not problem_of(model, wanted.runs_here),
    )
    return all(checks) and all(word in search_text(model) for word in words)


def architecture(model: CatalogueModel) -> str:
    """Return the name of a model's architecture."""
    return model.architecture_name


def search_text(model: CatalogueModel) -> str:
    """Return all that is searched of a model, folded."""
    parts = (model.name, model.id, *model.authors, *model.tags, model.architecture_name)
    return "\n".join((*parts, model.description)).casefold()


def _key(order: Order, words: list[str]) -> Callable[[CatalogueModel], tuple[object, ...]]:
    def newest(model: CatalogueModel) -> int:
        return -int(model.date.replace("-", "") or 0)

    def fit(model: CatalogueModel) -> tuple[object, ...]:
        name = f"{model.name} {model.id}".casefold()
        hits = sum(word in name for word in words)
        way = ("direct", "extra", "page").index(best_way(model.files))
        return -hits, way, newest(model), model.id

    if order == "newest":
        return lambda model: (newest(model), model.id)
    if order == "size":
        return lambda model: (best_file(model).size_bytes or 1 << 60, model.id)
    if order == "speed":
        return lambda model: (-(speed_of(model) or _UNKNOWN_SPEED), model.id)
    return fit

"""Make candidates of a comparison from upscalers."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from lib_upscalers.compare.candidate import Candidate
from lib_upscalers.compare.comparison import Comparison
from lib_upscalers.compare.peak_memory import watch_for
from lib_upscalers.targets import pass_sizes
from lib_upscalers.upscaling.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lib_upscalers.compare.request import ComparisonRequest
    from lib_upscalers.compare.store import Store
    from lib_upscalers.compare.subject import Subject
    from lib_upscalers.geometry import Size
    from lib_upscalers.host import Host
    from lib_upscalers.pictures.picture import Picture
    from lib_upscalers.progress import Progress
    from lib_upscalers.targets import Target
    from lib_upscalers.upscaling.choices import Choice
    from lib_upscalers.upscaling.upscaler import Result, Upscaler

# For a picture of three 8-bit channels, from file to file; benchmarks/engine.py measured it.
_BYTES_PER_PIXEL = 3 * 2.4
_LIKED = ("ESRGAN", "DAT")


def default_names(choices: Sequence[Choice]) -> list[str]:
    """Return the default selection: Nearest, Lanczos and the user's first ESRGAN or DAT.

    Without one of these it is the first network; without any network, Mitchell.
    """
    networks = [choice for choice in choices if choice.kind == "network"]
    liked = [choice for choice in networks if choice.architecture.startswith(_LIKED)]
    first = next(iter([*liked, *networks]), None)
    return ["Nearest", "Lanczos", first.name if first else "Mitchell"]


def _bytes_needed(scale: int | None) -> Callable[[Size, Size], int]:
    def needs(size: Size, target: Size) -> int:
        area = target.area
        if scale is not None:
            area = max(area, pass_sizes(size, target, scale, reduced=False)[-1].scaled(scale).area)
        return int(area * _BYTES_PER_PIXEL)

    return needs


def candidate(
    upscaler: Upscaler, name: str, choice: Choice | None, settings: Settings | None = None
) -> Candidate:
    """Return the candidate that enlarges by one upscaler.

    Args:
        upscaler: Runs it.
        name: What it is called.
        choice: The upscaler; None if there is none of that name: then the candidate fails when it
            runs.
        settings: How it runs.
    """
    used = settings or Settings()

    def run(picture: Picture, target: Target, progress: Progress) -> Result:
        return upscaler.run(picture, upscaler.find(name), target, used, progress)

    def identity() -> str:
        path = upscaler.find(name).path
        status = None if path is None else path.stat()
        file = [] if status is None else [status.st_size, status.st_mtime_ns]
        return json.dumps([asdict(used), str(path), *file])

    if choice is None:
        return Candidate(name, "network", run, identity)
    return Candidate(
        name=name,
        kind=choice.kind,
        run=run,
        identity=identity,
        scale=choice.scale,
        architecture=choice.architecture,
        licence=choice.licence,
        size_bytes=choice.size_bytes,
        needs=_bytes_needed(choice.scale),
        prepare=_import_engine if choice.kind == "network" else None,
    )


def _import_engine() -> None:
    """Import what runs networks, with all architectures."""
    from lib_upscalers.models import architectures, loader
    from lib_upscalers.tiling import loop

    del loader, loop
    architectures.registry()


def candidates(
    upscaler: Upscaler,
    names: Sequence[str],
    more: Sequence[Candidate] = (),
    settings: Settings | None = None,
) -> list[Candidate]:
    """Return the candidates of those names, in that order; unknown ones, too, which then fail.

    Args:
        upscaler: Runs those that are not among `more`.
        names: The names to look up.
        more: Other candidates, by which names are looked up first.
        settings: How the upscaler runs.
    """
    others = {each.name: each for each in more}
    choices = {choice.name: choice for choice in upscaler.choices()}
    return [
        others.get(name) or candidate(upscaler, name, choices.get(name), settings) for name in names
    ]


def comparison(
    subject: Subject,
    request: ComparisonRequest,
    chosen: Sequence[Candidate],
    store: Store,
    host: Host,
    stopped: Callable[[], bool] = lambda: False,
) -> Comparison:
    """Return a comparison that is ready to be run.

    Args:
        subject: The picture.
        request: What it was made by.
        chosen: The candidates, in the request's order.
        store: Takes the files.
        host: Whose memory.
        stopped: Returns whether the host asks for a stop.
    """
    import torch

    from lib_upscalers.version import VERSION

    return Comparison(
        subject=subject,
        candidates=chosen,
        store=store,
        settings=request.to_text(VERSION),
        version=VERSION,
        watch=watch_for(host.device()),
        free_memory=lambda: host.free_memory(torch.device("cpu")),
        stopped=stopped,
    )

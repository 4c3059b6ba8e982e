"""The use case: a picture, a choice and a target give a picture."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from lib_upscalers.errors import InputError, MemoryExhaustedError
from lib_upscalers.models.cache import NetworkCache
from lib_upscalers.models.file_cache import Facts
from lib_upscalers.models.folders import resolve_path
from lib_upscalers.models.measurements import Measurements
from lib_upscalers.models.usage import UsageLog
from lib_upscalers.progress import NULL
from lib_upscalers.resampling.resample import resample_pixels, resample_with_alpha
from lib_upscalers.targets import pass_sizes
from lib_upscalers.upscaling.choices import Choice, find_choice, list_choices, network_choice
from lib_upscalers.upscaling.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from lib_upscalers.geometry import Size
    from lib_upscalers.host import Host
    from lib_upscalers.models.entry import ModelEntry
    from lib_upscalers.models.file_hashes import FileHashes
    from lib_upscalers.network import Profile
    from lib_upscalers.pictures.picture import Picture
    from lib_upscalers.progress import Progress
    from lib_upscalers.targets import Target
    from lib_upscalers.tiling.plan import Rules
    from lib_upscalers.tiling.policy import Job

_CACHE_BYTES = 1 << 30
# What a forward needs, in bytes: so much is not worth releasing after each picture.
_SMALL_WORK = 64 << 20
# Bytes an input pixel of a network whose memory was not measured, for want of a larger picture.
_TYPICAL_PEAK = 1000.0


@dataclass(frozen=True)
class Result:
    """An enlarged picture, and its cost.

    Attributes:
        picture: Of the exact size, with the source's channels, depth and metadata.
        passes: How often the network ran; 0 for a kernel.
        load_seconds: Time to load the network; next to nothing if it was in the cache.
        run_seconds: Time for everything else.
        tiles: In how many tiles, over all passes.
        precision: In which precision the network ran; "" for a kernel.
        device: Where the network ran; "" for a kernel.
        tiling: The decisions about tiles: their size, overlap, blend and shared statistics; "" for
            a kernel.
    """

    picture: Picture
    passes: int = 0
    load_seconds: float = 0.0
    run_seconds: float = 0.0
    tiles: int = 0
    precision: str = ""
    device: str = ""
    tiling: str = ""


class Upscaler:
    """All upscalers of a host, and the cache of loaded networks.

    It may be used by several threads.

    Args:
        host: The program that it runs in.
        cache_bytes: How many bytes of loaded networks the cache may hold.

    Attributes:
        usage: When each network was used last, and how fast it was.
    """

    def __init__(self, host: Host, *, cache_bytes: int = _CACHE_BYTES) -> None:
        self._host = host
        self._facts = Facts.in_folder(host.data_folder())
        self._measurements = Measurements(self._facts)
        self.usage = UsageLog(host.data_folder())
        self._cache = NetworkCache(cache_bytes)

    def choices(self) -> list[Choice]:
        """Return all upscalers: built-in networks, the user's networks, kernels.

        Favourites come before other networks; what the user has hidden is left out.
        """
        return list_choices(self._host, self._facts, hidden=False)

    def entries(self) -> list[ModelEntry]:
        """Return all networks, those that the user has hidden included."""
        found = list_choices(self._host, self._facts)
        return [each.entry for each in found if each.entry is not None]

    def problems(self) -> list[tuple[Path, str]]:
        """Return the files that the last list has left out, each with the reason."""
        return self._facts.problems()

    def find(self, name_or_path: str) -> Choice:
        """Return the upscaler of that name, or the network in that file.

        Raises:
            UnknownNameError: There is none; the text suggests the nearest names.
            ModelError: The file is there but is no network that can be used.
        """
        return find_choice(name_or_path, self._host, self._facts)

    @property
    def hashes(self) -> FileHashes:
        """The hashes of network files, which are computed once."""
        return self._facts.hashes

    def digest(self, entry: ModelEntry) -> str:
        """Return a hash of a network's files.

        Raises:
            OSError: They cannot be read.
        """
        return self._facts.digest(entry)

    def in_file(self, path: Path) -> Choice:
        """Return the network in a file, named after it.

        Raises:
            ModelError: The file is missing, or no network that can be used.
        """
        return network_choice(resolve_path(path, self._facts))

    def run(
        self,
        picture: Picture,
        choice: Choice,
        target: Target,
        settings: Settings | None = None,
        progress: Progress = NULL,
    ) -> Result:
        """Enlarge a picture.

        Args:
            picture: What to enlarge.
            choice: With what.
            target: To which size.
            settings: How.
            progress: Updated after every tile; can stop the work within one.

        Raises:
            InputError: A setting makes no sense for this picture, or an argument is of the wrong
                kind.
            ModelError: The network's file is not usable (any more).
            MemoryExhaustedError: The result, or the smallest tile, does not fit.
            Cancelled: `progress` raises it.
        """
        from lib_upscalers.tiling.exhaustion import naming_memory

        _check_kinds(picture, choice, target)
        settings = settings or Settings()
        size = target.resolve(picture.size)
        start = time.perf_counter()
        with naming_memory(f"to enlarge {picture.size} to {size} by {choice.name}"):
            self._check_room(picture, size)
            progress.check_cancelled()
            if choice.entry is None:
                settings = replace(settings, kernel=choice.name)
                result = Result(_resample(picture, size, settings, progress))
            else:
                result = self._run_network(picture, choice.entry, size, settings, progress)
        seconds = time.perf_counter() - start - result.load_seconds
        if choice.entry is not None:
            pixels = picture.size.area if result.passes == 1 else 0
            self.usage.note(choice.entry.path, pixels, seconds, result.device)
        return replace(result, run_seconds=seconds)

    def tile_rules(self, choice: Choice, target: Target, settings: Settings, size: Size) -> Rules:
        """Return what parts of a picture obey, so that each is enlarged as in the whole.

        Args:
            choice: What enlarges it.
            target: A whole number of times as large.
            settings: How.
            size: Of the picture.

        Raises:
            InputError: Parts can never equal the whole picture.
            ModelError: The network's file is not usable (any more).
        """
        from lib_upscalers.upscaling.part_rules import rules_of_kernel, rules_of_network

        entry = choice.entry
        if entry is None:
            return rules_of_kernel(choice.name)
        device = self._host.device()
        with self._cache.borrow(entry) as network:
            self._measurements.restore(network.profile, entry, device)
            try:
                job = self._job(settings, retains_memory=False)
                return rules_of_network(network, job, settings, size, target.resolve(size))
            finally:
                self._measurements.store(network.profile, entry)

    def speed(self, choice: Choice) -> float | None:
        """Return the seconds that a million pixels took last time on this device, if known."""
        used = self.usage.get(choice.entry.path) if choice.entry is not None else None
        if used is None or used.device != str(self._host.device()):
            return None
        return used.seconds_per_megapixel or None

    def set_cache_bytes(self, cache_bytes: int) -> None:
        """Change how many bytes of loaded networks the cache may hold."""
        self._cache.set_budget(cache_bytes)

    def release(self) -> None:
        """Free every loaded network; one that is in use is freed after use."""
        self._cache.release()

    def _check_room(self, picture: Picture, size: Size, what: str = "a result") -> None:
        import torch

        depth = picture.pixels.shape[2] + (picture.alpha is not None)
        needed = size.area * depth * picture.pixels.dtype.itemsize
        free = self._host.free_memory(torch.device("cpu"))
        if needed > free:
            raise MemoryExhaustedError(
                f"Expected memory for {what} of {size}, {needed / 2**30:.2f} GiB, but only "
                f"{free / 2**30:.2f} GiB are free: choose a smaller scale or size."
            )

    def _run_network(
        self,
        picture: Picture,
        entry: ModelEntry,
        size: Size,
        settings: Settings,
        progress: Progress,
    ) -> Result:
        from lib_upscalers.tiling.allocator import retained_memory
        from lib_upscalers.upscaling.network_passes import NetworkWork

        scale, reduced = entry.traits.scale, settings.passes == "reduced"
        last = pass_sizes(picture.size, size, scale, reduced=reduced)[-1]
        self._check_room(picture, last.scaled(scale), "what the network makes, a picture")
        device = self._host.device()
        if device.type != "cpu":
            self._host.make_room()
        retain = device.type == "cpu" and self._host.owns_process()
        start = time.perf_counter()
        with (
            self._cache.borrow(entry) as network,
            retained_memory(
                enabled=retain, trims=lambda: _is_large(network.profile, last)
            ) as retained,
        ):
            self._measurements.restore(network.profile, entry, device)
            loaded = time.perf_counter() - start
            work = NetworkWork(
                network=network,
                job=self._job(settings, retains_memory=retained),
                size=size,
                kernel=settings.kernel,
                linear_light=settings.linear_light,
                reduced=reduced,
            )
            by_network = settings.alpha == "network"
            try:
                done = work.run(picture, progress, alpha_by_network=by_network)
            finally:
                self._measurements.store(network.profile, entry)
        return Result(
            picture=done.picture,
            passes=done.passes,
            load_seconds=loaded,
            tiles=done.tiles,
            precision=done.precision,
            device=done.device,
            tiling=done.tiling,
        )

    def _job(self, settings: Settings, *, retains_memory: bool) -> Job:
        from lib_upscalers.tiling.policy import Job

        precision = settings.precision
        return Job(
            device=self._host.device(),
            free_memory=self._host.free_memory,
            precision=self._host.precision() if precision == "auto" else precision,
            backend=self._host.backend() if settings.backend == "auto" else settings.backend,
            tile=settings.tile,
            overlap=settings.overlap,
            border=settings.padding,
            retains_memory=retains_memory,
        )


def _resample(picture: Picture, size: Size, settings: Settings, progress: Progress) -> Picture:
    """Bring a picture to an exact size by the settings' kernel."""
    kernel, light = settings.kernel, settings.linear_light
    if picture.alpha is None:
        pixels = resample_pixels(
            picture.pixels, size, kernel, linear_light=light, progress=progress
        )
        return replace(picture, pixels=pixels)
    pixels, alpha = resample_with_alpha(
        picture.pixels, picture.alpha, size, kernel, linear_light=light, progress=progress
    )
    return replace(picture, pixels=pixels, alpha=alpha)


def _is_large(profile: Profile, size: Size) -> bool:
    """Return whether a picture of that size leaves much memory behind."""
    peak = max((use.peak for use in profile.memory.values()), default=_TYPICAL_PEAK)
    return peak * size.area > _SMALL_WORK


def _check_kinds(picture: object, choice: object, target: object) -> None:
    """Check the kinds of the arguments of `Upscaler.run`.

    Raises:
        InputError: One is of another kind.
    """
    from lib_upscalers.pictures.picture import Picture
    from lib_upscalers.targets import Target

    expected = (
        (picture, Picture, "a Picture, as of read_picture or Picture(array)"),
        (choice, Choice, "a Choice, as of Upscaler.find"),
        (target, Target, "a Target, such as Target(scale=2)"),
    )
    for value, kind, words in expected:
        if not isinstance(value, kind):
            raise InputError(f"Expected {words}, but got {type(value).__name__}.")

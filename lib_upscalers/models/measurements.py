"""Store what was measured of a network between processes: reach, memory, layout, precision.

A measurement is valid for a file's bytes, for torch's version and, but for the reach, for a device.
"""

from __future__ import annotations

import functools
import math
import platform
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lib_upscalers.network import MapAxis, MemoryUse, Reach, SpeedTrial, StatisticSite

if TYPE_CHECKING:
    from collections.abc import Iterable

    import torch

    from lib_upscalers.models.entry import ModelEntry
    from lib_upscalers.models.file_cache import Facts
    from lib_upscalers.network import Profile

# What a damaged or missing file makes of any of the steps below.
_DAMAGE = (ArithmeticError, AttributeError, LookupError, OSError, TypeError, ValueError)
_DIGITS = 4
_FARTHEST = 1000
_CPU_FACTS = Path("/proc/cpuinfo")


class Measurements:
    """Stores profiles of networks among the facts of their files.

    Args:
        facts: Where.
    """

    def __init__(self, facts: Facts) -> None:
        self._facts = facts

    def restore(self, profile: Profile, entry: ModelEntry, device: torch.device) -> None:
        """Fill a profile with what it lacks and another process has measured.

        Args:
            profile: Of the network in the entry's file.
            entry: The network.
            device: Where it is to run; the CPU's measurements are restored too.
        """
        try:
            stored = self._facts.measured(self._facts.digest(entry))
            for name in {str(device), "cpu"}:
                _fill(profile, stored, name)
        except _DAMAGE:
            return

    def store(self, profile: Profile, entry: ModelEntry) -> None:
        """Store a profile, if anything in it is new."""
        try:
            digest = self._facts.digest(entry)
        except OSError:
            return
        before = self._facts.measured(digest)
        known: Any = before.get("places")
        after = {
            "reach": None if profile.reach is None else _reach_to_json(profile.reach),
            "places": {**(known if isinstance(known, dict) else {}), **_places(profile)},
        }
        if after != before:
            self._facts.keep_measured(digest, after)


def device_name(name: str) -> str:
    """Return what a device is called by its maker, for a name such as ``"cuda:0"``.

    A CPU's has the number of threads, on which the faster layout depends.
    """
    import torch

    device = torch.device(name)
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{_processor()}, {torch.get_num_threads()} threads" if name == "cpu" else name


@functools.cache
def _processor() -> str:
    try:
        lines = _CPU_FACTS.read_text("utf-8", "replace").splitlines()
    except OSError:
        lines = []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.processor() or platform.machine()


def _places(profile: Profile) -> dict[str, Any]:
    """Return what belongs to a device and a dtype, by the device's name and the dtype."""
    keys = {*profile.memory, *profile.channels_last, *profile.slowest, *profile.unstable}
    keys |= profile.half.keys() | profile.ncnn.keys()
    found: dict[str, Any] = {}
    for key in keys:
        device, _, dtype = key.rpartition("/")
        memory = profile.memory.get(key)
        found[f"{device_name(device)}/{dtype}"] = {
            "memory": None if memory is None else [memory.peak, memory.largest],
            "channels_last": profile.channels_last.get(key),
            "slowest": profile.slowest.get(key),
            "unstable": key in profile.unstable,
            "half": _trial_to_json(profile.half.get(key)),
            "ncnn": _trial_to_json(profile.ncnn.get(key)),
        }
    return found


def _fill(profile: Profile, stored: dict[str, Any], device: str) -> None:
    if profile.reach is None and stored.get("reach") is not None:
        profile.reach = _reach_from_json(stored["reach"])
    start = f"{device_name(device)}/"
    for name, place in stored.get("places", {}).items():
        if name.startswith(start):
            _fill_place(profile, place, f"{device}/{name[len(start) :]}")


def _fill_place(profile: Profile, place: dict[str, Any], key: str) -> None:
    if place["memory"] is not None:
        peak, largest = (_positive(value) for value in place["memory"])
        profile.memory.setdefault(key, MemoryUse(peak, largest))
    if isinstance(place["channels_last"], bool):
        profile.channels_last.setdefault(key, place["channels_last"])
    if place["slowest"] is not None:
        profile.slowest.setdefault(key, _positive(place["slowest"]))
    for name, trials in (("half", profile.half), ("ncnn", profile.ncnn)):
        # Files of earlier versions lack it.
        if place.get(name) is not None:
            speed, error = (_positive(value) for value in place[name])
            trials.setdefault(key, SpeedTrial(speed, error))
    if place["unstable"] is True:
        profile.unstable.add(key)


def _trial_to_json(trial: SpeedTrial | None) -> list[float] | None:
    return None if trial is None else [trial.speed, trial.error]


def _reach_to_json(reach: Reach) -> dict[str, Any]:
    near = functools.partial(round, ndigits=_DIGITS)
    values = asdict(reach)
    values["by_distance"] = [near(value) for value in reach.by_distance]
    values["sites"] = [
        [site.operator, site.number, [[_axis_to_json(axis) for axis in axes] for axes in site.axes]]
        for site in reach.sites
    ]
    return values


def _axis_to_json(axis: MapAxis) -> list[Any]:
    return [axis.dim, axis.along, axis.ratio, axis.margin]


def _reach_from_json(values: dict[str, Any]) -> Reach:
    return Reach(
        halo=_whole(values["halo"], range(_FARTHEST)),
        seam=_positive(values["seam"]),
        by_distance=tuple(_positive(value) for value in values["by_distance"]),
        sites=tuple(_site(*site) for site in values["sites"]),
        alignment=_whole(values["alignment"], range(1, _FARTHEST)),
    )


def _site(operator: str, number: int, axes: list[list[list[Any]]]) -> StatisticSite:
    return StatisticSite(
        str(operator),
        _whole(number, range(10**6)),
        tuple(tuple(_axis(*axis) for axis in each) for each in axes),
    )


def _axis(dim: int, along: str, ratio: float, margin: float) -> MapAxis:
    if along not in ("y", "x", "yx"):
        raise ValueError(along)
    return MapAxis(_whole(dim, range(-8, 8)), along, _positive(ratio), float(margin))


def _positive(value: Any) -> float:  # noqa: ANN401 - what JSON holds
    number = float(value)
    if not (number >= 0 and math.isfinite(number)):
        raise ValueError(value)
    return number


def _whole(value: Any, allowed: Iterable[int]) -> int:  # noqa: ANN401 - what JSON holds
    if type(value) is not int or value not in allowed:
        raise ValueError(value)
    return value

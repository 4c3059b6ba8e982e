"""The peak growth of the process's memory."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

from lib_upscalers.compare import peak_memory
from lib_upscalers.compare.peak_memory import Peak, ProcessWatch

_BYTES = 128 << 20


def _grow() -> None:
    """Take memory, touch it, and give it back at once."""
    np.ones(_BYTES, np.uint8)


def test_a_peak_between_two_looks_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    if not Path("/proc/self/clear_refs").exists():
        pytest.skip("needs Linux, which keeps the peak of a process")
    monkeypatch.setattr(peak_memory, "_RARELY_SECONDS", 3600.0)
    with Peak(ProcessWatch()) as peak:
        _grow()
    assert 0.95 * _BYTES < peak.grown < 1.5 * _BYTES
    with Peak(ProcessWatch()) as later:
        pass
    assert later.grown < 0.5 * _BYTES


def test_looks_become_rare_where_the_system_keeps_no_peak(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peak_memory, "_count_peak_anew", lambda: False)
    clock = iter(range(1000))
    monkeypatch.setattr(peak_memory.time, "monotonic", lambda: float(next(clock)))
    pauses: list[float] = []

    class Noting(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            pauses.append(timeout or 0.0)
            return len(pauses) == 30

    watch = ProcessWatch()
    watch.start()
    watch.stop()
    watch._stop = Noting()
    watch._watch()
    assert pauses[0] == peak_memory._OFTEN_SECONDS
    assert pauses == sorted(pauses)
    assert pauses[-1] == peak_memory._RARELY_SECONDS


def test_a_system_without_that_file_is_watched_by_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise FileNotFoundError

    monkeypatch.setattr(peak_memory.os, "open", refuse)
    assert not peak_memory._count_peak_anew()
    with Peak(ProcessWatch()) as peak:
        held = np.ones(_BYTES, np.uint8)
    assert peak.grown > 0.9 * held.nbytes

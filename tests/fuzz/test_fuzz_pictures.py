from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from tests.fuzz.pictures import cases, check

if TYPE_CHECKING:
    from pathlib import Path

_CASES = 60


def test_damaged_pictures_are_done_or_refused(tmp_path: Path) -> None:
    """`python -m tests.fuzz.pictures --minutes 10` goes on with other seeds."""
    results: set[str] = set()
    for name, data in islice(cases(seed=1), _CASES):
        (tmp_path / name).write_bytes(data)
        results.add(check(tmp_path / name))
    assert results == {"done", "refused"}

"""Each fuzzer for a moment, with the same cases every time; and whatever once broke something."""

from __future__ import annotations

import shutil
from itertools import islice
from pathlib import Path

import pytest

from tests.cases import each_case
from tests.fuzz import arguments, pictures, requests, settings, weights
from tests.fuzz.fuzzing import CORPUS

# A few seconds each. `python -m tests.fuzz.weights --minutes 10` goes on with other seeds.
FUZZERS = {
    "pictures": (pictures.FUZZER, 60),
    "weights": (weights.FUZZER, 60),
    "settings": (settings.FUZZER, 300),
    "arguments": (arguments.FUZZER, 40),
    "requests": (requests.FUZZER, 150),
}


@pytest.mark.slow
@each_case("name", FUZZERS)
def test_odd_input_is_done_or_refused(name: str, tmp_path: Path) -> None:
    fuzzer, count = FUZZERS[name]
    results: set[str] = set()
    folder = tmp_path / name
    folder.mkdir()
    with fuzzer.prepared(folder) as check:
        for case, data in islice(fuzzer.cases(seed=1), count):
            (folder / case).write_bytes(data)
            try:
                results.add(check(folder / case))
            except Exception as error:
                raise AssertionError(f"case {case}: {type(error).__name__}: {error}") from error
    assert results == {"done", "refused"}


@pytest.mark.slow
@each_case("name", FUZZERS)
def test_what_once_broke_something_does_not(name: str, tmp_path: Path) -> None:
    fuzzer, _ = FUZZERS[name]
    folder = tmp_path / f"corpus-{name}"
    folder.mkdir()
    with fuzzer.prepared(folder) as check:
        for path in sorted((CORPUS / name).glob("*")):
            assert check(Path(shutil.copy(path, folder))) in ("done", "refused"), path.name

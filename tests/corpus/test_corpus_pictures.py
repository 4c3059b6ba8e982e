from __future__ import annotations

import pytest

from tests.corpus.pictures import VARIABLE, classify, files, folders


def test_no_public_picture_raises_anything_unexpected() -> None:
    if not folders():
        pytest.skip(f"{VARIABLE} names no folders of test pictures")
    results = {path: classify(path) for path in files(folders())}
    internal = {path: text for path, (kind, text) in results.items() if kind == "internal"}
    assert not internal

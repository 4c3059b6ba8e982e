"""What `import lib_upscalers` offers."""

from __future__ import annotations

import pytest

import lib_upscalers


def test_names_are_sorted_and_unique() -> None:
    assert sorted(set(lib_upscalers.__all__)) == list(lib_upscalers.__all__)


@pytest.mark.parametrize("name", lib_upscalers.__all__)
def test_every_name_is_there(name: str) -> None:
    assert getattr(lib_upscalers, name).__name__ == name
    assert name in dir(lib_upscalers)


def test_an_unknown_name_is_an_ordinary_error() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = lib_upscalers.no_such_name
    assert not hasattr(lib_upscalers, "another")

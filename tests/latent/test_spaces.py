from __future__ import annotations

import re

from lib_upscalers.latent.spaces import SPACES, describe, find_tiny, table
from tests.checks import ROOT


def test_every_space_is_named_as_weights_are_and_has_models() -> None:
    for name, known in SPACES.items():
        assert known.space.name == name
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name), name
        assert known.models, name
        assert known.space.channels > 0, name
        assert known.space.factor in {8, 16, 32}, name


def test_a_tiny_autoencoder_belongs_to_one_space() -> None:
    names = [tiny for _, known in SPACES.items() for tiny in known.tiny]

    assert len(names) == len(set(names))
    for name in names:
        known = find_tiny(name)
        assert known is not None
        assert name in known.tiny
    assert find_tiny("taemoon_decoder") is None


def test_a_space_is_described_by_its_models() -> None:
    assert describe("sd1") == "SD 1.5 / SD 2"
    assert describe("moon") == "moon"


def test_the_documentation_has_the_table_of_all_spaces() -> None:
    page = (ROOT / "docs" / "explanation" / "latent.md").read_text(encoding="utf-8")

    assert "\n".join(table()) in page, "put what `lib_upscalers.latent.spaces.table` returns there"

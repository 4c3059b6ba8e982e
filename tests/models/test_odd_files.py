"""Odd files that trainers, converters and editors leave load, or are named for what they are."""

from __future__ import annotations

import codecs
import datetime
import zipfile
from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from lib_upscalers.errors import ModelFileError
from lib_upscalers.models.glance import known_traits
from lib_upscalers.models.loader import load_network, read_traits
from tests.cases import each_case
from tests.models.test_graphs import ncnn_compact
from tests.models.tiny import compact, save

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    State = dict[str, torch.Tensor]

CONTAINERS: Mapping[str, Callable[[State], object]] = {
    "a list": lambda state: [state],
    "a tuple beside others": lambda state: (state, {"epoch": 1}),
    "a number first": lambda state: (3, state),
    "pairs": lambda state: list(state.items()),
    "a list inside": lambda state: {"state_dict": [state]},
    "a defaultdict": lambda state: defaultdict(dict, {"params": state}),
    "8 bits": lambda state: {n: each.to(torch.float8_e5m2) for n, each in state.items()},
    "another 8 bits": lambda state: {n: each.to(torch.float8_e4m3fn) for n, each in state.items()},
    "bfloat16": lambda state: {n: each.bfloat16() for n, each in state.items()},
    "a time": lambda state: {"params": state, "when": datetime.datetime(2026, 1, 1)},  # noqa: DTZ001
    "sets": lambda state: {"params": state, "seen": {1, 2}, "part": slice(1), "phase": 1j},
    "an array beside": lambda state: {"params": state, "losses": np.zeros(3)},
    "a type": lambda state: {"params": state, "dtype": torch.float32},
    "unsigned beside": lambda state: {"params": state, "seed": torch.zeros(2, dtype=torch.uint16)},
}


@each_case("container", CONTAINERS)
def test_the_weights_are_found(container: str, tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    torch.save(CONTAINERS[container](dict(compact().state_dict())), path)
    network = load_network(path)
    assert network.traits.architecture == "RealESRGAN Compact"
    assert known_traits(path) == read_traits(path) == network.traits


def test_eight_bits_have_their_values(tmp_path: Path) -> None:
    state = {name: each.to(torch.float8_e4m3fn) for name, each in compact().state_dict().items()}
    torch.save(state, tmp_path / "a.pth")
    wide = {name: each.float() for name, each in state.items()}
    save(wide, tmp_path / "b.safetensors")
    picture = torch.rand(1, 3, 9, 8)
    one, other = (load_network(tmp_path / name)(picture) for name in ("a.pth", "b.safetensors"))
    assert torch.equal(one, other)


def arrays(state: State, path: Path) -> None:
    torch.save({name: each.numpy() for name, each in state.items()}, path)


def nameless(state: State, path: Path) -> None:
    torch.save(list(state.values()), path)


def sparse(state: State, path: Path) -> None:
    torch.save({name: each.to_sparse() for name, each in state.items()}, path)


def quantised(state: State, path: Path) -> None:
    torch.save(
        {n: torch.quantize_per_tensor(t, 0.1, 0, torch.qint8) for n, t in state.items()}, path
    )


def complex_numbers(state: State, path: Path) -> None:
    torch.save({name: each.to(torch.complex64) for name, each in state.items()}, path)


def packed(state: State, path: Path) -> None:
    inner = save(state, path.with_name("network.safetensors"))
    with zipfile.ZipFile(path, "w") as outer:
        outer.write(inner, "folder/network.safetensors")


REFUSED: Mapping[str, tuple[Callable[[State, Path], None], str]] = {
    "arrays": (arrays, "such as an array of numpy"),
    "nameless": (nameless, "a list and not named tensors"),
    "sparse": (sparse, "sparse tensors"),
    "quantised": (quantised, "quantised: get the file that it was made from"),
    "complex": (complex_numbers, "of the type ComplexFloat"),
    "packed": (packed, r"a zip file that holds folder/network\.safetensors: unpack it"),
}


@pytest.mark.filterwarnings("ignore")
@each_case("what", REFUSED)
def test_what_cannot_be_loaded_is_named(what: str, tmp_path: Path) -> None:
    write, why = REFUSED[what]
    write(dict(compact().state_dict()), tmp_path / "a.pth")
    with pytest.raises(ModelFileError, match=why):
        load_network(tmp_path / "a.pth")


EDITED: Mapping[str, Callable[[bytes], bytes]] = {
    "a byte order mark": lambda text: codecs.BOM_UTF8 + text,
    "16 bits": lambda text: text.decode().encode("utf-16"),
    "Windows": lambda text: text.replace(b"\n", b"\r\n"),
    "an old Mac": lambda text: text.replace(b"\n", b"\r"),
    "a comment": lambda text: b"# made by hand\n" + text.replace(b"\n", b"\n# more\n", 2),
    "empty lines": lambda text: text.replace(b"\n", b"\n\n"),
    "tabs": lambda text: text.replace(b" ", b"\t"),
}


@each_case("edit", EDITED)
def test_layers_of_ncnn_are_read_as_an_editor_leaves_them(edit: str, tmp_path: Path) -> None:
    path = ncnn_compact(compact().state_dict(), tmp_path)
    before = load_network(path).traits
    path.write_bytes(EDITED[edit](path.read_bytes()))
    assert load_network(path).traits == before

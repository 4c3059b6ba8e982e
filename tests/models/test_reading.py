"""Reading network files: what torch and safetensors write is read, all else is refused."""

from __future__ import annotations

import io
import os
import pickle
import struct
import sys
import zipfile
from collections import OrderedDict
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import torch

from lib_upscalers.errors import ModelFileError, UnsafeModelError
from lib_upscalers.models.reading import SUFFIXES, read_state
from lib_upscalers.models.reading.faults import DamagedFileError
from lib_upscalers.models.reading.limits import Budget, element_count
from tests.cases import each_case
from tests.models.tiny import save

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

DTYPES = [
    torch.float32,
    torch.float16,
    torch.bfloat16,
    torch.float64,
    torch.int64,
    torch.int32,
    torch.int16,
    torch.int8,
    torch.uint8,
    torch.bool,
]
KINDS = ["new.pth", "old.pth", "safe.safetensors"]


def saved(kind: str, state: Mapping[str, object], folder: Path) -> Path:
    return save(state, folder / kind, legacy=kind.startswith("old"))


def state_of_all_types() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    state = {str(d): torch.randint(0, 2, (3, 5), generator=generator).to(d) for d in DTYPES}
    return {**state, "empty": torch.empty(0, 4), "scalar": torch.tensor(2.5)}


@each_case("kind", KINDS)
def test_every_type_comes_back(kind: str, tmp_path: Path) -> None:
    state = state_of_all_types()
    held = read_state(saved(kind, state, tmp_path))
    assert held.keys() == state.keys()
    for name, tensor in state.items():
        assert held[name].dtype == tensor.dtype
        assert torch.equal(held[name], tensor)


@each_case("kind", ["new.pth", "old.pth"])
def test_views_parameters_and_wrappers_come_back(kind: str, tmp_path: Path) -> None:
    block = torch.arange(24.0).reshape(4, 6)
    inner = OrderedDict(part=block[1:3, ::2], turned=block.t(), whole=torch.nn.Parameter(block))
    state = {"params_ema": inner, "epoch": 7, "note": "text", "history": [1.5, None, (True,)]}
    held = read_state(saved(kind, state, tmp_path))
    assert {name: held[name] for name in ("epoch", "note", "history")} == {
        name: state[name] for name in ("epoch", "note", "history")
    }
    for name, tensor in inner.items():
        assert torch.equal(held["params_ema"][name], tensor)


def test_odd_offsets_come_back(tmp_path: Path) -> None:
    """The header of a .safetensors file may end anywhere."""
    header = b'{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}} '
    header += b" " * (3 - (len(header) + 8) % 4)
    path = tmp_path / "odd.safetensors"
    path.write_bytes(struct.pack("<Q", len(header)) + header + struct.pack("<2f", 1.5, -2.5))
    assert (len(header) + 8) % 4 == 3
    assert read_state(path)["w"].tolist() == [1.5, -2.5]


@each_case("kind", KINDS)
def test_the_file_may_go_afterwards(kind: str, tmp_path: Path) -> None:
    path = saved(kind, {"w": torch.full((300, 300), 2.0)}, tmp_path)
    tensor = read_state(path)["w"]
    path.write_bytes(b"")
    assert tensor.eq(2.0).all()


@each_case("kind", KINDS)
def test_without_values_only_small_tensors_are_read(kind: str, tmp_path: Path) -> None:
    small, large = torch.full((8, 8), 3.0), torch.full((300, 300), 3.0)
    path = saved(kind, {"small": small, "large": large}, tmp_path)
    held = read_state(path, values=False)
    assert torch.equal(held["small"], small)
    assert (held["large"].shape, held["large"].dtype) == (large.shape, large.dtype)
    assert held["large"].eq(0).all()
    assert held["large"].untyped_storage().nbytes() < 100


def test_the_bytes_tell_the_kind_not_the_name(tmp_path: Path) -> None:
    path = saved("safe.safetensors", {"w": torch.ones(2)}, tmp_path)
    renamed = path.rename(tmp_path / "network.pth")
    assert read_state(renamed)["w"].tolist() == [1, 1]


class Script(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))
        self.sizes = [1, 2]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.body(x)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
def test_torchscript_gives_its_weights(tmp_path: Path) -> None:
    module = Script().eval()
    path = tmp_path / "script.pt"
    torch.jit.save(torch.jit.script(module), path)
    held = read_state(path)
    expected = module.state_dict()
    assert held.keys() == expected.keys()
    assert all(torch.equal(held[name], tensor) for name, tensor in expected.items())


class Touch:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return Path.touch, (self.path,)


class Run(Touch):
    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return os.system, (f'"{sys.executable}" -c "open({str(self.path)!r}, \'w\')"',)


class Evaluate(Touch):
    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return eval, (f"open({str(self.path)!r}, 'w')",)


@each_case("bad", [Touch, Run, Evaluate])
@each_case("suffix", [".pth", ".pt", ".ckpt", ".safetensors"])
@each_case("kind", ["new", "old", "bare"])
def test_a_malicious_pickle_is_not_run(
    kind: str, suffix: str, bad: type[Touch], tmp_path: Path
) -> None:
    mark = tmp_path / "it ran"
    state = {"conv.weight": torch.ones(2), "extra": bad(mark)}
    path = tmp_path / f"network{suffix}"
    if kind == "bare":
        path.write_bytes(pickle.dumps(state["extra"], protocol=2))
    else:
        torch.save(state, path, _use_new_zipfile_serialization=kind == "new")
    with pytest.raises(UnsafeModelError, match="wants to run") as caught:
        read_state(path)
    assert str(path) in str(caught.value)
    assert not mark.exists()
    with pytest.raises(UnsafeModelError):
        read_state(path, values=False)
    assert not mark.exists()


def test_a_malicious_script_is_not_run(tmp_path: Path) -> None:
    """A TorchScript archive may hold anything in its pickle."""
    mark = tmp_path / "it ran"
    path = tmp_path / "script.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a/constants.pkl", pickle.dumps(()))
        archive.writestr("a/data.pkl", pickle.dumps(Touch(mark)))
    with pytest.raises(UnsafeModelError):
        read_state(path)
    assert not mark.exists()


def test_what_a_pickle_gets_cannot_be_changed(tmp_path: Path) -> None:
    """A pickle can set attributes of what it may name."""
    for name in ("ctorch._utils\n_rebuild_tensor_v2\n", "ccollections\nOrderedDict\n"):
        state = b"(S'__doc__'\nS'changed'\nd"
        bad = b"\x80\x02" + name.encode() + b"N" + state + b"\x86b."
        path = tmp_path / "network.pth"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("a/data.pkl", bad)
        with pytest.raises(ModelFileError):
            read_state(path)
    assert OrderedDict.__doc__ != "changed"


@each_case("kind", KINDS)
@each_case("part", [0.0, 0.001, 0.01, 0.5, 0.9, 0.99, 0.9999])
def test_a_truncated_file_is_refused(kind: str, part: float, tmp_path: Path) -> None:
    state = {f"layer.{i}.weight": torch.rand(16, 16, 3, 3) for i in range(6)}
    path = saved(kind, state, tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * part)])
    for values in (True, False):
        with pytest.raises(ModelFileError, match="damaged"):
            read_state(path, values=values)


@each_case("kind", KINDS)
def test_flipped_bytes_never_raise_anything_else(kind: str, tmp_path: Path) -> None:
    path = saved(kind, {"a.weight": torch.rand(4, 4), "b": torch.rand(2)}, tmp_path)
    whole = path.read_bytes()
    for position in range(0, len(whole), max(1, len(whole) // 150)):
        broken = bytearray(whole)
        broken[position] ^= 0xFF
        path.write_bytes(bytes(broken))
        with suppress(ModelFileError, UnsafeModelError):
            read_state(path)


OTHER_FILES = {
    "a text": b"This is not a network.\n",
    "a web page": b"<!DOCTYPE html><html></html>",
    "a Git LFS pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
    "zeros": bytes(2000),
    "one byte": b"P",
    "a picture": b"\x89PNG\r\n\x1a\n" + bytes(100),
    "a pickled number": pickle.dumps(5, protocol=2),
    "a header without an end": struct.pack("<Q", 1 << 40) + b'{"a":',
    "a header that is no JSON": struct.pack("<Q", 8) + b"{'a': 1}",
    "a header of a list": struct.pack("<Q", 2) + b"[]",
    "a header with a wrong size": struct.pack("<Q", 56)
    + b'{"w":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}  '
    + bytes(8),
    "a header with an unknown type": struct.pack("<Q", 56)
    + b'{"w":{"dtype":"F99","shape":[2],"data_offsets":[0,8]}}  '
    + bytes(8),
    "a header with negative offsets": struct.pack("<Q", 56)
    + b'{"w":{"dtype":"F32","shape":[2],"data_offsets":[-8,0]}} '
    + bytes(8),
}


@each_case("suffix", SUFFIXES)
@each_case("what", OTHER_FILES)
def test_another_file_is_refused(what: str, suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"network{suffix}"
    path.write_bytes(OTHER_FILES[what])
    with pytest.raises(ModelFileError, match=r"get it again|is not known here"):
        read_state(path)


@each_case("held", [[torch.ones(2)], torch.ones(2), 5, "text", None])
def test_what_is_not_named_tensors_is_refused(held: object, tmp_path: Path) -> None:
    path = tmp_path / "network.pth"
    torch.save(held, path)
    with pytest.raises(ModelFileError, match="named tensors"):
        read_state(path)


def test_a_zip_file_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "network.pth"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "text")
    with pytest.raises(ModelFileError, match="without a network"):
        read_state(path)


def test_a_tensor_that_reaches_beyond_its_storage_is_refused(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    torch.save({"w": torch.zeros(4)}, buffer)
    path = tmp_path / "network.pth"
    with zipfile.ZipFile(buffer) as source, zipfile.ZipFile(path, "w") as target:
        for name in source.namelist():
            part = source.read(name)
            # The size of the tensor, (4,), becomes (99,); its storage still has 4 elements.
            target.writestr(name, part.replace(b"K\x04\x85", b"K\x63\x85"))
    with pytest.raises(ModelFileError):
        read_state(path)


def test_a_missing_file_a_folder_and_another_ending_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="cannot"):
        read_state(tmp_path / "missing.pth")
    (tmp_path / "folder.pth").mkdir()
    with pytest.raises(ModelFileError, match="folder"):
        read_state(tmp_path / "folder.pth")
    (tmp_path / "network.onnx").write_bytes(b"")
    with pytest.raises(ModelFileError, match=r"\.safetensors"):
        read_state(tmp_path / "network.onnx")


def test_a_file_that_may_not_be_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = saved("new.pth", {"w": torch.ones(2)}, tmp_path)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    # Whoever runs the tests may be allowed to read everything.
    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(ModelFileError, match="Permission denied"):
        read_state(path)


def test_tensors_of_a_file_take_no_more_than_eight_times_its_size_together() -> None:
    budget = Budget(20 << 20)
    for _ in range(4):
        budget.spend(40 << 20)
    with pytest.raises(DamagedFileError, match="more than 160 MiB"):
        budget.spend(1)
    small = Budget(1)
    small.spend(64 << 20)
    with pytest.raises(DamagedFileError, match="more than 64 MiB"):
        small.spend(1)


def test_a_shape_has_as_many_elements_as_its_sides_make_and_no_more_than_the_file() -> None:
    assert element_count([], 1) == 1
    assert element_count([3, 4], 12) == 12
    assert element_count([2, 0, 5], 12) == 0
    assert element_count([0, 1 << 40], 12) == 0
    for shape in ([3, 5], [13], [1 << 40, 0], [1] * 17, [True], [2.0], [-1, -3]):
        with pytest.raises(DamagedFileError):
            element_count(shape, 12)

"""Network files made to eat memory or time: each is refused in a sentence, cheaply.

Steps are counted and not timed: where a reader is unbounded, its test does not end, or memory
grows past what a process of its own is given.
"""

from __future__ import annotations

import io
import json
import os
import pickle
import stat
import struct
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch

from lib_upscalers.errors import ModelError, ModelFileError, UnsupportedModelError
from lib_upscalers.models.folders import Facts, scan
from lib_upscalers.models.loader import load_network, read_traits
from lib_upscalers.models.reading import read_state
from lib_upscalers.models.reading.faults import printable
from tests.cases import each_case
from tests.models.networks import compact_file, tiny_state
from tests.models.tiny import save

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_MIB = 1 << 20


def archive(pickled: bytes, path: Path, *, packed: bool = False, **parts: bytes) -> Path:
    how = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
    with zipfile.ZipFile(path, "w", how) as target:
        target.writestr("archive/data.pkl", pickled)
        target.writestr("archive/byteorder", "little")
        for name, held in parts.items():
            target.writestr(f"archive/{name}", held)
    return path


def safe(header: object, size: int, path: Path) -> Path:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + bytes(size))
    return path


def about(shape: list[int], begin: int, end: int) -> dict[str, object]:
    return {"dtype": "F32", "shape": shape, "data_offsets": [begin, end]}


def many_layers(path: Path) -> Path:
    """A Compact of 100,000 layers, each of one number."""
    header = {f"body.{i}.weight": about([1], 4 * i, 4 * i + 4) for i in range(100_000)}
    return safe(header, 400_000, path)


def expanded(path: Path) -> Path:
    """A Compact whose tensors look again and again at a few numbers."""
    state = {
        f"body.{i}.{kind}": torch.zeros(1).expand(shape)
        for i in range(0, 9, 2)
        for kind, shape in (("weight", (6000, 6000, 3, 3)), ("bias", (6000,)))
    }
    torch.save(state, path)
    return path


def shared(path: Path) -> Path:
    """Thousands of names for one storage."""
    block = torch.zeros(1000, 1000)
    torch.save({f"body.{i}.weight": block for i in range(5000)}, path)
    return path


def nested_keys(path: Path) -> Path:
    """A key whose hash takes 2**60 steps."""
    doubled = b"\x80\x02)q\x00" + b"".join(
        b"h" + bytes([i]) + b"h" + bytes([i]) + b"\x86q" + bytes([i + 1]) + b"0" for i in range(60)
    )
    return archive(doubled.replace(b")q\x00", b")q\x000", 1) + b"}h<Ns.", path)


def laughs(path: Path) -> Path:
    """A script whose records each name the one before twice."""
    made = b"\x80\x02"
    record = b"c__torch__\nR\n)\x81"
    made += record + b"q\x000"
    for i in range(60):
        made += record + b"}(X\x01\x00\x00\x00ah" + bytes([i]) + b"X\x01\x00\x00\x00bh" + bytes([i])
        made += b"ubq" + bytes([i + 1]) + b"0"
    return archive(made + b"h<.", path, **{"constants.pkl": b"\x80\x02)."})


def many_parts(path: Path) -> Path:
    """A zip file whose list has far more entries than a network has tensors."""
    with zipfile.ZipFile(path, "w") as target:
        target.writestr("archive/data.pkl", b"\x80\x02}.")
    whole = path.read_bytes()
    begin = whole.index(b"PK\x01\x02")
    end = whole.index(b"PK\x05\x06")
    entry = whole[begin:end]
    entries = b"".join(entry.replace(b"data.pkl", b"%08d" % i) for i in range(100_000))
    tail = bytearray(whole[end:])
    struct.pack_into("<L", tail, 12, len(entries))
    path.write_bytes(whole[:begin] + entries + bytes(tail))
    return path


def digits(path: Path) -> Path:
    shape = ",".join(["9" * 4000] * 500)
    header = f'{{"w":{{"dtype":"F32","shape":[{shape}],"data_offsets":[0,4]}}}}'
    return safe(header.encode(), 4, path)


HOSTILE: Mapping[str, Callable[[Path], Path]] = {
    "a memo of 400 million": lambda path: archive(b"\x80\x02}r\x00\x84\xd7\x17I5\n.", path),
    "a memo in text": lambda path: archive(b"\x80\x02}p400000000\nI5\n.", path),
    "a bare memo": lambda path: _written(path, b"\x80\x02}r\x00\x84\xd7\x17."),
    "forty million lists, packed": lambda path: archive(
        b"\x80\x02(" + b"]" * (40 * _MIB) + b"l.", path, packed=True
    ),
    "a quarter of a million lists": lambda path: archive(
        b"\x80\x02(" + b"]" * (_MIB // 4) + b"l.", path
    ),
    "tensors expanded over one number": expanded,
    "five thousand names for a storage": shared,
    "a key of nested tuples": nested_keys,
    "records that name each other": laughs,
    "a hundred thousand parts": many_parts,
    "a hundred thousand layers": many_layers,
    "a layer of number two million": lambda path: save(
        {**tiny_state("Compact"), "body.2000000.bias": torch.zeros(12)}, path
    ),
    "numbers of thousands of digits": digits,
    "a pickled number of thousands of digits": lambda path: archive(
        b"\x80\x02I" + b"9" * 100_000 + b"\n.", path
    ),
    "a long of a million bytes": lambda path: archive(
        b"\x80\x02\x8b" + struct.pack("<i", 1_000_000) + b"\x7f" * 1_000_000 + b".", path
    ),
    "a header of lists": lambda path: safe(b'{"w":[' + b"[]," * 3_000_000 + b"[]]}", 0, path),
    "a header of nested lists": lambda path: safe(b'{"w":' + b"[" * 100_000, 0, path),
    "a shape of twenty dimensions": lambda path: safe({"w": about([1] * 20, 0, 4)}, 4, path),
    "a huge shape with a side of none": lambda path: safe(
        {"w": about([1 << 62, 1 << 62, 0, 1 << 62], 0, 4)}, 4, path
    ),
    "one name twice": lambda path: safe(
        b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},'
        b'"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}',
        8,
        path,
    ),
    "tensors that share bytes": lambda path: safe(
        {"a": about([2], 0, 8), "b": about([2], 4, 12)}, 12, path
    ),
    "a hole": lambda path: safe({"a": about([1], 0, 4), "b": about([1], 8, 12)}, 12, path),
    "bytes before the first": lambda path: safe({"a": about([1], 4, 8)}, 8, path),
    "bytes after the last": lambda path: safe({"a": about([1], 0, 4)}, 8, path),
    "a shape with a fraction": lambda path: safe(
        b'{"a":{"dtype":"F32","shape":[1.0],"data_offsets":[0,4]}}', 4, path
    ),
    "a shape with a truth value": lambda path: safe(
        b'{"a":{"dtype":"F32","shape":[true],"data_offsets":[0,4]}}', 4, path
    ),
}


def _written(path: Path, held: bytes) -> Path:
    path.write_bytes(held)
    return path


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of all hostile files, and one network."""
    folder = tmp_path_factory.mktemp("hostile")
    for name, make in HOSTILE.items():
        make(folder / f"{name}.pth")
    compact_file(folder / "good.pth")
    return folder


@pytest.mark.slow
@each_case("find", [load_network, read_traits])
@each_case("name", HOSTILE)
def test_hostile_files_are_refused_in_a_sentence(
    find: Callable[[Path], object], name: str, hostile: Path
) -> None:
    with pytest.raises(ModelError, match="Expected") as caught:
        find(hostile / f"{name}.pth")
    assert len(str(caught.value)) < 600
    assert str(caught.value).isprintable()


_IN_BOUNDS = """
import resource, sys
from pathlib import Path
import spandrel, torch
from lib_upscalers.errors import ModelError
from lib_upscalers.models.loader import load_network, read_traits
load_network(Path(sys.argv[1]) / "good.pth")
# VmHWM, which a new program does not inherit from the one that started it.
def peak():
    text = Path("/proc/self/status").read_text()
    return int(text.split("VmHWM:")[1].split()[0]) // 1024
before, held = peak(), int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (held + (3 << 30),) * 2)
for path in sorted(Path(sys.argv[1]).iterdir()):
    for find in (load_network, read_traits):
        try:
            find(path)
        except ModelError:
            pass
        if peak() - before > 300:
            raise SystemExit(f"{path.name} takes {peak() - before} MiB")
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux to know its memory")
def test_hostile_files_take_less_than_300_mib(hostile: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _IN_BOUNDS, str(hostile)],
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.slow
def test_hostile_files_do_not_hide_a_network(hostile: Path, tmp_path: Path) -> None:
    found = scan([hostile], Facts.in_folder(tmp_path))
    assert [entry.name for entry in found] == ["good"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_named_pipe_is_refused_before_it_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "some.pth"
    os.mkfifo(path)
    with pytest.raises(ModelFileError, match="named pipe"):
        read_state(path)
    (tmp_path / "link.pth").symlink_to(path)
    with pytest.raises(ModelFileError, match="named pipe"):
        read_traits(tmp_path / "link.pth")
    assert scan([tmp_path], Facts.in_folder(tmp_path / "data")) == []


def test_a_device_is_refused(tmp_path: Path) -> None:
    if not Path("/dev/zero").exists() or not stat.S_ISCHR(Path("/dev/zero").stat().st_mode):
        pytest.skip("this system has no devices in its folders")
    (tmp_path / "some.pth").symlink_to("/dev/zero")
    with pytest.raises(ModelFileError, match="device"):
        read_state(tmp_path / "some.pth")


@each_case("held", [{"a": 1, 2: [None, {"b": (1.5, True)}]}, {"x" * 300: b"bytes", "y": {1: 2}}])
@each_case("protocol", range(5))
def test_plain_containers_are_read_in_every_protocol(
    held: dict[Any, Any], protocol: int, tmp_path: Path
) -> None:
    if protocol < 3 and any(isinstance(value, bytes) for value in held.values()):
        pytest.skip("bytes are of protocol 3")
    path = archive(pickle.dumps(held, protocol=protocol), tmp_path / "some.pth")
    assert read_state(path) == held


def test_the_oldest_tensors_are_read(tmp_path: Path) -> None:
    """torch before 0.4 named its function without a version."""
    buffer = io.BytesIO()
    torch.save({"w": torch.arange(4.0)}, buffer, _use_new_zipfile_serialization=False)
    path = tmp_path / "some.pth"
    old = buffer.getvalue().replace(b"_rebuild_tensor_v2\n", b"_rebuild_tensor\n")
    path.write_bytes(old)
    assert read_state(path)["w"].tolist() == [0, 1, 2, 3]
    with pytest.raises(UnsupportedModelError):
        load_network(path)


@each_case(
    "held",
    [
        b"sys_info\x00" + bytes(600),
        b"ctorch.nn\nLinear\n.",
        b"\x80\x02ctorch.nn.modules.container\nSequential\nq\x00)\x81.",
        b"\x80\x02ctorch.legacy.nn.Linear\nLinear\nq\x00)\x81.",
    ],
)
def test_an_old_or_whole_module_is_no_upscaler_and_not_dangerous(
    held: bytes, tmp_path: Path
) -> None:
    path = _written(tmp_path / "some.pth", held)
    with pytest.raises(ModelFileError, match="is none"):
        read_state(path)


@each_case("name", ["\x1b]0;x\x07\x1b[2J", "a\u202eb", "a\nb", "\ud800", "x" * 500, "ü"])
def test_foreign_names_are_shown_and_not_obeyed(name: str) -> None:
    shown = printable(name)
    assert shown.isprintable()
    assert len(shown) < 120
    assert shown == name or "\\" in shown or shown.endswith("...")


def test_names_in_errors_are_escaped(tmp_path: Path) -> None:
    path = save({"\x1b[31mred": torch.zeros(3)}, tmp_path / "\x1b[2J.pth")
    with pytest.raises(UnsupportedModelError) as caught:
        load_network(path)
    assert str(caught.value).isprintable()
    path = archive(b"\x80\x02cos\x1b[2J\nsystem\n.", tmp_path / "other.pth")
    with pytest.raises(ModelError) as other:
        load_network(path)
    assert str(other.value).isprintable()


CASES = Path(os.environ.get("UPSCALER_LAB_DATA", "")).parent / "cases" / "networks"


@pytest.mark.skipif(not CASES.is_dir(), reason="the files that once broke something are not here")
def test_the_files_that_once_broke_something_are_refused() -> None:
    good = {"esrgan4_1to3.pth"}
    for path in sorted(CASES.iterdir()):
        try:
            load_network(path)
        except ModelError:
            assert path.name not in good, path.name
        else:
            assert path.name in good, path.name

"""Networks in ncnn's and ONNX's files are read back into their architectures, or refused."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from lib_upscalers.errors import ModelFileError
from lib_upscalers.models.folders import Facts, scan
from lib_upscalers.models.graphs.evaluation import evaluate
from lib_upscalers.models.graphs.graph import Graph, Node
from lib_upscalers.models.graphs.graph_check import check_agreement
from lib_upscalers.models.loader import load_network, read_traits
from lib_upscalers.models.reading.faults import DamagedFileError, NoNetworkError
from tests.cases import each_case
from tests.models.tiny import random_network, save

if TYPE_CHECKING:
    from collections.abc import Mapping

    State = Mapping[str, torch.Tensor]

NETWORKS = Path(os.environ.get("UPSCALER_LAB_DATA", "none")) / "networks"
TWINS = {
    "REALCUGAN_SE_UP2X_CONSERVATIVE": "2x_realcugan_se_conservative",
    "realesr-animevideov3-x4": "4x_realesr-animevideov3",
    "spanx2_ch48": "2x_span_ch48",
}


def weights(tensor: torch.Tensor, *, half: bool) -> bytes:
    if not half:
        return struct.pack("<I", 0) + tensor.float().numpy().tobytes()
    held = tensor.half().numpy().tobytes()
    return struct.pack("<I", 0x01306B47) + held + bytes(-len(held) % 4)


def ncnn_compact(state: State, folder: Path, *, half: bool = False, tail: str = "") -> Path:
    """Write a Compact of 2x as a pair of files."""
    lines = ["Input in 0 1 data", "Split s 1 2 data a b"]
    held, last = b"", "a"
    count = 1 + max(int(name.split(".")[1]) for name in state)
    for i in range(count):
        weight = state[f"body.{i}.weight"]
        if weight.ndim == 1:
            lines.append(f"PReLU p{i} 1 1 {last} x{i} 0={len(weight)}")
            held += weight.numpy().tobytes()
        else:
            facts = f"0={len(weight)} 1=3 4=1 5=1 6={weight.numel()}"
            lines.append(f"Convolution c{i} 1 1 {last} x{i} {facts}")
            held += weights(weight, half=half) + state[f"body.{i}.bias"].numpy().tobytes()
        last = f"x{i}"
    lines += [
        f"PixelShuffle ps 1 1 {last} ps 0=2",
        "Interp up 1 1 b up 0=1 1=2.0 2=2.0",
        "BinaryOp add 2 1 ps up out 0=0",
    ]
    lines += [tail] if tail else []
    path = folder / "some.param"
    # The split has one blob more than it has layers.
    path.write_text(f"7767517\n{len(lines)} {len(lines) + 1}\n" + "\n".join(lines) + "\n")
    path.with_suffix(".bin").write_bytes(held)
    return path


@pytest.mark.slow
@pytest.mark.skipif(not NETWORKS.is_dir(), reason="the real networks are not here")
@each_case("name", TWINS)
def test_ncnn_networks_give_what_their_twins_give(name: str) -> None:
    network = load_network(NETWORKS / "ncnn" / f"{name}.param")
    twin = load_network(NETWORKS / f"{TWINS[name]}.safetensors")
    batch = torch.rand(1, 3, 40, 36)
    assert (network(batch) - twin(batch)).abs().max() <= 1 / 255
    assert network.traits.scale == twin.traits.scale


@each_case("half", [False, True])
def test_a_random_compact_is_read_from_ncnn(half: bool, tmp_path: Path) -> None:
    state = random_network("Compact").state_dict()
    path = ncnn_compact(state, tmp_path, half=half)
    network = load_network(path)
    assert read_traits(path) == network.traits
    plain = {name: t.half().float() if half and t.ndim == 4 else t for name, t in state.items()}
    batch = torch.rand(1, 3, 17, 13)
    expected = load_network(save(plain, tmp_path / "plain.pth"))(batch)
    assert torch.equal(network(batch), expected)


def test_a_closing_resize_is_part_of_the_scale(tmp_path: Path) -> None:
    state = random_network("Compact").state_dict()
    path = ncnn_compact(state, tmp_path, tail="Interp end 1 1 out end 0=3 1=5.0e-1 2=5.0e-1")
    network = load_network(path)
    assert network.traits.scale == read_traits(path).scale == 1
    assert network(torch.rand(1, 3, 16, 16)).shape == (1, 3, 16, 16)


WRONG = {
    "another enlargement": ("Interp up 1 1 b up 0=1", "Interp up 1 1 b up 0=2", "up"),
    "another sum": ("BinaryOp add 2 1 ps up out 0=0", "BinaryOp add 2 1 ps up out 0=1", "add"),
    "another padding": (
        "Convolution c0 1 1 a x0 0=16 1=3 4=1",
        "Convolution c0 1 1 a x0 0=16 1=3 4=0",
        "c0",
    ),
    "another activation": ("c2 1 1 x1 x2 0=16", "c2 1 1 x1 x2 9=1 0=16", "c2"),
    "an unknown layer": ("PixelShuffle ps", "Bombe ps", "Bombe"),
    "a cycle": ("BinaryOp add 2 1 ps up", "BinaryOp add 2 1 ps out", "add"),
    "a shape that is too large": ("6=2304", "6=99999999999999", "shape|size"),
    "a number of many digits": ("6=2304", "6=" + "9" * 5000, "digits"),
}


@each_case("what", WRONG)
def test_a_graph_that_differs_is_refused_by_its_node(what: str, tmp_path: Path) -> None:
    path = ncnn_compact(random_network("Compact").state_dict(), tmp_path)
    old, new, named = WRONG[what]
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(ModelFileError, match=named):
        load_network(path)


def test_a_pair_is_one_entry_and_half_a_pair_none(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = ncnn_compact(random_network("Compact").state_dict(), tmp_path)
    facts = Facts.in_folder(tmp_path / "data")
    entries = scan([tmp_path], facts)
    assert [entry.name for entry in entries] == ["some"]
    beside = path.with_suffix(".bin")
    assert entries[0].size_bytes == path.stat().st_size + beside.stat().st_size
    whole = beside.read_bytes()
    beside.write_bytes(whole[:-4])
    with pytest.raises(ModelFileError, match=r"too early|another size"):
        read_traits(path)
    beside.unlink()
    with pytest.raises(ModelFileError, match=r"some\.bin"):
        read_traits(path)
    assert scan([tmp_path], facts) == []


def field(number: int, held: bytes) -> bytes:
    size, length = len(held), b""
    while True:
        length += bytes([size & 0x7F | (0x80 if size > 0x7F else 0)])
        size >>= 7
        if not size:
            return bytes([number << 3 | 2]) + length + held


@each_case("place", ["../w.bin", "/etc/passwd", "..", "a/b", "C:\\w", ""])
def test_weights_in_another_folder_are_not_read(place: str, tmp_path: Path) -> None:
    entry = field(1, b"location") + field(2, place.encode())
    tensor = b"\x08\x04\x10\x01" + field(8, b"w") + field(13, entry) + b"\x70\x01"
    path = tmp_path / "some.onnx"
    path.write_bytes(field(7, field(5, tensor)))
    with pytest.raises(ModelFileError, match="own folder alone"):
        read_traits(path)


def run_in_ncnn(path: Path, batch: torch.Tensor) -> torch.Tensor:
    """Run a pair of files in ncnn itself, in fp32."""
    ncnn = pytest.importorskip("ncnn", reason="nothing to compare with: see requirements-dev.txt")
    network = ncnn.Net()
    options = network.opt
    options.use_vulkan_compute = False
    options.num_threads = 1
    for name in ("use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic", "use_bf16_storage"):
        setattr(options, name, False)
    assert network.load_param(str(path)) == 0
    assert network.load_model(str(path.with_suffix(".bin"))) == 0
    run = network.create_extractor()
    run.input(network.input_names()[0], ncnn.Mat(batch[0].contiguous().numpy()))
    failed, result = run.extract(network.output_names()[0])
    assert not failed
    return torch.from_numpy(np.array(result))[None].clamp(0, 1)


@each_case("half", [False, True])
@each_case(
    "tail",
    [
        "",
        "Interp end 1 1 out end 0=2 1=1.5 2=1.5",
        "Clip end 1 1 out end 0=0.0 1=1.0",
        "Clip end 1 1 out end 0=-1.0 1=2.0",
        "ReLU end 1 1 out end",
    ],
)
def test_a_pair_gives_what_its_runtime_gives(half: bool, tail: str, tmp_path: Path) -> None:
    state = {name: t + 0.1 for name, t in random_network("Compact").state_dict().items()}
    path = ncnn_compact(state, tmp_path, half=half, tail=tail)
    batch = torch.rand(1, 3, 14, 20)
    error = (load_network(path)(batch) - run_in_ncnn(path, batch)).abs().max()
    assert error <= 1 / 255


def test_a_closer_clip_is_refused(tmp_path: Path) -> None:
    state = random_network("Compact").state_dict()
    path = ncnn_compact(state, tmp_path, tail="Clip end 1 1 out end 0=0.2 1=1.0")
    with pytest.raises(ModelFileError, match="end"):
        load_network(path)


def test_numbers_that_are_none_are_named(tmp_path: Path) -> None:
    state = {
        name: tensor.clone() for name, tensor in random_network("Compact").state_dict().items()
    }
    state["body.2.weight"].view(-1)[3] = float("nan")
    path = ncnn_compact(state, tmp_path)
    with pytest.raises(ModelFileError, match="holds NaN or infinity"):
        load_network(path)


@pytest.mark.skipif(not NETWORKS.is_dir(), reason="the real networks are not here")
@each_case("name", ["realesr-animevideov3-x2", "realesr-animevideov3-x4", "spanx2_ch48"])
def test_real_pairs_give_what_their_runtime_gives(name: str) -> None:
    path = NETWORKS / "ncnn" / f"{name}.param"
    # From noise SPAN makes pictures of which ncnn itself makes others, by its kind of convolution.
    small = torch.rand(1, 3, 6, 5)
    batch = torch.nn.functional.interpolate(small, size=(24, 20), mode="bicubic").clamp(0, 1)
    error = (load_network(path)(batch) - run_in_ncnn(path, batch)).abs().max()
    assert error <= 1 / 255


def numbers(*values: int) -> torch.Tensor:
    return torch.tensor(values)


def doubled(kind: str) -> list[Node]:
    return [Node(kind, f"n{i}", (f"x{i}", f"x{i}"), (f"x{i + 1}",), {"axis": 0}) for i in range(60)]


# What each makes would take gigabytes, or never end.
BOMBS: Mapping[str, tuple[list[Node], dict[str, torch.Tensor]]] = {
    "ConstantOfShape": (
        [Node("ConstantOfShape", "n", ("s",), ("x",))],
        {"s": numbers(1 << 20, 1 << 20)},
    ),
    "Tile of floats": ([Node("Tile", "n", ("in", "s"), ("x",))], {"s": numbers(1, 1, 9999, 9999)}),
    "Tile of integers": (
        [Node("Shape", "m", ("in",), ("y",)), Node("Tile", "n", ("y", "s"), ("x",))],
        {"s": numbers(1 << 40)},
    ),
    "Expand": ([Node("Expand", "n", ("in", "s"), ("x",))], {"s": numbers(1 << 20, 3, 8, 8)}),
    "Range": (
        [Node("Range", "n", ("a", "b", "c"), ("x",))],
        {"a": torch.tensor(0), "b": torch.tensor(1 << 40), "c": torch.tensor(1)},
    ),
    "Concat": ([Node("Identity", "m", ("in",), ("x0",)), *doubled("Concat")], {}),
    "Concat of integers": ([Node("Shape", "m", ("in",), ("x0",)), *doubled("Concat")], {}),
    "Pad": (
        [Node("Pad", "n", ("in", "s"), ("x",))],
        {"s": numbers(0, 0, 1 << 20, 1 << 20, 0, 0, 0, 0)},
    ),
    "Resize": ([Node("Resize", "n", ("in",), ("x",), {"factors": [1e9, 1e9]})], {}),
    "Conv": (
        [Node("Conv", "n", ("in", "w"), ("x",), {"pads": [99999] * 4})],
        {"w": torch.zeros(1, 3, 3, 3)},
    ),
}


@each_case("what", BOMBS)
def test_a_node_that_makes_far_too_much_is_refused(what: str) -> None:
    nodes, constants = BOMBS[what]
    graph = Graph(nodes, constants, "in", nodes[-1].outputs[0])
    with pytest.raises((NoNetworkError, DamagedFileError), match="the node 'n"):
        evaluate(graph, torch.rand(1, 3, 8, 8), lambda *_: None)


@each_case("large, same", [(1e6, True), (1e14, False)])
def test_what_rounding_makes_is_no_difference(large: float, same: bool) -> None:
    """A network may make a thousand times more of it; only fp64 shows whether it is the same."""
    layer = torch.nn.Conv2d(3, 3, 3, padding=1)
    constants = {"w": layer.weight.detach(), "b": layer.bias.detach(), "large": torch.tensor(large)}
    nodes = [
        Node("Add", "up", ("in", "large"), ("x",)),
        Node("Sub", "down", ("x", "large"), ("y",)),
        Node("Conv", "layer", ("y", "w", "b"), ("out",), {"pads": [1] * 4}),
    ]
    graph = Graph(nodes, constants, "in", "out")
    if same:
        check_agreement(graph, layer, channels=3, least=1)
    else:
        with pytest.raises(NoNetworkError, match=r"the node 'down' .* gives something else"):
            check_agreement(graph, layer, channels=3, least=1)
    assert layer.weight.dtype == torch.float32

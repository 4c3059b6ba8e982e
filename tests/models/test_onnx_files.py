"""Networks in .onnx files give what their own runtime gives, or are refused by a node's name."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from lib_upscalers.errors import ModelError, ModelFileError
from lib_upscalers.models.architectures import registry
from lib_upscalers.models.architectures.cunet import CUNet
from lib_upscalers.models.graphs.graph_files import read_graph
from lib_upscalers.models.graphs.recognition import graph_descriptor
from lib_upscalers.models.loader import load_network, read_traits
from lib_upscalers.models.reading.faults import NoNetworkError
from tests.cases import each_case
from tests.models.networks import tiny_state
from tests.models.tiny import TINY, random_network, randomised

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from lib_upscalers.models.graphs.graph import Graph, Node

onnx = pytest.importorskip("onnx", reason="torch's exporter needs onnx: see requirements-dev.txt")
runtime = pytest.importorskip("onnxruntime", reason="nothing to compare with")

# The exporter warns of itself, and of shapes that become constants.
pytestmark = pytest.mark.filterwarnings("ignore")

REAL = sorted((Path(os.environ.get("UPSCALER_LAB_DATA", "none")) / "networks").rglob("*.onnx"))
# Those with attention in windows are not read: their masks are tables for one size. The exporter
# knows no Fourier transform.
READ = sorted(TINY.keys() - {"ATD", "DAT", "ESC", "FIGSR", "HAT", "OmniSR", "SwinIR"})


def module_for(name: str) -> torch.nn.Module:
    module = random_network(name)
    module.load_state_dict(tiny_state(name))
    return module.eval()


def exported(name: str, path: Path, *, half: bool = False, **options: object) -> Path:
    """Export a tiny network as most people do, for pictures of any size."""
    module, picture = module_for(name), torch.rand(1, 3, 32, 32)
    if half:
        module, picture = module.half(), picture.half()
    return export_module(module, path, picture, **options)


def export_module(
    module: torch.nn.Module, path: Path, picture: torch.Tensor, **options: object
) -> Path:
    free = {"in": {2: "h", 3: "w"}, "out": {2: "h", 3: "w"}}
    settings: dict[str, Any] = {"opset_version": 17, "dynamic_axes": free, **options}
    names = {"input_names": ["in"], "output_names": ["out"]}
    torch.onnx.export(module, (picture,), str(path), dynamo=False, **names, **settings)
    return path


def run_there(path: Path, batch: torch.Tensor) -> torch.Tensor:
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (taken,) = session.get_inputs()
    half = "float16" in taken.type
    fed = batch.half() if half else batch
    (result,) = session.run(None, {taken.name: fed.numpy()})
    return torch.from_numpy(result.astype(np.float32)).clamp(0, 1)


def check_same(path: Path, batch: torch.Tensor) -> None:
    network = load_network(path)
    assert read_traits(path) == network.traits
    error = (network(batch) - run_there(path, batch)).abs().max()
    assert error <= 1 / 255


@pytest.mark.slow
@each_case("name", READ)
def test_exported_networks_give_what_their_runtime_gives(name: str, tmp_path: Path) -> None:
    check_same(exported(name, tmp_path / "some.onnx"), torch.rand(1, 3, 32, 48))


@pytest.mark.slow
def test_a_cugan_without_means_is_read_by_the_order_of_its_layers(tmp_path: Path) -> None:
    """Its public file is a pair of ncnn, which has no names."""
    path = tmp_path / "some.onnx"
    module = randomised(CUNet(scale=2, squeeze=False))
    export_module(module, path, torch.rand(1, 3, 32, 32))
    model = onnx.load(path)
    names = {each.name: f"onnx::{i}" for i, each in enumerate(model.graph.initializer)}
    for each in model.graph.initializer:
        each.name = names[each.name]
    for node in model.graph.node:
        node.name = ""
        node.input[:] = [names.get(name, name) for name in node.input]
    onnx.save(model, path)
    assert load_network(path).traits.scale == 2
    check_same(path, torch.rand(1, 3, 32, 48))


@pytest.mark.slow
@pytest.mark.skipif(not REAL, reason="no .onnx file in $UPSCALER_LAB_DATA/networks")
@each_case("path", REAL or [None])
def test_real_files_give_what_their_runtime_gives(path: Path) -> None:
    check_same(path, torch.rand(1, 3, 32, 48))


HABITS: Mapping[str, dict[str, Any]] = {
    "opset 11": {"opset_version": 11},
    "opset 13": {"opset_version": 13},
    "opset 18": {"opset_version": 18},
    "opset 20": {"opset_version": 20},
    "halves": {"half": True},
    "nothing folded": {"do_constant_folding": False},
    "one size": {"dynamic_axes": {}},
    "no names": {"keep_initializers_as_inputs": True},
}


@pytest.mark.slow
@each_case("name", ["Compact", "RCAN"])
@each_case("habit", HABITS)
def test_an_exporters_habits_change_nothing(name: str, habit: str, tmp_path: Path) -> None:
    path = exported(name, tmp_path / "some.onnx", **HABITS[habit])
    check_same(path, torch.rand(1, 3, 32, 32))


def test_a_graph_for_one_large_size_is_read(tmp_path: Path) -> None:
    """The size is a habit of the exporter: a network of convolutions runs at any."""
    path = exported("Compact", tmp_path / "some.onnx", dynamic_axes={})
    model = onnx.load(path)
    for i, side in ((2, 540), (3, 960)):
        model.graph.input[0].type.tensor_type.shape.dim[i].dim_value = side
    onnx.save(model, path)
    assert load_network(path).traits.scale == 2


def test_names_of_the_newer_exporter_are_read(tmp_path: Path) -> None:
    """It names slopes val_5 and nodes node_prelu, and writes slopes as (1, C, 1, 1)."""
    path = exported("Compact", tmp_path / "some.onnx", half=True)
    model = onnx.load(path)
    names: dict[str, str] = {}
    for i, each in enumerate(model.graph.initializer):
        if each.name.startswith("onnx::PRelu"):
            names[each.name] = f"val_{i}"
            each.name = f"val_{i}"
            each.dims[:] = [1, *each.dims]
    assert names
    for i, node in enumerate(model.graph.node):
        node.name = f"node_{node.op_type.lower()}_{i}"
        node.input[:] = [names.get(name, name) for name in node.input]
    onnx.save(model, path)
    check_same(path, torch.rand(1, 3, 24, 16))


def stored_beside(name: str, path: Path) -> Path:
    """Store the weights in another file, as exporters do for large networks."""
    model = onnx.load(exported(name, path))
    beside = {"save_as_external_data": True, "location": f"{path.name}.data", "size_threshold": 0}
    onnx.save_model(model, path, **beside)
    return path.with_name(f"{path.name}.data")


def test_weights_beside_the_file_are_read(tmp_path: Path) -> None:
    path = tmp_path / "some.onnx"
    beside = stored_beside("Compact", path)
    check_same(path, torch.rand(1, 3, 24, 16))
    whole = beside.read_bytes()
    beside.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ModelFileError, match="too early"):
        load_network(path)
    beside.unlink()
    with pytest.raises(ModelFileError, match="No such file"):
        load_network(path)


def test_weights_beside_the_file_are_no_link_to_elsewhere(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    path = folder / "some.onnx"
    beside = stored_beside("Compact", path)
    beside.rename(tmp_path / "elsewhere")
    beside.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ModelFileError, match="own folder alone"):
        load_network(path)


@each_case(
    "held, text",
    [
        (b"<!DOCTYPE html><html></html>", "it is a web page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "pointer of Git LFS"),
    ],
)
def test_what_a_browser_saved_instead_is_named(held: bytes, text: str, tmp_path: Path) -> None:
    path = tmp_path / "some.onnx"
    path.write_bytes(held)
    for read in (load_network, read_traits):
        with pytest.raises(ModelFileError, match=text):
            read(path)


@pytest.mark.slow
def test_damaged_files_are_refused_in_a_sentence(tmp_path: Path) -> None:
    path = exported("Compact", tmp_path / "some.onnx")
    whole = path.read_bytes()
    for size in (0, 1, 20, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(ModelError, match="Expected"):
            load_network(path)
    for held in (b"\x3a\xff\xff\xff\xff\x0f", b"\x3a" * 5000, b"\xff" * 100, b"\x3a\x02\x2a\x00"):
        path.write_bytes(held)
        with pytest.raises(ModelError, match="Expected"):
            read_traits(path)
    generator = np.random.default_rng(1)
    for _ in range(40):
        changed = bytearray(whole)
        for at in generator.integers(0, len(whole), 20):
            changed[at] = int(generator.integers(0, 256))
        path.write_bytes(bytes(changed))
        with suppress(ModelError):
            read_traits(path)


def attribute(**changes: object) -> Callable[[Node], Node]:
    return lambda node: replace(node, attributes={**node.attributes, **changes})


def kind(name: str) -> Callable[[Node], Node]:
    return lambda node: replace(node, kind=name)


def swapped(node: Node) -> Node:
    return replace(node, inputs=(node.inputs[1], node.inputs[0], *node.inputs[2:]))


MUTATIONS: Mapping[str, list[Callable[[Node], Node]]] = {
    "Add": [kind("Sub"), kind("Mul"), kind("Max")],
    "Concat": [swapped],
    "Conv": [attribute(pads=[0, 0, 0, 0]), attribute(dilations=[2, 2], pads=[2, 2, 2, 2])],
    "DepthToSpace": [attribute(mode="DCR")],
    "Div": [kind("Mul")],
    "GlobalAveragePool": [kind("Identity")],
    "LeakyRelu": [attribute(alpha=0.25), kind("Relu"), kind("Identity")],
    "Mul": [kind("Add"), kind("Max")],
    "ReduceMean": [attribute(axes=[2]), kind("ReduceSum")],
    "Relu": [kind("LeakyRelu"), kind("Tanh"), kind("Identity")],
    "Resize": [attribute(mode="linear"), attribute(mode="cubic")],
    "Sigmoid": [kind("Tanh"), kind("Relu")],
    "Sub": [kind("Add"), swapped],
    "Tanh": [kind("Sigmoid")],
}


def is_tiny(node: Node, graph: Graph) -> bool:
    """Return whether a node adds next to nothing, as normalisation does against a zero."""
    values = [graph.constants.get(name) for name in node.inputs]
    return any(each is not None and float(each.abs().max()) < 1e-4 for each in values)


def mutants(graph: Graph) -> Iterator[tuple[Node, Graph]]:
    """Yield graphs in which one node is another, or one number of the calculation."""
    for i, node in enumerate(graph.nodes):
        for change in MUTATIONS.get(node.kind, []):
            nodes = list(graph.nodes)
            nodes[i] = change(node)
            if nodes[i] != node and not is_tiny(node, graph):
                yield nodes[i], replace(graph, nodes=nodes)
        if node.kind not in ("Add", "Sub", "Mul", "Div"):
            continue
        for name in node.inputs:
            value = graph.constants.get(name)
            if value is not None and value.is_floating_point() and not is_tiny(node, graph):
                changed = {**graph.constants, name: value.float() * 1.05 + 0.02}
                yield node, replace(graph, constants=changed)


@pytest.mark.slow
@each_case("name", ["Compact", "ESRGAN", "RCAN", "SPAN", "RTMoSR", "DIS"])
def test_another_operator_is_refused_by_the_name_of_its_node(name: str, tmp_path: Path) -> None:
    """A mutant is no matter of shapes: its calculation alone differs."""
    path = exported(name, tmp_path / "some.onnx")
    graph = read_graph(path, "values")
    known = registry()
    graph_descriptor(graph, known, path, values=True)
    count = 0
    # Those of a large network are many and alike.
    made = list(mutants(graph))
    for node, mutant in made[:: max(1, len(made) // 10)]:
        try:
            graph_descriptor(mutant, known, path, values=True)
        except NoNetworkError as error:
            refused = str(error)
        else:
            refused = ""
        assert "the node '" in refused, f"{node}: {refused or 'was taken'}"
        count += 1
    assert count >= 4

"""Operators of foreign graphs give what onnxruntime gives, or are refused by their node's name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from lib_upscalers.models.graphs.evaluation import run_node
from lib_upscalers.models.graphs.graph import Node
from lib_upscalers.models.reading.faults import NoNetworkError
from tests.cases import each_case

if TYPE_CHECKING:
    from collections.abc import Sequence

    Attributes = dict[str, Any]

onnx = pytest.importorskip("onnx", reason="nothing to compare with: see requirements-dev.txt")
runtime = pytest.importorskip("onnxruntime", reason="nothing to compare with")


def floats(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def whole(*values: int) -> np.ndarray:
    return np.array(values, np.int64)


X = floats(1, 8, 4, 6)
CASES: list[tuple[str, tuple[np.ndarray, ...], Attributes]] = [
    ("Clip", (X, np.float32(-0.5), np.float32(0.5)), {}),
    ("ConvTranspose", (X, floats(8, 3, 4, 4)), {"strides": [2, 2], "pads": [1, 1, 1, 1]}),
    ("DepthToSpace", (X,), {"blocksize": 2, "mode": "DCR"}),
    ("DepthToSpace", (X,), {"blocksize": 2, "mode": "CRD"}),
    ("Div", (whole(7, -7, 5), whole(2, 2, -3)), {}),
    ("Flatten", (X,), {}),
    ("Flatten", (X,), {"axis": 2}),
    ("Flatten", (X,), {"axis": -1}),
    ("Flatten", (X,), {"axis": 0}),
    ("Gather", (X, whole(-1, 0, 3)), {"axis": 1}),
    ("Gather", (X, np.array(-2, np.int64)), {"axis": 3}),
    ("HardSigmoid", (3 * X,), {"alpha": 0.3, "beta": 0.4}),
    ("InstanceNormalization", (X, floats(8), floats(8, seed=1)), {"epsilon": 1e-3}),
    ("LayerNormalization", (X, floats(6), floats(6, seed=1)), {"axis": -1}),
    ("LeakyRelu", (X,), {"alpha": 0.3}),
    ("Max", (X, -X, np.abs(X) / 2), {}),
    ("MaxPool", (X,), {"kernel_shape": [2, 3], "strides": [2, 1]}),
    ("Mod", (whole(7, -7, 5), whole(3, 3, -3)), {}),
    ("Mod", (X, np.abs(X) / 3 + 0.1), {"fmod": 1}),
    ("PRelu", (X, floats(8, 1, 1)), {}),
    ("Pad", (X, whole(0, 0, 1, 2, 0, 0, 3, 0), np.float32(0.5)), {"mode": "constant"}),
    ("Pad", (X, whole(0, 0, 1, 2, 0, 0, 3, 0)), {"mode": "reflect"}),
    ("Pad", (X, whole(0, 0, 1, 2, 0, 0, 3, 0)), {"mode": "edge"}),
    ("ReduceL2", (X, whole(2, 3)), {"keepdims": 0}),
    ("ReduceMean", (X, whole(-1)), {}),
    ("ReduceSum", (X, whole(1)), {"keepdims": 0}),
    ("Reshape", (X, whole(0, -1, 3)), {}),
    ("Slice", (X, whole(-1), whole(-100), whole(3), whole(-2)), {}),
    ("Slice", (X, whole(1, 0), whole(3, 100), whole(2, 3), whole(1, 2)), {}),
    ("Softmax", (X,), {"axis": 1}),
    ("SpaceToDepth", (X,), {"blocksize": 2}),
    ("Squeeze", (X, whole(0)), {}),
    ("Squeeze", (X,), {}),
    ("Tile", (X, whole(1, 2, 1, 3)), {}),
    ("Transpose", (X,), {}),
    ("Transpose", (X,), {"perm": [0, 2, 3, 1]}),
    ("Unsqueeze", (X, whole(-1, 0)), {}),
]


def by_runtime(kind: str, inputs: Sequence[np.ndarray], attributes: Attributes) -> np.ndarray:
    names = [f"i{number}" for number in range(len(inputs))]
    made = onnx.helper.make_node(kind, names, ["out"], **attributes)
    graph = onnx.helper.make_graph(
        [made],
        "one",
        [
            onnx.helper.make_tensor_value_info(
                name, onnx.helper.np_dtype_to_tensor_dtype(each.dtype), each.shape
            )
            for name, each in zip(names, inputs, strict=True)
        ],
        [onnx.helper.make_empty_tensor_value_info("out")],
    )
    opset = onnx.helper.make_opsetid("", 18)
    model = onnx.helper.make_model(graph, opset_imports=[opset], ir_version=9)
    session = runtime.InferenceSession(model.SerializeToString())
    return session.run(None, dict(zip(names, map(np.asarray, inputs), strict=True)))[0]


def by_ours(kind: str, inputs: Sequence[np.ndarray], attributes: Attributes) -> torch.Tensor:
    names = tuple(f"i{number}" for number in range(len(inputs)))
    node = Node(kind, "some", names, ("out",), attributes)
    return run_node(node, [torch.from_numpy(np.asarray(each)) for each in inputs])[0]


@each_case("kind, inputs, attributes", CASES)
def test_it_gives_what_onnxruntime_gives(
    kind: str, inputs: tuple[np.ndarray, ...], attributes: Attributes
) -> None:
    expected = by_runtime(kind, inputs, attributes)
    result = by_ours(kind, inputs, attributes).numpy()
    assert result.shape == expected.shape
    np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-5)


@each_case(
    "kind, inputs, attributes, reason",
    [
        ("Conv", (X, floats(3, 8, 3, 3)), {"auto_pad": "SAME_UPPER"}, "pads by itself"),
        ("ConvTranspose", (X, floats(8, 3, 4, 4)), {"output_padding": [1, 1]}, "unevenly"),
        ("Gather", (X, np.zeros((2, 2), np.int64)), {}, "by a table"),
        ("MaxPool", (X,), {"kernel_shape": [2, 2], "ceil_mode": 1}, "in an unknown way"),
        ("PRelu", (X, floats(4, 6)), {}, "not one a channel"),
        ("Pad", (X, whole(0, 1, 0, 0, 0, 0, 0, 0)), {}, "in an unknown way"),
        ("ReduceL2", (X,), {}, "measures everything"),
        ("ReduceMean", (X,), {}, "averages over everything"),
        ("ReduceSum", (X,), {}, "adds everything up"),
        ("Reshape", (X, whole(0, -1)), {"allowzero": 1}, "an empty shape"),
        ("Slice", (X, whole(0), whole(2), whole(3), whole(0)), {}, "makes no steps"),
        ("Cast", (X,), {"to": 99}, "of an unknown type"),
        ("LSTM", (X,), {}, "not known here"),
    ],
)
def test_what_no_upscaler_does_is_refused(
    kind: str, inputs: tuple[np.ndarray, ...], attributes: Attributes, reason: str
) -> None:
    with pytest.raises(NoNetworkError, match=f"the node 'some' .*{reason}"):
        by_ours(kind, inputs, attributes)

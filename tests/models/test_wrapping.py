"""The state dict is found in whatever trainers wrap around it."""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from lib_upscalers.models.loader import load_network, read_traits
from tests.cases import each_case
from tests.models.networks import esrgan_state, tiny_state
from tests.models.tiny import random_network, save

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    State = dict[str, torch.Tensor]


def prefixed(prefix: str, state: State) -> State:
    return {prefix + name: tensor for name, tensor in state.items()}


def zeros(state: State) -> State:
    return {name: torch.zeros_like(tensor) for name, tensor in state.items()}


OPTIMISER = {"state": {0: {"exp_avg": torch.zeros(3)}}, "param_groups": [{"lr": 0.1}]}
WRAPPINGS: Mapping[str, Callable[[State], dict[str, Any]]] = {
    "compiled": lambda state: prefixed("_orig_mod.", state),
    "compiled in parallel": lambda state: {"params": prefixed("module._orig_mod.", state)},
    "Lightning": lambda state: {
        "epoch": 3,
        "state_dict": {**prefixed("model.", state), "loss.weight": torch.zeros(2)},
        "optimizer_states": [OPTIMISER],
    },
    "net_g": lambda state: prefixed("net_g.", state),
    "a network beside its critic": lambda state: {
        "state_dict": {**prefixed("generator.", state), **prefixed("critic.", zeros(state))}
    },
    "generator": lambda state: {"generator": state, "discriminator": {"w": torch.zeros(2)}},
    "averaged": lambda state: {"n_averaged": torch.tensor(7), **prefixed("module.", state)},
    "averaged and compiled": lambda state: {
        "ema": {"n_averaged": torch.tensor(7), **prefixed("module._orig_mod.", state)},
        "model": zeros(state),
    },
    "ema first": lambda state: {"params": zeros(state), "params_ema": state},
    "ema last": lambda state: {"params_ema": state, "params": zeros(state), "optim": OPTIMISER},
    "ema deep": lambda state: {"model": {"state_dict": {"params_ema": prefixed("module.", state)}}},
    "ema by prefix": lambda state: {**prefixed("net_g.", zeros(state)), **prefixed("ema.", state)},
    "a single odd name": lambda state: {"whatever": {"other": state}},
    "odd names": lambda state: {"D": {"w": torch.zeros(2)}, "G": state, "step": 4},
    "odd names, averaged": lambda state: {"G": zeros(state), "G_EMA": state},
    "an odd prefix": lambda state: prefixed("sr_model.", state),
    "odd prefixes": lambda state: {"checkpoint": prefixed("pl_module.upscaler.", state)},
    "a profiler's counts": lambda state: {
        **state,
        "total_ops": torch.zeros(1),
        "body.0.total_params": torch.zeros(1),
        "_extra_state": torch.zeros(1),
    },
    "what a trainer knows": lambda state: {
        "args": argparse.Namespace(lr=0.1, folder=Path("somewhere"), device=torch.device("cpu")),
        "best": np.float64(31.5),
        "rounds": np.int64(4),
        "schedulers": [{"milestones": Counter({5: 1})}],
        "model": state,
    },
    "three prefixes": lambda state: {"state_dict": prefixed("model.net_g.module.", state)},
}


@pytest.mark.slow
@each_case("wrapping", WRAPPINGS)
@each_case("name", ["Compact", "ESRGAN"])
def test_the_weights_are_found_in_their_wrapping(name: str, wrapping: str, tmp_path: Path) -> None:
    state = tiny_state(name)
    path = save(WRAPPINGS[wrapping](state), tmp_path / "some.pth")
    expected = load_network(save(state, tmp_path / "plain.pth"))
    network = load_network(path, "plain")
    assert network.traits == expected.traits
    assert read_traits(path).scale == expected.traits.scale
    batch = torch.rand(1, 3, 12, 12)
    assert torch.equal(network(batch), expected(batch))


def test_a_prefix_of_the_architecture_stays(tmp_path: Path) -> None:
    """ESRGAN's own names begin as some wrappings do."""
    path = save({"model": esrgan_state("4x")}, tmp_path / "some.pth")
    assert read_traits(path).architecture == "ESRGAN"


@each_case("norm", [True, False])
def test_a_fused_span_gives_what_its_branches_gave(norm: bool, tmp_path: Path) -> None:
    module: Any = random_network("SPAN")
    batch = torch.rand(2, 3, 20, 24)
    state = module.state_dict()
    if not norm:
        state["no_norm"] = torch.zeros(1)
    whole = load_network(save(state, tmp_path / "whole.pth"), "SPAN")
    expected = whole(batch)
    for layer in module.modules():
        if hasattr(layer, "update_params"):
            layer.update_params()
    fused = {
        name: tensor
        for name, tensor in {**state, **module.state_dict()}.items()
        if ".sk." not in name and ".conv." not in name
    }
    path = save(fused, tmp_path / "fused.pth")
    network = load_network(path, "SPAN")
    assert network.traits == whole.traits
    torch.testing.assert_close(network(batch), expected, atol=1e-5, rtol=0)
    network.place(torch.device("cpu"), torch.bfloat16, channels_last=True)
    network.place(torch.device("cpu"), torch.float32, channels_last=False)
    torch.testing.assert_close(network(batch), expected, atol=1e-5, rtol=0)

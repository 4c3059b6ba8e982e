"""Building without random initialisation gives what spandrel's plain loading gives."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING

import pytest
import spandrel
import torch
from torch import nn

from lib_upscalers.models.architectures import detect, registry
from lib_upscalers.models.building import build
from lib_upscalers.models.reading import read_state
from tests.cases import each_case
from tests.models.tiny import TINY, esrgan, new_layout, random_network, save

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# spandrel's DAT, which the user sees as often without us.
pytestmark = pytest.mark.filterwarnings("ignore:torch.meshgrid:UserWarning")

Shape = dict[str, object]
ESRGANS: Mapping[str, Shape] = {
    "x1": {"scale": 1},
    "x2": {"scale": 2},
    "x4": {"scale": 4},
    "x8": {"scale": 8},
    "plus": {"plus": True},
    "grey": {"in_nc": 1, "out_nc": 1},
    "rgba": {"in_nc": 4, "out_nc": 4},
    "unshuffle x2": {"in_nc": 12, "scale": 4, "shuffle_factor": 2},
    "unshuffle x1": {"in_nc": 48, "scale": 4, "shuffle_factor": 4},
}


def built(state: Mapping[str, object]) -> spandrel.ImageModelDescriptor[nn.Module]:
    found = detect(state, registry())
    assert found is not None
    made = build(found.architecture, state)
    assert isinstance(made, spandrel.ImageModelDescriptor)
    return made


def everything(module: nn.Module) -> dict[str, torch.Tensor]:
    """Return all parameters and all buffers, those included that no file holds."""
    return {**dict(module.named_parameters()), **dict(module.named_buffers())}


def assert_same(
    ours: spandrel.ImageModelDescriptor[nn.Module],
    plain: spandrel.ImageModelDescriptor[nn.Module],
) -> None:
    assert (ours.scale, ours.input_channels, ours.tags) == (
        plain.scale,
        plain.input_channels,
        plain.tags,
    )
    ours_held, plain_held = everything(ours.model), everything(plain.model)
    assert list(ours_held) == list(plain_held)
    for name, tensor in plain_held.items():
        assert torch.equal(ours_held[name], tensor), name
        assert not ours_held[name].is_inference()
    generator = torch.Generator().manual_seed(2)
    picture = torch.rand(1, plain.input_channels, 32, 32, generator=generator)
    # spandrel's RCAN changes what it is given.
    assert torch.equal(ours(picture.clone()), plain(picture.clone()))


@pytest.mark.slow
@each_case("ending", ["pth", "safetensors"])
@each_case("name", TINY)
def test_every_architecture_is_the_same(name: str, ending: str, tmp_path: Path) -> None:
    module = random_network(name)
    path = save(module.state_dict(), tmp_path / f"network.{ending}")
    plain = spandrel.ModelLoader(registry=registry()).load_from_file(path)
    assert isinstance(plain, spandrel.ImageModelDescriptor)
    assert type(plain.model) is type(module)
    assert_same(built(spandrel.canonicalize_state_dict(dict(read_state(path)))), plain)


@pytest.mark.slow
@each_case("layout", ["old", "new"])
@each_case("kind", ESRGANS)
def test_every_esrgan_is_the_same(kind: str, layout: str, tmp_path: Path) -> None:
    if layout == "new" and kind == "plus":
        pytest.skip("ESRGAN+ has the old names alone")
    state = esrgan(**ESRGANS[kind]).state_dict()
    named = new_layout(state) if layout == "new" else state
    path = save({"params_ema": named}, tmp_path / "network.pth")
    plain = spandrel.ModelLoader().load_from_file(path)
    assert isinstance(plain, spandrel.ImageModelDescriptor)
    assert_same(built(spandrel.canonicalize_state_dict(dict(read_state(path)))), plain)


@pytest.mark.slow
@each_case("name", TINY)
def test_random_numbers_are_not_needed_to_know_a_network(name: str, tmp_path: Path) -> None:
    """Facts come from names, shapes and small tensors."""
    path = save(random_network(name).state_dict(), tmp_path / "network.pth")
    whole = built(spandrel.canonicalize_state_dict(dict(read_state(path))))
    blank = built(spandrel.canonicalize_state_dict(dict(read_state(path, values=False))))
    for fact in ("scale", "input_channels", "output_channels", "purpose", "tags", "tiling"):
        assert getattr(blank, fact) == getattr(whole, fact)


def test_inside_inference_mode_the_weights_are_ordinary() -> None:
    state = random_network("Compact").state_dict()
    with torch.inference_mode():
        module = built(state).model
    assert not any(tensor.is_inference() for tensor in everything(module).values())


def test_layers_can_be_reset_afterwards() -> None:
    module = built(random_network("SPAN").state_dict()).model
    layers = [layer for layer in module.modules() if isinstance(layer, nn.Conv2d)]
    for layer in layers:
        assert "reset_parameters" not in vars(layer)
        nn.init.zeros_(layer.weight)
        layer.reset_parameters()
        assert layer.weight.detach().abs().max() > 0


def test_a_network_that_does_not_fit_leaves_no_trace() -> None:
    state = random_network("Compact").state_dict()
    del state["body.2.bias"]
    with pytest.raises(RuntimeError):
        built(state)
    assert nn.Linear(2, 2).weight.abs().max() <= 1
    assert "reset_parameters" not in vars(nn.Linear(2, 2))


def test_nothing_of_torch_is_changed() -> None:
    hooks = {name: dict(table) for name, table in _hooks().items()}
    filling = nn.init.kaiming_uniform_, torch.Tensor.uniform_
    built(random_network("Compact").state_dict())
    assert _hooks() == hooks
    assert (nn.init.kaiming_uniform_, torch.Tensor.uniform_) == filling
    assert not torch.overrides.has_torch_function((torch.zeros(1),))


def _hooks() -> dict[str, dict[int, object]]:
    tables = vars(nn.modules.module)
    return {name: table for name, table in tables.items() if name.endswith("registration_hooks")}


@pytest.mark.slow
def test_other_threads_layers_are_filled() -> None:
    """While one thread builds, another makes layers: those have numbers, never leftovers."""
    state = random_network("Compact").state_dict()
    done = threading.Event()
    wrong: list[object] = []

    def make_layers() -> None:
        try:
            while not done.is_set():
                layer = nn.Linear(16, 16)
                if "reset_parameters" in vars(layer) or not 0 < layer.weight.abs().max() <= 0.25:
                    wrong.append(layer.weight)
        except RuntimeError as error:  # Torch's table of hooks has changed under it.
            wrong.append(error)

    thread = threading.Thread(target=make_layers)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    thread.start()
    try:
        for _ in range(100):
            built(state)
    finally:
        done.set()
        thread.join()
        sys.setswitchinterval(interval)
    assert not wrong


def test_several_threads_build_at_once() -> None:
    states = {name: random_network(name).state_dict() for name in ("Compact", "SPAN", "HAT")}
    made: dict[str, spandrel.ImageModelDescriptor[nn.Module]] = {}
    threads = [
        threading.Thread(target=lambda name=name: made.update({name: built(states[name])}))
        for name in states
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for name, state in states.items():
        held = made[name].model.state_dict()
        assert all(torch.equal(held[key], tensor) for key, tensor in state.items())


def test_hooks_of_others_stay_and_are_asked() -> None:
    asked: list[str] = []
    state = random_network("Compact").state_dict()
    handle = nn.modules.module.register_module_parameter_registration_hook(
        lambda _layer, name, _parameter: asked.append(name)
    )
    try:
        hooks = {name: dict(table) for name, table in _hooks().items()}
        held = built(state).model.state_dict()
        assert _hooks() == hooks
    finally:
        handle.remove()
    assert "weight" in asked
    assert all(torch.equal(held[key], tensor) for key, tensor in state.items())


@pytest.mark.filterwarnings("ignore:.*meta parameter")
def test_a_network_waits_while_a_host_makes_layers_without_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """sd_disable_initialization.py:133 of AUTOMATIC1111, for all threads while it loads a model."""
    path = save(random_network("Compact").state_dict(), tmp_path / "network.pth")
    state = dict(read_state(path))
    original = nn.Conv2d.__init__
    monkeypatch.setattr(
        nn.Conv2d,
        "__init__",
        lambda self, *args, **kwargs: original(self, *args, **{**kwargs, "device": "meta"}),
    )
    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            monkeypatch.setattr(nn.Conv2d, "__init__", original)

    monkeypatch.setattr("lib_upscalers.models.building.time.sleep", wait)
    model = built(state).model
    assert len(waits) == 3
    for name, weights in model.state_dict().items():
        assert torch.equal(weights, state[name]), name

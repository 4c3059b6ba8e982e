"""A network is described without torch as it is when it is built, or not at all."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import torch

from lib_upscalers.errors import UnsupportedModelError
from lib_upscalers.models.loader import read_traits
from lib_upscalers.models.outlining.outline_process import OutlineProcess
from tests.cases import each_case
from tests.models.tiny import TINY, random_network, save

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    State = dict[str, torch.Tensor]


@pytest.fixture(scope="module")
def process() -> Iterator[OutlineProcess]:
    with OutlineProcess() as made:
        yield made


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:torch.meshgrid")
@each_case("name", sorted(TINY))
def test_traits_are_those_of_the_built_network(
    name: str, process: OutlineProcess, tmp_path: Path
) -> None:
    state = random_network(name).state_dict()
    files = [save(state, tmp_path / f"{name}{ending}") for ending in (".pth", ".safetensors")]
    files.append(save({"params_ema": state}, tmp_path / f"{name} old.pth", legacy=True))
    for path in files:
        assert process.traits(path) == read_traits(path)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_traits_of_a_graph_are_those_of_the_built_network(
    process: OutlineProcess, tmp_path: Path
) -> None:
    for name in ("ArtCNN", "PLKSR"):
        path = tmp_path / f"{name}.onnx"
        torch.onnx.export(random_network(name), (torch.rand(1, 3, 16, 16),), path, dynamo=False)
        assert process.traits(path) == read_traits(path)


def larger(state: State) -> State:
    return {**state, "blocks.0.conv1.weight": torch.zeros(9, 8, 3, 3)}


def longer(state: State) -> State:
    return {**state, "more.weight": torch.zeros(1)}


def shorter(state: State) -> State:
    return dict(list(state.items())[:-1])


def far_longer(state: State) -> State:
    last = {f"conv0.{i}.weight": torch.zeros(1) for i in range(2)}
    return {**state, **last, "gfisr_body_half.9999999.norm.scale": torch.zeros(8)}


@pytest.mark.slow
@each_case("change", [larger, longer, shorter, far_longer])
def test_what_does_not_fit_is_left_to_building(
    change: Callable[[State], State], process: OutlineProcess, tmp_path: Path
) -> None:
    state = random_network("FIGSR" if change is far_longer else "DIS").state_dict()
    path = save(change(state), tmp_path / "a.safetensors")
    with pytest.raises(Exception, match="Expected"):
        read_traits(path)
    try:
        assert process.traits(path) is None
    except UnsupportedModelError as error:
        with pytest.raises(UnsupportedModelError) as built:
            read_traits(path)
        assert str(error) == str(built.value)  # noqa: PT017 - one of two outcomes


def test_a_network_that_nobody_knows_is_called_the_same(
    process: OutlineProcess, tmp_path: Path
) -> None:
    state = {"strange.weight": torch.zeros(8, 8), "stranger.weight": torch.zeros(8)}
    path = save(state, tmp_path / "a.safetensors")
    with pytest.raises(UnsupportedModelError) as built:
        read_traits(path)
    with pytest.raises(UnsupportedModelError) as outlined:
        process.traits(path)
    assert str(outlined.value) == str(built.value)


def test_without_a_process_networks_are_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "nowhere"))
    path = save(random_network("DIS").state_dict(), tmp_path / "a.pth")
    with OutlineProcess() as process:
        assert process.traits(path) is None
        assert process.traits(path) is None


def test_a_process_that_ends_is_done_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [])
    path = save(random_network("DIS").state_dict(), tmp_path / "a.pth")
    with OutlineProcess() as process:
        assert process.traits(path) is None


@pytest.mark.slow
def test_a_list_of_networks_of_any_size_does_not_import_torch(tmp_path: Path) -> None:
    models = tmp_path / "models"
    models.mkdir()
    for name in ("DAT", "DIS", "HAT"):
        save(random_network(name).state_dict(), models / f"some {name}.pth")
    save({"strange.weight": torch.zeros(8, 8)}, models / "strange.pth")
    code = (
        "import sys\nfrom lib_upscalers.cli.main import main\n"
        f"code = main(['list', '-q', '--models', {str(models)!r}])\n"
        "sys.exit(code or ','.join({'torch', 'numpy'} & set(sys.modules)) or 0)"
    )
    environment = {"XDG_DATA_HOME": str(tmp_path), "LOCALAPPDATA": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        check=False,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert all(f"\nsome {name} " in done.stdout for name in ("DAT", "DIS", "HAT"))

"""Networks that most people have are listed without torch, and as building them would list them."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import torch

from lib_upscalers.errors import ModelFileError, UnsupportedModelError
from lib_upscalers.models.architectures import private
from lib_upscalers.models.architectures.upconv7 import UpConv7
from lib_upscalers.models.glance import known_traits
from lib_upscalers.models.known_layouts import recognise
from lib_upscalers.models.loader import read_traits
from lib_upscalers.models.reading import read_outlines, read_state
from lib_upscalers.models.reading.fingerprint import fingerprint
from lib_upscalers.models.reading.source import TensorSource
from lib_upscalers.models.wrapping import unwrap
from tests.cases import each_case
from tests.models.networks import esrgan_state
from tests.models.test_graphs import ncnn_compact
from tests.models.tiny import compact, save, span

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from lib_upscalers.network import NetworkTraits

    State = dict[str, torch.Tensor]

pytestmark = pytest.mark.skipif(
    private.version_in_use() != private.WANTED, reason="layouts are those of another spandrel"
)


def fused_span() -> State:
    whole = span().state_dict()
    return {name: whole[name] for name in whole if not (".sk." in name or ".conv." in name)}


def cugan(*, pro: bool) -> State:
    from spandrel.architectures.RealCUGAN import UpCunet2x

    return UpCunet2x(pro=pro).state_dict()


def real_plksr() -> State:
    from spandrel.architectures.PLKSR import RealPLKSR

    return RealPLKSR(dysample=True, layer_norm=True).state_dict()


KNOWN: Mapping[str, Callable[[], State]] = {
    "Compact": lambda: compact().state_dict(),
    "Compact 1x": lambda: compact(upscale=1, num_conv=2).state_dict(),
    "Compact 3x grey": lambda: compact(upscale=3, num_in_ch=1, num_out_ch=1).state_dict(),
    "Compact from grey": lambda: compact(num_in_ch=1, num_out_ch=3).state_dict(),
    "ESRGAN 1x unshuffled": lambda: esrgan_state("1x unshuffled"),
    "ESRGAN 2x": lambda: esrgan_state("2x"),
    "ESRGAN 2x unshuffled": lambda: esrgan_state("2x unshuffled"),
    "ESRGAN 8x": lambda: esrgan_state("8x"),
    "ESRGAN RGBA": lambda: esrgan_state("RGBA"),
    "ESRGAN grey": lambda: esrgan_state("grey"),
    "ESRGAN in the new layout": lambda: esrgan_state("4x", new=True),
    "Real-CUGAN": lambda: cugan(pro=False),
    "Real-CUGAN pro": lambda: cugan(pro=True),
    "RealPLKSR": real_plksr,
    "SPAN": lambda: span().state_dict(),
    "SPAN fused": fused_span,
    "SPAN without mean": lambda: {**span().state_dict(), "no_norm": torch.zeros(1)},
    "UpConv7": lambda: UpConv7().state_dict(),
}


@pytest.mark.slow
@each_case("what", KNOWN)
def test_traits_are_those_of_the_built_network(what: str, tmp_path: Path) -> None:
    path = save(KNOWN[what](), tmp_path / "a.safetensors")
    assert known_traits(path) == read_traits(path)


@each_case("kind", ["zip", "legacy", "safetensors", "wrapped", "compiled"])
def test_outlines_have_the_names_and_shapes_of_tensors(kind: str, tmp_path: Path) -> None:
    state = esrgan_state("2x")
    saved: Mapping[str, object] = state
    if kind == "wrapped":
        saved = {"params_ema": state, "params": {"x": torch.zeros(2)}}
    if kind == "compiled":
        saved = {f"_orig_mod.{name}": held for name, held in state.items()}
    path = tmp_path / ("a.safetensors" if kind == "safetensors" else "a.pth")
    save(saved, path, legacy=kind == "legacy")
    outlines = unwrap(read_outlines(path))
    assert {name: held.shape for name, held in outlines.items()} == {
        name: tuple(held.shape) for name, held in unwrap(read_state(path)).items()
    }


def change_shape(state: State) -> State:
    return {**state, "body.2.weight": torch.zeros(16, 16, 1, 1)}


def add_name(state: State) -> State:
    return {**state, "more": torch.zeros(1)}


def drop_name(state: State) -> State:
    return {name: held for name, held in state.items() if name != "body.4.bias"}


@each_case("change", [change_shape, add_name, drop_name])
def test_what_is_not_quite_known_is_built(change: Callable[[State], State]) -> None:
    state = compact().state_dict()
    assert recognise(state) is not None
    assert recognise(change(state)) is None


def test_a_pair_of_ncnn_is_known(tmp_path: Path) -> None:
    state = compact().state_dict()
    path = ncnn_compact(state, tmp_path, tail="Interp end 1 1 out end 0=2 1=0.5 2=0.5")
    assert known_traits(path) == read_traits(path)
    assert read_traits(path).scale == 1


@pytest.mark.filterwarnings("ignore")
def test_an_onnx_file_is_known(tmp_path: Path) -> None:
    path = tmp_path / "a.onnx"
    module = compact().eval()
    torch.onnx.export(module, (torch.rand(1, 3, 8, 8),), path, dynamo=False)
    assert known_traits(path) == read_traits(path)


def test_what_is_no_upscaler_is_called_the_same(tmp_path: Path) -> None:
    path = save({"lora_unet_down.weight": torch.zeros(2)}, tmp_path / "a.pth")
    with pytest.raises(UnsupportedModelError, match="a LoRA") as seen:
        known_traits(path)
    with pytest.raises(UnsupportedModelError) as built:
        read_traits(path)
    assert str(seen.value) == str(built.value)


@each_case("ending", [".pth", ".safetensors"])
def test_a_file_that_is_cut_short_is_none(ending: str, tmp_path: Path) -> None:
    path = save(compact().state_dict(), tmp_path / f"a{ending}")
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ModelFileError):
        known_traits(path)


def test_of_a_legacy_file_the_storages_must_be_there(tmp_path: Path) -> None:
    path = save(compact().state_dict(), tmp_path / "a.pth", legacy=True)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(ModelFileError, match="too early"):
        known_traits(path)


@each_case("ending", [".pth", ".safetensors"])
def test_files_of_one_layout_are_read_once(ending: str, tmp_path: Path) -> None:
    state = compact().state_dict()
    first, second, other = (tmp_path / f"{name}{ending}" for name in "abc")
    save(dict(state), first)
    save({name: held + 1 for name, held in state.items()}, second)
    save(compact(upscale=4).state_dict(), other)
    assert fingerprint(first) == fingerprint(second) != fingerprint(other)
    seen: dict[bytes, NetworkTraits] = {}
    traits = known_traits(first, seen)
    assert traits is not None
    assert known_traits(second, seen) == replace(traits, name="b")
    assert len(seen) == 1
    second.write_bytes(second.read_bytes()[:-200])
    with pytest.raises(ModelFileError):
        known_traits(second, seen)


@each_case("ending", [".pth", ".safetensors"])
def test_weights_are_not_read(ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(compact(num_feat=64).state_dict(), tmp_path / f"a{ending}")
    sizes: list[int] = []
    read = TensorSource._read

    def count(source: TensorSource, offset: int, size: int) -> bytearray:
        sizes.append(size)
        return read(source, offset, size)

    monkeypatch.setattr(TensorSource, "_read", count)
    assert known_traits(path) is not None
    # The list of a zip file is looked for in its last 64 KiB.
    assert 0 < sum(sizes) < (1 << 16) + path.stat().st_size / 10


@pytest.mark.slow
def test_a_list_of_known_networks_imports_neither_torch_nor_numpy(tmp_path: Path) -> None:
    models = tmp_path / "models"
    models.mkdir()
    save(compact().state_dict(), models / "a.pth")
    save(esrgan_state("4x"), models / "b.safetensors")
    save(span().state_dict(), models / "c.pth", legacy=True)
    ncnn_compact(compact().state_dict(), models)
    (models / "junk.pth").write_bytes(b"<html>")
    save({"model.diffusion_model.0.weight": torch.zeros(2)}, models / "diffusion.pth")
    code = (
        "import sys\nfrom lib_upscalers.cli.main import main\n"
        f"code = main(['list', '-q', '--models', {str(models)!r}])\n"
        "sys.exit(code or ','.join({'torch', 'numpy', 'rich', 'PIL'} & set(sys.modules)) or 0)"
    )
    environment = {"XDG_DATA_HOME": str(tmp_path), "LOCALAPPDATA": str(tmp_path)}
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, **environment},
            check=False,
            capture_output=True,
            text=True,
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert [each in done.stdout for each in ("\na ", "\nb ", "\nc ", "\nsome ")] == [True] * 4

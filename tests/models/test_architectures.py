"""The seam to spandrel: a registry of our own, and what is said of networks it does not know."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING

import pytest
import spandrel
import torch

from lib_upscalers.models import architectures
from lib_upscalers.models.architectures import (
    detect,
    registry,
    spandrel_module,
    spandrel_version,
)
from lib_upscalers.models.architectures.espcn import ESPCN
from lib_upscalers.models.architectures.hints import later_spandrel, unknown_architecture
from lib_upscalers.models.loader import load_network
from tests.cases import each_case
from tests.models.tiny import TINY, random_network

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


# One of spandrel's networks calls torch in a way that torch will change.
pytestmark = pytest.mark.filterwarnings("ignore:torch.meshgrid:UserWarning")

OURS = [
    "ESPCN",
    "SPANPlus",
    "SPANF3",
    "SPANF",
    "RTMoSR",
    "ArtCNN",
    "DIS",
    "UpConv7",
    "CUNet",
    "GateRV3",
    "ESC",
    "FIGSR",
    "FusedSPAN",
    "GreyCompact",
    "GreySPAN",
]


def ids(known: spandrel.ArchRegistry) -> list[str]:
    return [each.architecture.id for each in known]


@each_case("name", TINY)
def test_tiny_networks_are_recognised(name: str) -> None:
    found = detect(random_network(name).state_dict(), registry())
    assert found is not None
    assert found.architecture.id == name.removeprefix("Real")


def test_nobody_knows_an_unknown_network() -> None:
    assert detect({"a.weight": 1}, registry()) is None


def extra_package(monkeypatch: pytest.MonkeyPatch, supports: Sequence[object]) -> None:
    module = ModuleType("spandrel_extra_arches")
    module.EXTRA_REGISTRY = supports  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "spandrel_extra_arches", module)


def renamed(name: str) -> spandrel.ArchSupport:
    class Renamed(type(spandrel.MAIN_REGISTRY["Compact"].architecture)):
        @property
        def id(self) -> spandrel.ArchId:
            return spandrel.ArchId(name)

    return spandrel.ArchSupport.from_architecture(Renamed())


def test_extra_architectures_are_added_to_ours_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    before = ids(spandrel.MAIN_REGISTRY)
    extra_package(monkeypatch, [renamed("Extra"), spandrel.MAIN_REGISTRY["SPAN"]])
    assert ids(registry()) == [*before, *OURS, "Extra"]
    assert ids(spandrel.MAIN_REGISTRY) == before


def test_without_the_extra_package_there_are_spandrels_own_and_ours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "spandrel_extra_arches", None)
    assert ids(registry()) == [*ids(spandrel.MAIN_REGISTRY), *OURS]


def test_the_module_and_its_version_agree() -> None:
    assert spandrel_module() is spandrel
    assert spandrel_version() == spandrel.__version__


@each_case(
    "layers, needs",
    [
        (["body.0.body.0.body.3.conv_du.0.weight"], "RCAN needs spandrel 0.4.1 or newer"),
        (["gblocks.0.weight", "gblocks.1.fc1.weight"], "MoSR needs spandrel 0.4.0 or newer"),
        (["feats.1.refine.weight", "to_img.init_pos"], "DySample needs spandrel 0.4.0 or newer"),
    ],
)
def test_an_old_spandrel_is_told_which_one_is_needed(
    layers: list[str], needs: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spandrel, "__version__", "0.3.4")
    told = later_spandrel(layers)
    assert told is not None
    assert needs in told
    assert "this is 0.3.4" in told
    monkeypatch.setattr(spandrel, "__version__", "0.4.10")
    assert later_spandrel(layers) is None


def test_the_later_architectures_are_told_by_layers_that_they_have(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(spandrel, "__version__", "0.3.4")
    told = later_spandrel(random_network("RCAN").state_dict())
    assert told is not None
    assert told.startswith("RCAN")
    others = TINY.keys() - {"RCAN"}
    assert not any(later_spandrel(random_network(name).state_dict()) for name in others)


@each_case(
    "layers, text",
    [
        (["spynet.basic_module.0.basic_module.0.conv.weight"], "video"),
        (["model.diffusion_model.input_blocks.0.0.weight"], "diffusion"),
        (["encoder_level1.0.attn.qkv_dwconv.weight"], "spandrel_extra_arches"),
        (["strange.weight"], f"spandrel {spandrel.__version__}"),
    ],
)
def test_unknown_networks_are_explained(layers: list[str], text: str) -> None:
    assert text in unknown_architecture(layers, registry())


def test_the_seam_is_one_function(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another spandrel can take the place of the installed one."""
    other = ModuleType("spandrel")
    other.__version__ = "9.9.9"  # type: ignore[attr-defined]
    other.MAIN_REGISTRY = spandrel.ArchRegistry()  # type: ignore[attr-defined]
    for name in ("Architecture", "ArchSupport", "ImageModelDescriptor"):
        setattr(other, name, getattr(spandrel, name))
    monkeypatch.setattr(architectures, "spandrel_module", lambda: other)
    monkeypatch.setitem(sys.modules, "spandrel_extra_arches", None)
    assert spandrel_version() == "9.9.9"
    assert ids(registry()) == OURS


def test_espcn_enlarges_as_its_layers_say(tmp_path: Path) -> None:
    """A file of the published layout: luma, layers named first_part and last_part."""
    torch.manual_seed(0)
    made = ESPCN(channels=1, wide=8, narrow=4, scale=3).eval()
    torch.save(made.state_dict(), tmp_path / "x.pth")
    network = load_network(tmp_path / "x.pth")
    assert (network.traits.architecture, network.traits.scale) == ("ESPCN", 3)
    assert network.traits.channels == 1
    batch = torch.rand(1, 1, 6, 7)
    with torch.inference_mode():
        assert torch.allclose(network(batch), made(batch).clamp(0, 1), atol=1e-6)

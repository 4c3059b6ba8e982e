"""Networks in files that the WebUI itself does not read, in Extras and in Hires. fix."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from lib_upscalers.models.adapt.fused import fuse_branches
from lib_upscalers.models.loader import load_network
from tests.models.networks import plain_network
from tests.models.tiny import save
from tests.webui import jobs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tests.webui.host import WebUI

# The exporter warns of itself.
pytestmark = pytest.mark.filterwarnings("ignore")

KINDS = ("ONNX", "ncnn", "fused SPAN")


def _onnx(_data: Path, folder: Path) -> Path:
    # It skips where the exporter is not installed.
    from tests.models.test_onnx_files import exported

    return exported("Compact", folder / "Test graph.onnx")


def _ncnn(data: Path, folder: Path) -> Path:
    pair = sorted((data / "networks" / "ncnn").glob("realesr-animevideov3-x2.*"))
    if len(pair) != 2:
        pytest.skip("the test data have no realesr-animevideov3-x2 for ncnn")
    for path in pair:
        shutil.copyfile(path, folder / f"Test pair{path.suffix}")
    return folder / "Test pair.param"


def _fused_span(data: Path, folder: Path) -> Path:
    """Write SPAN as it is published for deployment: without its branches."""
    original = data / "networks" / "2x_span_ch48.safetensors"
    if not original.is_file():
        pytest.skip("the test data have no 2x_span_ch48")
    module = plain_network(original).model
    fuse_branches(module)
    return save(module.state_dict(), folder / "Test fused.safetensors")


_MAKERS: Mapping[str, Callable[[Path, Path], Path]] = {
    "ONNX": _onnx,
    "ncnn": _ncnn,
    "fused SPAN": _fused_span,
}


@pytest.fixture(scope="module", params=KINDS)
def network(request: pytest.FixtureRequest, webui: WebUI, shared_data: Path) -> Path:
    """A network's file where the WebUI finds it."""
    path = _MAKERS[request.param](shared_data, webui.data / "models" / "upscale_models")
    assert webui.post("/upscaler-lab/v1/refresh").status == 200
    return path


def test_extras_gives_what_the_network_gives(webui: WebUI, network: Path) -> None:
    assert webui.names().count(network.stem) == 1
    picture = jobs.sample(48, 40)
    result = jobs.enlarge(webui, network.stem, picture)
    batch = torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None] / 255
    expected = load_network(network)(batch)[0].permute(1, 2, 0).numpy() * 255
    assert np.abs(np.asarray(result.convert("RGB")) - expected).max() <= 2


def test_hires_fix_uses_the_network(webui: WebUI, network: Path) -> None:
    resized, _ = jobs.generate(webui, "txt2img", jobs.txt2img(webui, "Lanczos"))
    pictures, infotext = jobs.generate(webui, "txt2img", jobs.txt2img(webui, network.stem))
    assert pictures[0].shape == (128, 128, 3)
    assert not np.array_equal(pictures[0], resized[0])
    assert f"Hires upscaler: {network.stem}" in infotext

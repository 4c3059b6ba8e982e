"""Pictures reach the WebUI's Extras as they look, and files that it leaves out are named."""

from __future__ import annotations

import base64
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from lib_upscalers.hosts.webui import start
from lib_upscalers.ui.deep_input import accept_deep
from tests.cases import each_case

if TYPE_CHECKING:
    import pytest

    from tests.hosts.webui_model import WebUI

RAMP = np.linspace(0, 65535, 64 * 32).reshape(32, 64).astype(np.uint16)


def is_ramp(image: Image.Image) -> bool:
    """Return whether it looks like the ramp; cut off at 255, nearly all of it would be white."""
    values = np.asarray(image.convert("L"), np.float64)
    return bool(np.abs(values - RAMP / 257).max() <= 1)


def run(folder: Path) -> tuple[list[Image.Image], str, str]:
    return sys.modules["modules.postprocessing"].run_postprocessing(2, None, None, str(folder))


def test_a_folder_is_read_and_what_is_left_out_is_named(
    webui: WebUI, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    Image.fromarray(RAMP).save(folder / "deep.png")
    Image.new("RGB", (64, 64), "red").save(folder / "plain.png")
    (folder / "<b>cut.png").write_bytes((folder / "plain.png").read_bytes()[:60])
    (folder / "no picture.jpg").write_bytes(b"nothing")
    (folder / "notes.txt").write_text("no picture at all", encoding="utf-8")
    outputs, _, text = run(folder)
    assert [image.size for image in outputs] == [(64, 32), (64, 64)]
    assert is_ramp(outputs[0])
    assert "&lt;b&gt;cut.png" in text
    assert "no picture.jpg" in text
    assert "notes.txt" not in text
    assert "cut.png" in caplog.text
    (folder / "<b>cut.png").unlink()
    (folder / "no picture.jpg").unlink()
    assert run(folder)[2] == ""
    start.release()
    assert len(run(folder)[0]) == 2
    assert webui


@each_case("kind", ["png", "tiff"])
@each_case("way", ["text", "file"])
def test_a_single_picture_keeps_its_look(tmp_path: Path, kind: str, way: str) -> None:
    """Gradio 3 sends a text, Gradio 4 a file."""
    path = tmp_path / f"deep.{kind}"
    Image.fromarray(RAMP).save(path)
    text = f"data:image/{kind};base64,{base64.b64encode(path.read_bytes()).decode()}"
    payload = text if way == "text" else SimpleNamespace(path=str(path))
    taken: list[object] = []
    component = SimpleNamespace(preprocess=taken.append)
    accept_deep(component, lambda name: tmp_path / name)
    component.preprocess(payload)
    if way == "text":
        (tmp_path / "got").write_bytes(base64.b64decode(str(taken[0]).partition(",")[2]))
    else:
        assert isinstance(payload, SimpleNamespace)
        (tmp_path / "got").write_bytes(Path(payload.path).read_bytes())
    with Image.open(tmp_path / "got") as image:
        assert image.mode == "L"
        assert is_ramp(image)


@each_case("payload", [None, "", "data:,x", "data:image/png;base64,AA==", SimpleNamespace()])
def test_anything_else_is_handed_on(tmp_path: Path, payload: object) -> None:
    taken: list[object] = []
    component = SimpleNamespace(preprocess=taken.append)
    accept_deep(component, lambda name: tmp_path / name)
    component.preprocess(payload)
    assert taken == [payload]

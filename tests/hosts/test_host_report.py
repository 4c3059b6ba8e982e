"""The doctor inside a WebUI, and errors of ours there."""

from __future__ import annotations

import functools
import logging
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from lib_upscalers.errors import UpscalerError
from lib_upscalers.hosts.webui.start import extension
from lib_upscalers.hosts.webui.wrappers import owners
from tests.hosts.webui_model import module

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.hosts.webui_model import WebUI


def foreign(folder: str, code: str) -> dict[str, Any]:
    """Run code as if its file lay in the extension of that name."""
    names: dict[str, Any] = {"__name__": "script"}
    exec(compile(code, f"/webui/extensions/{folder}/scripts/main.py", "exec"), names)  # noqa: S102
    return names


WRAPPER = """
def wrap(original_run):
    def run(*a, **k):
        return original_run(*a, **k)
    return run
"""


def wrapped(original: Callable[..., Any]) -> Callable[..., Any]:
    return foreign("sd-webui-other", WRAPPER)["wrap"](original)


def test_everybody_whose_code_a_call_runs_through_is_named() -> None:
    inner = foreign("first", "def run(): ...")["run"]
    outer = wrapped(functools.partial(inner))
    assert owners(outer) == ["sd-webui-other", "first"]
    assert owners(functools.wraps(inner)(lambda: None)) == ["tests", "first"]
    assert owners(len) == []


@pytest.fixture
def doctor(webui: WebUI, monkeypatch: pytest.MonkeyPatch) -> Callable[[], str]:
    launch = module(
        "modules.launch_utils", git_tag=lambda: "v1.10.1", commit_hash=lambda: "82a973c04367"
    )
    other = SimpleNamespace(name="sd-webui-other", version="v2", is_builtin=False)
    builtin = SimpleNamespace(name="Lora", version="", is_builtin=True)
    parts = (launch, module("modules.extensions", active=lambda: [other, builtin]))
    for part in parts:
        monkeypatch.setitem(__import__("sys").modules, part.__name__, part)
    del webui
    return lambda: extension().doctor()


def test_the_report_has_version_settings_extensions_and_functions(
    webui: WebUI, doctor: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    webui.opts.data["upscaler_lab_tile"] = 256
    webui.opts.data["upscaler_lab_folders"] = "/secret/folder"
    monkeypatch.setattr(
        webui.modelloader, "load_upscalers", wrapped(webui.modelloader.load_upscalers)
    )
    text = doctor()
    assert "WebUI v1.10.1 (82a973c043)" in text
    assert "Tile: 256" in text
    assert "secret" not in text
    assert "sd-webui-other v2" in text
    assert "Lora" not in text
    assert "modules.modelloader.load_upscalers: sd-webui-other, Upscaler Lab" in text
    assert "[Test]\nLab Fast 2x" in text


def test_a_busy_webui_is_not_disturbed(webui: WebUI, doctor: Callable[[], str]) -> None:
    del webui
    import sys

    with sys.modules["modules.call_queue"].queue_lock:
        assert "[Test]" not in doctor()


def test_an_unexpected_error_is_one_sentence_and_the_log_names_the_doctor(
    webui: WebUI, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    entry = next(each for each in webui.shared.sd_upscalers if each.name == "Ours 2x")

    def breaks(*_: object) -> None:
        raise KeyError("nobody expects this")

    monkeypatch.setattr(extension().engine.upscaler, "run", breaks)
    with caplog.at_level(logging.ERROR), pytest.raises(UpscalerError, match="KeyError") as raised:
        entry.scaler.upscale(Image.new("RGB", (8, 8)), 2, entry.data_path)
    assert "\n" not in str(raised.value)
    assert "doctor" in caplog.text
    assert "Traceback" in caplog.text

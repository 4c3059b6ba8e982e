"""Every setting of the engine at every door, each made from one description."""

from __future__ import annotations

import argparse
import contextlib
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from lib_upscalers.cli import compare, upscale
from lib_upscalers.cli.engine_arguments import read_engine_settings
from lib_upscalers.compare.request import ComparisonRequest
from lib_upscalers.errors import InputError, UnknownNameError
from lib_upscalers.hosts.webui import options, start
from lib_upscalers.hosts.webui.axes import add_axes
from lib_upscalers.hosts.webui.extras import enlarge, job_of, plan
from lib_upscalers.ui.compare_actions import Form
from lib_upscalers.ui.setting_controls import (
    build_engine_accordion,
    chosen_in_order,
    overriding_controls,
    values_in_order,
)
from lib_upscalers.upscaling.settings import AS_IN_SETTINGS, ENGINE_SETTINGS, Settings, chosen
from tests.hosts.test_contract import photo
from tests.hosts.test_extras import AxisOption, client, encoded
from tests.hosts.webui_model import module

if TYPE_CHECKING:
    from collections.abc import Callable

    from lib_upscalers.cli.command import Command
    from lib_upscalers.upscaling.settings import EngineSetting
    from tests.hosts.webui_model import WebUI

ROOT = Path(__file__).resolve().parent.parent.parent
# The doors know nothing of the kind of host.
pytestmark = pytest.mark.parametrize("bare", ["a1111"], indirect=True)
each_setting = pytest.mark.parametrize(
    "setting", ENGINE_SETTINGS, ids=[setting.name for setting in ENGINE_SETTINGS]
)


def another(setting: EngineSetting) -> Any:  # noqa: ANN401
    """Return a value that is not the default."""
    if setting.kind == "number":
        return 64
    return True if setting.kind == "flag" else setting.choices()[-1]


@pytest.fixture(autouse=True)
def gradio(monkeypatch: pytest.MonkeyPatch) -> None:
    """Components that are nothing but their arguments; real ones start event loops."""
    made = dict.fromkeys(("Slider", "Dropdown", "Checkbox"), _component)
    fake = module("gradio", Row=contextlib.nullcontext, Accordion=_accordion, **made)
    monkeypatch.setitem(sys.modules, fake.__name__, fake)


def _accordion(*_: object, **__: object) -> contextlib.nullcontext[None]:
    return contextlib.nullcontext()


def _component(*values: object, **named: object) -> SimpleNamespace:
    return SimpleNamespace(**{"value": values[-1] if values else None, **named})


@pytest.fixture
def axes(webui: WebUI) -> dict[str, AxisOption]:
    """The axes of the X/Y/Z plot, by label."""
    grid = SimpleNamespace(
        axis_options=list[AxisOption](), AxisOption=AxisOption, AxisOptionImg2Img=AxisOption
    )
    data = SimpleNamespace(script_class=AxisOption, path="/webui/scripts/xyz_grid.py", module=grid)
    sys.modules["modules.scripts"].scripts_data.append(data)
    assert webui
    add_axes()
    return {option.label: option for option in grid.axis_options}


def _read_command_line(command: Command, setting: EngineSetting, value: object) -> Settings:
    parser = argparse.ArgumentParser()
    command.add(parser)
    own = command is compare.COMMAND and setting.name == "kernel"
    option = compare.NETWORK_KERNEL if own else "--" + setting.name.replace("_", "-")
    given = [option] if setting.kind == "flag" else [option, str(value)]
    needed = ["in.png", "--with", "A,B"] if command is compare.COMMAND else []
    return read_engine_settings(parser.parse_args([*needed, *given]))


def _read_api(webui: WebUI, setting: EngineSetting, value: object) -> Settings:
    """Return the settings of what a request runs."""
    upscaler, seen = start.extension().engine.upscaler, list[Settings]()
    run: Callable[..., Any] = upscaler.run

    def watched(*values: Any) -> Any:  # noqa: ANN401
        seen.append(values[3])
        return run(*values)

    upscaler.run = watched  # type: ignore[method-assign]
    body = {"image": encoded(photo()), "upscaler": "Nearest", "scale": 1, setting.name: value}
    answer = client(webui).post("/upscaler-lab/v1/upscale", json=body)
    assert answer.status_code == 200, answer.text
    return seen[0]


@each_setting
def test_a_setting_is_at_every_door(
    webui: WebUI, axes: dict[str, AxisOption], setting: EngineSetting
) -> None:
    value = another(setting)
    engine = start.extension().engine
    expected = Settings(**{setting.name: value})
    assert expected != Settings()
    for command in (upscale.COMMAND, compare.COMMAND):
        assert _read_command_line(command, setting, value) == expected, command.name
    assert _read_api(webui, setting, value) == expected, "API"
    job = job_of({"upscaler_1": "Nearest", setting.name: value})
    assert plan(engine, job).settings == expected, "script of the Extras tab"
    key = f"upscaler_lab_{setting.name}"
    assert webui.opts.data_labels[key].label == setting.label, "page of settings"
    cell = SimpleNamespace(override_settings={})
    axis = axes[f"[Upscaler Lab] {setting.label}"]
    axis.apply(cell, axis.type(value), [value])
    assert cell.override_settings == {key: value}, "axis of the X/Y/Z plot"
    webui.opts.data[key] = value
    assert options.settings() == expected, "page of settings"
    assert plan(engine, job_of({"upscaler_1": "Nearest"})).settings == expected
    position = [each.name for each in ENGINE_SETTINGS].index(setting.name)
    for overriding in (False, True):
        form = build_engine_accordion(overriding=overriding)
        assert form[position].label.startswith(setting.label), "form of the comparison"
        values = values_in_order({setting.name: value}, overriding=overriding)
        assert Settings(**chosen_in_order(values)) == expected
        assert [control.value for control in form] == values_in_order({}, overriding=overriding)
    request = Form(("Nearest", "Lanczos"), engine={setting.name: value}).request()
    text = ComparisonRequest.parse(request.to_text("1")).engine
    assert Settings(**chosen(text)) == expected, "text of a comparison"
    controls = overriding_controls()
    assert {setting.name, setting.shortcut and setting.shortcut.name} & controls.keys()


@pytest.mark.slow
def test_a_setting_that_is_added_is_at_every_door(bare: WebUI) -> None:
    assert bare
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"),
            *("-p", "tests.hosts.extra_setting", __file__, "-k", "every_door and sparkle"),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout


def test_controls_that_nobody_has_touched_choose_nothing(bare: WebUI) -> None:
    """So that the page of settings counts."""
    assert bare
    controls = overriding_controls()
    assert chosen({name: control.value for name, control in controls.items()}) == {}
    assert chosen(dict.fromkeys(controls)) == {}


def test_a_flag_can_be_on_off_or_as_in_the_settings(bare: WebUI) -> None:
    assert bare
    values = {"on": True, "off": False, True: True, False: False}
    for value, expected in values.items():
        assert chosen({"linear_light": value}) == {"linear_light": expected}
    assert chosen({"linear_light": AS_IN_SETTINGS}) == {}


def test_a_shortcut_is_one_of_the_choices(bare: WebUI) -> None:
    assert bare
    assert chosen({"seamless": True, "alpha_by_network": False}) == {
        "padding": "wrap",
        "alpha": "kernel",
    }
    assert chosen({"seamless": False, "alpha_by_network": True}) == {}
    assert chosen({"seamless": True, "padding": "wrap"}) == {"padding": "wrap"}
    with pytest.raises(InputError, match=r"seamless.*padding.*reflect"):
        chosen({"seamless": True, "padding": "reflect"})


def test_a_choice_that_there_is_not_is_refused(bare: WebUI) -> None:
    assert bare
    for setting in ENGINE_SETTINGS:
        if setting.kind == "choice":
            kind = UnknownNameError if setting.registry else InputError
            with pytest.raises(kind, match="Lancsoz"):
                Settings(**{setting.name: "Lancsoz"})


def test_an_infotext_names_what_changes_a_picture(webui: WebUI) -> None:
    assert webui
    values = {setting.name: another(setting) for setting in ENGINE_SETTINGS}
    del values["precision"]
    engine = start.extension().engine
    _, said = enlarge(engine, photo(), job_of({"upscaler_1": "Nearest", "scale": 1, **values}))
    named = {f"Postprocess {each.infotext}" for each in ENGINE_SETTINGS if each.infotext}
    assert named <= said.keys()
    _, said = enlarge(engine, photo(), job_of({"upscaler_1": "Nearest", "scale": 1}))
    assert not named & said.keys()

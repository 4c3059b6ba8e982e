"""Functions of ours are entered into the WebUI quickly, and what goes wrong is told."""

from __future__ import annotations

import inspect
import sys
from types import ModuleType

import pytest

from lib_upscalers.hosts.webui import callbacks

DEEP = 200


class Broken(Exception):  # noqa: N818
    """What a WebUI may raise."""


def deep(levels: int, names: list[str]) -> None:
    if levels:
        deep(levels - 1, names)
    else:
        callbacks.register(dict.fromkeys(names, print))


def test_the_webui_sees_a_short_stack_that_begins_in_our_folder(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """script_callbacks.py:127-133: the first frame of another file tells the extension."""
    seen: list[tuple[str, object, list[str]]] = []
    module = ModuleType("modules.script_callbacks")
    for name in ("on_first", "on_second"):

        def add(function: object, name: str = name) -> None:
            seen.append((name, function, [frame.filename for frame in inspect.stack()[1:]]))

        setattr(module, name, add)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(sys.modules, "modules", ModuleType("modules"))
    deep(DEEP, ["on_first", "on_second"])
    assert [(name, function) for name, function, _ in seen] == [
        ("on_first", print),
        ("on_second", print),
    ]
    for _, _, files in seen:
        assert files[0] == callbacks.__file__
        assert len(files) < DEEP / 10


def test_what_the_webui_raises_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    def on_first(_function: object) -> None:
        raise Broken

    module = ModuleType("modules.script_callbacks")
    module.__dict__["on_first"] = on_first
    monkeypatch.setitem(sys.modules, module.__name__, module)
    monkeypatch.setitem(sys.modules, "modules", ModuleType("modules"))
    with pytest.raises(Broken):
        deep(0, ["on_first"])

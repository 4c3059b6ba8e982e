"""Import spandrel without torch's compiler, which takes more time than all else that it imports.

spandrel imports torchvision, and torchvision's layers for object detection import the compiler
(seconds, 140 MB) to ask it one question when they run. No network here has such a layer.
"""

from __future__ import annotations

import contextlib
import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Generator

_COMPILER = "torch._dynamo"
_PARTS = (_COMPILER, f"{_COMPILER}.utils")
_QUESTION = "is_compile_supported"


@contextlib.contextmanager
def without_compiler() -> Generator[None, None, None]:
    """Leave the compiler out of what is imported inside the block.

    Nothing is done where it or torchvision is imported already, as in a WebUI. Whatever is asked of
    it beside that question imports it after all.
    """
    importlib.import_module("torch")
    if "torchvision" in sys.modules or _COMPILER in sys.modules:
        yield
        return
    places = {name: _Place(name) for name in _PARTS}
    places[_PARTS[1]].__dict__[_QUESTION] = _answer
    sys.modules.update(places)
    try:
        yield
    finally:
        _clear()


def _clear() -> None:
    for name in _PARTS:
        if isinstance(sys.modules.get(name), _Place):
            del sys.modules[name]


def _answer(device: Any) -> Any:  # noqa: ANN401 - the compiler's own question
    return getattr(importlib.import_module(_PARTS[1]), _QUESTION)(device)


class _Place(ModuleType):
    """Stands where the compiler would, until more than that question is asked."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        # Modules inside of it are looked for only where there is one.
        self.__path__ = []

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - any name of a module
        if name.startswith("__"):
            raise AttributeError(name)
        _clear()
        return getattr(importlib.import_module(self.__name__), name)

"""Import spandrel without what it imports and no network here uses: torchvision, torch's compiler.

Two architectures of spandrel import torchvision for functions that they call in a forward: LaMa,
which fills in masks, and RestoreFormer, which restores faces. Neither is run here. torchvision
takes half a second and imports torch's compiler (1.6 seconds and 140 MB more).
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import sys
from importlib.abc import Loader
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping, Sequence

_COMPILER = "torch._dynamo"
_COMPILER_UTILS = f"{_COMPILER}.utils"
_VISION = "torchvision"
_FUNCTIONAL = f"{_VISION}.transforms.functional"
# What may be imported from each module without it: names that are used in functions alone.
_COMPILER_NAMES: Mapping[str, tuple[str, ...]] = {
    _COMPILER: (),
    _COMPILER_UTILS: ("is_compile_supported",),
}
_VISION_NAMES: Mapping[str, tuple[str, ...]] = {
    _VISION: (),
    f"{_VISION}.transforms": (),
    _FUNCTIONAL: ("InterpolationMode", "normalize", "rotate"),
}


@contextlib.contextmanager
def without_unused() -> Generator[None, None, None]:
    """Leave torchvision and the compiler out of what is imported inside the block.

    Nothing is done for one that is imported already, as torchvision is in a WebUI. Names that are
    known to be used in functions alone are imported when they are used; whatever else is asked for
    is imported at once. After the block nothing stands in the place of either.
    """
    importlib.import_module("torch")
    if _VISION in sys.modules:
        yield
        return
    with _places(_VISION_NAMES), without_compiler():
        yield


@contextlib.contextmanager
def without_compiler() -> Generator[None, None, None]:
    """Leave torch's compiler out of what is imported inside the block, as torchvision's layers.

    Nothing is done where it or torchvision is imported already.
    """
    loaded = sys.modules.get(_VISION)
    if _COMPILER in sys.modules or not (loaded is None or isinstance(loaded, _Place)):
        yield
        return
    with _places(_COMPILER_NAMES):
        yield


@contextlib.contextmanager
def few_collections() -> Generator[None, None, None]:
    """Collect no cyclic garbage inside the block, which is for imports.

    Importing makes a million objects that stay: Python would look through them again and again, a
    sixth of the time. Garbage of other threads is collected afterwards.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            _count_as_old()
            gc.enable()


def _count_as_old() -> None:
    """Have the collector take all objects for old ones, which it looks through more rarely."""
    if gc.get_freeze_count() == 0:  # what others have frozen must stay so
        gc.freeze()
        gc.unfreeze()


@contextlib.contextmanager
def _places(names: Mapping[str, tuple[str, ...]]) -> Generator[None, None, None]:
    """Put modules that stand for others into the table of modules, as long as the block runs."""
    finder = _Finder(names)
    sys.meta_path.insert(0, finder)
    try:
        sys.modules.update({name: _Place(name, finder) for name in names})
        yield
    finally:
        finder.clear()


class _Finder:
    """Finds the modules inside those that places stand for: the true ones.

    Args:
        names: By module, the names that need not be imported yet.
    """

    def __init__(self, names: Mapping[str, tuple[str, ...]]) -> None:
        self.names = names

    def find_spec(
        self, name: str, _path: Sequence[str] | None = None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return how a module is found that somebody imports, if it is inside of a place."""
        if not any(name.startswith(f"{place}.") for place in self.names):
            return None
        return ModuleSpec(name, _Loader(self.load(name)))

    def load(self, name: str) -> ModuleType:
        """Return a module, imported after the places are removed."""
        self.clear()
        return importlib.import_module(name)

    def clear(self) -> None:
        """Remove the places."""
        with contextlib.suppress(ValueError):
            sys.meta_path.remove(self)
        for name in self.names:
            if isinstance(sys.modules.get(name), _Place):
                del sys.modules[name]


class _Loader(Loader):
    """Loads a module that is imported already."""

    def __init__(self, module: ModuleType) -> None:
        self._module = module
        self._spec = module.__spec__

    def create_module(self, spec: ModuleSpec) -> ModuleType:  # noqa: ARG002 - Python's own
        """Return that module."""
        return self._module

    def exec_module(self, module: ModuleType) -> None:
        """Do no more than undo what Python has entered: it was executed when it was imported."""
        module.__spec__ = self._spec


class _Place(ModuleType):
    """Stands where a module would, until more than known names is asked of it."""

    def __init__(self, name: str, finder: _Finder) -> None:
        super().__init__(name)
        # Modules inside of it are looked for only where there is one.
        self.__path__ = []
        self._finder = finder

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - any name of a module
        if name.startswith("__"):
            raise AttributeError(name)
        if name in self._finder.names[self.__name__]:
            return _Later(self.__name__, name)
        return getattr(self._finder.load(self.__name__), name)


class _Later:
    """A function or class of a module that is imported when it is used.

    Args:
        module: The module's name.
        name: The name in it.
    """

    def __init__(self, module: str, name: str) -> None:
        self._module = module
        self._name = name

    @property
    def __call__(self) -> Any:  # noqa: ANN401 - any function
        """The function itself, which Python calls with whatever arguments there are."""
        return self._true()

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - any name of a class
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self._true(), name)

    def _true(self) -> Any:  # noqa: ANN401
        with without_compiler():
            return getattr(importlib.import_module(self._module), self._name)

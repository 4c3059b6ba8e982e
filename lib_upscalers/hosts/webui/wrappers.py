"""Find out whose code a function runs through: the WebUI's, ours, another extension's."""

from __future__ import annotations

import functools
import inspect
from pathlib import PurePath
from types import FunctionType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

OURS, HOST = "Upscaler Lab", "the WebUI"
_MOST = 40
# Names under which code that replaces a function stores the one before it.
_STORED = ("orig", "func", "fn", "wrapped", "old", "prev", "theirs", "call")
_EXTENSIONS = ("extensions", "extensions-builtin")


def owners(function: Any) -> list[str]:
    """Return whose code a call runs through, the outermost first, each once.

    A function before is found where Python can name it: in ``__wrapped__``, a partial, a method, or
    a variable of a closure; not where it is a global variable.
    """
    return list(dict.fromkeys(_owner(each) for each in _chain(function)))


def _chain(function: Any) -> Iterator[FunctionType]:
    seen: set[int] = set()
    waiting = [function]
    while waiting and len(seen) < _MOST:
        current = waiting.pop(0)
        if id(current) in seen:
            continue
        seen.add(id(current))
        if isinstance(current, FunctionType):
            yield current
        waiting += _inner(current)


def _inner(function: Any) -> list[Any]:
    """Return the functions that one may call instead of itself."""
    if isinstance(function, functools.partial):
        return [function.func]
    if inspect.ismethod(function):
        return [function.__func__]
    if not isinstance(function, FunctionType):
        call = vars(type(function)).get("__call__")
        return [call] if isinstance(call, FunctionType) else []
    found = [getattr(function, "__wrapped__", None)]
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=False)
    found += [_content(cell) for name, cell in cells if any(part in name for part in _STORED)]
    return [each for each in found if callable(each) and not inspect.isclass(each)]


def _content(cell: Any) -> Callable[..., Any] | None:
    try:
        return cell.cell_contents
    except ValueError:  # it is empty
        return None


def _owner(function: FunctionType) -> str:
    parts = PurePath(function.__code__.co_filename).parts
    if "lib_upscalers" in parts:
        return OURS
    for folder in _EXTENSIONS:
        if folder in parts[:-1]:
            return parts[parts.index(folder) + 1]
    # Not its __module__, which functools.wraps copies from the function before.
    module = str(function.__globals__.get("__name__", "unknown")).split(".")[0]
    return HOST if module in ("modules", "modules_forge", "backend", "scripts") else module

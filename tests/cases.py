"""Many cases in one test, each named if it fails."""

from __future__ import annotations

import copy
import functools
import inspect
import itertools
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator

    Test = Callable[..., None]
    Case = dict[str, object]

_SHOWN = 20


def each_case(names: str, values: Iterable[object]) -> Callable[[Test], Test]:
    """Call a test for every value, as `pytest.mark.parametrize` does, but as one test.

    For properties that hold for all of a registry or many numbers, where a passing case more says
    nothing. All cases run; the test fails with the list of those that failed. Several decorators
    make all combinations. A fixture is made once for all cases, but random generators start
    afresh in each, so that a case gives the same alone.

    Args:
        names: The parameters, separated by ", ".
        values: One for each case; tuples where there are several names.
    """
    keys = names.split(", ")
    axis = [tuple(value) if len(keys) > 1 else (value,) for value in values]  # type: ignore[arg-type]
    assert axis, f"no cases of {names}"

    def decorate(test: Test) -> Test:
        axes = [(keys, axis), *getattr(test, "case_axes", [])]
        inner: Test = getattr(test, "case_test", test)

        @functools.wraps(test)
        def run_all(**fixtures: object) -> None:
            __tracebackhide__ = True
            _run(inner, list(_combinations(axes)), fixtures)

        named = {key for keys, _ in axes for key in keys}
        signature = inspect.signature(inner)
        rest = [each for name, each in signature.parameters.items() if name not in named]
        run_all.__signature__ = signature.replace(parameters=rest)  # type: ignore[attr-defined]
        run_all.case_axes, run_all.case_test = axes, inner  # type: ignore[attr-defined]
        return run_all

    return decorate


def _combinations(axes: list[tuple[list[str], list[tuple[object, ...]]]]) -> Iterator[Case]:
    for parts in itertools.product(*(axis for _, axis in axes)):
        case: Case = {}
        for (keys, _), values in zip(axes, parts, strict=True):
            case.update(zip(keys, values, strict=True))
        yield case


def _run(test: Test, cases: list[Case], fixtures: Case) -> None:
    __tracebackhide__ = True
    failed: list[tuple[str, Exception]] = []
    skipped: list[str] = []
    for number, case in enumerate(cases):
        try:
            with _fresh(fixtures, number) as given:
                test(**case, **given)
        except pytest.skip.Exception as reason:
            skipped.append(str(reason))
        except Exception as error:  # noqa: BLE001 - whatever it is, the other cases run, too
            failed.append((_describe(case), error))
    if failed:
        lines = [f"{case}: {_first_line(error)}" for case, error in failed[:_SHOWN]]
        more = f"\n  and {len(failed) - _SHOWN} more" if len(failed) > _SHOWN else ""
        text = f"{len(failed)} of {len(cases)} cases failed:\n  " + "\n  ".join(lines) + more
        raise AssertionError(text) from failed[0][1]
    if len(skipped) == len(cases):
        pytest.skip(skipped[0])


@contextmanager
def _fresh(fixtures: Case, number: int) -> Generator[Case, None, None]:
    """Give the fixtures as a test of its own would find them."""
    with ExitStack() as undo:
        given = {name: _afresh(value, undo) for name, value in fixtures.items()}
        folder = given.get("tmp_path")
        if isinstance(folder, Path):
            given["tmp_path"] = folder / f"case{number}"
            given["tmp_path"].mkdir()
        yield given


def _afresh(value: object, undo: ExitStack) -> object:
    if isinstance(value, torch.Generator):
        return torch.Generator(value.device).set_state(value.get_state())
    if isinstance(value, np.random.Generator):
        return copy.deepcopy(value)
    if isinstance(value, pytest.MonkeyPatch):
        return undo.enter_context(pytest.MonkeyPatch.context())
    if isinstance(value, pytest.LogCaptureFixture):
        value.clear()
    if isinstance(value, pytest.CaptureFixture):
        value.readouterr()
    return value


def _describe(case: Case) -> str:
    return ", ".join(f"{key}={_name(value)}" for key, value in case.items())


def _name(value: object) -> str:
    return getattr(value, "__name__", "") or repr(value)


def _first_line(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".strip().split("\n")[0][:200]

"""Watch the operators of a forward: cancel between them, list those that reduce the picture."""

from __future__ import annotations

import time
from collections import Counter, deque
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from torch.utils._python_dispatch import TorchDispatchMode

from lib_upscalers.tiling.reductions import REDUCTIONS, Call

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import torch

    from lib_upscalers.progress import Progress
    from lib_upscalers.tiling.resuming import Resumption

    Mark = Callable[[], Callable[[], object]]

Key = tuple[str, int]
"""A reduction's name, and which of its calls in a forward it is."""

_CHECK_SECONDS = 0.1
# A device with a queue of its own may be at most so many operators behind.
_OPERATORS_A_MARK = 4
_MOST_MARKS = 8
_CONVOLUTIONS = ("conv2d", "convolution")
_POOLS = ("max_pool2d", "max_pool2d_with_indices", "avg_pool2d")


class OperatorWatch(TorchDispatchMode):
    """Sees every operator while it is entered."""

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        # Without it newer torches load their compiler (140 MB, seconds) only to skip it.
        return False

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:  # noqa: ANN401 - torch's protocol
        """Run the operator, or what `visit` makes of it."""
        name: str = getattr(func, "overloadpacket", func).__name__
        return self.visit(name, Call(args, kwargs or {}), func)

    def visit(self, name: str, call: Call, run: Callable[..., Any]) -> Any:  # noqa: ANN401
        """Return what this call returns."""
        raise NotImplementedError


class CancelBetweenOperators(OperatorWatch):
    """Checks ten times a second whether the work is cancelled.

    A GPU takes operators into a queue, seconds of work ahead of what it computes; there the forward
    waits where it is more than some 30 operators ahead, so that cancelling is not late.

    Args:
        progress: Raises where it is.
        mark: Marks the end of a device's queue and returns what waits until that is reached; None
            where operators return when they are done.
    """

    def __init__(self, progress: Progress, mark: Mark | None = None) -> None:
        super().__init__()
        self._progress = progress
        self._mark = mark
        self._marks: deque[Callable[[], object]] = deque()
        self._operators = 0
        self._next = time.monotonic() + _CHECK_SECONDS

    def visit(self, name: str, call: Call, run: Callable[..., Any]) -> Any:  # noqa: ANN401
        """Run the operator.

        Raises:
            Cancelled: `progress` says so.
        """
        del name
        if time.monotonic() >= self._next:
            self._progress.check_cancelled()
            self._next = time.monotonic() + _CHECK_SECONDS
        result = run(*call.args, **call.kwargs)
        if self._mark is not None:
            self._stay_close(self._mark)
        return result

    def _stay_close(self, mark: Mark) -> None:
        self._operators += 1
        if self._operators % _OPERATORS_A_MARK == 0:
            self._marks.append(mark())
        if len(self._marks) > _MOST_MARKS:
            self._marks.popleft()()


def queue_mark(device: torch.device) -> Mark | None:
    """Return what marks the end of a device's queue; None for a device without one."""
    if device.type != "cuda":
        return None

    def mark() -> Callable[[], object]:
        import torch

        event = torch.cuda.Event()
        event.record(torch.cuda.current_stream(device))
        return event.synchronize

    return mark


class OperatorTimer(OperatorWatch):
    """Times operators, on a device whose operators return when they are done.

    Attributes:
        longest: Seconds of the one that took longest.
        total: Seconds of all.
    """

    def __init__(self) -> None:
        super().__init__()
        self.longest = 0.0
        self.total = 0.0

    def visit(self, name: str, call: Call, run: Callable[..., Any]) -> Any:  # noqa: ANN401
        """Run the operator and count its time."""
        del name
        start = time.perf_counter()
        result = run(*call.args, **call.kwargs)
        seconds = time.perf_counter() - start
        self.longest = max(self.longest, seconds)
        self.total += seconds
        return result


class ReductionWatch(OperatorWatch):
    """Passes every reduction to `reduce`, with its key; runs everything else.

    Args:
        resumption: Runs only what another forward has not done; None: all of it is run.
    """

    def __init__(self, resumption: Resumption | None = None) -> None:
        super().__init__()
        self._seen: Counter[str] = Counter()
        self._resumption = resumption

    def visit(self, name: str, call: Call, run: Callable[..., Any]) -> Any:  # noqa: ANN401
        """Run the operator, or what `reduce` makes of it."""
        made = partial(self._made, name, self._seen[name], call, run)
        self._seen[name] += 1
        return made() if self._resumption is None else self._resumption.visit(name, call, made)

    def _made(self, name: str, number: int, call: Call, run: Callable[..., Any]) -> Any:  # noqa: ANN401
        if name not in REDUCTIONS:
            return run(*call.args, **call.kwargs)
        return self.reduce((name, number), call, run)

    def reduce(self, key: Key, call: Call, run: Callable[..., Any]) -> Any:  # noqa: ANN401
        """Return what this reduction returns."""
        raise NotImplementedError


@dataclass(frozen=True)
class Shapes:
    """The shapes of a reduction's arguments and results.

    Attributes:
        subjects: The shape of each tensor that it reduces, and over which dimensions.
        results: The shape of each tensor that it returned.
    """

    subjects: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...]
    results: tuple[tuple[int, ...], ...]


class ShapeRecorder(ReductionWatch):
    """Records the reductions of a forward.

    Attributes:
        shapes: Those of each reduction, in order.
        strided: Whether a convolution or a pool moves in steps of more than one pixel.
    """

    def __init__(self) -> None:
        super().__init__()
        self.shapes: dict[Key, Shapes] = {}
        self.strided = False

    def visit(self, name: str, call: Call, run: Callable[..., Any]) -> Any:  # noqa: ANN401
        """Note whether the operator moves in steps, and run it."""
        steps: Any = 1
        if name in _CONVOLUTIONS:
            steps = call.get(3, "stride", 1)
        elif name in _POOLS:
            steps = call.get(2, "stride") or call.get(1, "kernel_size")
        self.strided |= max(steps) > 1 if isinstance(steps, (list, tuple)) else steps > 1
        return super().visit(name, call, run)

    def reduce(self, key: Key, call: Call, run: Callable[..., Any]) -> Any:  # noqa: ANN401
        """Run the operator and note its shapes."""
        result = run(*call.args, **call.kwargs)
        subjects = REDUCTIONS[key[0]].subjects(call)
        if subjects:
            parts: Any = result if isinstance(result, tuple) else (result,)
            self.shapes[key] = Shapes(
                tuple((tuple(x.shape), dims) for x, dims in subjects),
                tuple(tuple(part.shape) for part in parts),
            )
        return result

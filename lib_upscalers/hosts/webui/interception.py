"""Intercept one call of `torch.nn.functional.interpolate` in the WebUI's code.

Torch is not patched: it passes a call to tensors of a class with ``__torch_function__``, and to the
innermost `TorchFunctionMode`; these answer it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.nn.functional import interpolate
from torch.overrides import TorchFunctionMode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    Answer = Callable[[torch.Tensor, tuple[int, int]], torch.Tensor]

# Functions that give the same values in another shape, place or dtype: another extension may call
# them before the WebUI enlarges. Their result still answers the call.
_SAME_VALUES = frozenset(
    getattr(owner, name)
    for owner, names in (
        (torch, ("clone", "detach", "squeeze", "unsqueeze")),
        (torch.Tensor, ("clone", "detach", "squeeze", "unsqueeze", "contiguous", "to", "type")),
        (torch.Tensor, ("type_as", "float", "half", "bfloat16", "double", "cpu", "cuda")),
    )
    for name in names
)


class Watched(torch.Tensor):
    """A latent that answers the next `interpolate` itself; every other result is a plain tensor.

    So nothing that the WebUI computes afterwards is any slower.

    Attributes:
        answer: From the plain latent and the size (height, width) to the enlarged one.
    """

    answer: Answer

    @classmethod
    def __torch_function__(
        cls,
        func: Callable[..., Any],
        types: Iterable[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Do what `func` does, except for `interpolate`."""
        del types
        given = dict(kwargs or {})
        watched = next((each for each in args if isinstance(each, cls)), None)
        if func is interpolate and watched is not None and given.get("size") is not None:
            return watched.answer(_plain(watched), tuple(given["size"]))
        plain = [_plain(each) if isinstance(each, cls) else each for each in args]
        given = {
            name: _plain(each) if isinstance(each, cls) else each for name, each in given.items()
        }
        result = func(*plain, **given)
        # `type` without a dtype returns a name.
        if watched is None or watched is not args[0] or not torch.is_tensor(result):
            return result
        return watch(result, watched.answer) if func in _SAME_VALUES else result


def watch(samples: torch.Tensor, answer: Answer) -> Watched:
    """Return the same values as a latent that answers `interpolate`."""
    watched = samples.as_subclass(Watched)
    watched.answer = answer
    return watched


def unwatched(result: Any) -> Any:
    """Return the WebUI's result, as a plain tensor if it is still a watched one."""
    return _plain(result) if isinstance(result, Watched) else result


def _plain(watched: torch.Tensor) -> torch.Tensor:
    # Torch documents no public way for this one.
    with torch._C.DisableTorchFunctionSubclass():  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
        return watched.as_subclass(torch.Tensor)


class Answering(TorchFunctionMode):
    """Answers one kind of `interpolate` call within its context.

    Args:
        answer: As `Watched.answer`.
        size: Only calls for this size (height, width) are answered.
        mode: Only calls with this mode are.

    Attributes:
        answered: Whether there was such a call.
    """

    def __init__(self, answer: Answer, size: tuple[int, int], mode: str) -> None:
        super().__init__()
        self._answer = answer
        self._size = size
        self._mode = mode
        self.answered = False

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Do what `func` does, except for such a call."""
        del types
        given = dict(kwargs or {})
        if func is interpolate and args and given.get("mode") == self._mode:
            size = given.get("size")
            if size is not None and tuple(size) == self._size:
                self.answered = True
                return self._answer(args[0], self._size)
        return func(*args, **given)

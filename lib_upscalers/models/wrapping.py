"""Find the state dict in the containers that trainers save it in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lib_upscalers.models.reading.pickle_values import as_named

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_DEEPEST = 8
# Averaged weights first, because trainers publish those.
_INSIDE = (
    "params_ema",
    "params-ema",
    "ema_state_dict",
    "state_dict_ema",
    "model_ema",
    "net_g_ema",
    "generator_ema",
    "g_ema",
    "ema",
    "model_state_dict",
    "state_dict",
    "params",
    "model",
    "net_g",
    "netG",
    "generator",
    "net",
    "weights",
)
# torch.compile inserts this into names, wherever it was applied.
_COMPILED = "_orig_mod."
_COMMON = ("module.", "netG.")
# What profilers and layers of several GPUs leave among the weights.
_LEFT_OVER = ("total_ops", "total_params", "_extra_state")
_MOST_PARTS = 32
_MOST_INSIDE = 8
# In order of preference, if a file contains several networks, as Lightning's do.
_PARTS = (
    "params_ema.",
    "net_g_ema.",
    "generator_ema.",
    "ema_model.",
    "model_ema.",
    "ema.",
    "net_g.",
    "netG.",
    "generator.",
    "module.",
    "model.",
    "network.",
    "net.",
)


def unwrap(saved: Mapping[Any, Any]) -> dict[Any, Any]:
    """Return the named weights of a file, without a prefix that all have in common.

    Optimiser states and other entries are omitted; of averaged and plain weights the averaged ones
    are returned.

    Args:
        saved: What a reader returns; it is not changed.
    """
    state: Mapping[Any, Any] = saved
    for _ in range(_DEEPEST):
        inside = _inner_state(state)
        if inside is None:
            break
        state = inside
    return _without_common_prefix(state)


def parts(state: Mapping[Any, Any]) -> Iterator[dict[Any, Any]]:
    """Yield the state dict, then its part under each prefix that trainers use.

    Then follow what any other prefix that all names have leaves of it, and dictionaries in it,
    averaged weights first.

    Args:
        state: What `unwrap` returns. A prefix may belong to the architecture, so the caller has to
            find the first that is known.
    """
    queue = [dict(state)]
    for _ in range(_MOST_PARTS):
        if not queue:
            return
        whole = queue.pop(0)
        yield whole
        for prefix in _PARTS:
            part = {
                name.removeprefix(prefix): value
                for name, value in whole.items()
                if isinstance(name, str) and name.startswith(prefix)
            }
            if part:
                queue.append(part)
        queue += _oddly_wrapped(whole)


def _oddly_wrapped(state: Mapping[Any, Any]) -> Iterator[dict[Any, Any]]:
    """Yield what is left of a state dict without a prefix of all names, and dictionaries in it."""
    first = {name.partition(".")[0] if isinstance(name, str) else "" for name in state}
    if len(first) == 1 and all("." in str(name) for name in state):
        (prefix,) = first
        if f"{prefix}." not in _PARTS:
            yield {name.removeprefix(f"{prefix}."): value for name, value in state.items()}
    inner = {name: held for name, value in state.items() if (held := as_named(value))}
    averaged_first = sorted(inner, key=lambda name: "ema" not in str(name).lower())
    for name in averaged_first[:_MOST_INSIDE]:
        yield unwrap(inner[name])


def _inner_state(state: Mapping[Any, Any]) -> Mapping[Any, Any] | None:
    for name in _INSIDE:
        inside = as_named(state.get(name))
        if inside:
            return inside
    values = list(state.values())
    return as_named(values[0]) if len(values) == 1 else None


def _without_common_prefix(state: Mapping[Any, Any]) -> dict[Any, Any]:
    plain = {
        name.replace(_COMPILED, "") if isinstance(name, str) else name: value
        for name, value in state.items()
        if not (isinstance(name, str) and name.rpartition(".")[2] in _LEFT_OVER)
    }
    found = True
    while plain and found:
        found = False
        for prefix in _COMMON:
            if all(isinstance(name, str) and name.startswith(prefix) for name in plain):
                plain = {name.removeprefix(prefix): value for name, value in plain.items()}
                found = True
    return plain

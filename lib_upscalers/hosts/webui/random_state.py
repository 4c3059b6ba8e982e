"""Read and restore torch's global random generators, on which the WebUI's samplers depend."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Generator


def random_state() -> tuple[Any, ...]:
    """Return the states of the generators of the CPU and of all GPUs that are in use."""
    import torch

    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else None
    return torch.get_rng_state(), cuda


def set_random_state(states: tuple[Any, ...]) -> None:
    """Restore what `random_state` returned."""
    import torch

    torch.set_rng_state(states[0])
    if states[1] is not None:
        torch.cuda.set_rng_state_all(states[1])


@contextmanager
def restored_random_state() -> Generator[None, None, None]:
    """Restore the generators after the block, which may draw numbers."""
    states = random_state()
    try:
        yield
    finally:
        set_random_state(states)

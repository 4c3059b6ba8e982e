"""What the tests of networks share."""

from __future__ import annotations

import pytest
import torch


@pytest.fixture(autouse=True)
def _same_random_numbers() -> None:
    """Let inputs without a generator be the same in every run and every order."""
    torch.manual_seed(20260101)

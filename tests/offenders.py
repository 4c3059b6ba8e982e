"""Failing with everything that breaks a rule, and with what to do about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable


def fail_for(offenders: Iterable[str], rule: str) -> None:
    """Fail if there are offenders, with a line for each.

    Args:
        offenders: What breaks the rule.
        rule: What was expected, and what to do.
    """
    lines = sorted(offenders)
    if lines:
        pytest.fail(f"{rule}:\n  " + "\n  ".join(lines), pytrace=False)

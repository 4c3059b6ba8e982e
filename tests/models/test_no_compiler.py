"""spandrel is imported without torch's compiler, and whoever wants the compiler has it."""

from __future__ import annotations

import subprocess
import sys

import pytest

_SCRIPT = """
import sys
from lib_upscalers.models.architectures import registry
assert len(list(registry())) > 20
print("torch._dynamo" in sys.modules)
layer = sys.modules.get("torchvision.ops.roi_align")
ask = getattr(layer, "is_compile_supported", None)
import torch._dynamo
print(hasattr(torch._dynamo, "reset"))
print(ask is None or ask("cpu") == torch._dynamo.utils.is_compile_supported("cpu"))
"""
_MORE_IS_ASKED = """
import sys
import torch
from lib_upscalers.models.architectures.no_compiler import without_compiler
with without_compiler():
    from torch._dynamo import reset
    from torch._dynamo.utils import is_compile_supported, counters
    print(is_compile_supported.__module__)
print(sys.modules["torch._dynamo"].reset is reset)
"""


def printed(script: str) -> list[str]:
    run = [sys.executable, "-W", "ignore", "-c", script]
    return subprocess.run(run, capture_output=True, text=True, check=True).stdout.split()


@pytest.mark.slow
def test_spandrel_is_imported_without_the_compiler() -> None:
    assert printed(_SCRIPT) == ["False", "True", "True"]


@pytest.mark.slow
def test_the_compiler_is_imported_where_more_of_it_is_asked_for() -> None:
    assert printed(_MORE_IS_ASKED) == ["torch._dynamo.utils", "True"]

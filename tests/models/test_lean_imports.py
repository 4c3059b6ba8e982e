"""spandrel is imported without torchvision and torch's compiler; who wants them has them."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from lib_upscalers.models.architectures.lean_imports import few_collections
from lib_upscalers.pictures.files import write_picture
from lib_upscalers.pictures.picture import Picture

if TYPE_CHECKING:
    from pathlib import Path

_REGISTRY = """
import sys
from lib_upscalers.models.architectures import registry
assert len(list(registry())) > 20
print([name for name in ("torchvision", "torch._dynamo", "sympy", "triton") if name in sys.modules])
print(any(type(each).__name__ in ("_Place", "_Finder") for each in sys.meta_path))
"""
_LATER = """
import sys
import torch
from lib_upscalers.models.architectures import registry
registry()
lama = sys.modules["spandrel.architectures.LaMa.__arch.LaMa"]
picture = torch.rand(1, 3, 8, 8)
turned = lama.rotate(picture, 90.0, lama.InterpolationMode.BILINEAR, fill=0)
from torchvision.transforms.functional import InterpolationMode, rotate
print(torch.equal(turned, rotate(picture, 90.0, InterpolationMode.BILINEAR, fill=0)))
print("torch._dynamo" in sys.modules)
ask = sys.modules["torchvision.ops.roi_align"].is_compile_supported
import torch._dynamo
print(hasattr(torch._dynamo, "reset"))
print(ask("cpu") == torch._dynamo.utils.is_compile_supported("cpu"))
"""
_MORE_IS_ASKED = """
import sys
import torch
from lib_upscalers.models.architectures.lean_imports import without_unused
with without_unused():
    from torchvision.transforms.functional import rotate
    import torchvision.ops
    from torchvision.ops import nms
    from torch._dynamo import reset
    from torch._dynamo.utils import is_compile_supported, counters
    print(is_compile_supported.__module__, nms.__module__)
import torchvision
print(sys.modules["torchvision.ops"] is torchvision.ops, torchvision.ops.nms is nms)
print(torchvision.ops.__spec__.origin is not None, sys.modules["torch._dynamo"].reset is reset)
"""
_COMMAND = """
import sys
import torch
packages = lambda: {name.split(".")[0] for name in sys.modules} - set(sys.stdlib_module_names)
compiler = "torch._dynamo" in sys.modules
before = packages()
from lib_upscalers.cli import main
assert main(sys.argv[1:]) == 0
print(*sorted(packages() - before))
print(("torch._dynamo" in sys.modules) == compiler)
"""
# All that a picture through a network of ours imports beside torch and Python's own modules.
_NEEDED = "PIL einops lib_upscalers psutil safetensors spandrel"


def printed(script: str, *arguments: str) -> list[str]:
    run = [sys.executable, "-W", "ignore", "-c", script, *arguments]
    return subprocess.run(run, capture_output=True, text=True, check=True).stdout.splitlines()


@pytest.mark.slow
def test_spandrel_is_imported_without_what_it_does_not_use() -> None:
    assert printed(_REGISTRY) == ["[]", "False"]


@pytest.mark.slow
def test_what_spandrel_uses_in_functions_is_imported_when_they_run() -> None:
    assert printed(_LATER) == ["True", "False", "True", "True"]


@pytest.mark.slow
def test_what_more_is_asked_for_is_imported_as_it_is() -> None:
    expected = ["torch._dynamo.utils torchvision.ops.boxes", "True True", "True True"]
    assert printed(_MORE_IS_ASKED) == expected


@pytest.mark.slow
def test_a_picture_on_the_command_line_imports_no_more_than_it_needs(tmp_path: Path) -> None:
    source = tmp_path / "in.png"
    write_picture(Picture(np.zeros((8, 8, 3), np.uint8)), source)
    command = ("upscale", str(source), str(tmp_path / "out.png"), "-u", "Lab Fast 2x", "-q")
    assert printed(_COMMAND, *command) == [_NEEDED, "True"]


def test_garbage_is_collected_again_after_imports() -> None:
    import gc

    with few_collections():
        assert not gc.isenabled()
        with few_collections():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()


def test_what_imports_made_is_looked_through_rarely_and_what_is_frozen_stays_so() -> None:
    import gc

    with few_collections():
        made = [[] for _ in range(20_000)]
    assert any(each is made for each in gc.get_objects(generation=2))
    gc.freeze()
    try:
        frozen = gc.get_freeze_count()
        with few_collections():
            pass
        assert gc.get_freeze_count() > frozen / 2
    finally:
        gc.unfreeze()

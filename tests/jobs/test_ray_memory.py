"""A worker on Ray that really runs out of memory: Ray ends it, and only its picture fails."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest
from PIL import Image

from lib_upscalers.cli.main import main
from tests.jobs.test_ray_cluster import draw

if TYPE_CHECKING:
    from collections.abc import Generator

pytest.importorskip("ray", reason="Ray is not installed: pip install 'upscaler-lab[distributed]'")
pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("own_folders")]
# More than a worker takes until it is ready, and less than the huge picture's result on top.
_ROOM = 2600 << 20
_HUGE = 5200


@pytest.fixture
def narrow_cluster(monkeypatch: pytest.MonkeyPatch) -> Generator[Any]:
    """A cluster of one node that may use little more memory than is in use now."""
    from ray.cluster_utils import Cluster

    memory = psutil.virtual_memory()
    if memory.available < 2 * _ROOM:
        pytest.skip("too little memory is free")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    here = str(Path(__file__).parents[2])
    path = [here, *filter(None, [os.environ.get("PYTHONPATH")])]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(path))
    limit = (memory.total - memory.available + _ROOM) / memory.total
    watch = {"memory_usage_threshold": limit, "memory_monitor_refresh_ms": 100}
    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "_system_config": watch})
    yield made
    made.shutdown()


def test_only_the_picture_that_needs_too_much_fails(
    narrow_cluster: Any,  # noqa: ANN401 - Ray's own
    capsys: pytest.CaptureFixture[str],
) -> None:
    draw(6, 32)
    Image.new("RGB", (_HUGE, _HUGE), "red").save("in/huge.png")
    words = ["upscale", "in", "out", "-u", "Nearest", "--scale", "8", "--device", "cpu"]
    assert main([*words, f"--ray={narrow_cluster.address}", "--ray-cores", "1", "--json"]) == 1
    output = capsys.readouterr()
    summary = json.loads(output.out.splitlines()[-1])
    assert (summary["done"], summary["failed"]) == (6, 1)
    assert "4 have ended over it" in summary["errors"][0]["error"]
    assert "low on memory" in output.err
    assert len(list(Path("out").glob("*.png"))) == 6

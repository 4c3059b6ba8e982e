"""Folders on a real Ray cluster of two machines, which are two of its nodes on this one."""

from __future__ import annotations

import json
import os
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from lib_upscalers.cli.main import main

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

pytest.importorskip("ray", reason="Ray is not installed: pip install 'upscaler-lab[distributed]'")
pytestmark = pytest.mark.usefixtures("own_folders")

NETWORK = ("-u", "Lab Fast 2x", "--device", "cpu")


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Generator[Any]:
    from ray.cluster_utils import Cluster

    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    # A worker's process must find this checkout.
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join((str(Path.cwd()), *_python_path())))
    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    made.add_node(num_cpus=1)
    made.wait_for_nodes()
    yield made
    made.shutdown()


def _python_path() -> list[str]:
    here = Path(__file__).parents[2]
    return [str(here), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]


def draw(count: int, side: int) -> None:
    Path("in").mkdir()
    for number in range(count):
        pixels = np.random.default_rng(number).integers(0, 255, (side, side, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(f"in/{number:04}.png")


def contents(folder: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(Path(folder).glob("*.png"))}


def after(count: int, act: Callable[[], object]) -> threading.Thread:
    """Act once there are so many results."""

    def waiting() -> None:
        while len(list(Path("out").glob("*.png"))) < count:
            time.sleep(0.05)
        act()

    thread = threading.Thread(target=waiting, daemon=True)
    thread.start()
    return thread


def test_a_node_that_is_lost_leaves_its_pictures_to_the_other(
    cluster: Any,  # noqa: ANN401 - Ray's own
    capsys: pytest.CaptureFixture[str],
) -> None:
    draw(40, 96)
    assert main(["upscale", "in", "plain", *NETWORK, "-q"]) == 0
    lost = after(6, lambda: cluster.remove_node(cluster.list_all_nodes()[1], allow_graceful=False))
    words = ["upscale", "in", "out", *NETWORK, f"--ray={cluster.address}", "--ray-cores", "1"]
    assert main([*words, "--json"]) == 0
    lost.join(1)
    assert not lost.is_alive()
    assert json.loads(capsys.readouterr().out)["done"] == 40
    assert contents("out") == contents("plain")
    assert not list(Path("out").glob(".*.part"))

"""Folders on a real Ray cluster of two machines, which are two of its nodes on this one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil
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


def done(capsys: pytest.CaptureFixture[str]) -> int:
    """Return how many pictures a run has done; the cluster in this process prints, too."""
    return int(json.loads(capsys.readouterr().out.splitlines()[-1])["done"])


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
    assert done(capsys) == 40
    assert contents("out") == contents("plain")
    assert not list(Path("out").glob(".*.part"))


def test_a_cluster_of_ones_own_listens_to_nobody_else_and_survives_a_killed_worker(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(_python_path()))
    draw(40, 96)
    assert main(["upscale", "in", "plain", *NETWORK, "-q"]) == 0
    words = ["upscale", "in", "out", *NETWORK, "--ray", "--ray-cores", "1", "--json"]
    command = [sys.executable, "-m", "lib_upscalers", *words]
    addresses: set[str] = set()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as run:

        def kill_one() -> None:
            started = psutil.Process(run.pid).children(recursive=True)
            for each in started:
                with suppress(psutil.Error):
                    opened = each.net_connections()
                    addresses.update(at.laddr.ip for at in opened if at.status == "LISTEN")
            next(each for each in started if "_Actor" in "".join(each.cmdline())).kill()

        killed = after(6, kill_one)
        summary = json.loads(run.communicate(timeout=300)[0])
    killed.join(1)
    assert not killed.is_alive()
    assert summary["done"] == 40
    assert contents("out") == contents("plain")
    assert addresses
    assert addresses <= {"127.0.0.1", "::ffff:127.0.0.1", "::1"}

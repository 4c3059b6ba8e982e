"""Two thousand small pictures on two nodes of Ray: each is done exactly once."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lib_upscalers.cli.main import main
from lib_upscalers.jobs.journal_view import JournalView
from tests.jobs.test_ray_cluster import cluster, contents, draw

if TYPE_CHECKING:
    from typing import Any

pytest.importorskip("ray", reason="Ray is not installed: pip install 'upscaler-lab[distributed]'")
pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("own_folders")]
__all__ = ["cluster"]


def test_two_thousand_pictures_are_each_done_once(
    cluster: Any,  # noqa: ANN401 - Ray's own; the fixture
    capsys: pytest.CaptureFixture[str],
) -> None:
    draw(2000, 16)
    nearest = ("-u", "Nearest", "--scale", "2", "--device", "cpu")
    assert main(["upscale", "in", "plain", *nearest, "-q"]) == 0
    words = ["upscale", "in", "out", *nearest, f"--ray={cluster.address}", "--ray-cores", "1"]
    capsys.readouterr()
    assert main([*words, "--json"]) == 0
    summary = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (summary["done"], summary["failed"]) == (2000, 0)
    with JournalView(Path("out")) as journal:
        rows = journal.select("")
    assert Counter(row.state for row in rows) == {"done": 2000}
    assert len({row.source for row in rows}) == 2000
    assert contents("out") == contents("plain")
    assert not list(Path("out").glob(".*.part"))

"""Send odd requests to our routes in a WebUI: an answer or a sentence, never a 500.

python -m tests.fuzz.requests --minutes 10 --keep found/
"""

from __future__ import annotations

import io
import json
from base64 import b64encode
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from lib_upscalers.hosts.webui import start
from tests.fuzz.fuzzing import Fuzzer, changed, damaged, one_of, random_value, renumbered, run
from tests.hosts.conftest import load
from tests.hosts.test_extras import client
from tests.hosts.webui_model import WebUI
from tests.upscaling.test_upscaler import save_network

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

    import numpy as np

_PATH = "/upscaler-lab/v1/upscale"
_CODES = (200, 400, 403, 404, 409, 422, 507)
_NAMES = ["Nearest", "Lanczos", "Ours 2x", "ours 2x", "None", "", "../Ours 2x", "Latent"]
# No size among them takes more than a moment: small, or more than any memory.
_SIDES = ["0", "-1", "1", "17", "120", "1.5", "2147483647", "2147483648", "1e400", "null", '"9"']
_SCALES = ["0", "-1", "0.01", "1", "2.5", "64", "65", "1e308", "NaN", "Infinity", "null", '"2"']


def _picture(kind: str = "PNG", mode: str = "RGB") -> str:
    file = io.BytesIO()
    Image.new(mode, (7, 5), 90 if mode == "L" else (90, 120, 30, 40)[: len(mode)]).save(file, kind)
    return b64encode(file.getvalue()).decode()


def seeds() -> dict[str, bytes]:
    """Return valid requests, by the name of a file."""
    one = {"image": _picture(), "upscaler": "Nearest"}
    several = {"images": [_picture("JPEG"), _picture(mode="RGBA")], "upscaler": "Ours 2x"}
    requests: dict[str, object] = {
        "scale": {**one, "scale": 2.5},
        "size": {**one, "width": 20, "height": 17},
        "longest": {**several, "longest_side": 30, "match_colours": True},
        "chain": {"image": _picture(), "upscalers": ["Ours 2x", "Nearest"], "scale": 3},
        "blend": {
            "image": "data:image/png;base64," + _picture(),
            "scale": 2,
            "share": 0.25,
            "upscalers": ["Nearest", "Lanczos"],
            "way": "blend",
        },
        "engine": {
            "image": _picture(),
            "upscaler": "Ours 2x",
            "scale": 2,
            "tile": 32,
            "overlap": 4,
            "precision": "fp32",
            "padding": "wrap",
            "alpha": "kernel",
            "kernel": "Hermite",
            "linear_light": True,
            "passes": "reduced",
        },
    }
    return {f"{name}.request": json.dumps(held).encode() for name, held in requests.items()}


def damage(_: str, data: bytes, rng: np.random.Generator) -> bytes:
    """Return another request: other names, sizes, values, or no JSON at all."""
    choice = rng.random()
    request = json.loads(data)
    if choice < 0.25:
        return damaged(data, rng) if rng.random() < 0.7 else renumbered(data, rng)
    if choice < 0.45:
        field = one_of(rng, ["width", "height", "longest_side", "scale", "tile", "overlap"])
        values = _SCALES if field == "scale" else _SIDES
        held = json.dumps({**request, field: "@"})
        return held.replace('"@"', one_of(rng, values)).encode()
    if choice < 0.6:
        names = [one_of(rng, _NAMES) for _ in range(int(rng.integers(0, 5)))]
        field = one_of(rng, ["upscalers", "upscaler", "kernel", "way", "precision", "padding"])
        held = names if field == "upscalers" else "".join(names[:1])
        return json.dumps({**request, field: held}).encode()
    if choice < 0.75:
        field = one_of(rng, list(request))
        return json.dumps({**request, field: random_value(rng)}).encode()
    return json.dumps(changed(request, rng)).encode()


@contextmanager
def prepared(folder: Path) -> Generator[Callable[[Path], str]]:
    """Yield the check, inside a model of a WebUI with one network."""
    with pytest.MonkeyPatch.context() as patch:
        save_network(folder / "models" / "DAT" / "Ours 2x.pth")
        webui = WebUI("a1111", folder / "models")
        webui.install(patch)
        load(webui)
        sender = client(webui)

        def check(file: Path) -> str:
            headers = {"content-type": "application/json"}
            answer = sender.post(_PATH, content=file.read_bytes(), headers=headers)
            assert answer.status_code in _CODES, (answer.status_code, answer.text[:300])
            held = answer.json()
            assert "image" in held or "images" in held or held["detail"]
            return "done" if answer.status_code == 200 else "refused"

        try:
            yield check
        finally:
            start.release()


FUZZER = Fuzzer("Send odd requests to our routes in a WebUI.", seeds, prepared, damage)

if __name__ == "__main__":
    run(FUZZER)

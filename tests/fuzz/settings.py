"""Feed odd settings: shared texts, viewer's messages, stored comparisons, WebUI settings, forms.

python -m tests.fuzz.settings --minutes 10 --keep found/
"""

from __future__ import annotations

import json
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from lib_upscalers.compare.request import ComparisonRequest
from lib_upscalers.compare.session import Cost, Entry, Session, StoredPicture
from lib_upscalers.compare.store import Store
from lib_upscalers.errors import InputError
from lib_upscalers.hosts.standalone import StandaloneHost
from lib_upscalers.hosts.webui import options, start
from lib_upscalers.hosts.webui.former_options import carry_over
from lib_upscalers.ui.compare_actions import CompareActions
from lib_upscalers.upscaling.settings import Settings, chosen
from lib_upscalers.upscaling.upscaler import Upscaler
from tests.fuzz.fuzzing import Fuzzer, changed, damaged, random_text, random_value, renumbered, run
from tests.hosts.conftest import load
from tests.hosts.webui_model import WebUI

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

    import numpy as np

_NAME = "1" * 32


def seeds() -> dict[str, bytes]:
    """Return valid settings of every kind, by the name of a file."""
    texts: dict[str, object] = {
        "scale.request": {"upscaler-lab": 1, "upscalers": ["Nearest", "Box"], "scale": 2.5},
        "size.request": {"upscaler-lab": 1, "upscalers": ["Nearest", "Box"], "size": [640, 480]},
        "test.request": {
            "upscaler-lab": 1,
            "version": "0.1.0",
            "upscalers": ["Lanczos", "Lab Fast 2x", "Hermite"],
            "test": {"shrink": 2, "kernel": "Bicubic", "jpeg": 80},
            "engine": {"tile": 512, "precision": "fp32", "linear_light": True},
        },
        "some.message": {"session": _NAME, "kind": "html", "upscaler": "Nearest"},
        "all.options": {option.key: option.default for option in options.OPTIONS},
        "former.options": {
            "upscaler_lab_latent_modes": ["Latent (area)", "Latent (Lab)"],
            "upscaler_lab_tile": 512,
        },
        "some.form": {"tile": 512, "precision": "fp16", "seamless": True, "linear_light": "on"},
    }
    made = {name: json.dumps(held).encode() for name, held in texts.items()}
    return {**made, "stored.session": _session().to_json().encode()}


def _session() -> Session:
    picture = StoredPicture(f"pictures/{_NAME}/x.png", 4, 3)
    cost = Cost(0.5, 1.5, device="cpu")
    entry = Entry("Nearest", "kernel", state="finished", result=picture, cost=cost)
    entries = (replace(entry, figures={"psnr": 30.5}), replace(entry, name="Box", result=None))
    return Session(_NAME, "x", picture, 8, 6, entries, notes=("A word.",))


def damage(name: str, data: bytes, rng: np.random.Generator) -> bytes:
    """Return another text: of other values, other numbers, or none that can be read."""
    choice = rng.random()
    if name.endswith((".options", ".form")) and choice < 0.5:
        known = json.loads(data)
        key = list(known)[int(rng.integers(len(known)))]
        return json.dumps({**known, key: random_value(rng)}).encode()
    if choice < 0.8:
        value: object = json.loads(data)
        for _ in range(int(rng.integers(1, 4))):
            value = changed(value, rng)
        return json.dumps(value, ensure_ascii=bool(rng.integers(2))).encode(
            "utf-8", "surrogatepass"
        )
    if choice < 0.85:
        return (random_text(rng) * int(rng.integers(1, 2000))).encode("utf-8", "surrogatepass")
    return renumbered(data, rng) if choice < 0.92 else damaged(data, rng)


def _table(text: str) -> dict[str, Any]:
    """Return what a file of settings holds; a WebUI takes no other JSON."""
    try:
        held = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return held if isinstance(held, dict) else {}


def _read_request(text: str) -> None:
    request = ComparisonRequest.parse(text)
    engine = chosen(request.engine)
    Settings(**engine)
    again = ComparisonRequest.parse(request.to_text("0.1.0"))
    assert (again.names, again.target, again.trial) == (
        request.names,
        request.target,
        request.trial,
    )


def _answer(actions: CompareActions, text: str) -> None:
    for answer in (actions.export(text), actions.export(_table(text))):
        assert answer.startswith('<p class="lab-alert"'), answer
    assert actions.restore(text) == ""
    actions.cancel(text[:100])


def _restore(actions: CompareActions, text: bytes) -> None:
    """A stored comparison is the user's own file, but may be cut off or of another version."""
    actions.store.make_folder("sessions").joinpath(f"{_NAME}.json").write_bytes(text)
    feed = actions.restore(_NAME)
    assert feed == "" or feed.startswith("<span data-feed="), feed
    for kind in ("html", "csv", "json", "png"):
        answer = actions.export(json.dumps({"session": _NAME, "kind": kind}))
        assert answer.startswith(('<p class="lab-alert"', "<a class")), answer


def _obey(webui: WebUI, text: str) -> None:
    data = webui.opts.data
    before = dict(data)
    try:
        data.update(_table(text))
        carry_over(data)
        for option in options.OPTIONS:
            options.value(option)
        options.folders()
        options.modes()
        with suppress(InputError):
            options.settings()
        options.finishers()
    finally:
        data.clear()
        data.update(before)


@contextmanager
def prepared(folder: Path) -> Generator[Callable[[Path], str]]:
    """Yield the check, inside a model of a WebUI."""
    with pytest.MonkeyPatch.context() as patch:
        webui = WebUI("a1111", folder / "models")
        webui.install(patch)
        load(webui)
        host = StandaloneHost(own_data_folder=folder / "data")
        actions = CompareActions(
            Upscaler(host), host, Store(folder / "store"), str, lambda: folder / "uploads"
        )

        def check(file: Path) -> str:
            data = file.read_bytes()
            text = data.decode("utf-8", "replace")
            try:
                match file.suffix:
                    case ".request":
                        _read_request(text)
                    case ".message":
                        _answer(actions, text)
                    case ".session":
                        _restore(actions, data)
                    case ".options":
                        _obey(webui, text)
                    case _:
                        Settings(**chosen(_table(text)))
            except InputError:
                return "refused"
            return "done"

        try:
            yield check
        finally:
            start.release()


FUZZER = Fuzzer("Feed odd settings at random.", seeds, prepared, damage)

if __name__ == "__main__":
    run(FUZZER)

"""Damage network files at random and load them: done or refused, within bounds of memory.

python -m tests.fuzz.weights --minutes 10 --keep found/
"""

from __future__ import annotations

import io
import struct
import tempfile
import zipfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from lib_upscalers.errors import ModelError
from lib_upscalers.models.loader import load_network, read_traits
from tests.fuzz.fuzzing import CORPUS, Fuzzer, damaged, peak_mebibytes, renumbered, run
from tests.models.networks import ESRGANS
from tests.models.test_graphs import ncnn_compact
from tests.models.tiny import compact

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

    import numpy as np

_MOST_MEBIBYTES = 300
_SIDE = 16


def _state() -> dict[str, torch.Tensor]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        return compact(num_feat=4, num_conv=1).state_dict()


def _saved(held: object, *, zipped: bool = True) -> bytes:
    file = io.BytesIO()
    torch.save(held, file, _use_new_zipfile_serialization=zipped)
    return file.getvalue()


def _repacked(whole: bytes, how: int, **other: bytes) -> bytes:
    """Return a zip file with some of its parts, named by their last names' stems, replaced."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(whole)) as source, zipfile.ZipFile(made, "w", how) as target:
        for name in source.namelist():
            target.writestr(name, other.get(Path(name).stem, source.read(name)))
    return made.getvalue()


def _safe(state: Mapping[str, torch.Tensor]) -> bytes:
    from safetensors.torch import save

    return save({name: tensor.contiguous() for name, tensor in state.items()}, {"format": "pt"})


def _ncnn(ending: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        return ncnn_compact(_state(), Path(folder)).with_suffix(ending).read_bytes()


def seeds() -> dict[str, bytes]:
    """Return a tiny network in every kind of file that is read, by name."""
    state = _state()
    zipped = _saved(state)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        larger = ESRGANS["2x"]().state_dict()
    wrapped = {"params_ema": state, "iter": 5, "optimizer": {"lr": 0.1, "betas": (0.9, 0.99)}}
    return {
        "plain.pth": zipped,
        "packed.pth": _repacked(zipped, zipfile.ZIP_DEFLATED),
        "wrapped.pth": _saved(wrapped),
        "half.pth": _saved({name: tensor.half() for name, tensor in larger.items()}),
        "former.pth": _saved(state, zipped=False),
        "plain.safetensors": _safe(state),
        "brain.safetensors": _safe({name: tensor.bfloat16() for name, tensor in larger.items()}),
        "some.param": _ncnn(".param"),
        "some.bin": _ncnn(".bin"),
        "some.onnx": (CORPUS / "weights" / "compact.onnx").read_bytes(),
    }


def damage(name: str, data: bytes, rng: np.random.Generator) -> bytes:
    """Return a damaged file: anywhere, or in the part that describes the rest."""
    if name.endswith(".param"):
        return renumbered(data, rng) if rng.random() < 0.6 else damaged(data, rng)
    if data.startswith(b"PK") and rng.random() < 0.7:
        with zipfile.ZipFile(io.BytesIO(data)) as source:
            pickled = next(name for name in source.namelist() if name.endswith("data.pkl"))
            return _repacked(data, zipfile.ZIP_STORED, data=damaged(source.read(pickled), rng))
    if name.endswith(".safetensors") and rng.random() < 0.7:
        end = 8 + int(struct.unpack_from("<Q", data)[0])
        change = renumbered if rng.random() < 0.6 else damaged
        header = change(data[8:end], rng)
        return struct.pack("<Q", len(header)) + header + data[end:]
    return damaged(data, rng)


def _network_of(file: Path) -> Path:
    """Return what to load to read a file; one half of an ncnn network gets its other half."""
    if file.suffix == ".param":
        file.with_suffix(".bin").write_bytes(_ncnn(".bin"))
    if file.suffix == ".bin":
        file.with_suffix(".param").write_bytes(_ncnn(".param"))
        return file.with_suffix(".param")
    return file


def check(file: Path) -> str:
    """Look at a file, load it, and run it; return "done" or "refused".

    Raises:
        Exception: What loading must never raise.
    """
    path = _network_of(file)
    try:
        for find in (read_traits, load_network):
            try:
                found = find(path)
            except ModelError as error:
                text = str(error)
                assert text.startswith("Expected"), text
                assert text.isprintable(), text
                assert len(text) < 700, text
                result = "refused"
            else:
                assert find is not load_network or found.traits.scale >= 1
                result = "done"
                if find is load_network:
                    _run(found)
        return result
    finally:
        for each in {path, path.with_suffix(".bin")} - {file}:
            each.unlink(missing_ok=True)


def _run(network: object) -> None:
    traits = network.traits  # type: ignore[attr-defined]
    batch = torch.rand(1, traits.channels, _SIDE, _SIDE)
    with torch.inference_mode():
        result = network(batch)  # type: ignore[operator]
    side = _SIDE * traits.scale
    assert result.shape == (1, traits.result_channels, side, side), (result.shape, traits)


@contextmanager
def prepared(folder: Path) -> Generator[Callable[[Path], str]]:
    """Yield a check that also watches memory."""
    for name, data in seeds().items():
        (folder / name).write_bytes(data)
        expected = "refused" if name == "packed.pth" else "done"
        assert check(folder / name) == expected, name
        (folder / name).unlink()
    before = peak_mebibytes()

    def check_within_bounds(file: Path) -> str:
        result = check(file)
        taken = peak_mebibytes() - before
        assert taken < _MOST_MEBIBYTES, f"takes {taken} MiB"
        return result

    yield check_within_bounds


FUZZER = Fuzzer("Load damaged network files at random.", seeds, prepared, damage)

if __name__ == "__main__":
    run(FUZZER)

"""Call the command line with odd arguments: a known exit code, a sentence, and never a traceback.

python -m tests.fuzz.arguments --minutes 10 --keep found/
"""

from __future__ import annotations

import contextlib
import io
import json
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from lib_upscalers.cli import main
from tests.fuzz.fuzzing import Fuzzer, one_of, random_text, run
from tests.models.networks import compact_file

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

_CODES = (0, 1, 2)
_FLAGS = {
    "upscale": ["-q", "-v", "--linear-light", "--recursive", "--overwrite", "--partial"],
    "list": ["-q", "-v"],
    "compare": ["-q", "-v", "--overwrite"],
    # What makes sense is never given, because it would train.
    "latent": ["fit"],
}
_SIZES = {
    "--scale": ["2", "0.5", "2.5", "3"],
    "-s": ["2", "1"],
    "--size": ["30x20", "30x", "x20"],
    "--device": ["cpu", "auto"],
    "--models": ["some", "nothing"],
}
_VALUED = {
    "upscale": {
        **_SIZES,
        "--upscaler": ["Lanczos", "Nearest", "Lab Fast 2x", "small", "some/small.pth"],
        "-u": ["Mitchell", "Box", "small"],
        "--tile": ["8", "512"],
        "--overlap": ["0", "16"],
        "--precision": ["auto", "fp32", "bf16"],
        "--padding": ["wrap", "reflect"],
        "--alpha": ["kernel", "network"],
        "--kernel": ["Nearest", "Lanczos"],
        "--passes": ["whole", "reduced"],
        "--format": ["png", "jpg", "webp", "avif", "tif", "bmp"],
        "--quality": ["1", "90"],
        "--max-pixels": ["100", "1000000"],
    },
    "list": {"--models": ["some", "nothing"]},
    "compare": {
        **_SIZES,
        "--with": ["Nearest,Box", "Lanczos,small", "Nearest,some/small.pth"],
        "--test": ["2", "3"],
        "--kernel": ["Bicubic"],
        "--jpeg": ["50"],
        "--report": ["report.html", "a.png"],
        "--grid": ["grid.png", "grid.jpg"],
        "--csv": ["report.csv"],
        "--json": ["report.json"],
    },
    "latent": {"--loader": [], "--space": ["sd1"], "--vae": [], "--pictures": [], "--minutes": []},
}
# No size among them takes more than a moment: small, or beyond what any format holds.
_VALUES = [
    *("0", "1", "2", "3", "-1", "0.5", "2.5", "64", "1e9", "1e400", "nan", "inf", "9" * 30, "٣"),
    *("1x1", "30x20", "30x", "x20", "x", "0x0", "3000000000x3", "99999999x99999999", "1_0x2"),
    *("cpu", "cuda", "cuda:99", "mps", "auto", "fp32", "bf16", "wrap", "network", "whole"),
    *(
        "png",
        "jpg",
        "webp",
        "avif",
        "tif",
        "bmp",
        "exe",
        "Lanczos",
        "lanczos",
        "Nearest",
        "Mitchel",
    ),
    *("Lab Fast 2x", "small", "Nearest,Box", "Nearest,Nearest", "Nearest,,Box", "some/small.pth"),
    *("a.png", "b.jpg", "some", "*.png", "[", "nothing.png", "nothing", "cut.png", "text.png"),
    *("out.png", "out.jpg", "out", "out/", "new/deep/out.webp", "-", "~nobody/x.png", "~x.png"),
    *("report.html", "report.csv", "http://127.0.0.1:9/x.png", "", " ", "x" * 300 + ".png"),
]


def seeds() -> dict[str, bytes]:
    """Return one word a command; `damage` makes the rest."""
    return {f"{name}.arguments": json.dumps([name]).encode() for name in _FLAGS}


def damage(_: str, data: bytes, rng: np.random.Generator) -> bytes:
    """Return a command with arguments: mostly such as it has, some not, in any order."""
    command: str = json.loads(data)[0]
    made: list[str] = []
    for _ in range(int(rng.integers(0, 5))):
        if rng.random() < 0.3:
            made.append(one_of(rng, _FLAGS[command]))
        else:
            option = one_of(rng, list(_VALUED[command]))
            good = _VALUED[command][option]
            value = one_of(rng, good) if good and rng.random() < 0.75 else _value(rng)
            joined = rng.random() < 0.2 and option.startswith("--")
            made += [f"{option}={value}"] if joined else [option, value]
    if command == "compare" and rng.random() < 0.8:
        made += ["--with", one_of(rng, _VALUED[command]["--with"])]
    places = [_value(rng) for _ in range(int(rng.integers(0, 2)))]
    if command != "list" and rng.random() < 0.8:
        places.insert(0, one_of(rng, ["a.png", "b.jpg", "some", "*.png"]))
        places += [f"out{int(rng.integers(100))}.png"] if command == "upscale" else []
    words = [*made, *places] if rng.random() < 0.5 else [*places, *made]
    if rng.random() < 0.1 and words:
        words.insert(int(rng.integers(len(words))), _value(rng))
    return json.dumps([command, *words]).encode()


def _value(rng: np.random.Generator) -> str:
    if rng.random() < 0.85:
        return one_of(rng, _VALUES)
    # Nothing is written beside the folder; no system hands on a NUL, and bytes that are no text
    # come as Python escapes them.
    text = random_text(rng).replace("\ud800", "\udc80")
    return "".join(each for each in text if each not in "./\\\0")


def check(file: Path) -> str:
    """Run the arguments in a file; return "done" or "refused".

    Raises:
        Exception: What the command line must never raise; it showed a traceback; or it called
            something a fault of its own.
    """
    words: list[str] = json.loads(file.read_bytes())
    output, messages = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(messages):
        try:
            code = main(words)
        except SystemExit as stop:
            code = stop.code
    text = messages.getvalue()
    assert code in _CODES, code
    # --verbose shows tracebacks of errors.
    assert "Traceback" not in text or _is_verbose(words), text
    assert "fault of this program" not in text, text
    assert code == 0 or text, "nothing is said"
    assert not any(ord(each) < 32 and each not in "\r\n\t" for each in text + output.getvalue())
    return "done" if code == 0 else "refused"


def _is_verbose(words: list[str]) -> bool:
    return any(word.startswith("-") and "v" in word for word in words)


@contextmanager
def prepared(folder: Path) -> Generator[Callable[[Path], str]]:
    """Yield the check; it runs in a folder with a few pictures and a network."""
    place = folder / "place"
    with pytest.MonkeyPatch.context() as patch:
        (place / "some").mkdir(parents=True, exist_ok=True)
        patch.chdir(place)
        patch.setenv("HOME", str(place))
        patch.setenv("USERPROFILE", str(place))
        patch.setenv("XDG_DATA_HOME", str(place / "data"))
        rng = np.random.default_rng(3)
        picture = Image.fromarray(rng.integers(0, 256, (9, 12, 3), dtype=np.uint8))
        for name in ("a.png", "b.jpg", "some/c.png", "some/d.webp"):
            picture.save(name)
        whole = Path("a.png").read_bytes()
        Path("cut.png").write_bytes(whole[: len(whole) // 2])
        Path("text.png").write_text("no picture")
        compact_file(Path("some/small.pth"), num_feat=4, num_conv=1)
        yield check


FUZZER = Fuzzer("Call the command line with odd arguments.", seeds, prepared, damage)

if __name__ == "__main__":
    run(FUZZER)

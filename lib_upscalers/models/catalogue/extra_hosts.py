"""Fetch from Google Drive, Mega and MediaFire by the optional package openmodeldb.

The package (MIT) runs in a process of its own: it prints, and knows neither progress nor a limit.
What it brings is checked like any other download. https://github.com/matth-blt/openmodeldb
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from lib_upscalers.errors import DownloadError
from lib_upscalers.models.catalogue.transfer import MOST_BYTES

if TYPE_CHECKING:
    from lib_upscalers.progress import Progress

_PAUSE_SECONDS = 0.1
_MOST_SECONDS = 6 * 3600.0
_SILENT_SECONDS = 180.0
_WORKER = "lib_upscalers.models.catalogue.extra_worker"
ADVICE = "pip install 'upscaler-lab[catalogue]', or open the model's page and drop the file here"


def has_extra() -> bool:
    """Return whether the package is installed."""
    return find_spec("openmodeldb") is not None


def fetch_by_extra(
    address: str, target: Path, size: int | None, progress: Progress, proxy: str = ""
) -> None:
    """Fetch a file by the package, in a process of its own; uses the network.

    Args:
        address: Of one of the servers that `file_hosts.way_to` calls "extra".
        target: The new file, which is not checked yet.
        size: How many bytes are expected; None: unknown.
        progress: Gets the bytes; may cancel.
        proxy: As in `CatalogueSettings`.

    Raises:
        DownloadError: The package is missing, or failed, or brought too much.
        Cancelled: The user stopped it.
    """
    if not has_extra():
        raise DownloadError(
            f"Expected the package openmodeldb, which fetches from {address[:60]}, but it is not "
            f"installed: {ADVICE}."
        )
    root = Path(__file__).resolve().parents[3]
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, _search_path(root)))}
    if proxy:
        environ["HTTPS_PROXY"] = environ["https_proxy"] = "" if proxy == "none" else proxy
    with subprocess.Popen(  # noqa: S603 - our own module
        [sys.executable, "-m", _WORKER, address, str(target)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=environ,
        cwd=root,
        text=True,
        errors="replace",
    ) as process:
        try:
            _watch(process, target, size, progress)
        finally:
            process.kill()
            problem = (process.stderr.read() if process.stderr else "").strip()
            with suppress(OSError):
                _part(target).unlink()
    if process.returncode != 0 or not target.is_file():
        last = "".join(each for each in problem.splitlines()[-1:] if each)
        raise DownloadError(
            f"Expected openmodeldb to fetch the file, but it failed ({last[:200]}): open the "
            "model's page and fetch it there."
        )


def _search_path(root: Path) -> tuple[str, str]:
    return str(root), os.environ.get("PYTHONPATH", "")


def _part(target: Path) -> Path:
    return target.with_name(f"{target.name}.part")


def _watch(
    process: subprocess.Popen[str], target: Path, size: int | None, progress: Progress
) -> None:
    most = size or MOST_BYTES
    begun = moved = time.monotonic()
    at = 0
    while process.poll() is None:
        progress.check_cancelled()
        now = time.monotonic()
        before, at = at, _size_of(target)
        moved = now if at > before else moved
        if at > most:
            raise DownloadError(
                f"Expected {most:,} bytes at most, but the server sends more: the catalogue is "
                "wrong, or this is another file. Nothing is stored."
            )
        if now - begun > _MOST_SECONDS or now - moved > _SILENT_SECONDS:
            raise DownloadError("Expected a file, but nothing comes any more: try again later.")
        progress.update(at, max(most if size else at, 1))
        time.sleep(_PAUSE_SECONDS)


def _size_of(target: Path) -> int:
    for path in (_part(target), target):
        with suppress(OSError):
            return path.stat().st_size
    return 0

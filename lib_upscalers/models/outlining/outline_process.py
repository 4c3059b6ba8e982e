"""Ask another process what network is in a file, so that this one need not import torch."""

from __future__ import annotations

import contextlib
import json
import sys
from typing import TYPE_CHECKING, Any

from lib_upscalers.errors import UnsupportedModelError
from lib_upscalers.network import NetworkTraits

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path
    from types import TracebackType

    from typing_extensions import Self

_WORKER = "lib_upscalers.models.outlining.outline_worker"
_START = f"import sys; sys.path[:] = {{!r}}; from {_WORKER} import main; main()"


class OutlineProcess:
    """The process, which starts with the first question and ends with the block."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._usable = True

    def __enter__(self) -> Self:
        """Begin; nothing starts yet."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End the process."""
        self._end()

    def traits(self, path: Path) -> NetworkTraits | None:
        """Return the traits of the network in a file; None if it has to be built to know them.

        Raises:
            UnsupportedModelError: It holds a network that is not known or does something else.
        """
        if not self._usable:
            return None
        try:
            found = self._ask(path)
        except (OSError, ValueError):
            # No process can be started here, or it has ended: memory may be out.
            self._usable = False
            self._end()
            return None
        if "problem" in found:
            raise UnsupportedModelError(found["problem"])
        return NetworkTraits(**found["traits"]) if "traits" in found else None

    def _ask(self, path: Path) -> dict[str, Any]:
        """Return the answer about a file.

        Raises:
            OSError: The process cannot be started or asked.
            ValueError: It gives no answer.
        """
        process = self._process or self._start()
        self._process = process
        if process.stdin is None or process.stdout is None:
            raise ValueError
        process.stdin.write(json.dumps(str(path.absolute())) + "\n")
        process.stdin.flush()
        answer: dict[str, Any] = json.loads(process.stdout.readline())
        return answer

    def _start(self) -> subprocess.Popen[str]:
        import subprocess

        return subprocess.Popen(  # noqa: S603 - this Python, with our own code
            [sys.executable, "-c", _START.format(sys.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="ascii",
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(OSError):
            process.communicate()

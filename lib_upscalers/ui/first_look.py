"""Show the sample picture, compared already, to those who open the page for the first time."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from lib_upscalers.compare.request import ComparisonRequest
from lib_upscalers.compare.subject import make_subject
from lib_upscalers.pictures.files import write_picture
from lib_upscalers.targets import Target
from lib_upscalers.ui.sample import draw_sample
from lib_upscalers.upscaling.candidates import candidates, comparison
from lib_upscalers.upscaling.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

    from lib_upscalers.compare.session import Session
    from lib_upscalers.compare.store import Store
    from lib_upscalers.host import Host
    from lib_upscalers.upscaling.upscaler import Upscaler

TITLE = "sample"
_NAMES = ("Nearest", "Lanczos", "Lab Fast 2x")


class FirstLook:
    """The sample picture, and its comparison, which is made once.

    Args:
        upscaler: Runs the upscalers: kernels, and a network that comes with this library.
        host: Its host.
        store: Stores the files.
    """

    def __init__(self, upscaler: Upscaler, host: Host, store: Store) -> None:
        self._upscaler = upscaler
        self._host = host
        self._store = store
        self._lock = threading.Lock()
        self._session: Session | None = None

    def picture(self) -> Path:
        """Return the file of the sample picture; it is drawn if it is not there.

        Raises:
            OutputError: It cannot be written.
        """
        path = self._store.make_folder("samples") / f"{TITLE}.png"
        if not path.is_file():
            write_picture(draw_sample(), path)
        return path

    def session(self) -> Session:
        """Return the comparison of the sample; making it takes about a second.

        Raises:
            OutputError: The files cannot be written.
        """
        with self._lock:
            if self._session is None or not self._is_there(self._session):
                self._session = self._make()
            return self._session

    def _is_there(self, session: Session) -> bool:
        shown = (session.source, *(entry.result for entry in session.entries))
        return all(each is None or self._store.path(each.file).is_file() for each in shown)

    def _make(self) -> Session:
        request = ComparisonRequest(_NAMES, Target(scale=2.0))
        subject = make_subject(draw_sample(), TITLE, request)
        # Not the automatic precision: the results are stored apart from those of other devices.
        chosen = candidates(self._upscaler, _NAMES, settings=Settings(precision="fp32"))
        *_, last = comparison(subject, request, chosen, self._store, self._host).run()
        return last

"""Perform the actions of the comparison tab, without gradio: from forms to HTML."""

from __future__ import annotations

import contextlib
import functools
import logging
import threading
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lib_upscalers.compare import report
from lib_upscalers.compare.comparison import explain
from lib_upscalers.compare.picks import PickStore
from lib_upscalers.compare.request import ComparisonRequest
from lib_upscalers.compare.store import saved_name
from lib_upscalers.compare.subject import read_subject
from lib_upscalers.compare.view import view_of, view_of_several
from lib_upscalers.errors import InputError, UpscalerError
from lib_upscalers.file_writing import write_text
from lib_upscalers.geometry import Size
from lib_upscalers.pictures.files import picture_size, write_picture
from lib_upscalers.targets import SizeRequest, Target
from lib_upscalers.ui.client_watch import ClientWatch
from lib_upscalers.ui.pick_actions import act_on_picks, stored_picks
from lib_upscalers.ui.result_use import Used
from lib_upscalers.ui.uploads import accepted
from lib_upscalers.ui.viewer_feed import alert, feed, message_text, message_values
from lib_upscalers.upscaling.candidates import candidates, comparison
from lib_upscalers.upscaling.settings import Settings, chosen, differences

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping, Sequence

    from lib_upscalers.compare.align import Trial
    from lib_upscalers.compare.candidate import Candidate
    from lib_upscalers.compare.session import Session, StoredPicture
    from lib_upscalers.compare.store import Store
    from lib_upscalers.host import Host
    from lib_upscalers.ui.first_look import FirstLook
    from lib_upscalers.ui.result_use import Use
    from lib_upscalers.upscaling.upscaler import Upscaler

_log = logging.getLogger("lib_upscalers")
MOST_PICTURES = 50
_MOST_WAITING = 100


@dataclass(frozen=True)
class Form:
    """The values of the form.

    Attributes:
        names: The upscalers.
        scale: How many times as large; used if `size` is None.
        size: The size; a side of 0 follows the picture's shape.
        fit: Whether both sides are those that a result of the picture's own shape has to fit into.
        trial: How the picture is shrunk first; None: it is not.
        engine: The engine's settings that are chosen, by name.
    """

    names: tuple[str, ...]
    scale: float = 2.0
    size: tuple[int, int] | None = None
    fit: bool = False
    trial: Trial | None = None
    engine: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def request(self, picture: Size | None = None) -> ComparisonRequest:
        """Return the request for the comparison.

        Args:
            picture: The picture's size, where a side of `size` may be 0.

        Raises:
            InputError: A value is invalid.
        """
        if self.trial is not None:
            target = Target(scale=float(self.trial.factor))
        elif self.size is not None:
            width, height = self.size
            asked = SizeRequest(width or None, height or None, self.fit and all(self.size))
            target = Target(size=asked.resolve(picture) if picture else Size(*self.size))
        else:
            target = Target(scale=self.scale)
        return ComparisonRequest(self.names, target, self.trial, self.engine)


@contextlib.contextmanager
def no_job() -> Generator[Callable[[], bool], None, None]:
    """Yield at once: there is no queue, and only the tab itself stops the work."""
    yield lambda: False


@dataclass(frozen=True)
class CompareActions:
    """The actions of the tab, in the program around it.

    Attributes:
        upscaler: Runs the upscalers.
        host: The program around.
        store: Stores the files; the web server serves those in its `served` folders.
        url_of: Returns the address under which the browser gets a file.
        upload_folder: Returns the folder in which the web server stores uploads.
        more: Returns further candidates, such as latent modes with the loaded model.
        uses: Other uses of results' upscalers.
        job: Entered around work; yields a function that returns whether the user stopped it.
        closing: Returns whether the program closes, which ends all work.
        first_look: The sample picture, and its comparison for new users; None: there is none.
        places: Where things are in the page, and what is there: for new users.
        settings: Returns the engine's settings for those that the form does not choose; None if
            there is no page of settings: then the defaults are used.
        refresh_id: The elem_id of a refresh button, which the page around connects; "" for none.
    """

    upscaler: Upscaler
    host: Host
    store: Store
    url_of: Callable[[Path], str]
    upload_folder: Callable[[], Path]
    more: Callable[[], Sequence[Candidate]] = tuple
    uses: Sequence[Use] = ()
    job: Callable[[], AbstractContextManager[Callable[[], bool]]] = no_job
    closing: Callable[[], bool] = lambda: False
    first_look: FirstLook | None = None
    places: Sequence[tuple[str, str]] = ()
    settings: Callable[[], Settings] | None = None
    refresh_id: str = ""
    _running: dict[str, threading.Event] = field(default_factory=dict[str, threading.Event])

    def names(self) -> list[str]:
        """Return the names of all candidates."""
        return [*(each.name for each in self.upscaler.choices()), *(c.name for c in self.more())]

    def readable_folders(self) -> tuple[Path, ...]:
        """Return the folders from which a request may name files."""
        return (self.upload_folder(), *self.store.served)

    def _url(self, picture: StoredPicture) -> str:
        return self.url_of(self.store.path(picture.file).resolve())

    @functools.cached_property
    def picks(self) -> PickStore:
        """The user's picks in blind tests."""
        return PickStore(self.host.data_folder())

    def view(self, session: Session, *, sample: bool = False) -> str:
        """Return a session as the viewer's data.

        Args:
            session: What was compared.
            sample: Whether it is the sample that a new user sees.
        """
        refused = {
            entry.name: [use.refuse(entry.upscaler or entry.name) for use in self.uses]
            for entry in session.entries
        }
        shown = {**view_of(session, self._url), "refused": refused, "sample": sample}
        return feed({**shown, **stored_picks(self.picks, session)})

    def sample_picture(self) -> str:
        """Return the path of the sample picture; "" where there is none."""
        return "" if self.first_look is None else str(self.first_look.picture())

    def cancel(self, token: str) -> None:
        """Stop the work of that token, within a tile, or before it begins."""
        if token and (token in self._running or len(self._running) < _MOST_WAITING):
            self._running.setdefault(token, threading.Event()).set()

    @contextlib.contextmanager
    def _work(
        self, token: str, client: ClientWatch[Any]
    ) -> Generator[tuple[threading.Event, Callable[[], bool]]]:
        cancelled = self._running.setdefault(token, threading.Event())
        try:
            with self.job() as stopped:
                yield cancelled, functools.partial(_any_true, stopped, client.is_closed)
        finally:
            cancelled.set()
            self._running.pop(token, None)

    def compare(self, path: str | None, form: Form, token: str) -> Iterator[tuple[str, str]]:
        """Compare; yield the feed and the alert above it, whenever something happens.

        Closing the iterator stops the work. An error becomes an alert; it is not raised.

        Args:
            path: The picture's file.
            form: The values of the form.
            token: A secret; `cancel` stops the work by it.
        """
        client = ClientWatch[tuple[str, str]](self.closing)
        return client.watch(lambda: self._compare(path, form, token, client))

    def _compare(
        self, path: str | None, form: Form, token: str, client: ClientWatch[Any]
    ) -> Iterator[tuple[str, str]]:
        try:
            if path is None:
                raise InputError("There is no picture yet: drop one.")
            found = accepted(path, self.readable_folders())
            with self._work(token, client) as (cancelled, stopped):
                request = form.request(picture_size(found) if form.size else None)
                work = self._sessions(found, request, cancelled, stopped)
                for session, warning in work:
                    yield self.view(session), warning
        except (UpscalerError, OSError, MemoryError) as error:
            yield "", alert(_explain(error, path))

    def _sessions(
        self,
        path: Path,
        request: ComparisonRequest,
        cancelled: threading.Event,
        stopped: Callable[[], bool],
    ) -> Iterator[tuple[Session, str]]:
        subject = read_subject(path, request)
        base = Settings() if self.settings is None else self.settings()
        settings = replace(base, **chosen(request.engine))
        # All that differ from the defaults, so that the request's text repeats the comparison
        # elsewhere.
        request = replace(request, engine=differences(settings))
        several = candidates(self.upscaler, request.names, self.more(), settings)
        work = comparison(subject, request, several, self.store, self.host, stopped)
        work.cancelled = cancelled
        warning = work.warning()
        for session in work.run():
            yield session, alert(warning)

    def several(
        self, paths: Sequence[str], form: Form, token: str
    ) -> Iterator[tuple[str, str, str]]:
        """Test on several pictures; yield the feed, the alert, and links to the figures.

        A picture that fails is named in the alert; the others are tested.
        """
        client = ClientWatch[tuple[str, str, str]](self.closing)
        return client.watch(lambda: self._several(paths, form, token, client))

    def _several(
        self, paths: Sequence[str], form: Form, token: str, client: ClientWatch[Any]
    ) -> Iterator[tuple[str, str, str]]:
        done: list[Session] = []
        faults: list[str] = []
        try:
            request = _request_for_several(paths, form)
            with self._work(token, client) as (cancelled, stopped):
                ends = functools.partial(_any_true, cancelled.is_set, stopped)
                for path in paths:
                    if ends():
                        break
                    last: Session | None = None
                    try:
                        found = accepted(path, self.readable_folders())
                        work = self._sessions(found, request, threading.Event(), ends)
                        for session, _ in work:
                            last = session
                            yield "", "", ""
                    except (InputError, OSError, MemoryError) as error:
                        faults.append(_explain(error, path))
                    if last is not None:
                        done.append(last)
                    several = feed(view_of_several(done, len(paths)))
                    yield several, alert(" ".join(faults)), ""
            yield "", alert(" ".join(faults)), self._tables(done)
        except (UpscalerError, OSError) as error:
            yield "", alert(_explain(error)), ""

    def _tables(self, sessions: Sequence[Session]) -> str:
        links: list[str] = []
        for name, text in (
            ("figures.html", report.html_report(sessions, self.store)),
            ("figures.csv", report.csv_table(sessions)),
            ("figures.json", report.json_table(sessions)),
        ):
            path = self.store.new_file(name)
            write_text(path, text, overwrite=True)
            links.append(self._link(path))
        return " ".join(links)

    def _link(self, path: Path, *, at_once: bool = False) -> str:
        kilobytes = max(1, round(path.stat().st_size / 1000))
        mark = ' data-press="1"' if at_once else ""
        return (
            f'<a class="lab-download" href="{escape(self.url_of(path.resolve()))}"{mark} '
            f'download="{escape(path.name)}">Download {escape(path.name)} ({kilobytes:,} kB)</a>'
        )

    def restore(self, name: object) -> str:
        """Return the feed of a stored session, or "" if it no longer exists."""
        try:
            return self.view(self.store.load(str(name)).ended())
        except InputError:
            return ""

    def restore_or_sample(self, name: object) -> str:
        """Return the feed of a stored session; without it that of the sample, or ""."""
        try:
            return self.restore(name) or self._sample_feed()
        except (UpscalerError, OSError, MemoryError) as error:
            _log.info("The sample cannot be shown: %s", error)
            return ""

    def _sample_feed(self) -> str:
        return "" if self.first_look is None else self.view(self.first_look.session(), sample=True)

    def keep_picks(self, message: object) -> str:
        """Store, delete or export picks, as the viewer's message asks; return what to show."""
        try:
            exported = act_on_picks(self.picks, message)
            if exported is None:
                return ""
            path = self.store.new_file("blind-picks.json")
            write_text(path, exported, overwrite=True)
            return self._link(path, at_once=True)
        except UpscalerError as error:
            return alert(f"The pick is not stored: {error}")

    def export(self, message: object) -> str:
        """Write a report, a grid or figures, as the viewer's message asks; return a link to it."""
        try:
            session, values = self._session_of_message(message)
            return self._link(
                self._export(session.ended(), message_text(values, "kind")), at_once=True
            )
        except UpscalerError as error:
            return alert(f"The file could not be made: {error}")
        except (OSError, MemoryError) as error:
            _log.info("A report could not be made: %s", error)
            return alert("The file could not be made: a picture is gone. Compare again.")

    def _session_of_message(self, message: object) -> tuple[Session, dict[str, Any]]:
        values = message_values(message)
        return self.store.load(message_text(values, "session")), values

    def _export(self, session: Session, kind: str) -> Path:
        texts: dict[str, Callable[[], str]] = {
            "html": lambda: report.html_report([session], self.store),
            "csv": lambda: report.csv_table([session]),
            "json": lambda: report.json_table([session]),
        }
        if kind != "png" and kind not in texts:
            raise InputError("Expected html, png, csv or json, but got another kind of file.")
        path = self.store.new_file(f"{saved_name(session.title or 'picture', 'compared')}.{kind}")
        if kind == "png":
            write_picture(report.grid(session, self.store), path)
        else:
            write_text(path, texts[kind](), overwrite=True)
        return path

    def fill(self, use: Use, message: object) -> Sequence[Any]:
        """Return the values for the components of a use, as the viewer's message asks.

        Raises:
            InputError: The comparison no longer exists, the message is invalid, or the upscaler
                cannot be used so.
        """
        session, values = self._session_of_message(message)
        name = message_text(values, "upscaler")
        entry = next((each for each in session.entries if each.name == name), None)
        if entry is None:
            raise InputError("Expected an upscaler of this comparison: compare again.")
        reason = use.refuse(entry.upscaler or name)
        if reason:
            raise InputError(f"{name} cannot be used in {use.label}: {reason}")
        scale = session.width / session.source.width
        picture = self.store.path(session.source.file)
        used = Used(entry.upscaler or name, scale, picture, entry.strength, entry.steps)
        return use.fill(used)


def _any_true(*checks: Callable[[], bool]) -> bool:
    return any(check() for check in checks)


def _explain(error: Exception, path: object = None) -> str:
    """Return the sentence for an error, without the folder of an upload, which is of no use."""
    text = explain(error)
    return text.replace(path, Path(path).name) if isinstance(path, str) and path else text


def _request_for_several(paths: Sequence[str], form: Form) -> ComparisonRequest:
    if not 1 <= len(paths) <= MOST_PICTURES:
        raise InputError(
            f"Expected 1 to {MOST_PICTURES} pictures, but got {len(paths)}: drop others."
        )
    if form.trial is None:
        raise InputError("Several pictures are for a test: choose “Test on this picture”.")
    return form.request()

"""Run a comparison: one upscaler after the other, also after one that fails."""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from lib_upscalers.compare.measuring import measure
from lib_upscalers.compare.peak_memory import Peak
from lib_upscalers.compare.session import Cost, Entry, Session
from lib_upscalers.compare.store import fingerprint, saved_name
from lib_upscalers.errors import REPORT_HINT, Cancelled, MemoryExhaustedError, UpscalerError
from lib_upscalers.tiling.exhaustion import lacks_memory, naming_memory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from lib_upscalers.compare.candidate import Candidate, Outcome
    from lib_upscalers.compare.peak_memory import Watch
    from lib_upscalers.compare.store import Store
    from lib_upscalers.compare.subject import Subject
    from lib_upscalers.geometry import Size
    from lib_upscalers.progress import Progress

_log = logging.getLogger("lib_upscalers")
_POLL_SECONDS = 0.1
_BEAT_SECONDS = 1.0
_PATIENCE_SECONDS = 60.0
_NO_MEMORY = (
    "Expected enough free memory, but it ran out: choose a smaller scale or size, or close other "
    "programs."
)
# Part of every key of the cache: change it when results or measures change.
_RECIPE = "1"


def explain(error: Exception) -> str:
    """Return the sentence for an error; a bug is logged with its traceback."""
    if isinstance(error, UpscalerError):
        return str(error)
    if lacks_memory(error):
        return _NO_MEMORY
    if isinstance(error, OSError):
        return f"A file could not be read or written ({error.strerror or type(error).__name__})."
    _log.error("An unexpected error. %s", REPORT_HINT, exc_info=error)
    return f"{type(error).__name__}: {error} (a fault of this program; the log says more)"


def entry_of(candidate: Candidate) -> Entry:
    """Return a candidate's entry before anything is done."""
    return Entry(
        name=candidate.name,
        kind=candidate.kind,
        scale=candidate.scale,
        architecture=candidate.architecture,
        licence=candidate.licence or "",
        size_bytes=candidate.size_bytes,
    )


@dataclass
class _PlaceProgress:
    """The progress of one upscaler. Implements `progress.Progress`."""

    comparison: Comparison
    index: int

    def update(self, step: int, total: int, text: str = "") -> None:
        """Publish how much is done."""
        self.comparison.publish(self.index, step / total if total else 0.0, text)

    def check_cancelled(self) -> None:
        """Raise Cancelled if the comparison is to stop."""
        if self.comparison.is_cancelled():
            raise Cancelled


@dataclass
class Comparison:
    """One picture, several upscalers.

    Attributes:
        subject: The picture.
        candidates: The upscalers, no two of one name.
        store: Takes the files.
        settings: The request as text, stored with the session.
        version: Of the program, likewise.
        watch: Watches memory.
        free_memory: Returns how many bytes of main memory may be allocated.
        stopped: Returns whether the program that it runs in asks for a stop.
        cancelled: Set it to stop within a tile; finished results stay.
    """

    subject: Subject
    candidates: Sequence[Candidate]
    store: Store
    settings: str
    version: str
    watch: Watch
    free_memory: Callable[[], int]
    stopped: Callable[[], bool] = lambda: False
    cancelled: threading.Event = field(default_factory=threading.Event)
    _session: Session | None = field(default=None, init=False)
    _about: tuple[str, ...] = field(default=(), init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    @property
    def size(self) -> Size:
        """The size of the results."""
        return self.subject.target.resolve(self.subject.source.size)

    def is_cancelled(self) -> bool:
        """Return whether the work should stop."""
        return self.cancelled.is_set() or self.stopped()

    def warning(self) -> str:
        """Return a warning if free memory does not suffice; else ""."""
        free, source = self.free_memory(), self.subject.source.size
        needs = {each.name: each.needs(source, self.size) for each in self.candidates}
        large = [name for name, needed in needs.items() if needed > free]
        if not large:
            return ""
        return (
            f"Results of {self.size} take up to {max(needs.values()) / 2**30:.1f} GiB of memory, "
            f"and {free / 2**30:.1f} GiB are free: {', '.join(large)} will not be tried. Choose a "
            "smaller scale or size."
        )

    def run(self) -> Iterator[Session]:
        """Do the work in a thread; yield the session when it has changed, and every second.

        Closing the iterator cancels the work and waits for its end. Finished results stay in the
        store, and so does the session.

        Raises:
            OutputError: The picture cannot be stored.
        """
        with naming_memory(f"to store the picture, {self.subject.source.size}"):
            session = self._session = self._start()
        thread = threading.Thread(target=self._run_all, name="comparison", daemon=True)
        thread.start()
        last = 0.0
        published: Session | None = None
        try:
            while True:
                alive = thread.is_alive()
                with self._lock:
                    session = self._session
                if session is not published or time.monotonic() - last > _BEAT_SECONDS:
                    published, last = session, time.monotonic()
                    yield session
                if not alive:
                    return
                thread.join(_POLL_SECONDS)
        finally:
            self.cancelled.set()
            # The next job in the queue must not begin while a last tile is running.
            thread.join(_PATIENCE_SECONDS)

    def _start(self) -> Session:
        subject, size = self.subject, self.size
        known = "" if subject.reference is None else fingerprint(subject.reference)
        self._about = (_RECIPE, fingerprint(subject.source), known, str(size), self.version)
        name = saved_name(subject.title)
        source = self.store.put_picture(
            self.store.key(*self._about, "source"), name, subject.source
        )
        reference = None
        if subject.reference is not None:
            key = self.store.key(*self._about, "reference")
            reference = self.store.put_picture(key, name, subject.reference)
        return Session(
            name=self.store.new_name(),
            title=subject.title,
            source=source,
            reference=reference,
            width=size.width,
            height=size.height,
            trial=subject.trial,
            notes=subject.notes,
            settings=self.settings,
            version=self.version,
            entries=tuple(entry_of(candidate) for candidate in self.candidates),
        )

    def _run_all(self) -> None:
        for index, candidate in enumerate(self.candidates):
            self._set_entry(index, self._run_one(index, candidate))
        self.store.tidy()

    def publish(self, index: int, fraction: float | None, text: str) -> None:
        """Publish an upscaler's progress."""
        entry = entry_of(self.candidates[index])
        self._set_entry(index, replace(entry, state="running", fraction=fraction, text=text))

    def _set_entry(self, index: int, entry: Entry) -> None:
        with self._lock:
            assert self._session is not None  # noqa: S101 - the thread starts after it was made
            session = self._session = self._session.with_entry(index, entry)
        if entry.state != "running":
            self.store.save(session)

    def _run_one(self, index: int, candidate: Candidate) -> Entry:
        entry, progress = entry_of(candidate), _PlaceProgress(self, index)
        try:
            progress.check_cancelled()
            self.publish(index, None, "Starting …")
            self._check_room(candidate)
            key = self.store.key(*self._about, candidate.name, candidate.identity())
            with naming_memory(f"for a result of {self.size} by {candidate.name}"):
                return self._cached(entry, key) or self._make(index, candidate, key, progress)
        except Cancelled:
            return replace(entry, state="stopped")
        except Exception as error:  # noqa: BLE001 - the others go on whatever happens here
            return replace(entry, state="failed", text=explain(error))

    def _check_room(self, candidate: Candidate) -> None:
        needed, free = candidate.needs(self.subject.source.size, self.size), self.free_memory()
        if needed > free:
            raise MemoryExhaustedError(
                f"Expected {needed / 2**30:.1f} GiB of free memory for a result of {self.size}, "
                f"but only {free / 2**30:.1f} GiB are free: choose a smaller scale or size."
            )

    def _cached(self, entry: Entry, key: str) -> Entry | None:
        cached = self.store.cached_entry(key)
        if cached is None:
            return None
        return replace(
            entry,
            state="finished",
            result=cached.result,
            cost=cached.cost,
            text=cached.text,
            figures=cached.figures,
            cached=True,
        )

    def _make(self, index: int, candidate: Candidate, key: str, progress: Progress) -> Entry:
        subject = self.subject
        if candidate.prepare is not None:
            candidate.prepare()
        with Peak(self.watch) as peak:
            outcome = candidate.run(subject.source, subject.target, progress)
        self.publish(index, None, "Saving …")
        size = outcome.picture.size
        name = saved_name(subject.title, candidate.name, str(size))
        own = [each for each in outcome.picture.notes if each not in subject.source.notes]
        cost, text = _cost(outcome, peak), " ".join(own)
        entry = replace(entry_of(candidate), state="finished", cost=cost, text=text)
        with ThreadPoolExecutor(1) as pool:
            figures = pool.submit(
                measure, outcome.picture, subject.source, subject.reference, progress
            )
            result = self.store.put_picture(key, name, outcome.picture)
            entry = replace(entry, result=result)
            self._set_entry(index, entry)
            try:
                entry = replace(entry, figures=figures.result())
            except Cancelled:
                return entry
        self.store.put_entry(key, entry)
        return entry


def _cost(outcome: Outcome, peak: Peak) -> Cost:
    return Cost(
        load_seconds=outcome.load_seconds,
        run_seconds=outcome.run_seconds,
        peak_bytes=peak.grown,
        peak_of=peak.kind,
        passes=outcome.passes,
        tiles=outcome.tiles,
        precision=outcome.precision,
        device=outcome.device,
        tiling=outcome.tiling,
    )

"""The actions of the app's form for a video: look, preview, estimate, start, pause, stop."""

from __future__ import annotations

import threading
import time
from dataclasses import asdict, dataclass, field
from html import escape
from typing import TYPE_CHECKING

from lib_upscalers.errors import Cancelled, InputError, UpscalerError
from lib_upscalers.jobs.journal_view import JournalView
from lib_upscalers.jobs.method import import_heavy
from lib_upscalers.json_files import write_object
from lib_upscalers.progress import NULL
from lib_upscalers.ui.background_work import BackgroundWork
from lib_upscalers.ui.before_after import show_before_and_after
from lib_upscalers.ui.run_status import duration, fault_list, status_line
from lib_upscalers.ui.stored_form import last_form
from lib_upscalers.ui.video_values import VideoForm, suggested_output, videos_in
from lib_upscalers.ui.viewer_feed import alert
from lib_upscalers.video.decoding import decode_one
from lib_upscalers.video.estimate import estimate
from lib_upscalers.video.video_planning import VideoLook, plan_video
from lib_upscalers.video.video_run import VideoRun

if TYPE_CHECKING:
    from pathlib import Path

    from lib_upscalers.ui.compare_actions import CompareActions
    from lib_upscalers.video.piece_run import VideoJob, VideoTally

_FILE = "video.json"
_MOST_FAULTS = 100
_WAIT_SECONDS = 0.2


@dataclass(frozen=True)
class VideoFound:
    """What the page shows of the name that the user has written.

    Attributes:
        html: What it is, or why it cannot be used.
        videos: Where it is a folder, the videos in it.
        frames: How many frames the video has; 0: there is none.
        output: A name for the result.
    """

    html: str
    videos: tuple[str, ...] = ()
    frames: int = 0
    output: str = ""


@dataclass
class VideoActions:
    """One video at a time, in a thread of its own, and what a page shows of it.

    Attributes:
        compare: The comparison's actions, whose upscaler, store and viewer are used.
    """

    compare: CompareActions
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _run: _Run | None = None
    _looks: dict[tuple[str, int, int], VideoLook] = field(default_factory=dict)

    def last_form(self) -> VideoForm:
        """Return what was filled in last, also before a restart."""
        return last_form(VideoForm, self._file)

    @property
    def _file(self) -> Path:
        return self.compare.host.data_folder() / _FILE

    def look(self, *values: object) -> VideoFound:
        """Read the video that the form names, but for its frames."""
        try:
            form = VideoForm.of(*values)
            path = form.source_path()
            if path.is_dir():
                return _folder(path)
            look = self._look(path)
        except (UpscalerError, OSError) as error:
            return VideoFound(alert(str(error)))
        output = form.output or suggested_output(path, float(form.scale))
        return VideoFound(_about(look), frames=len(look.timeline.stamps), output=output)

    def _look(self, path: Path) -> VideoLook:
        facts = path.stat() if path.exists() else None
        key = (str(path), facts.st_mtime_ns if facts else 0, facts.st_size if facts else 0)
        if key not in self._looks:
            look = VideoLook.at(path)
            self._looks.clear()
            self._looks[key] = look
        return self._looks[key]

    def _plan(self, form: VideoForm) -> tuple[VideoLook, VideoJob]:
        order, upscaler = form.order(self.compare.upscaler), self.compare.upscaler
        look = self._look(order.source)
        return look, plan_video(order, look, upscaler)

    def estimate(self, *values: object) -> str:
        """Return how long it will take and how large it will be, as HTML; takes some seconds."""
        try:
            if self.is_running():
                raise InputError("A video is being done already: stop it first.")
            look, job = self._plan(VideoForm.of(*values))
            import_heavy()
            found = estimate(job, look)
        except (UpscalerError, OSError, MemoryError) as error:
            return alert(str(error))
        size = f"{found.size_bytes / 1e9:.1f} GB"
        if found.size_bytes < 1e9:
            size = f"{max(1, round(found.size_bytes / 1e6))} MB"
        words = (
            f"About {duration(found.seconds)} and {size} for {job.size}, worked out from "
            f"{found.frames} frames."
        )
        return f"<p>{escape(words)}</p>"

    def show(self, number: object, *values: object) -> tuple[str, str]:
        """Return the viewer's feed with a frame before and after, and an alert.

        Args:
            number: Of the frame, from 1.
            values: Those of `VideoForm`, in order.
        """
        try:
            form = VideoForm.of(*values)
            look, job = self._plan(form)
            stamps = look.timeline.stamps
            if not isinstance(number, int | float) or not 1 <= number <= len(stamps):
                raise InputError(f"Expected a frame from 1 to {len(stamps)}: move the slider.")
            return self._show(int(number), form, look, job), ""
        except (UpscalerError, OSError, MemoryError) as error:
            return "", alert(str(error))

    def _show(self, number: int, form: VideoForm, look: VideoLook, job: VideoJob) -> str:
        stamp = look.timeline.stamps[number - 1]
        import_heavy()
        before = decode_one(look.facts, look.timeline, stamp)
        result = job.method.run(before, job.method.target(before.size), NULL)
        source = look.facts.path
        parts = (str(source), str(source.stat().st_mtime_ns), str(stamp), job.method.fingerprint)
        key = self.compare.store.key("frame", *parts)
        title = f"{source.stem}, frame {number}"
        pictures = (before, result.picture)
        return show_before_and_after(self.compare, key, title, pictures, form.upscaler)

    def is_running(self) -> bool:
        """Return whether a video is being done, or waits for its user."""
        return self._run is not None and self._run.work.is_running()

    def start(self, *values: object) -> str:
        """Begin, or go on; return an alert, "" if it runs."""
        try:
            form = VideoForm.of(*values)
            with self._lock:
                if self._run is not None and self._run.resume(form):
                    return ""
                form.order(self.compare.upscaler).check()
                write_object(self._file, asdict(form))
                self._run = _Run(self, form)
                self._run.work.start()
        except (UpscalerError, OSError) as error:
            with self._lock:
                if self._run is not None and self._run.has_failed():
                    self._run = None  # its error would stand below that of this video
            return alert(str(error))
        return ""

    def pause(self) -> None:
        """Let the run wait after the frame in work; `start` goes on with the next."""
        if self._run is not None:
            self._run.going.clear()

    def stop(self) -> None:
        """End the run within a tile; `start` goes on with the piece that was in work."""
        if self._run is not None:
            self._run.stop()

    def close(self) -> None:
        """End the run and wait for it."""
        self.stop()
        if self._run is not None:
            self._run.work.join()

    def status(self) -> str:
        """Return how far the run is, and what failed, as HTML."""
        return "" if self._run is None else self._run.status()

    def plan(self, form: VideoForm) -> VideoJob:
        """Return the work that a form asks for; takes as long as reading the video does."""
        return self._plan(form)[1]


class _Run:
    """A run over a video. Implements `progress.Progress`."""

    def __init__(self, actions: VideoActions, form: VideoForm) -> None:
        self.form = form
        self.going = threading.Event()
        self.going.set()
        self.work = BackgroundWork("video", self._do)
        self._actions = actions
        self._stopped = threading.Event()
        self._run: VideoRun | None = None
        self._job: VideoJob | None = None
        self._notes: tuple[str, ...] = ()
        self._finished = False

    def _do(self) -> None:
        job = self._job = self._actions.plan(self.form)
        import_heavy()
        run = self._run = VideoRun(job, self)
        try:
            self._notes = run.run()
            self._finished = True
        finally:
            run.tally.end()

    def resume(self, form: VideoForm) -> bool:
        """Go on, if this run waits for its user.

        Raises:
            InputError: It is at work, or waits and another form asks for something else.
        """
        if not self.work.is_running():
            return False
        if self.going.is_set() or form != self.form:
            raise InputError("A video is being done already: stop it first.")
        self.going.set()
        return True

    def stop(self) -> None:
        self._stopped.set()
        self.going.set()

    def update(self, step: int, total: int, text: str = "") -> None:
        """Wait while the user pauses: between frames, so that nothing else waits for a network."""
        del step, total, text
        before = time.monotonic()
        while not self.going.wait(_WAIT_SECONDS):
            now = time.monotonic()
            if self._run is not None:
                self._run.tally.idle += now - before
            before = now

    def check_cancelled(self) -> None:
        if self._stopped.is_set():
            raise Cancelled

    def has_failed(self) -> bool:
        """Return whether it has ended with an error."""
        return bool(self.work.problem) and not self.work.is_running()

    def status(self) -> str:
        run = self._run
        problem = alert(self.work.problem)
        if run is None:
            waiting = "<p>Reading the video …</p>" if self.work.is_running() else ""
            return f"{waiting}{problem}"
        tally = run.tally
        state = self._state(tally)
        left = tally.seconds_left() if state == "Running" else None
        line = status_line(state, [tally.in_words()], tally.done, tally.total, left)
        notes = "".join(f"<p>{escape(note)}</p>" for note in (self.form.output, *self._notes))
        return f"{line}{problem}{notes}{fault_list(self._faults(tally))}"

    def _state(self, tally: VideoTally) -> str:
        if not self.work.is_running():
            return "Finished" if self._finished else "Stopped"
        if not self.going.is_set():
            return "Paused"
        return "Joining the pieces" if tally.done == tally.total else "Running"

    def _faults(self, tally: VideoTally) -> list[str]:
        """Return the pieces that failed and the frames that are damaged, a line each."""
        lines = [
            f"{seconds:.3f} s: the frame is damaged, what could be decoded is shown"
            for seconds in sorted(tally.damaged)[:_MOST_FAULTS]
        ]
        if self._job is None or self.work.is_running():
            return lines
        with JournalView(self._job.folder) as journal:
            rows = journal.select(f"WHERE state = 'failed' LIMIT {_MOST_FAULTS}")
        return [*(f"{row.output}: {row.error}" for row in rows), *lines]


def _folder(path: Path) -> VideoFound:
    videos = videos_in(path)
    if not videos:
        return VideoFound(alert(f"Expected a video, or a folder of videos, but {path} holds none."))
    words = f"Videos in this folder: {len(videos)}. Choose one."
    return VideoFound(f"<p>{words}</p>", videos=tuple(videos))


def _about(look: VideoLook) -> str:
    facts, stamps = look.facts, look.timeline.stamps
    seconds = float((stamps[-1] - stamps[0]) * facts.time_base)
    parts = (
        str(facts.size),
        f"{len(stamps)} frames",
        duration(seconds),
        f"{facts.codec} {facts.pixel_format}",
        facts.colour.name,
    )
    words = f"{', '.join(parts)}."
    return "".join(f"<p>{escape(each)}</p>" for each in (words, *facts.notes))

"""Train a latent network for the model that the WebUI has loaded."""

from __future__ import annotations

import queue
import threading
import time
from typing import TYPE_CHECKING, Any

from lib_upscalers.errors import Cancelled, InputError, UpscalerError
from lib_upscalers.hosts.webui import full_vae
from lib_upscalers.hosts.webui.host_modules import host_module
from lib_upscalers.hosts.webui.host_progress import job
from lib_upscalers.hosts.webui.latent_context import LoadedModel
from lib_upscalers.jobs.sources import to_path
from lib_upscalers.latent.network_files import accept
from lib_upscalers.latent.spaces import SPACES, describe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from lib_upscalers.hosts.webui.engine import Engine
    from lib_upscalers.latent.context import Codec
    from lib_upscalers.training.latent.reports import FitReport

# What gives a useful network: measured on one core, guessed for a GPU.
_MINUTES, _MINUTES_ON_GPU = 20, 10
# After so long the WebUI's own jobs have their turn.
_TURN_SECONDS = 2.0
# A queue that is no first-in-first-out one would not let others have a turn without.
_PAUSE_SECONDS = 0.05


class _Stop:
    """Progress that can only be cancelled. Implements `Progress`.

    Args:
        stopped: Returns whether the user stopped the work.
    """

    def __init__(self, stopped: Callable[[], bool]) -> None:
        self._stopped = stopped

    def update(self, step: int, total: int, text: str = "") -> None:
        pass

    def check_cancelled(self) -> None:
        if self._stopped():
            raise Cancelled


class Fitting:
    """One training at a time, in a thread of its own.

    The WebUI's page may fetch each report from another thread, and torch switches gradients on or
    off per thread. The training takes turns with the WebUI's own jobs: it
    holds the queue for a few seconds at a time, so that pictures can be generated while it runs,
    and it waits for them.

    Args:
        engine: Whose folders.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._cancelled = threading.Event()
        self._running = threading.Lock()
        self._stopped: Callable[[], bool] = lambda: False
        self._lost: Path | None = None

    def cancel(self) -> None:
        """Stop; the next run continues from the last state."""
        self._cancelled.set()

    def accept(self) -> str:
        """Have the last network used, although it lost; return where it lies.

        Raises:
            InputError: None has lost since the WebUI was started.
            OutputError: It cannot be moved.
        """
        path = self._lost
        if path is None:
            raise InputError(
                "Expected a network that has lost, but there is none: make one, or add a file by "
                "'upscalers latent add'."
            )
        accepted = str(accept(path))
        self._lost = None
        return accepted

    def is_running(self) -> bool:
        """Return whether a network is trained now."""
        return self._running.locked()

    def minutes(self) -> int:
        """Return how long a useful training takes on this machine, about."""
        on_gpu = str(host_module("devices").device).startswith("cuda")
        return _MINUTES_ON_GPU if on_gpu else _MINUTES

    def run(self, minutes: float, pictures: str = "") -> Iterator[FitReport]:
        """Train a network for the loaded model, with its own VAE as the teacher.

        Args:
            minutes: For all of it.
            pictures: A folder of the user's pictures, "" for drawings alone.

        Yields:
            About one report a second; the last has the file's path, unless it was cancelled.

        Raises:
            InputError: No model is loaded, its latent space is not known, there are no pictures,
                or a training runs already.
            UpscalerError: It cannot be done; the text says why.
        """
        if not self._running.acquire(blocking=False):
            raise InputError("Expected no training to run, but one does: wait, or cancel it.")
        self._cancelled.clear()
        reports: queue.Queue[FitReport | BaseException | None] = queue.Queue()
        arguments = (reports, minutes, pictures)
        threading.Thread(target=self._work, args=arguments, name="latent fit", daemon=True).start()
        try:
            while (report := reports.get()) is not None:
                if isinstance(report, BaseException):
                    raise report
                yield report
        finally:
            self._cancelled.set()

    def _work(
        self,
        reports: queue.Queue[FitReport | BaseException | None],
        minutes: float,
        pictures: str,
    ) -> None:
        made, state = self._reports(minutes, pictures), host_module("shared").state
        try:
            more = True
            while more:
                with job(self._engine.closing.is_set) as self._stopped:
                    more = self._take_turn(made, reports)
                    ours = _job_stamp(state)
                time.sleep(_PAUSE_SECONDS)
                # The next job clears it; an interrupt of another's job is not for us.
                if state.interrupted and _job_stamp(state) == ours:
                    break
        except Cancelled:
            pass
        except BaseException as error:
            reports.put(error)
        finally:
            # The page that began it may be gone, and never ask for the end.
            self._running.release()
            reports.put(None)

    def _take_turn(self, made: Iterator[FitReport], reports: queue.Queue[Any]) -> bool:
        """Go on with the training for a few seconds; return whether there is more to do."""
        begun = time.monotonic()
        for report in made:
            if report.figures is not None and report.figures.loses:
                self._lost = report.path
            reports.put(report)
            if time.monotonic() - begun > _TURN_SECONDS:
                return True
        return False

    def _is_stopped(self) -> bool:
        return self._cancelled.is_set() or self._stopped()

    def _reports(self, minutes: float, pictures: str) -> Iterator[FitReport]:
        import torch

        from lib_upscalers.training.latent.fit import fit
        from lib_upscalers.training.latent.reports import FitSettings
        from lib_upscalers.training.latent.teacher import Teacher

        context = LoadedModel(self._engine)
        known = context.known_space() if full_vae.loaded_model() is not None else None
        if known is None:
            models = ", ".join(describe(name) for name in SPACES)
            raise InputError(
                f"Expected a loaded model whose latent space is known ({models}), but there is "
                "none: choose one and generate any picture."
            )
        space = known.space
        folder = to_path(pictures.strip().strip('"')) if pictures.strip() else None
        settings = FitSettings(minutes, folder, next(iter(context.vae_hashes()), ""))
        codec = full_vae.LatentCodec(known)
        teacher = Teacher(
            codec,
            torch.device(host_module("devices").device),
            exact=codec.in_float32,
            tiny=_tiny_codec(context),
        )
        out = self._engine.latents()
        progress = _Stop(self._is_stopped)
        yield from fit(teacher, space, out, out / f"unfinished-{space.name}", settings, progress)


def _job_stamp(state: Any) -> Any:
    """Return what the WebUI sets when a job begins."""
    return getattr(state, "job_timestamp", None)


def _tiny_codec(context: LoadedModel) -> Codec | None:
    """Return what the round trip would use, if it is there already: nothing is fetched for this."""
    try:
        return context.tiny_codec() if context.has_tiny_files() else None
    except UpscalerError:
        return None

"""Training of a latent network for the model that the WebUI has loaded."""

from __future__ import annotations

import queue
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from lib_upscalers.errors import Cancelled, InputError
from lib_upscalers.hosts.webui import full_vae
from lib_upscalers.hosts.webui.host_modules import host_module
from lib_upscalers.hosts.webui.host_progress import job
from lib_upscalers.hosts.webui.latent_context import LoadedModel
from lib_upscalers.latent.spaces import SPACES, describe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lib_upscalers.hosts.webui.engine import Engine
    from lib_upscalers.training.latent.reports import FitReport


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

    The WebUI's page may ask for each report from another thread, and whether torch computes
    gradients is a matter of the thread.

    Args:
        engine: Whose folders.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._cancelled = threading.Event()
        self._running = threading.Lock()

    def cancel(self) -> None:
        """Stop; the next run continues from what is done so far."""
        self._cancelled.set()

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
        try:
            self._cancelled.clear()
            reports: queue.Queue[FitReport | BaseException | None] = queue.Queue()
            arguments = (reports, minutes, pictures)
            threading.Thread(
                target=self._work, args=arguments, name="latent fit", daemon=True
            ).start()
            while (report := reports.get()) is not None:
                if isinstance(report, BaseException):
                    raise report
                yield report
        finally:
            self._cancelled.set()
            self._running.release()

    def _work(
        self,
        reports: queue.Queue[FitReport | BaseException | None],
        minutes: float,
        pictures: str,
    ) -> None:
        try:
            with job(self._engine.closing.is_set) as stopped:
                for report in self._reports(minutes, pictures, stopped):
                    reports.put(report)
        except Cancelled:
            pass
        except BaseException as error:
            reports.put(error)
        finally:
            reports.put(None)

    def _reports(
        self, minutes: float, pictures: str, stopped: Callable[[], bool]
    ) -> Iterator[FitReport]:
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
        folder = Path(pictures.strip().strip('"')).expanduser() if pictures.strip() else None
        settings = FitSettings(minutes, folder, context.vae_sha256())
        teacher = Teacher(full_vae.LatentCodec(known), torch.device(host_module("devices").device))
        out = self._engine.latents()
        progress = _Stop(lambda: self._cancelled.is_set() or stopped())
        yield from fit(teacher, space, out, out / f"unfinished-{space.name}", settings, progress)

"""Making a network for the latents of the model that the WebUI has loaded."""

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

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import torch

    from lib_upscalers.hosts.webui.engine import Engine
    from lib_upscalers.training.latent.reports import FitReport


class _Vae:
    """The loaded model's autoencoder. Implements `Codec`."""

    def encode(self, pixels: torch.Tensor) -> torch.Tensor:
        return full_vae.encode(pixels)

    def decode(self, samples: torch.Tensor) -> torch.Tensor:
        return full_vae.decode(samples)


class _Stop:
    """Progress that only knows when to stop. Implements `Progress`.

    Args:
        stopped: Tells whether the user wants that.
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
        """Stop; what is done so far is kept, and the next run goes on with it."""
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
            with job() as stopped:
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
        space = context.space() if full_vae.loaded_model() is not None else None
        if space is None:
            raise InputError(
                "Expected a loaded model whose latent space is known (SD 1 and 2, SDXL, SD 3, "
                "FLUX.1, FLUX.2), but there is none: choose one and generate any picture."
            )
        folder = Path(pictures.strip().strip('"')).expanduser() if pictures.strip() else None
        settings = FitSettings(minutes, folder, context.vae_sha256())
        teacher = Teacher(_Vae(), torch.device(host_module("devices").device))
        out = self._engine.latents()
        progress = _Stop(lambda: self._cancelled.is_set() or stopped())
        yield from fit(teacher, space, out, out / f"unfinished-{space.name}", settings, progress)

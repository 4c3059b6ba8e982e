"""Run the library within a WebUI: Pillow images, its progress bar, its inference mode."""

from __future__ import annotations

import contextlib
import logging
import threading
from typing import TYPE_CHECKING

from lib_upscalers.hosts.webui import options
from lib_upscalers.hosts.webui.fault_log import faults_logged
from lib_upscalers.hosts.webui.host_modules import host_module
from lib_upscalers.hosts.webui.host_progress import displayed_progress
from lib_upscalers.pictures.picture import from_pil, to_pil
from lib_upscalers.upscaling.upscaler import Upscaler

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    from PIL.Image import Image

    from lib_upscalers.host import Host
    from lib_upscalers.hosts.webui.host_progress import HostProgress
    from lib_upscalers.targets import Target
    from lib_upscalers.upscaling.choices import Choice
    from lib_upscalers.upscaling.settings import Settings
    from lib_upscalers.upscaling.upscaler import Result

_log = logging.getLogger("lib_upscalers")
_MEGABYTE = 1 << 20


class Engine:
    """What all parts of the extension share: one list of upscalers, one cache of networks.

    Args:
        host: The WebUI.

    Attributes:
        closing: Set when the WebUI closes its server, to reload or to end.
        stopped: Set when the user has stopped an enlargement, and the WebUI got a plain one.
        unfetched: Why the WebUI could not download the tiny autoencoder of a latent space, by the
            space's name; not tried again before Reload UI, for it may take minutes to fail.
    """

    def __init__(self, host: Host) -> None:
        self.host = host
        self.closing = threading.Event()
        self.stopped = threading.Event()
        self.unfetched: dict[str, str] = {}
        self.upscaler = Upscaler(host)
        self.apply_budget()

    def apply_budget(self) -> None:
        """Set the size of the cache of networks from the settings."""
        self.upscaler.set_cache_bytes(int(options.value(options.CACHE)) * _MEGABYTE)

    def latents(self) -> Path:
        """Return the folder of the networks for latents."""
        return self.host.data_folder() / "latent"

    def tiny_folder(self) -> Path:
        """Return the folder of the tiny autoencoders that we fetch."""
        return self.host.data_folder() / "tiny"

    def enlarge(
        self, image: Image, choice: Choice, target: Target, settings: Settings | None = None
    ) -> Image:
        """Enlarge an image, with the WebUI's progress bar.

        Args:
            image: Of any mode.
            choice: With what.
            target: To which size.
            settings: How; None: those of the settings page.

        Returns:
            An image of the exact size, with transparency if `image` has any.

        Raises:
            UpscalerError: It cannot be done; the text says why.
            Cancelled: The user pressed Interrupt or Skip.
        """
        settings = settings or options.settings()
        with faults_logged("The picture"), self.job(choice.name) as progress:
            result = self.upscaler.run(from_pil(image), choice, target, settings, progress)
        _log_result(choice.name, result)
        enlarged = to_pil(result.picture)
        enlarged.info = dict(image.info)
        return enlarged

    @contextlib.contextmanager
    def job(self, title: str) -> Generator[HostProgress, None, None]:
        """Yield the WebUI's progress for some work; free networks afterwards if that is set.

        Args:
            title: What the progress text starts with.
        """
        state = host_module("shared").state
        with (
            suspended_torch_modes(self.host.device().type),
            displayed_progress(state, title) as progress,
        ):
            try:
                yield progress
            finally:
                self.tidy()

    def tidy(self) -> None:
        """Free every network, if the settings ask for it."""
        if options.value(options.UNLOAD):
            self.upscaler.release()


def _log_result(name: str, result: Result) -> None:
    _log.info(
        "%s: %s, %s passes, %s tiles, %s on %s, %s, %.2f s to load, %.2f s to run",
        *(name, result.picture.size, result.passes, result.tiles, result.precision),
        *(result.device, result.tiling or "no tiles", result.load_seconds, result.run_seconds),
    )


@contextlib.contextmanager
def suspended_torch_modes(device_type: str) -> Generator[None, None, None]:
    """Suspend the WebUI's inference mode and autocast inside the block.

    Tensors that are made in inference mode can never be used outside of it, and a network stays in
    the cache; autocast would compute in half precision what needs full precision.
    """
    import torch

    with contextlib.ExitStack() as stack:
        stack.enter_context(torch.inference_mode(mode=False))
        stack.enter_context(torch.no_grad())
        for kind in {device_type, "cpu"}:
            with contextlib.suppress(RuntimeError):  # The device has no autocast.
                stack.enter_context(torch.autocast(kind, enabled=False))
        yield

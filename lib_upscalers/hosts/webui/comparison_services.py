"""Give the comparison tab the WebUI's queue, inputs and setting, our latent modes, and a folder."""

from __future__ import annotations

import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lib_upscalers.compare.candidate import Candidate
from lib_upscalers.compare.store import Store
from lib_upscalers.errors import InputError
from lib_upscalers.hosts.standalone import StandaloneHost
from lib_upscalers.hosts.webui import options
from lib_upscalers.hosts.webui.engine import suspended_torch_modes
from lib_upscalers.hosts.webui.full_vae import decode, encode, loaded_model
from lib_upscalers.hosts.webui.host_modules import host_module
from lib_upscalers.hosts.webui.host_progress import job as turn
from lib_upscalers.hosts.webui.latent_context import LoadedModel
from lib_upscalers.latent.preview import preview
from lib_upscalers.pictures.formats import flattened
from lib_upscalers.pictures.picture import Picture, from_tensor, to_tensor
from lib_upscalers.upscaling.upscaler import Result, Upscaler

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from lib_upscalers.hosts.webui.engine import Engine
    from lib_upscalers.latent import Fallback
    from lib_upscalers.progress import Progress
    from lib_upscalers.targets import Target


def store() -> Store:
    """Return the store of comparisons, in a folder that the WebUI serves by itself."""
    made = Store(Path(host_module("paths_internal").data_path).resolve() / "tmp" / "upscaler_lab")
    # Neo also writes files into the folder above, and does not make it in its first session
    # (ui_tempdir.py, 47).
    made.make_folder()
    made.tidy()
    return made


def cpu_upscaler(engine: Engine) -> tuple[Upscaler, StandaloneHost]:
    """Return an upscaler that leaves the device to the WebUI's models, for the sample."""
    host = StandaloneHost(device_name="cpu", own_data_folder=engine.host.data_folder())
    return Upscaler(host), host


@contextmanager
def job(engine: Engine) -> Generator[Callable[[], bool], None, None]:
    """Run a job as `host_progress.job` does; free networks afterwards if that is set."""
    with turn(engine.closing.is_set) as stopped:
        try:
            yield stopped
        finally:
            engine.tidy()


def picture_input(tab: str) -> Any:
    """Return the input to which the WebUI itself sends pictures; None where the tab has none."""
    return host_module("infotext_utils").paste_fields.get(tab, {}).get("init_img")


def inputs_of_paths(*tabs: str) -> list[Any]:
    """Return the inputs of those tabs that take a path."""
    return [each for each in map(picture_input, tabs) if _takes_a_path(each)]


def _takes_a_path(component: Any) -> bool:
    # Forge's canvas takes a picture alone.
    return hasattr(component, "image_mode")


def input_value(component: Any, path: Path) -> Any:
    """Return a picture's file as an input takes it."""
    return str(path) if _takes_a_path(component) else host_module("images").read(str(path))


def set_img2img_upscaler(name: str) -> None:
    """Make an upscaler that of img2img, and save this setting."""
    shared = host_module("shared")
    shared.opts.set("upscaler_for_img2img", name)
    shared.opts.save(shared.config_filename)


def latent_candidates(engine: Engine) -> Sequence[Candidate]:
    """Return our latent modes, each with the model that is loaded when it runs.

    They are listed without a model, too: the Forges load it for the first picture, long after the
    page was built.
    """
    return [
        Candidate(
            name,
            "latent",
            _runner(engine, name),
            lambda name=name: _identity(name),
            architecture="latent, with the loaded model's VAE, denoising strength 0",
        )
        for name in options.modes()
    ]


def _identity(name: str) -> str:
    """Return what a result depends on: the model, the mode, the upscaler of the round trip."""
    checkpoint = getattr(loaded_model(), "sd_checkpoint_info", None)
    title = getattr(checkpoint, "title", id(loaded_model()))
    vae = getattr(host_module("sd_vae"), "loaded_vae_file", None)
    return f"{name}, {title}, {vae}, {options.value(options.ROUND_TRIP)}"


def _runner(engine: Engine, name: str) -> Callable[[Picture, Target, Progress], Result]:
    def run(picture: Picture, target: Target, progress: Progress) -> Result:
        import numpy as np
        import torch

        if loaded_model() is None:
            raise InputError(
                "Expected a model that is loaded, for its VAE, but there is none yet: generate any "
                "picture first."
            )
        progress.check_cancelled()
        start = time.perf_counter()
        device = torch.device(host_module("devices").device)
        pixels = to_tensor(_as_rgb(picture), device, torch.float32)[None]
        with suspended_torch_modes(device.type):
            size = target.resolve(picture.size)
            context = LoadedModel(engine)
            fallbacks: list[Fallback] = []
            made = preview(
                *(encode, decode, pixels, size, name),
                context=context,
                on_fallback=fallbacks.append,
            )
        seconds = time.perf_counter() - start
        notes = tuple(f"{each.used} was used instead. {each.reason}" for each in fallbacks)
        if picture.alpha is not None:
            notes = (*notes, "Transparency was laid on white, as autoencoders know none.")
        result = Picture(from_tensor(made[0].float(), np.dtype(np.uint8)), notes=notes)
        return Result(result, run_seconds=seconds, device=str(device))

    return run


def _as_rgb(picture: Picture) -> Any:
    """Return RGB on white, because VAEs support neither grey nor transparency."""
    import numpy as np

    pixels = flattened(picture).pixels
    return np.broadcast_to(pixels, (*pixels.shape[:2], 3))

"""Add our latent modes to Hires. fix and to img2img's latent resize."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lib_upscalers.errors import Cancelled
from lib_upscalers.geometry import Size
from lib_upscalers.hosts.webui import options
from lib_upscalers.hosts.webui.engine import suspended_torch_modes
from lib_upscalers.hosts.webui.fault_log import faults_logged
from lib_upscalers.hosts.webui.former_options import FORMER_MODES
from lib_upscalers.hosts.webui.full_vae import loaded_model
from lib_upscalers.hosts.webui.host_modules import host_module
from lib_upscalers.hosts.webui.host_progress import displayed_progress
from lib_upscalers.hosts.webui.latent_context import LoadedModel
from lib_upscalers.latent import LATENT_MODES, Fallback, Finishers, upscale_latent
from lib_upscalers.latent.outlook import Outlook, foresee

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    import torch

    from lib_upscalers.hosts.webui.engine import Engine
    from lib_upscalers.hosts.webui.interception import Answering
    from lib_upscalers.hosts.webui.patching import Patches

# Entries of the WebUI's table with this key are ours.
OURS = "upscaler_lab"
# Attributes of img2img jobs: how their latent is resized, and the mode that an axis sets instead.
RESIZE = "upscaler_lab_latent_resize"
AXIS = "upscaler_lab_latent_mode"
# The name in infotexts of the mode that was used instead of the chosen one.
FALLBACK = "Latent mode used"
_BILINEAR_OF_IMG2IMG = "bilinear"
_HOSTS_WAY = "the WebUI's own (bilinear)"
_UNASKED = "This WebUI, or another extension, did not resize the latent in the known way."
_CONDITIONING = "txt2img_image_conditioning"
_WHEN_STOPPED = "Latent (Mitchell)"
LATENT_RESIZE = 3


@dataclass(frozen=True)
class LatentResize:
    """How one img2img job resizes its latent; our script attaches it to the job.

    Attributes:
        mode: A name in `LATENT_MODES`.
        finishers: The steps afterwards.
    """

    mode: str
    finishers: Finishers


class LatentSeam:
    """Lists our modes and enlarges the latents for which they are chosen.

    Args:
        engine: Enlarges the pixels of the round trip.
        patches: Records changes to the WebUI, to undo them.
    """

    def __init__(self, engine: Engine, patches: Patches) -> None:
        self._engine = engine
        self._patches = patches
        self._context = LoadedModel(engine)

    def attach(self) -> None:
        """List the modes, and answer when a latent is enlarged."""
        self.list_modes()
        processing = host_module("processing")
        hires = processing.StableDiffusionProcessingTxt2Img
        self._patches.wrap(hires, "sample_hr_pass", self._make_hires)
        self._patches.wrap(hires, "sample", _make_sample)
        img2img = processing.StableDiffusionProcessingImg2Img
        self._patches.wrap(img2img, "init", self._make_img2img)

    def detach(self) -> None:
        """Remove our modes from the WebUI's table."""
        _replace_modes([])

    def list_modes(self) -> None:
        """Put the modes that the settings list into the WebUI's table, and no others of ours."""
        _replace_modes(options.modes())

    def outlook(self, mode: str) -> Outlook | None:
        """Return which mode will be used for the loaded model; None if none is loaded."""
        # Not the `shared.sd_model` that the context asks, which would load one.
        if mode not in LATENT_MODES or loaded_model() is None:
            return None
        return foresee(mode, self._context, tiny=self._context.has_tiny())

    def _make_hires(self, original: Callable[..., Any], live: Callable[[], bool]) -> Any:
        def sample_hr_pass(
            p: Any,
            samples: torch.Tensor,
            decoded_samples: torch.Tensor,
            seeds: list[int],
            subseeds: list[int],
            subseed_strength: float,
            prompts: list[str],
        ) -> Any:
            mode: dict[str, Any] = p.latent_scale_mode or {}
            rest = (seeds, subseeds, subseed_strength, prompts)
            if not live() or OURS not in mode:
                return original(p, samples, decoded_samples, *rest)
            from lib_upscalers.hosts.webui.interception import unwatched

            samples = self._watched(p, samples, mode[OURS], seeds)
            with _conditioned_at_full_size(p):
                # A job that was interrupted before returns its argument.
                return unwatched(original(p, samples, decoded_samples, *rest))

        return sample_hr_pass

    def _watched(
        self,
        p: Any,
        samples: torch.Tensor,
        mode: str,
        seeds: Sequence[int],
    ) -> torch.Tensor:
        from lib_upscalers.hosts.webui.interception import watch

        finishers = options.finishers()
        p.extra_generation_params.update({**infotext(finishers), FALLBACK: None})

        def answer(latent: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
            return self.enlarge(latent, size, LatentResize(mode, finishers), seeds, p)

        return watch(samples, answer)

    def _make_img2img(self, original: Callable[..., Any], live: Callable[[], bool]) -> Any:
        def init(
            p: Any,
            all_prompts: list[str],
            all_seeds: list[int],
            all_subseeds: list[int],
        ) -> Any:
            resize: LatentResize | Exception | None = getattr(p, RESIZE, None)
            if resize is None or not live() or p.resize_mode != LATENT_RESIZE:
                return original(p, all_prompts, all_seeds, all_subseeds)
            if isinstance(resize, Exception):
                raise resize
            answering = self._answering(p, resize, all_seeds)
            with answering:
                result = original(p, all_prompts, all_seeds, all_subseeds)
            if not answering.answered:
                _report_fallback(p, Fallback(resize.mode, _HOSTS_WAY, _UNASKED))
            return result

        return init

    def _answering(self, p: Any, resize: LatentResize, seeds: Sequence[int]) -> Answering:
        from lib_upscalers.hosts.webui.interception import Answering

        def answer(latent: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
            return self.enlarge(latent, size, resize, seeds, p)

        factor = host_module("processing").opt_f
        return Answering(answer, (p.height // factor, p.width // factor), _BILINEAR_OF_IMG2IMG)

    def enlarge(
        self,
        latent: torch.Tensor,
        size: tuple[int, int],
        resize: LatentResize,
        seeds: Sequence[int],
        p: Any = None,
    ) -> torch.Tensor:
        """Enlarge a latent of the WebUI's.

        Args:
            latent: Shape (N, C, H, W) or (N, C, T, H, W), any float dtype and device.
            size: Height and width, in latent values.
            resize: How.
            seeds: Of the pictures, one an item at least.
            p: The job; its infotext and comments name another mode if one had to be used.

        Returns:
            A plain tensor of the same dtype and device.
        """
        state = host_module("shared").state
        with (
            faults_logged("The latent"),
            suspended_torch_modes(latent.device.type),
            displayed_progress(state, resize.mode),
        ):
            latent = latent.detach().clone() if latent.is_inference() else latent
            larger = Size(size[1], size[0])
            try:
                return upscale_latent(
                    latent,
                    larger,
                    resize.mode,
                    resize.finishers,
                    _seeds_of(seeds, latent.shape[0]),
                    context=self._context,
                    on_fallback=lambda fallback: _report_fallback(p, fallback),
                )
            except Cancelled:
                return upscale_latent(latent, larger, _WHEN_STOPPED)


def _seeds_of(seeds: Sequence[int], items: int) -> list[int]:
    """Return a seed for each item; if another extension made more items, they count up."""
    known = [int(seed) for seed in seeds[:items]] or [0]
    return [*known, *range(known[-1] + 1, known[-1] + 1 + items - len(known))]


def modes_of_host() -> dict[str, str]:
    """Return those of our modes that the WebUI has itself, with its names for them."""
    table: dict[str, Any] = host_module("shared").latent_upscale_modes
    theirs = {name: entry for name, entry in table.items() if OURS not in entry}
    twins = {(entry["mode"], entry["antialias"]): name for name, entry in theirs.items()}
    found: dict[str, str] = {}
    for name, mode in LATENT_MODES.items():
        alike = next((twins[twin] for twin in mode.twins if twin in twins), None)
        if name in theirs or alike is not None:
            found[name] = name if name in theirs else str(alike)
    return found


def mode_alike(name: str) -> str | None:
    """Return our mode with the results of a latent mode of the WebUI's; None: there is none."""
    entry = host_module("shared").latent_upscale_modes.get(name)
    if entry is None or OURS in entry:
        return None
    arguments = (entry["mode"], entry["antialias"])
    return next((ours for ours, mode in LATENT_MODES.items() if arguments in mode.twins), None)


def _replace_modes(names: Sequence[str]) -> None:
    table: dict[str, Any] = host_module("shared").latent_upscale_modes
    theirs = {name: entry for name, entry in table.items() if OURS not in entry}
    there = modes_of_host()
    ours: dict[str, Any] = {
        name: {"mode": name, "antialias": False, OURS: name} for name in names if name not in there
    }
    for name in table.keys() - theirs.keys() - ours.keys():
        del table[name]
    for name, entry in ours.items():
        table.pop(name, None)  # Removed first, so that it moves to its place in the menu.
        table[name] = entry


def _report_fallback(p: Any, fallback: Fallback) -> None:
    """Show below the picture and in its infotext that another mode was used.

    The infotext's "Hires upscaler" stays what was chosen, so that pasting chooses it again.
    """
    if p is None:
        return
    p.extra_generation_params[FALLBACK] = fallback.used
    comment = getattr(p, "comment", None)
    if comment is not None:
        comment(f"{fallback.chosen}: {fallback.used} was used instead. {fallback.reason}")


def _make_sample(original: Callable[..., Any], live: Callable[[], bool]) -> Any:
    """Remove a finished picture's alpha before it is encoded for one of our modes.

    Forge encodes it as the gallery has it, RGBA, and fails (processing.py:1356-1364 there).
    """

    def sample(
        p: Any,
        conditioning: Any,
        unconditional_conditioning: Any,
        seeds: list[int],
        subseeds: list[int],
        subseed_strength: float,
        prompts: list[str],
    ) -> Any:
        picture = getattr(p, "firstpass_image", None)
        if live() and picture is not None and OURS in (p.latent_scale_mode or {}):
            p.firstpass_image = picture.convert("RGB")
        rest = (seeds, subseeds, subseed_strength, prompts)
        return original(p, conditioning, unconditional_conditioning, *rest)

    return sample


@contextmanager
def _conditioned_at_full_size(p: Any) -> Generator[None, None, None]:
    """Condition an inpainting model at the size of the latent inside the block.

    By itself the WebUI does so at the size of the first pass, and its own latent modes then fail
    with such models (processing.py:302 and 1400 of AUTOMATIC1111).
    """
    original, before = p.txt2img_image_conditioning, vars(p).get(_CONDITIONING)
    factor = host_module("processing").opt_f

    def sized(x: torch.Tensor, width: int | None = None, height: int | None = None) -> Any:
        return original(x, width or x.shape[-1] * factor, height or x.shape[-2] * factor)

    p.txt2img_image_conditioning = sized
    try:
        yield
    finally:
        del p.txt2img_image_conditioning
        if before is not None:  # of another extension
            p.txt2img_image_conditioning = before


def infotext(finishers: Finishers, prefix: str = "Latent") -> dict[str, str | None]:
    """Return the finishers' parameters for an infotext; those that are off are None.

    Set to None explicitly, because the cells of an X/Y/Z plot inherit those of the previous cell.
    """
    values = {
        "blend with": finishers.blend_with if finishers.blend else None,
        "blend": finishers.blend,
        "sharpen": finishers.sharpen,
        "match": finishers.match,
        "renoise": finishers.renoise,
    }
    return {f"{prefix} {name}": str(value) if value else None for name, value in values.items()}


def paste_reader(name: str, default: object) -> Callable[[dict[str, Any]], Any]:
    """Return a function that reads a control's value from a pasted infotext.

    A picture's infotext omits finishers that were off; a text without steps is only a prompt.

    Args:
        name: The value's name in infotexts.
        default: The control's initial value.
    """
    return lambda params: params.get(name, default if "Steps" in params else None)


def paste_choice(name: str, choice: str) -> Callable[[dict[str, Any]], Any]:
    """Return a function that reads a control's value: `choice` if an infotext has `name`."""
    return lambda params: choice if name in params else None


def complete_pasted(_infotext: str, params: dict[str, str]) -> None:
    """Add to a pasted infotext the finishers that it does not name: they are off.

    Args:
        params: Its parameters by name; changed.
    """
    chosen = params.get("Hires upscaler", "")
    if chosen in FORMER_MODES:
        params["Hires upscaler"] = chosen = FORMER_MODES[chosen]
    if chosen in LATENT_MODES:
        for option in options.FINISHERS:
            params.setdefault(option.infotext, str(option.default))

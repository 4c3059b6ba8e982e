"""Compare finished pictures of Hires. fix: one first pass, then one cell after the other."""

from __future__ import annotations

import copy
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np

from lib_upscalers.compare.comparison import explain
from lib_upscalers.compare.peak_memory import Peak, watch_for
from lib_upscalers.compare.session import Cost
from lib_upscalers.errors import InputError
from lib_upscalers.hosts.webui.finished_record import FinishedRecord, decoded, pictures_of
from lib_upscalers.hosts.webui.first_pass import FirstPasses
from lib_upscalers.hosts.webui.full_vae import loaded_model
from lib_upscalers.hosts.webui.host_modules import host_module
from lib_upscalers.hosts.webui.kept_latents import KeptLatents
from lib_upscalers.hosts.webui.picture_start import loaded, set_job
from lib_upscalers.pictures.picture import from_pil

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lib_upscalers.compare.finished import Cell, FinishedRequest
    from lib_upscalers.compare.store import Store
    from lib_upscalers.hosts.webui.engine import Engine
    from lib_upscalers.hosts.webui.patching import Patches
    from lib_upscalers.hosts.webui.picture_start import Start

_log = logging.getLogger("lib_upscalers")
_NO_MODEL = "No model is loaded: choose one, and compare again."
_OTHER_MODEL = (
    "Another model was loaded in the middle, so this picture is not of this comparison: load the "
    "first one, and compare again."
)


class HiresComparison:
    """Makes finished pictures that differ in upscaler and denoising strength alone.

    Args:
        engine: The library within the WebUI.
        patches: Where changes to the WebUI are entered.
        store: Returns the store of comparisons.
        listed: Returns the names that the menu of Hires. fix lists.
    """

    def __init__(
        self,
        engine: Engine,
        patches: Patches,
        store: Callable[[], Store],
        listed: Callable[[], Sequence[str]],
    ) -> None:
        self._engine = engine
        self._patches = patches
        self._store = store
        self._listed = listed
        self._kept = KeptLatents()
        self._passes: FirstPasses | None = None
        self._model: str | None = None
        self.latest = ""
        """The name of the session that was made last."""

    def attach(self) -> None:
        """Attend to the samplers of our own jobs."""
        self._patches.wrap(host_module("sd_samplers"), "create_sampler", self._make_create)

    def _make_create(self, original: Callable[..., Any], live: Callable[[], bool]) -> Any:
        def create_sampler(name: Any, model: Any) -> Any:
            sampler = original(name, model)
            if live():
                (self._passes or self._kept).attend(sampler)
            return sampler

        return create_sampler

    def run(self, p: Any, request: FinishedRequest, start: Start | None = None) -> Any:
        """Make all cells of a txt2img job.

        Args:
            p: The job, as the WebUI hands it to a script; its Hires. fix gives size and steps.
            request: What to compare.
            start: The picture to begin with; None: the job's own first pass.

        Returns:
            The WebUI's `Processed`, with the pictures of all cells; each has the infotext of an
            ordinary Hires. fix run.

        Raises:
            UpscalerError: A name is not listed, or the target is not larger than the picture.
        """
        request.check_names(self._listed())
        if start is not None:
            set_job(p, start)
        _check_target(p)
        processing = host_module("processing")
        processing.fix_seed(p)
        p.enable_hr, p.do_not_save_grid = True, True
        self._passes = self._begun(p, start)
        self._model = None
        made: list[Any] = []
        try:
            with ThreadPoolExecutor(1) as beside:
                record = FinishedRecord(self._store(), request, p, beside)
                for number, cell in enumerate(request.cells):
                    if _stopped():
                        break
                    processed = self._make(p, record, number, cell)
                    made += [] if processed is None else [processed]
                record.end()
        finally:
            repeated, self._passes = self._passes.repeated, None
        self.latest = record.name or self.latest
        return _joined(processing.Processed(p, [], p.seed, ""), made, record, repeated=repeated)

    def _begun(self, p: Any, start: Start | None) -> FirstPasses:
        """Return first passes that begin with a picture, or with the latent that it had."""
        if start is None or start.enlarged:
            return FirstPasses()
        pixels = np.asarray(start.image)
        given = None if start.point is None else self._kept.find(start.point, pixels)
        if given is None:
            p.firstpass_image = start.image
        return FirstPasses(given)

    def _make(self, p: Any, record: FinishedRecord, number: int, cell: Cell) -> Any:
        """Make one cell; return None where it failed or was left out."""
        state, passes = host_module("shared").state, self._passes
        assert passes is not None  # noqa: S101 - run has made it
        count = len(record.request.cells)
        if number == 0:
            # Each cell counts as two passes, as the WebUI counts an ordinary job.
            state.job_count = (1 if p.firstpass_image is not None else 2) * count * p.n_iter
            state.processing_has_refined_job_count = True
        state.textinfo = f"Upscaler Lab: {cell.name}: {number + 1} of {count}"
        passes.begin()
        start, device = time.perf_counter(), self._engine.host.device()
        try:
            with Peak(watch_for(device)) as peak:
                processed = host_module("processing").process_images(_job(p, cell, record.request))
        except Exception as error:
            _log.exception("%s", cell.name)
            host_module("devices").torch_gc()
            record.fail(number, explain(error) if loaded_model() else _NO_MODEL)
            return None
        pictures = pictures_of(processed)
        if _stopped() or state.skipped or not passes.second_passes or not pictures:
            state.skipped = False
            record.leave_out(number)
            return None
        seconds = time.perf_counter() - start
        if not self._is_same_model():
            record.fail(number, _OTHER_MODEL)
            return None
        self._begin(p, record, processed)
        cost = Cost(
            load_seconds=0.0,
            # What the first pass took is no part of a cell: the next one has it for nothing.
            run_seconds=seconds - passes.first_seconds,
            peak_bytes=peak.grown,
            peak_of=peak.kind,
            device=str(device),
            enlarge_seconds=passes.enlarge_seconds,
        )
        record.finish(number, pictures, cost)
        state.assign_current_image(pictures[0])
        return processed

    def _begin(self, p: Any, record: FinishedRecord, processed: Any) -> None:
        """Store the small pictures, unless they are; the pictures are shown without that, too."""
        assert self._passes is not None  # noqa: S101 - run has made it
        if record.begun:
            return
        own = [from_pil(p.firstpass_image)] if p.firstpass_image is not None else None
        try:
            record.begin(p, own or decoded(self._passes), processed)
        except Exception as error:  # decoding may lack memory, as any cell may
            _log.exception("The small pictures")
            record.faults.append(explain(error))

    def _is_same_model(self) -> bool:
        """Return whether the model and the VAE are those of the first cell."""
        now = str(loaded())
        self._model = self._model or now
        return self._model == now


def _job(p: Any, cell: Cell, request: FinishedRequest) -> Any:
    """Return a copy of a job for one cell, which leaves nothing in the others."""
    job = copy.copy(p)
    job.hr_upscaler, job.denoising_strength = cell.upscaler, cell.strength
    if request.steps:
        job.hr_second_pass_steps = request.steps
    for name in ("styles", "override_settings", "extra_generation_params", "comments"):
        setattr(job, name, copy.copy(getattr(p, name)))
    return job


def _stopped() -> bool:
    state = host_module("shared").state
    return bool(state.interrupted or getattr(state, "stopping_generation", False))


def _check_target(p: Any) -> None:
    """Check that Hires. fix enlarges.

    Raises:
        InputError: Its target is not larger than the first pass.
    """
    sides = int(p.hr_resize_x or 0), int(p.hr_resize_y or 0)
    larger = max(sides) > max(p.width, p.height) if any(sides) else float(p.hr_scale) > 1
    if not larger:
        raise InputError(
            f"Expected a target of Hires. fix that is larger than {p.width} x {p.height}, to "
            "compare upscalers: set “Upscale by” above 1, or a larger size."
        )


def _joined(processed: Any, made: Sequence[Any], record: FinishedRecord, *, repeated: bool) -> Any:
    """Return what the WebUI shows: the pictures of all cells, in order, and what to know."""
    if made:
        names = ("images", "infotexts", "all_prompts", "all_negative_prompts", "all_seeds")
        for name in (*names, "all_subseeds"):
            parts = (getattr(each, name)[_skipped(each, name) :] for each in made)
            setattr(processed, name, [value for part in parts for value in part])
        processed.info, processed.index_of_first_image = processed.infotexts[0], 0
        for name in ("seed", "subseed", "sampler_name", "denoising_strength"):
            setattr(processed, name, getattr(made[0], name))
    lines = [*record.faults, *(each.comments.strip() for each in made if each.comments.strip())]
    if repeated:
        lines.append(
            "Another extension changes the first pass, so it was made again for each cell."
        )
    if record.name:
        lines.append("“Show in Upscaler Lab” opens the comparison.")
    processed.comments = "\n".join(dict.fromkeys(lines))
    return processed


def _skipped(processed: Any, name: str) -> int:
    return processed.index_of_first_image if name in ("images", "infotexts") else 0

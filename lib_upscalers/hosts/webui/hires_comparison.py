"""Compare finished pictures of Hires. fix: one first pass, then one cell after the other."""

from __future__ import annotations

import copy
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from lib_upscalers.compare.comparison import explain
from lib_upscalers.compare.measuring import measure
from lib_upscalers.compare.peak_memory import Peak, watch_for
from lib_upscalers.compare.session import Cost, Entry, Session
from lib_upscalers.compare.store import saved_name
from lib_upscalers.errors import InputError
from lib_upscalers.hosts.webui.first_pass import FirstPasses
from lib_upscalers.hosts.webui.full_vae import decode
from lib_upscalers.hosts.webui.host_modules import host_module
from lib_upscalers.pictures.picture import Picture, from_pil, from_tensor
from lib_upscalers.progress import NULL
from lib_upscalers.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from PIL.Image import Image

    from lib_upscalers.compare.candidate import Kind
    from lib_upscalers.compare.finished import Cell, FinishedRequest
    from lib_upscalers.compare.store import Store
    from lib_upscalers.hosts.webui.engine import Engine
    from lib_upscalers.hosts.webui.patching import Patches

_log = logging.getLogger("lib_upscalers")


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
        self._passes: FirstPasses | None = None
        self.latest = ""
        """The name of the session that was made last."""

    def attach(self) -> None:
        """Attend to the samplers of our own jobs."""
        self._patches.wrap(host_module("sd_samplers"), "create_sampler", self._make_create)

    def _make_create(self, original: Callable[..., Any], live: Callable[[], bool]) -> Any:
        def create_sampler(name: Any, model: Any) -> Any:
            sampler = original(name, model)
            if live() and self._passes is not None:
                self._passes.attend(sampler)
            return sampler

        return create_sampler

    def run(self, p: Any, request: FinishedRequest) -> Any:
        """Make all cells of a txt2img job.

        Args:
            p: The job, as the WebUI hands it to a script; its Hires. fix gives size and steps.
            request: What to compare.

        Returns:
            The WebUI's `Processed`, with the pictures of all cells; each has the infotext of an
            ordinary Hires. fix run.

        Raises:
            UpscalerError: A name is not listed, or the target is not larger than the picture.
        """
        request.check_names(self._listed())
        _check_target(p)
        processing = host_module("processing")
        processing.fix_seed(p)
        p.enable_hr, p.do_not_save_grid = True, True
        self._passes = FirstPasses()
        made: list[Any] = []
        try:
            with ThreadPoolExecutor(1) as beside:
                record = _Record(self._store(), request, p, beside)
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

    def _make(self, p: Any, record: _Record, number: int, cell: Cell) -> Any:
        """Make one cell; return None where it failed or was left out."""
        state, passes = host_module("shared").state, self._passes
        assert passes is not None  # noqa: S101 - run has made it
        count = len(record.request.cells)
        if number == 0:
            # Each cell counts as two passes, as the WebUI counts an ordinary job.
            state.job_count = 2 * count * p.n_iter
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
            record.fail(number, explain(error))
            return None
        if _stopped() or state.skipped or not passes.second_passes:
            state.skipped = False
            record.leave_out(number)
            return None
        seconds = time.perf_counter() - start
        if not record.begun:
            record.begin(p, passes, processed)
        cost = Cost(
            load_seconds=0.0,
            # What the first pass took is no part of a cell: the next one has it for nothing.
            run_seconds=seconds - passes.first_seconds,
            peak_bytes=peak.grown,
            peak_of=peak.kind,
            device=str(device),
            enlarge_seconds=passes.enlarge_seconds,
        )
        record.finish(number, _pictures(processed), cost)
        state.assign_current_image(_pictures(processed)[0])
        return processed


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


def _pictures(processed: Any) -> list[Image]:
    """Return the pictures of a job, without the grid before them."""
    return list(processed.images[processed.index_of_first_image :])


@dataclass
class _Record:
    """The sessions of a comparison: one for each picture of the job.

    Attributes:
        store: Takes the files.
        request: What is compared.
        job: The WebUI's job.
        beside: Writes and measures while the next cell is made.
        sessions: Empty until the first cell is done.
        faults: What went wrong, a sentence each.
    """

    store: Store
    request: FinishedRequest
    job: Any
    beside: ThreadPoolExecutor
    sessions: list[Session] = field(default_factory=list[Session])
    faults: list[str] = field(default_factory=list[str])
    _sources: list[Picture] = field(default_factory=list[Picture])
    _early: dict[int, Entry] = field(default_factory=dict[int, Entry])

    @property
    def begun(self) -> bool:
        """Whether the small pictures are known."""
        return bool(self.sessions)

    @property
    def name(self) -> str:
        """The name of the first session, or ""."""
        return self.sessions[0].name if self.sessions else ""

    def begin(self, p: Any, passes: FirstPasses, processed: Any) -> None:
        """Store the small pictures, now that the first pass is known."""
        self._sources = list(_decoded(passes))
        entries = [self._entry(cell) for cell in self.request.cells]
        for number, early in self._early.items():
            entries[number] = early
        pictures = _pictures(processed)
        for index, (small, large) in enumerate(zip(self._sources, pictures, strict=False)):
            seed = processed.all_seeds[index] if index < len(processed.all_seeds) else p.seed
            title, name = f"Seed {seed}", self.store.new_name()
            source = self.store.put_picture(name, saved_name(title, "first pass"), small)
            session = Session(
                name=name,
                title=title,
                source=source,
                width=large.width,
                height=large.height,
                entries=tuple(entries),
                version=VERSION,
                columns=len(self.request.upscalers),
            )
            self.sessions.append(session)

    def finish(self, number: int, pictures: Sequence[Image], cost: Cost) -> None:
        """Store a cell's pictures."""
        self.beside.submit(self._store_cell, number, [from_pil(each) for each in pictures], cost)

    def _store_cell(self, number: int, pictures: Sequence[Picture], cost: Cost) -> None:
        for index, picture in enumerate(pictures[: len(self.sessions)]):
            session, source = self.sessions[index], self._sources[index]
            entry = session.entries[number]
            try:
                name = saved_name(session.title, entry.name, str(picture.size))
                stored = self.store.put_picture(f"{session.name}", name, picture)
                figures = measure(picture, source, None, NULL)
            except Exception as error:
                self.faults.append(f"{entry.name}: {explain(error)}")
                entry = replace(entry, state="failed", text=explain(error))
            else:
                done = replace(entry, state="finished", result=stored, cost=cost)
                entry = replace(done, figures=figures)
            self._put(index, number, entry)

    def fail(self, number: int, text: str) -> None:
        """Note that a cell could not be made."""
        self.faults.append(f"{self.request.cells[number].name}: {text}")
        self._put_all(
            number, replace(self._entry(self.request.cells[number]), state="failed", text=text)
        )

    def leave_out(self, number: int) -> None:
        """Note that the user skipped or stopped a cell."""
        self._put_all(number, replace(self._entry(self.request.cells[number]), state="stopped"))

    def _put_all(self, number: int, entry: Entry) -> None:
        self._early[number] = entry
        for index in range(len(self.sessions)):
            self.beside.submit(self._put, index, number, entry)

    def _put(self, index: int, number: int, entry: Entry) -> None:
        session = self.sessions[index] = self.sessions[index].with_entry(number, entry)
        self.store.save(session)

    def end(self) -> None:
        """Wait until all is written; what was not made is stopped."""
        self.beside.shutdown()
        for session in self.sessions:
            self.store.save(session.ended())
        self.store.tidy()

    def _entry(self, cell: Cell) -> Entry:
        return Entry(
            name=cell.name,
            kind=_kind(cell.upscaler),
            upscaler=cell.upscaler,
            strength=cell.strength,
            steps=self.request.steps,
        )


def _kind(name: str) -> Kind:
    shared = host_module("shared")
    if name in shared.latent_upscale_modes:
        return "latent"
    entry = next((each for each in shared.sd_upscalers if each.name == name), None)
    return "network" if getattr(entry, "data_path", None) else "pixel"


def _decoded(passes: FirstPasses) -> Iterator[Picture]:
    """Yield the small pictures, in the order of the job's pictures."""
    import numpy as np

    for samples in passes.latents():
        for pixels in decode(samples):
            yield Picture(from_tensor(pixels.clamp(0, 1).float(), np.dtype(np.uint8)), None)


def _joined(processed: Any, made: Sequence[Any], record: _Record, *, repeated: bool) -> Any:
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

"""Train a network for the latent space of any autoencoder, from pictures to the weights.

Finished steps are stored in a folder, so that the work can be stopped at any time and resumed.
"""

from __future__ import annotations

import logging
import shutil
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from lib_upscalers.errors import (
    MemoryExhaustedError,
    OutputError,
    UpscalerError,
)
from lib_upscalers.file_writing import writing_path
from lib_upscalers.latent.learned import HASH_DIGITS, fit_name, own_network
from lib_upscalers.latent.network_card import NetworkCard
from lib_upscalers.latent.network_files import UNDECIDED, write_network
from lib_upscalers.progress import NULL
from lib_upscalers.tiling.executor import OutOfMemory, memory_signal
from lib_upscalers.tiling.exhaustion import naming_memory
from lib_upscalers.training.drawing import synthetic
from lib_upscalers.training.latent import latent_pairs
from lib_upscalers.training.latent.judging import judge
from lib_upscalers.training.latent.latent_metric import decoded_metric, statistics
from lib_upscalers.training.latent.latent_pairs import find_photographs
from lib_upscalers.training.latent.latent_training import LatentTraining, Pool
from lib_upscalers.training.latent.reports import FitReport, FitSettings, Preview
from lib_upscalers.training.state import intact

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from lib_upscalers.latent.context import LatentSpace
    from lib_upscalers.progress import Progress
    from lib_upscalers.training.latent.judging import Judgement
    from lib_upscalers.training.latent.latent_training import LatentRecipe
    from lib_upscalers.training.latent.teacher import Teacher

_log = logging.getLogger("lib_upscalers")

_PICTURE_SHARE = 0.25
_TRAINED = 0.97
_MOST_PARTS = 160
_REPORT_SECONDS = 1.0
_SAVE_SECONDS = 60.0
_PREVIEW_SECONDS = 20.0
_PREVIEW_SEED = 6_000_000_000
_METRIC_LATENTS = 3
_METRIC_CELLS = 12
_STATE = "state.pt"
_MARK = "autoencoder.pt"
# A smaller batch does not occupy a GPU.
_GPU_BATCH = 32


def fit(
    teacher: Teacher,
    space: LatentSpace,
    out: Path,
    work: Path,
    settings: FitSettings | None = None,
    progress: Progress = NULL,
) -> Iterator[FitReport]:
    """Train a network for a latent space, and write it into a folder of the learned mode.

    Work begins when the first report is requested. After a stop (`progress` cancels, or the
    iterator is closed) the same call resumes from the last state. At the end the work folder is
    removed.

    Args:
        teacher: The autoencoder and the device to train on.
        space: The space of its latents, which have to be scaled as the sampler has them.
        out: The folder for the weights, ``models/upscaler_lab/latent`` in a WebUI.
        work: A folder for unfinished work; some 100 MB.
        settings: What to do.
        progress: Checked for cancellation at every step; it gets no updates, the reports have them.

    Yields:
        About one report a second, and last one with the `path` and what the network is worth.

    Raises:
        InputError: The autoencoder's latents have another shape than `space` states, there is no
            picture in the folder, or the network to go on from is none of ours.
        ModelFileError: That network cannot be read, or is for other latents.
        ModelError: The autoencoder fails, or returns NaN in float32, too.
        MemoryExhaustedError: Not even one pair at a time fits into memory.
        OutputError: A file cannot be written; older files stay whole.
        Cancelled: `progress` raises it.
    """
    job = _Job(teacher, space, out, work, settings or FitSettings(), progress)
    purpose = f"to train on {space.channels} channels of latents on {teacher.device}"
    try:
        with naming_memory(purpose):
            yield from job.run()
    except OSError as error:
        raise OutputError(
            f"Expected to write into {work} and {out}, but that failed ({error.strerror or error});"
            " make room, and start again to go on."
        ) from error


class _Job:
    """One call of `fit`."""

    def __init__(
        self,
        teacher: Teacher,
        space: LatentSpace,
        out: Path,
        work: Path,
        settings: FitSettings,
        progress: Progress,
    ) -> None:
        self._teacher = teacher.checked(space)
        self._space = space
        self._out = out
        self._work = work
        self._settings = settings
        self._progress = progress
        self._device = teacher.device
        self._plan = settings.plan.for_factor(space.factor)
        self._photographs = find_photographs(settings.pictures)
        self._start = None if settings.start is None else own_network(settings.start, space)
        self._begun = time.monotonic()
        least = _GPU_BATCH if teacher.device.type == "cuda" else 1
        self._batch = max(settings.recipe.batch, least)

    def run(self) -> Iterator[FitReport]:
        """Do all of it."""
        state = self._work / _STATE
        self._claim()
        enough = state.exists() and bool(latent_pairs.part_paths(self._work))
        for done in self._make_pairs(enough=enough):
            yield FitReport(
                "pictures", _PICTURE_SHARE * done, self._seconds_left(_PICTURE_SHARE * done)
            )
        pool = self._pool()
        yield FitReport("measuring", _PICTURE_SHARE, self._seconds_left(_PICTURE_SHARE))
        with torch.inference_mode(mode=False), torch.enable_grad():
            training = self._training(pool, state)
        try:
            yield from self._train(training, pool, state)
        finally:
            self._try_save(training, state)
        yield FitReport("judging", _TRAINED, self._seconds_left(_TRAINED), training.step)
        self._progress.check_cancelled()
        judgement = judge(training.average, self._teacher, self._plan.side)
        path = self._write(training, judgement)
        shutil.rmtree(self._work, ignore_errors=True)
        figures = None if judgement is None else judgement.figures
        yield FitReport("done", 1.0, 0.0, training.step, path=path, figures=figures)

    def _claim(self) -> None:
        """Empty the folder if its files were made with another autoencoder, or are damaged."""
        mark, here = self._work / _MARK, self._teacher.fingerprint()
        there = intact(mark, lambda path: torch.load(path, weights_only=True))
        if isinstance(there, torch.Tensor) and there.shape == here.shape:
            if torch.allclose(there, here, rtol=0.05, atol=0.05):
                for path in latent_pairs.part_paths(self._work):
                    intact(path, latent_pairs.load_part)
                return
            _log.warning("Beginning anew: %s holds work for another autoencoder.", self._work)
        if self._work.exists():
            shutil.rmtree(self._work)
        with writing_path(mark, overwrite=True, make_folders=True) as scratch:
            torch.save(here, scratch)

    def _seconds_left(self, done: float) -> float:
        return self._settings.minutes * 60 * (1 - done)

    def _make_pairs(self, *, enough: bool) -> Iterator[float]:
        """Make pairs until there are enough; yield the share that is done, after each pair."""
        limit = self._settings.parts or _MOST_PARTS
        seconds = self._settings.minutes * 60 * _PICTURE_SHARE
        for part in range(limit):
            path = latent_pairs.part_path(self._work, part)
            spent = time.monotonic() - self._begun
            timed = self._settings.parts is None and part > 0
            if not path.exists():
                if enough or (timed and spent > seconds):
                    return
                for _ in self._make_part(part, path):
                    yield max(part / limit, min(spent / seconds, 1.0) if timed else 0.0)
            yield max((part + 1) / limit, min(spent / seconds, 1.0) if timed else 0.0)

    def _make_part(self, part: int, path: Path) -> Iterator[None]:
        """Make a part, and yield after each pair: a WebUI's other jobs run in between."""
        teacher, progress = self._teacher, self._progress

        def encode(pixels: torch.Tensor) -> torch.Tensor:
            progress.check_cancelled()
            return teacher.encode(pixels)

        pairs: list[latent_pairs.LatentPair] = []
        for pair in latent_pairs.make_part(
            self._plan, part, encode, self._device, self._photographs
        ):
            pairs.append(pair)
            yield
        latent_pairs.save_part(path, pairs)

    def _pool(self) -> Pool:
        pool = Pool(self._device)
        for path in latent_pairs.part_paths(self._work):
            pool.add(latent_pairs.load_part(path))
        return pool

    def _training(self, pool: Pool, state: Path) -> LatentTraining:
        recipe = replace(self._settings.recipe, channels=self._space.channels)
        if self._start is not None:
            recipe = recipe.going_on(self._start)
        resumed = intact(state, lambda path: self._resumed(recipe, path))
        if resumed is not None:
            return resumed
        training = LatentTraining(recipe, statistics(pool.large(), self._metric), self._device)
        if self._start is not None:
            training.begin_with(self._start)
        return training

    def _resumed(self, recipe: LatentRecipe, state: Path) -> LatentTraining:
        nothing = torch.ones(recipe.channels)
        blank = {"mean": nothing, "deviation": nothing, "transform": torch.diag(nothing)}
        training = LatentTraining(recipe, blank, self._device)
        training.load(state)
        return training

    def _metric(
        self, latents: Sequence[torch.Tensor], deviation: torch.Tensor
    ) -> torch.Tensor | None:
        """Measure the effect of errors on pictures; None if the decoder cannot be used for it."""
        cells = min(_METRIC_CELLS, latents[0].shape[-1])
        step = max(1, len(latents) // _METRIC_LATENTS)
        some = [latent[:, :cells, :cells].to(self._device).float() for latent in latents[::step]][
            :_METRIC_LATENTS
        ]

        def decode(samples: torch.Tensor) -> torch.Tensor:
            self._progress.check_cancelled()
            return self._teacher.decode(samples)

        try:
            with memory_signal(), torch.no_grad():
                return decoded_metric(decode, some, deviation)
        except (OutOfMemory, UpscalerError) as error:
            _log.warning("All channels of the latents count alike in the training: %s", error)
            return None

    def _train(self, training: LatentTraining, pool: Pool, state: Path) -> Iterator[FitReport]:
        spent = time.monotonic() - self._begun
        whole = self._settings.minutes * 60
        budget = max(whole - spent, whole * (1 - 1.5 * _PICTURE_SHARE))
        saved = reported = shown = time.monotonic()
        loss: float | None = None
        while training.progress < 1:
            self._progress.check_cancelled()
            new = self._step(training, pool, budget)
            loss = new if loss is None else loss + (new - loss) * 0.05
            now = time.monotonic()
            if now - saved > _SAVE_SECONDS:
                self._try_save(training, state)
                saved = now
            last = training.progress >= 1
            if now - reported > _REPORT_SECONDS or last:
                reported, preview = now, None
                if now - shown > _PREVIEW_SECONDS or last:
                    preview, shown = self._preview(training), now
                done = _PICTURE_SHARE + (_TRAINED - _PICTURE_SHARE) * min(training.progress, 1.0)
                rest = training.seconds / training.progress * max(0.0, 1 - training.progress)
                yield FitReport("training", done, rest, training.step, loss, preview)

    def _step(self, training: LatentTraining, pool: Pool, budget: float) -> float:
        """Make a step, with smaller batches once memory runs out."""
        while True:
            try:
                # Some hosts call in a mode without gradients.
                with memory_signal(), torch.inference_mode(mode=False), torch.enable_grad():
                    return training.advance(pool, self._batch, budget, self._teacher.differentiable)
            except OutOfMemory as error:
                if self._batch == 1:
                    raise MemoryExhaustedError(
                        "Expected memory for one pair of latents at a time, but there is not: "
                        f"{error}; close other programs, and start again to go on."
                    ) from None
                self._batch //= 2
                _log.warning("Memory is short: going on with %d pairs a step.", self._batch)
            training.optimiser.zero_grad()
            if self._device.type == "cuda":
                torch.cuda.empty_cache()

    def _try_save(self, training: LatentTraining, state: Path) -> None:
        """Save; if that fails, the last state stays, and the work continues."""
        try:
            training.save(state)
        except (OSError, OutputError) as error:
            _log.warning("The training's state cannot be saved to %s: %s", state, error)

    def _preview(self, training: LatentTraining) -> Preview | None:
        """Return a preview of the network's results; None if the autoencoder no longer works."""
        side = self._plan.side
        drawing = torch.from_numpy(synthetic.draw_mixed(side, _PREVIEW_SEED))
        pixels = drawing.permute(2, 0, 1)[None].to(self._device).float() / 255
        size = (self._plan.cells, self._plan.cells)
        try:
            with memory_signal(), torch.no_grad():
                small = self._teacher.encode(functional.avg_pool2d(pixels, 2))
                made = (
                    functional.interpolate(small, size, mode="bilinear"),
                    training.average(small, size),
                    self._teacher.encode(pixels),
                )
                shown = [self._teacher.decode(each)[0].clamp(0, 1).cpu() for each in made]
        except (OutOfMemory, UpscalerError) as error:
            _log.warning("There is no picture of the training: %s", error)
            return None
        return Preview(*shown)

    def _write(self, training: LatentTraining, judgement: Judgement | None) -> Path:
        """Write the network, its card and its picture: where modes look only if it wins."""
        digest = self._settings.vae_hash[:HASH_DIGITS]
        figures = None if judgement is None else judgement.figures
        minutes = round(training.seconds / 60, 1)
        card = NetworkCard(self._space, digest, training.step, minutes, figures)
        name = fit_name(self._space, digest)
        undecided = figures is not None and figures.loses
        path = (self._out / UNDECIDED if undecided else self._out) / name
        picture = None if judgement is None else judgement.picture
        write_network(path, training.average.state_dict(), card, picture)
        return path

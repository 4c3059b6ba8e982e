"""Store the finished pictures of a comparison as sessions, while the next ones are made."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from lib_upscalers.compare.comparison import explain
from lib_upscalers.compare.measuring import measure
from lib_upscalers.compare.session import Cost, Entry, Session
from lib_upscalers.compare.store import saved_name
from lib_upscalers.errors import UpscalerError
from lib_upscalers.hosts.webui.full_vae import decode
from lib_upscalers.hosts.webui.host_modules import host_module
from lib_upscalers.pictures.picture import Picture, from_pil, from_tensor
from lib_upscalers.progress import NULL
from lib_upscalers.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from concurrent.futures import ThreadPoolExecutor

    from PIL.Image import Image

    from lib_upscalers.compare.candidate import Kind
    from lib_upscalers.compare.finished import Cell, FinishedRequest
    from lib_upscalers.compare.store import Store
    from lib_upscalers.hosts.webui.first_pass import FirstPasses


def pictures_of(processed: Any) -> list[Image]:
    """Return the pictures of a job, without the grid before them."""
    return list(processed.images[processed.index_of_first_image :])


@dataclass
class FinishedRecord:
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

    def begin(self, p: Any, sources: Iterable[Picture], processed: Any) -> None:
        """Store the small pictures, now that the first pass is known.

        Args:
            p: The job.
            sources: One for each picture.
            processed: What the first cell made.

        Raises:
            OutputError: They cannot be stored; then nothing of the comparison is.
        """
        self._sources = list(sources)
        entries = [self._entry(cell) for cell in self.request.cells]
        for number, early in self._early.items():
            entries[number] = early
        several = list(zip(self._sources, pictures_of(processed), strict=False))
        seeds = [*processed.all_seeds, *[p.seed] * len(several)]
        titles = {self.store.new_name(): f"Seed {seed}" for seed in seeds[: len(several)]}
        made: list[Session] = []
        for (name, title), (small, large) in zip(titles.items(), several, strict=True):
            session = Session(
                name=name,
                title=title,
                source=self.store.put_picture(name, saved_name(title, "first pass"), small),
                width=large.width,
                height=large.height,
                entries=tuple(entries),
                version=VERSION,
                columns=len(self.request.upscalers),
                siblings=titles if len(titles) > 1 else {},
            )
            made.append(session)
        self.sessions += made

    def finish(self, number: int, pictures: Sequence[Image], cost: Cost) -> None:
        """Store a cell's pictures."""
        self.beside.submit(self._store_cell, number, [from_pil(each) for each in pictures], cost)

    def _store_cell(self, number: int, pictures: Sequence[Picture], cost: Cost) -> None:
        for index, picture in enumerate(pictures[: len(self.sessions)]):
            session, source = self.sessions[index], self._sources[index]
            entry = session.entries[number]
            try:
                name = saved_name(session.title, entry.name, str(picture.size))
                # Two entries may have the same name in a file system.
                key = self.store.key(session.name, entry.name)
                stored = self.store.put_picture(key, name, picture)
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
        self.sessions[index] = self.sessions[index].with_entry(number, entry)
        self._save(self.sessions[index])

    def _save(self, session: Session) -> None:
        try:
            self.store.save(session)
        except (UpscalerError, OSError) as error:
            self.faults.append(explain(error))

    def end(self) -> None:
        """Wait until all is written; what was not made is stopped."""
        self.beside.shutdown()
        for session in self.sessions:
            self._save(session.ended())
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


def decoded(passes: FirstPasses) -> Iterator[Picture]:
    """Yield the small pictures of first passes, in the order of the job's pictures."""
    import numpy as np

    for samples in passes.latents():
        # One by one, as the WebUI decodes them, because the autoencoder needs much memory.
        for each in samples.split(1):
            pixels = decode(each)[0].clamp(0, 1).float()
            yield Picture(from_tensor(pixels, np.dtype(np.uint8)), None)

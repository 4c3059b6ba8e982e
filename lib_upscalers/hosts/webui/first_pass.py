"""First passes of txt2img jobs that differ in Hires. fix alone, each sampled once."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lib_upscalers.hosts.webui.host_modules import host_module
from lib_upscalers.hosts.webui.random_state import random_state, set_random_state

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import torch

# What a job's first pass depends on.
_DECISIVE = (
    *("iteration", "prompts", "negative_prompts", "seeds", "subseeds", "subseed_strength"),
    *("steps", "cfg_scale", "sampler_name", "scheduler", "width", "height", "sd_model_hash"),
    *("seed_resize_from_w", "seed_resize_from_h", "distilled_cfg_scale"),
)


@dataclass(frozen=True)
class FirstPass:
    """What the sampler returned, and what else it left.

    Attributes:
        iteration: Which of the job's batches it is of.
        samples: Latents as the sampler has them, shape (N, C, h, w) or (N, C, T, h, w).
        parameters: What it entered into the infotext.
        generators: States of torch's global random generators afterwards.
    """

    iteration: int
    samples: torch.Tensor
    parameters: Mapping[str, Any]
    generators: tuple[Any, ...]


@dataclass
class FirstPasses:
    """First passes by what they depend on, and the times of the current job.

    Attributes:
        given: What every job takes instead of sampling; None: what its own sampling gives.
        first_seconds: Time that the current job took to sample first passes.
        enlarge_seconds: Time that it took between its first and its second passes.
        second_passes: How many of these it has begun.
    """

    given: FirstPass | None = None
    first_seconds: float = 0.0
    enlarge_seconds: float = 0.0
    second_passes: int = 0
    _known: dict[str, FirstPass] = field(default_factory=dict[str, FirstPass])
    _ended: float = 0.0

    def begin(self) -> None:
        """Begin to count for another job."""
        self.first_seconds = self.enlarge_seconds = 0.0
        self.second_passes = 0
        # A job that begins from a picture samples no first pass.
        self._ended = time.perf_counter()

    @property
    def repeated(self) -> bool:
        """Whether one was sampled again, because another extension changed what it depends on."""
        return len({each.iteration for each in self._known.values()}) < len(self._known)

    def latents(self) -> Iterator[torch.Tensor]:
        """Yield the first passes' latents, a batch each."""
        for each in self._known.values():
            yield each.samples

    def attend(self, sampler: Any) -> None:
        """Make a job's sampler return a known first pass, or have it remembered."""
        sample, second = sampler.sample, sampler.sample_img2img

        def first_pass(
            p: Any, x: Any, c: Any, uc: Any, steps: Any = None, image_conditioning: Any = None
        ) -> Any:
            start = time.perf_counter()
            samples = self._first(p, lambda: sample(p, x, c, uc, steps, image_conditioning))
            self._ended = time.perf_counter()
            self.first_seconds += self._ended - start
            return samples

        def second_pass(
            p: Any,
            x: Any,
            noise: Any,
            c: Any,
            uc: Any,
            steps: Any = None,
            image_conditioning: Any = None,
        ) -> Any:
            self.enlarge_seconds += time.perf_counter() - self._ended
            self.second_passes += 1
            return second(p, x, noise, c, uc, steps, image_conditioning)

        sampler.sample, sampler.sample_img2img = first_pass, second_pass

    def _first(self, p: Any, sample: Callable[[], torch.Tensor]) -> torch.Tensor:
        key = repr([getattr(p, name, None) for name in _DECISIVE])
        known = self.given or self._known.get(key)
        if known is None:
            samples, made = sampled(p, sample)
            if made is not None:
                self._known[key] = made
            return samples
        self._known[key] = known
        p.extra_generation_params.update(known.parameters)
        set_random_state(known.generators)
        return known.samples.clone()


def sampled(p: Any, sample: Callable[[], torch.Tensor]) -> tuple[torch.Tensor, FirstPass | None]:
    """Sample a job's first pass.

    Returns:
        What `sample` returned, and a copy of it with all that came beside it; None if the user
        stopped it, or for other things than tensors.
    """
    state, before = host_module("shared").state, dict(p.extra_generation_params)
    samples = sample()
    if state.interrupted or state.skipped or not hasattr(samples, "clone"):
        return samples, None
    later = p.extra_generation_params.items()
    added = {name: value for name, value in later if before.get(name) != value}
    iteration = int(getattr(p, "iteration", 0))
    return samples, FirstPass(iteration, samples.clone(), added, random_state())

"""Store the latents of this session's txt2img pictures, so that Hires. fix can begin from them."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lib_upscalers.hosts.webui.first_pass import FirstPass, sampled
from lib_upscalers.hosts.webui.full_vae import decode, loaded_model

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

    from lib_upscalers.compare.starting_point import StartingPoint

_MOST_BYTES = 64 << 20
_MOST = 64
# Two decodings of one latent differ by less, two pictures of different seeds by far more.
_LEVELS_APART = 1.5


class KeptLatents:
    """Latents of first passes in main memory, the last ones. Several threads may use it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: OrderedDict[tuple[object, ...], tuple[FirstPass, torch.device]] = OrderedDict()

    def attend(self, sampler: Any) -> None:
        """Have what a sampler makes of noise stored; it returns the same as before."""
        sample = sampler.sample

        def first_pass(
            p: Any, x: Any, c: Any, uc: Any, steps: Any = None, image_conditioning: Any = None
        ) -> Any:
            samples, made = sampled(p, lambda: sample(p, x, c, uc, steps, image_conditioning))
            if made is not None and hasattr(p, "enable_hr"):
                self._store(p, made)
            return samples

        sampler.sample = first_pass

    def find(self, point: StartingPoint, pixels: NDArray[np.uint8]) -> FirstPass | None:
        """Return the first pass that a picture was decoded from; None if it is not stored.

        Args:
            point: What its generation parameters say.
            pixels: The picture, (H, W, 3). What was changed since it was decoded, by another
                script for example, is not what was decoded.
        """
        with self._lock:
            found = self._held.get((point.seed, point.prompt, point.size.width, point.size.height))
        if found is None or loaded_model() is None:
            return None
        made, device = found
        first = replace(made, samples=made.samples.to(device))
        return first if _distance(first.samples, pixels) <= _LEVELS_APART else None

    def _store(self, p: Any, made: FirstPass) -> None:
        device = made.samples.device
        prompts, seeds = getattr(p, "prompts", ()), getattr(p, "seeds", ())
        rows = made.samples.split(1)
        for prompt, seed, samples in zip(prompts, seeds, rows, strict=False):
            stored = replace(made, iteration=0, samples=samples.cpu())
            with self._lock:
                self._held.pop((seed, prompt, p.width, p.height), None)
                self._held[seed, prompt, p.width, p.height] = stored, device
                self._trim()

    def _trim(self) -> None:
        def held() -> int:
            return sum(made.samples.nbytes for made, _ in self._held.values())

        while self._held and (len(self._held) > _MOST or held() > _MOST_BYTES):
            self._held.popitem(last=False)


def _distance(samples: torch.Tensor, pixels: NDArray[np.uint8]) -> float:
    """Return by how many levels a picture differs from a latent, on average."""
    import torch

    with torch.no_grad():
        shown = decode(samples)[0].clamp(0, 1).float().cpu() * 255
    wanted = torch.from_numpy(pixels.copy()).permute(2, 0, 1).float()
    if shown.shape != wanted.shape:
        return float("inf")
    return float((shown - wanted).abs().mean())

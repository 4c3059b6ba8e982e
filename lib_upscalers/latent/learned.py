"""Enlarge latents with a network for the loaded model's latent space."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from lib_upscalers.errors import InputError, ModelError, ModelFileError
from lib_upscalers.latent.mode_registry import latent_mode_within
from lib_upscalers.latent.packing import packed, unpacked
from lib_upscalers.latent.published import find_published, space_of_published
from lib_upscalers.latent.spaces import describe
from lib_upscalers.models.reading import SUFFIXES, read_state
from lib_upscalers.resampling.resample import resample

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import torch

    from lib_upscalers.geometry import Size
    from lib_upscalers.latent.context import LatentContext, LatentSpace
    from lib_upscalers.latent.learned_network import LatentNetwork

BUILT_IN = Path(__file__).resolve().parent.parent / "weights"
_OURS = "latent_"
_KERNEL = "Bicubic"
_MOST_PASSES = 2
HASH_DIGITS = 16


class LatentUpscaler(Protocol):
    """A network in latent space."""

    @property
    def channels(self) -> int:
        """How many channels its latents have."""
        ...

    def __call__(self, samples: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
        """Enlarge latents (N, C, h, w), float32, to (N, C, H, W), sides from 1 to 2 times."""
        ...


@latent_mode_within(
    "Latent (Lab)",
    "learned",
    "Our network for the loaded model's latents, if there is one: clean and quick.",
    otherwise="Latent (TAESD)",
    clean_from=0,
)
def by_network(samples: torch.Tensor, size: Size, context: LatentContext) -> torch.Tensor:
    """Enlarge with the best network for the loaded model."""
    import torch

    space = context.space()
    if space is None:
        raise ModelError("The latent space of the loaded model is not known.")
    if samples.shape[1] not in (space.channels, 4 * space.channels):
        raise ModelError(
            f"Expected latents of {space.name!r} with {space.channels} channels (packed "
            f"{4 * space.channels}), but got {samples.shape[1]}."
        )
    path = find_weights(space, context.vae_hashes(), context.weight_folders())
    network = load_network(path, space, samples.device)
    whole = unpacked(samples, space.channels)
    target = size.scaled(whole.shape[-1] // samples.shape[-1])
    # One by one, so that a picture is the same alone as in a batch.
    done = [enlarge(network, item[None], target) for item in whole]
    return packed(torch.cat(done), samples.shape[1])


def enlarge(network: LatentUpscaler, samples: torch.Tensor, size: Size) -> torch.Tensor:
    """Enlarge latents (N, C, H, W), float32, to any size.

    A network enlarges up to 2x; above that it is used again. A kernel does what is beyond 4x, and
    any shrinking.
    """
    height, width = samples.shape[-2:]
    for _ in range(_MOST_PASSES):
        larger = _next_side(height, size.height), _next_side(width, size.width)
        if larger == (height, width):
            break
        samples = network(samples, larger)
        height, width = larger
    return resample(samples, size, _KERNEL)


def _next_side(side: int, target: int) -> int:
    return max(side, min(2 * side, target))


def fit_name(space: LatentSpace, vae_hash: str) -> str:
    """Return the file name of a network that has been fit to a VAE; "" if its hash is unknown."""
    ending = f"-{vae_hash[:HASH_DIGITS]}" if vae_hash else ""
    return f"{space.name}{ending}.safetensors"


def find_weights(space: LatentSpace, vae_hashes: Sequence[str], folders: Iterable[Path]) -> Path:
    """Return the file of the best network for a latent space.

    One that was fit to this very VAE is best, then others in the folders for its latent space, then
    ours, then those that were fit to other VAEs of it.

    Raises:
        ModelFileError: There is none; the text says what to do.
    """
    files = [path for folder in folders for path in _files(folder)]
    known = [(_rank(path, space, vae_hashes), path) for path in files]
    known += [(2, path) for path in _files(BUILT_IN) if path.stem == _OURS + space.name]
    # Sorting is stable: of equal ranks the first folder's file is used.
    found = sorted((each for each in known if each[0] is not None), key=lambda each: each[0] or 0)
    if not found:
        raise ModelFileError(
            f"Expected a network for the latents of {describe(space.name)}, but there is none "
            "yet; make one: 'Make a network' in the tab Upscaler Lab, or 'upscalers latent fit'."
        )
    return found[0][1]


def _files(folder: Path) -> Sequence[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    except OSError:  # there is none, or it may not be read
        return ()


def parse_name(path: Path) -> tuple[str, str]:
    """Return the latent space that a file's name states, and the beginning of the VAE's hash."""
    space, _, digest = path.stem.rpartition("-")
    if space and re.fullmatch(rf"[0-9a-f]{{{HASH_DIGITS}}}", digest):
        return space, digest
    return space_of_published(path.stem) or path.stem, ""


def _rank(path: Path, space: LatentSpace, vae_hashes: Sequence[str]) -> int | None:
    """Return how good a choice a file is, 0 the best; None if it is for another latent space."""
    name, digest = parse_name(path)
    if name != space.name:
        return None
    if not digest:
        return 1
    known = not vae_hashes or any(each.startswith(digest) for each in vae_hashes)
    return 0 if known else 3


def load_network(
    path: Path, space: LatentSpace, device: torch.device | str = "cpu"
) -> LatentUpscaler:
    """Read a network and check that it is for a latent space.

    Raises:
        ModelFileError: The file is missing, damaged, holds something else, or is for latents of
            another number of channels.
        UnsafeModelError: A pickle asks for more than tensors.
    """
    try:
        about = path.stat()
    except OSError as error:
        raise ModelFileError(
            f"Expected a latent network in {str(path)!r}, but it cannot be read: {error.strerror}."
        ) from error
    network = _load_cached(path, about.st_mtime_ns, about.st_size, space.name, str(device))
    if network.channels != space.channels:
        raise ModelFileError(
            f"Expected a network for the latents of {space.name!r}, {space.channels} channels, "
            f"but {path.name!r} is for latents of {network.channels} channels; use another file."
        )
    return network


def own_network(path: Path, space: LatentSpace) -> LatentNetwork:
    """Read a network of ours, to train it on.

    Raises:
        InputError: It is somebody else's.
        ModelFileError: As `load_network`.
        UnsafeModelError: As `load_network`.
    """
    from lib_upscalers.latent.learned_network import LatentNetwork

    network = load_network(path, space)
    if isinstance(network, LatentNetwork):
        return network
    raise InputError(
        f"Expected one of our own networks to go on from, but {path.name!r} is somebody else's, "
        "which is trained in another way: name a file that a fit has made, or begin anew."
    )


@lru_cache(maxsize=4)
def _load_cached(path: Path, _changed: int, _bytes: int, space: str, device: str) -> LatentUpscaler:
    import torch

    # Tensors that are made in inference mode could never be used outside of it.
    with torch.inference_mode(mode=False), torch.no_grad():
        state = read_state(path)
        tensors = {
            name: value.to(device, torch.float32)
            for name, value in state.items()
            if isinstance(value, torch.Tensor) and value.is_floating_point()
        }
        return _build(path, tensors, space)


def _build(path: Path, state: Mapping[str, torch.Tensor], space: str) -> LatentUpscaler:
    """Build the network of a state dict, which is recognised by its layout."""
    from lib_upscalers.latent.learned_network import LatentNetwork

    try:
        if "head.weight" in state and "deviation" in state:
            return LatentNetwork.from_state(state)
        published = find_published(path.stem, state, space)
        if published is not None:
            # A missing part is found now, not while a picture is computed.
            published(next(iter(state.values())).new_zeros(1, published.channels, 8, 8), (9, 9))
    except (KeyError, RuntimeError, IndexError, ValueError) as error:
        raise ModelFileError(
            f"Expected a whole latent network in {path.name!r}, but a part of it is missing or of "
            f"another shape ({' '.join(str(error).split())[:200]}); get it again."
        ) from error
    if published is None:
        raise ModelFileError(
            f"Expected a latent network in {path.name!r}, one of ours, SesquiLSR, NNLatentUpscale, "
            "SD-Latent-Upscaler, spacepxl's, kinfolk0117's or Flow Upscaler, but its weights are "
            "of something else."
        )
    return published

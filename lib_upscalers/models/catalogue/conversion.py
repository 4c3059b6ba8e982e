"""Convert networks to .safetensors, which cannot run anything, without changing a bit of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lib_upscalers.errors import ModelError, ModelFileError, UnsupportedModelError
from lib_upscalers.file_writing import writing_path
from lib_upscalers.models.checksum import sha256_of
from lib_upscalers.models.loader import load_network, read_weights
from lib_upscalers.models.reading import SUFFIXES

if TYPE_CHECKING:
    from pathlib import Path

    import torch

_PICKLES = (b"PK", b"\x80")


def is_pickle(path: Path) -> bool:
    """Return whether a file holds pickled weights, whatever its ending claims.

    Raises:
        OSError: It cannot be read.
    """
    if path.suffix.lower() not in SUFFIXES:
        return False
    with path.open("rb") as file:
        head = file.read(16)
    return head.startswith(_PICKLES) and head[8:9] != b"{"


def convert(source: Path, target: Path, *, overwrite: bool = False) -> str:
    """Write a network as .safetensors; return the SHA-256 of the new file.

    The weights are those that the restricted loader reads, in their own types. The new file is read
    back before it gets its name: every number of the network that it gives is equal, bit for bit.

    Args:
        source: A file of pickled weights: .pth, .pt or .ckpt.
        target: The new file.
        overwrite: Whether a file of that name is replaced.

    Raises:
        ModelError: The source is not usable, or holds what the format cannot.
        OutputError: The target cannot be written.
    """
    try:
        convertible = is_pickle(source)
    except OSError as error:
        raise ModelFileError(
            f"Expected a file to convert, but {str(source)!r} cannot be read "
            f"({error.strerror or error}): choose another."
        ) from error
    if not convertible:
        raise ModelFileError(
            f"Expected pickled weights to convert, as .pth, .pt and .ckpt files hold them, but "
            f"{source.name!r} holds something else: choose another file."
        )
    from safetensors.torch import save_file

    weights = _tensors(source)
    with writing_path(
        target,
        overwrite=overwrite,
        protected=[source],
        size=source.stat().st_size,
        make_folders=True,
    ) as part:
        # The package writes a file by name only; the name of the part says nothing.
        save_file(weights, part, {"format": "pt"})
        _check_equal(weights, source, part)
        return sha256_of(part)


def _tensors(source: Path) -> dict[str, torch.Tensor]:
    import torch

    held: dict[str, Any] = read_weights(source)
    others = [name for name, value in held.items() if not torch.is_tensor(value)]
    if others:
        raise UnsupportedModelError(
            f"Expected tensors alone in {str(source)!r}, but {str(others[0])[:80]!r} is none, "
            "which the format .safetensors cannot hold: use the file as it is."
        )
    return {str(name): value.detach().clone().contiguous() for name, value in held.items()}


def _check_equal(weights: dict[str, torch.Tensor], source: Path, part: Path) -> None:
    """Check that the new file holds the same weights, and that they are the same network."""
    import torch
    from safetensors.torch import load_file

    read = load_file(part)
    same = read.keys() == weights.keys() and all(
        read[name].dtype == value.dtype
        and read[name].shape == value.shape
        and torch.equal(_bits(read[name]), _bits(value))
        for name, value in weights.items()
    )
    if not same:
        raise ModelError(
            f"Expected the weights of {str(source)!r} to be written without change, but they are "
            "not: use the file as it is, and report this."
        )


def _bits(value: torch.Tensor) -> torch.Tensor:
    """Return a tensor's bytes, as NaN is not equal to itself."""
    import torch

    return value.reshape(-1).view(torch.uint8) if value.numel() else value


def check_same_network(source: Path, converted: Path) -> None:
    """Check that two files load as one network.

    Raises:
        ModelError: They differ, or one is not usable.
    """
    import torch

    first, second = load_network(source), load_network(converted)
    batch = probe_batch(first.traits.channels, first.traits.minimum, first.traits.multiple_of)
    with torch.no_grad():
        equal = torch.equal(first(batch), second(batch))
    if not equal or first.traits.architecture != second.traits.architecture:
        raise ModelError(
            f"Expected {converted.name} to give what {source.name} gives, but it does not: use the "
            "file as it is, and report this."
        )


def probe_batch(channels: int, minimum: int, multiple: int) -> torch.Tensor:
    """Return a few pixels, the same at each call, of a size that a network takes."""
    import torch

    side = max(16, minimum)
    side += -side % multiple
    return torch.rand((1, channels, side, side), generator=torch.Generator().manual_seed(20))

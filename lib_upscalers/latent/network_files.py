"""Write, share and add latent networks: one file each, with the card and a picture.

A file from somebody else is read as plain tensors, checked to be one of our networks down to the
shape of every layer, and written again, so that nothing else of it reaches the folder.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lib_upscalers.errors import AlreadyExistsError, InputError, ModelError, ModelFileError
from lib_upscalers.file_writing import write_bytes
from lib_upscalers.latent.learned import HASH_DIGITS, fit_name, parse_name
from lib_upscalers.latent.network_card import CARD, NetworkCard, card_tensor, read_card
from lib_upscalers.latent.spaces import SPACES
from lib_upscalers.models.reading import read_state
from lib_upscalers.pictures.files import read_picture, write_picture
from lib_upscalers.pictures.picture import Picture

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np
    import torch
    from numpy.typing import NDArray

    from lib_upscalers.latent.context import LatentSpace
    from lib_upscalers.latent.learned_network import LatentNetwork

# A folder in that of the networks, for those that lose to what would be used without them.
UNDECIDED = "undecided"
_PICTURE = "picture"
_SUFFIX = ".safetensors"
_MOST_BYTES = 64 << 20
_LONGEST_SIDE = 8192


def write_network(
    path: Path,
    state: Mapping[str, torch.Tensor],
    card: NetworkCard,
    picture: NDArray[np.uint8] | None = None,
) -> None:
    """Write a network in half precision, and its picture beside it as a PNG file.

    Args:
        path: Of the network; a file that is there is replaced.
        state: Its state dict.
        card: Its card, which goes into the file.
        picture: What it does to a drawing, (H, W, 3); None removes one that is there.

    Raises:
        ModelError: Its weights are no numbers, or too large.
        OutputError: It cannot be written; what was there before is whole.
    """
    write_bytes(path, _serialised(state, card), overwrite=True, make_folders=True)
    beside = _picture_path(path)
    if picture is None:
        with suppress(OSError):
            beside.unlink()
    else:
        write_picture(Picture(picture), beside, overwrite=True)


def accept(path: Path) -> Path:
    """Move a network to where modes find it, after its user was asked; return its new path.

    Args:
        path: A file in the folder `UNDECIDED`; one that lies elsewhere stays.

    Raises:
        OutputError: It cannot be moved; it is where it was then.
    """
    if path.parent.name != UNDECIDED:
        return path
    to = path.parent.parent / path.name
    for source, target in ((_picture_path(path), _picture_path(to)), (path, to)):
        if source.is_file():
            write_bytes(target, source.read_bytes(), overwrite=True)
    _remove(path)
    return to


def _remove(path: Path) -> None:
    """Remove a network and its picture."""
    for each in (path, _picture_path(path)):
        with suppress(OSError):
            each.unlink()


def share_network(path: Path, target: Path, *, overwrite: bool = False) -> NetworkCard:
    """Put a network, its card and its picture into one file for others, and return the card.

    Args:
        path: One of our networks.
        target: The file to write, which ends in ".safetensors".
        overwrite: Whether a file of that name is replaced; never `path` itself.

    Raises:
        ModelFileError: `path` is missing, damaged, or none of our networks.
        OutputError: The file cannot be written.
    """
    if target.suffix.lower() != _SUFFIX:
        raise InputError(f"Expected a name that ends in {_SUFFIX}, but got {target.name!r}.")
    network, state = _read_ours(path)
    card = read_card(state) or _card_from_name(path, network)
    held = _serialised(network.state_dict(), card, _picture_tensor(state, path))
    write_bytes(target, held, overwrite=overwrite, make_folders=True, protected=[path])
    return card


def add_network(
    path: Path, folder: Path, *, anyway: bool = False, overwrite: bool = False
) -> tuple[Path, NetworkCard]:
    """Put a network that somebody shared where modes find it; return its path and its card.

    What the card says is the word of whoever made it.

    Args:
        path: The file, which may be a stranger's.
        folder: Of the networks.
        anyway: Add it even if its card says that it loses to the round trip.
        overwrite: Replace a network for the same autoencoder.

    Raises:
        ModelFileError: It is no file of `share_network`, or damaged.
        InputError: It loses to what would be used without it, and `anyway` is False.
        AlreadyExistsError: There is one for this autoencoder, and `overwrite` is False.
        OutputError: The folder cannot be written to.
    """
    network, state = _read_ours(path)
    card = read_card(state)
    if card is None:
        raise ModelFileError(
            f"Expected a shared network with its card in {path.name!r}, but it has none: ask for a "
            "file of 'upscalers latent share'."
        )
    _check_space(card.space, network.channels, path)
    if card.figures is not None and card.figures.loses and not anyway:
        name, value = card.figures.rival
        raise InputError(
            f"Expected a network that beats what would be used without it, but {path.name!r} gives "
            f"{card.figures.network:.1f} dB and {name} {value:.1f} dB: leave it, or add it with "
            "--anyway."
        )
    to = folder / fit_name(card.space, card.vae_hash)
    if to.exists() and not overwrite:
        raise AlreadyExistsError(
            f"Expected no network for this autoencoder yet, but {to} is there: keep it, or replace "
            "it with --overwrite."
        )
    picture = _picture_tensor(state, path)
    write_network(to, network.state_dict(), card, None if picture is None else picture.numpy())
    if path.parent == folder / UNDECIDED:
        _remove(path)
    return to, card


def _serialised(
    state: Mapping[str, torch.Tensor], card: NetworkCard, picture: torch.Tensor | None = None
) -> bytes:
    from safetensors.torch import save

    tensors = {name: value.half().cpu().contiguous() for name, value in state.items()}
    if not all(bool(each.isfinite().all()) for each in tensors.values()):
        raise ModelError(
            "Expected a network whose weights are numbers that fit into half precision, but some "
            "are NaN or too large: its latents are unusual, or its training failed; make it anew."
        )
    tensors[CARD] = card_tensor(replace(card, vae_hash=card.vae_hash[:HASH_DIGITS]))
    if picture is not None:
        tensors[_PICTURE] = picture.contiguous()
    # One entry alone: safetensors writes several in a random order.
    return save(tensors, {"latent_space": card.space.name})


def _picture_path(path: Path) -> Path:
    return path.with_suffix(".png")


def _read_ours(path: Path) -> tuple[LatentNetwork, Mapping[str, Any]]:
    """Read one of our networks and everything else in its file."""
    import torch

    from lib_upscalers.latent.learned_network import LatentNetwork

    _check_file(path)
    state = read_state(path)
    weights = {
        name: value.float()
        for name, value in state.items()
        if isinstance(value, torch.Tensor) and value.is_floating_point()
    }
    try:
        network = LatentNetwork.from_state(weights)
        made = network(torch.zeros(1, network.channels, 8, 8), (12, 16))
    except (LookupError, RuntimeError, ValueError, ArithmeticError) as error:
        raise ModelFileError(
            f"Expected one of our latent networks in {path.name!r}, but its weights are of "
            f"something else ({' '.join(str(error).split())[:100]})."
        ) from error
    if not all(bool(torch.isfinite(each).all()) for each in (*weights.values(), made)):
        raise ModelFileError(
            f"Expected numbers in {path.name!r}, but some of its weights are none; get it again."
        )
    return network, state


def _check_file(path: Path) -> None:
    if path.suffix.lower() != _SUFFIX:
        raise ModelFileError(f"Expected a {_SUFFIX} file, but got {path.name!r}.")
    with suppress(OSError):  # `read_state` says what is wrong
        if path.stat().st_size > _MOST_BYTES:
            raise ModelFileError(
                f"Expected a latent network of at most {_MOST_BYTES >> 20} MiB, but {path.name!r} "
                f"has {path.stat().st_size >> 20} MiB."
            )


def _check_space(space: LatentSpace, channels: int, path: Path) -> None:
    """See that the network is for the latents that its card names."""
    known = dict(SPACES.items()).get(space.name)
    right = space if known is None else known.space
    if (channels, space.factor) != (right.channels, right.factor) or channels != space.channels:
        raise ModelFileError(
            f"Expected a network for the latents of {space.name!r}, {right.channels} channels at "
            f"1/{right.factor}, but {path.name!r} is for {channels} channels at 1/{space.factor}."
        )


def _card_from_name(path: Path, network: LatentNetwork) -> NetworkCard:
    """Return the card of a network that has none: what its name says."""
    space, digest = parse_name(path)
    known = dict(SPACES.items()).get(space)
    if known is None or known.space.channels != network.channels:
        raise ModelFileError(
            f"Expected a network with a card, or one that is named like its latent space, but got "
            f"{path.name!r}; name it as 'upscalers latent fit' did."
        )
    return NetworkCard(known.space, digest)


def _picture_tensor(state: Mapping[str, Any], path: Path) -> torch.Tensor | None:
    """Return the picture of a network, uint8 (H, W, 3): from its file, or from the one beside it.

    Raises:
        ModelFileError: What is there is no picture.
    """
    import torch

    held = state.get(_PICTURE)
    beside = _picture_path(path)
    if held is None:
        pixels = read_picture(beside).pixels if beside.is_file() else None
        right = pixels is not None and pixels.dtype.name == "uint8" and pixels.shape[2] == 3
        return torch.from_numpy(pixels) if right else None
    shape = tuple(held.shape) if isinstance(held, torch.Tensor) else ()
    right = len(shape) == 3 and shape[2] == 3 and all(0 < side <= _LONGEST_SIDE for side in shape)
    if not right or held.dtype != torch.uint8:
        raise ModelFileError(
            f"Expected a picture of red, green and blue in {path.name!r}, but got something of "
            f"shape {shape}; get the file again."
        )
    return held

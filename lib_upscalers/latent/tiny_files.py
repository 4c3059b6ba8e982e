"""List the tiny autoencoders that can be fetched, with size, hash and source, and fetch them.

The files are those of https://github.com/madebyollin/taesd and
https://github.com/madebyollin/taehv at one commit each (MIT). Their author publishes no hashes:
docs/explanation/latent.md says where these come from.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lib_upscalers.errors import InputError
from lib_upscalers.file_writing import move_finished
from lib_upscalers.latent.spaces import SPACES, describe
from lib_upscalers.latent.tiny_autoencoder import load_tiny_autoencoder
from lib_upscalers.latent.video_autoencoder import load_video_autoencoder
from lib_upscalers.models.catalogue.download import Downloader
from lib_upscalers.models.catalogue.schema import CatalogueFile
from lib_upscalers.progress import NULL, SubRange

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import torch

    from lib_upscalers.latent.context import Codec
    from lib_upscalers.latent.spaces import KnownSpace
    from lib_upscalers.models.catalogue.fetching import Fetcher
    from lib_upscalers.models.catalogue.schema import Kind
    from lib_upscalers.progress import Progress

LICENCE = "MIT"
_RAW = "https://raw.githubusercontent.com/madebyollin"
_TAESD = f"{_RAW}/taesd/e87efbcfc5298d84986b5d9280f40d358b6a228d"
_TAEHV = f"{_RAW}/taehv/011dfc2112197741c540e0bdd5b7b67bcc930771/safetensors"
# Of each file the size, where it is known, and the SHA-256.
_KNOWN: Mapping[str, tuple[int | None, str]] = {
    "taesd_encoder.pth": (
        4_912_826,
        "15bc6128f0ac51c673d3427216082ebfa62402ffc89763af74edfe259b32d49d",
    ),
    "taesd_decoder.pth": (
        4_913_399,
        "02873377c3f4659cd9f9adb2f718dcb434ba4c7bba3af3ee7bb95cbdabe2d3cf",
    ),
    "taesdxl_encoder.pth": (
        4_912_964,
        "a5648de089aba6b641e505c0f132b2dc7ff70ab6070c31be5e624e807e711c5e",
    ),
    "taesdxl_decoder.pth": (
        4_913_541,
        "a3956b8a7a763f251c7357aad6375dacdb6d971121c73e97a3069fc33a94fe1e",
    ),
    "taesd3_encoder.pth": (
        4_940_607,
        "b8fefa64b92a867df673c7f22fb2cbc6ae144070e22e7a0b3af0f21de2f43f92",
    ),
    "taesd3_decoder.pth": (
        4_940_671,
        "178fbb90c8c3bab4fe5e30dcba3b85d8bd2c9a203f71239c3a3223720c310b58",
    ),
    "taef1_encoder.pth": (
        None,
        "1d1ad34546aea0edd99dc2db9411d870319f428ced5065c6464582c17c070536",
    ),
    "taef1_decoder.pth": (
        4_943_336,
        "beae86f2eeaf0cea884dc8ffe639fb297dac8c984441bb53420f07d767785104",
    ),
    "taef2_encoder.pth": (
        2_704_692,
        "10a4e1021e89d7551eaf161352da8dbd0b1aa83872ae28b150c1df1ce2f147b6",
    ),
    "taef2_decoder.pth": (
        2_704_756,
        "0a44a31e1ae59eb9dbf9359d24942fd3ef5928162c1800d97a28c61d51be0ab5",
    ),
    "taesana_encoder.pth": (
        2_537_004,
        "858f4e4cc293f88efaf58107f4154b960b9ced0cb5d9c050dad11f926b618c1f",
    ),
    "taesana_decoder.pth": (
        16_640_741,
        "3eb733ab918dd5840fa6e6309642edb49359bd1c7624d9e5884f92438aa07c36",
    ),
    "taew2_1.safetensors": (
        22_642_902,
        "04766eac0221b5390b985ae3fdcca652cbb4b1e8b82b28ea7ff89dfad1b1a93f",
    ),
    "taew2_2.safetensors": (
        22_848_048,
        "b84609b2a133d48434bd9636bfcb44bf05168dc436e2d3cecf26256faa1f5325",
    ),
    "taehv1_5.safetensors": (
        22_755_856,
        "b52e245bb86c62e159f50338e2e8f422d4b6f98b467164939c1c031c7d61352e",
    ),
}


@dataclass(frozen=True)
class TinyFile:
    """One file of a tiny autoencoder that can be fetched.

    Attributes:
        name: With its ending, as hosts look for it.
        file: Its size, hash and address.
    """

    name: str
    file: CatalogueFile


@dataclass(frozen=True)
class TinyOffer:
    """A tiny autoencoder that can be fetched.

    Attributes:
        models: The models with its latent space, for the user.
        files: The encoder's and the decoder's file, or the one that holds both.
        source: The page that the files are from.
    """

    models: str
    files: Sequence[TinyFile]
    source: str

    @property
    def megabytes(self) -> float:
        """Their size together; a file of unknown size counts as much as the largest other."""
        sizes = [each.file.size_bytes for each in self.files]
        most = max(size or 0 for size in sizes)
        return sum(size or most for size in sizes) / 1e6


def tiny_offer(known: KnownSpace) -> TinyOffer | None:
    """Return what can be fetched for a latent space; None where a hash is not known."""
    names = list(dict.fromkeys(name for name in (known.encoder, known.decoder) if name))
    found = [_tiny_file(name) for name in names]
    files = [each for each in found if each is not None]
    if not files or len(files) < len(names):
        return None
    return TinyOffer(describe(known.space.name), files, known.tiny_source)


def offered_spaces() -> list[str]:
    """Return the names of the latent spaces whose tiny autoencoder can be fetched."""
    return [name for name, known in SPACES.items() if tiny_offer(known) is not None]


def _tiny_file(stem: str) -> TinyFile | None:
    kinds: tuple[tuple[Kind, str], ...] = (("safetensors", _TAEHV), ("pth", _TAESD))
    for kind, folder in kinds:
        name = f"{stem}.{kind}"
        if name in _KNOWN:
            size, digest = _KNOWN[name]
            return TinyFile(name, CatalogueFile(kind, size, digest, (f"{folder}/{name}",)))
    return None


def fetch_tiny(
    offer: TinyOffer, folder: Path, fetcher: Fetcher, progress: Progress = NULL
) -> list[Path]:
    """Fetch the files of a tiny autoencoder that are not there yet; uses the network.

    Nothing gets its name before all of them are there, have the right hash, and can be read.

    Args:
        offer: From `tiny_offer`.
        folder: Where they are put; parts lie in its sub-folder "downloads".
        fetcher: Opens addresses.
        progress: Gets the bytes; may cancel.

    Returns:
        Their paths, in the order of the offer.

    Raises:
        UpscalerError: As `Downloader.get`; or a file is no tiny autoencoder.
        Cancelled: The user stopped it.
    """
    paths = [folder / each.name for each in offer.files]
    if all(path.is_file() for path in paths):
        return paths
    downloader, count = Downloader(folder / "downloads", fetcher), len(offer.files)
    parts = [
        downloader.get(each.file, SubRange(progress, i / count, (i + 1) / count)).path
        for i, each in enumerate(offer.files)
    ]
    load_tiny(parts)
    for part, path in zip(parts, paths, strict=True):
        move_finished(part, path)
    return paths


def load_tiny(files: Sequence[Path], device: torch.device | str = "cpu") -> Codec:
    """Read the files of a tiny autoencoder: one of the TAEHV family, two of the TAESD family.

    Raises:
        InputError: There are fewer or more.
        ModelFileError: A file is missing, damaged, or something else.
        UnsafeModelError: A pickle asks for more than tensors.
    """
    if len(files) == 1:
        return load_video_autoencoder(files[0], device)
    if len(files) == 2:
        return load_tiny_autoencoder(files[0], files[1], device)
    raise InputError(
        "Expected one file (TAEHV family) or two, encoder and decoder (TAESD family), of a tiny "
        f"autoencoder, but got {len(files)}."
    )

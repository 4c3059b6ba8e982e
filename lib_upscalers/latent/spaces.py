"""List the latent spaces of diffusion models, as data: one entry a space.

Channels, factors and the names of tiny autoencoders are those of TAESD's and TAEHV's READMEs
(https://github.com/madebyollin/taesd, https://github.com/madebyollin/taehv), of ComfyUI's
``latent_formats.py`` and of the models' own configurations.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lib_upscalers.latent.context import LatentSpace
from lib_upscalers.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class KnownSpace:
    """A latent space and the names under which programs know it.

    Attributes:
        space: Its name, channels and factor, before any packing.
        models: The usual names of model families that have it.
        encoder: The name, without its ending, of the file of the tiny autoencoder's encoder; ""
            if there is none.
        decoder: That of the decoder; the same where one file holds both.
        packed: Whether samplers store 2 x 2 values of it as four channels.
        frames: Whether samplers store it with a time axis, (N, C, T, H, W).
    """

    space: LatentSpace
    models: Sequence[str]
    encoder: str = ""
    decoder: str = ""
    packed: bool = False
    frames: bool = False

    @property
    def tiny(self) -> Sequence[str]:
        """The hosts' names of its tiny autoencoder."""
        return [name for name in dict.fromkeys((self.decoder, self.encoder)) if name]

    @property
    def tiny_source(self) -> str:
        """The page from which its tiny autoencoder can be had (MIT); "" if there is none."""
        if not self.decoder:
            return ""
        family = "taehv" if self.encoder == self.decoder else "taesd"
        return f"https://github.com/madebyollin/{family}"


SPACES: Registry[KnownSpace] = Registry("a latent space")


def _add(
    name: str,
    channels: int,
    factor: int,
    models: Sequence[str],
    tiny: str | tuple[str, str] = "",
    *,
    packed: bool = False,
    frames: bool = False,
) -> None:
    encoder, decoder = (tiny, tiny) if isinstance(tiny, str) else tiny
    space = LatentSpace(name, channels, factor)
    SPACES.add(name, KnownSpace(space, models, encoder, decoder, packed=packed, frames=frames))


def _pair(stem: str) -> tuple[str, str]:
    return f"{stem}_encoder", f"{stem}_decoder"


_add("sd1", 4, 8, ("SD 1.5", "SD 2"), _pair("taesd"))
_add("sdxl", 4, 8, ("SDXL", "Illustrious", "Pony", "NoobAI"), _pair("taesdxl"))
_add("sd3", 16, 8, ("SD 3", "SD 3.5"), _pair("taesd3"))
_add("flux1", 16, 8, ("FLUX.1", "Chroma", "Lumina 2", "Z-Image", "HiDream"), _pair("taef1"))
_add("flux2", 32, 8, ("FLUX.2", "Klein", "Ernie", "Ideogram 4"), _pair("taef2"), packed=True)
_WAN = ("Wan 2.1", "Wan 2.2 14B", "Qwen-Image", "Anima", "Krea 2")
_add("wan21", 16, 8, _WAN, "taew2_1", frames=True)
_add("wan22", 48, 16, ("Wan 2.2 5B",), "taew2_2", frames=True)
_add("qwen-image-21", 64, 16, ("Qwen-Image 2.1",), _pair("taeqi2_1"))
_add("sana", 32, 32, ("Sana",), _pair("taesana"))
_add("hunyuan15", 32, 16, ("HunyuanVideo 1.5",), "taehv1_5", frames=True)


def find_tiny(name: str) -> KnownSpace | None:
    """Return the space whose tiny autoencoder has that name in hosts, None if there is none."""
    return next((known for _, known in SPACES.items() if name in known.tiny), None)


def describe(name: str) -> str:
    """Return the models of a space for the user, such as "SD 1.5 / SD 2"."""
    known = dict(SPACES.items()).get(name)
    if known is None:
        return name
    return " / ".join(known.models)


def _packing(known: KnownSpace) -> str:
    if not known.packed:
        return ""
    return f" (packed {4 * known.space.channels} at {2 * known.space.factor})"


def table() -> list[str]:
    """Return the lines of the table of spaces in docs/explanation/latent.md, in Markdown."""
    rows = [
        "| models | space | channels | pixels a value | tiny autoencoder |",
        "|---|---|---:|---:|---|",
    ]
    for name, known in SPACES.items():
        channels = f"{known.space.channels}" + (_packing(known))
        files = ", ".join(f"`{tiny}`" for tiny in known.tiny)
        cells = (", ".join(known.models), f"`{name}`", channels, str(known.space.factor), files)
        rows.append(f"| {' | '.join(cells)} |")
    return rows

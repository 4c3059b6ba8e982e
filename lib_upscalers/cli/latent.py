"""`upscalers latent`: make networks for an autoencoder's latents, share and add them."""

from __future__ import annotations

import argparse
import re
import runpy
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lib_upscalers.cli import latent_sharing, latent_tiny
from lib_upscalers.cli.arguments import add_device, add_messages
from lib_upscalers.cli.command import Command, options_of
from lib_upscalers.cli.console import Bars
from lib_upscalers.errors import InputError, ModelError

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch

    from lib_upscalers.cli.console import Console
    from lib_upscalers.latent.context import Codec
    from lib_upscalers.training.latent.reports import FitReport

    Code = Callable[[torch.Tensor], torch.Tensor]

_OUT = latent_sharing.OUT
_PARTS = 1000
# What the names of an autoencoder's weights begin with in a checkpoint.
_WITHIN = ("first_stage_model.", "vae.")
_EPILOG = """\
The network is used by the latent mode "Latent (Lab)". Ctrl-C stops; the same command goes on.

NAME of the latent space is what the mode looks for: sd1, sdxl, sd3, flux1, flux2, wan21, or
another of docs/explanation/latent.md, or a name of your own. The latents have to be scaled as
samplers have them; those of tiny autoencoders (TAESD and TAEHV families) are.

At its end the network is measured on drawings that it has not seen. One that loses to what would
be used without it is not used until `upscalers latent add FILE --anyway`.
"""


@dataclass(frozen=True)
class FitOptions:
    """The options of `upscalers latent fit`."""

    autoencoder: list[Path] | None
    loader: str | None
    space: str
    vae: Path | None
    pictures: Path | None
    start: Path | None
    minutes: float
    out: Path
    work: Path | None
    device: str


@dataclass(frozen=True)
class _Loaded:
    """What a function of the user's gives. Implements `latent.context.Codec`."""

    encode: Code
    decode: Code


def _minutes(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"expected a number of minutes above 0, but got {text!r}")
    return number


def _space(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", text):
        raise argparse.ArgumentTypeError(
            f"expected lower-case letters, digits and hyphens, as in flux2, but got {text!r}"
        )
    return text


def _add(latent: argparse.ArgumentParser) -> None:
    actions = latent.add_subparsers(dest="action", metavar="ACTION", help="what to do")
    fit = actions.add_parser(
        "fit",
        help="train a network for the latents of an autoencoder",
        description="Train a network for the latents of an autoencoder.",
        epilog=_EPILOG,
        formatter_class=latent.formatter_class,
    )
    fit.set_defaults(parser=fit)
    _add_fit(fit)
    sharing = (
        (
            "share",
            "put a network, its card and its picture into one file",
            latent_sharing.add_share,
        ),
        ("add", "add a network that somebody has shared", latent_sharing.add_add),
        ("tiny", "fetch the tiny autoencoder of a latent space", latent_tiny.add_tiny),
    )
    for name, summary, add in sharing:
        about = f"{summary.capitalize()}."
        formatter = latent.formatter_class
        made = actions.add_parser(name, help=summary, description=about, formatter_class=formatter)
        made.set_defaults(parser=made)
        add(made)


def _add_fit(fit: argparse.ArgumentParser) -> None:
    source = fit.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--autoencoder",
        nargs="+",
        type=Path,
        metavar="FILE",
        help="a tiny autoencoder: encoder and decoder (TAESD family), or its one file (TAEHV)",
    )
    source.add_argument(
        "--loader",
        metavar="FILE.py:FUNCTION",
        help="a function of yours that takes the device and returns (encode, decode), from "
        "pictures (1, 3, H, W) in [0, 1] to latents and back",
    )
    fit.add_argument(
        "--space", required=True, type=_space, metavar="NAME", help="of the latent space"
    )
    fit.add_argument(
        "--vae",
        type=Path,
        metavar="FILE",
        help="the full VAE, or a checkpoint with it: the hash of its weights becomes part of the "
        "name, so that models with this VAE prefer the result",
    )
    fit.add_argument(
        "--pictures", type=Path, metavar="FOLDER", help="use these, too, beside the drawings"
    )
    fit.add_argument(
        "--start",
        type=Path,
        metavar="NETWORK",
        help="go on from this network of ours for the same latents, instead of from nothing",
    )
    fit.add_argument(
        "--minutes", type=_minutes, default=20.0, help="how long it may take (default: 20)"
    )
    fit.add_argument(
        "--out", type=Path, default=_OUT, metavar="FOLDER", help=f"for the result (default: {_OUT})"
    )
    fit.add_argument(
        "--work", type=Path, metavar="FOLDER", help="for what is not finished (default: in OUT)"
    )
    add_device(fit)
    add_messages(fit)


def _codec(options: FitOptions, device: torch.device) -> Codec:
    from lib_upscalers.latent.tiny_files import load_tiny

    if options.autoencoder is not None:
        return load_tiny(options.autoencoder, device)
    from lib_upscalers.tiling.exhaustion import lacks_memory

    file, _, function = (options.loader or "").rpartition(":")
    try:
        made = runpy.run_path(file)[function](str(device))
        return _Loaded(*made)
    except Exception as error:  # the user's code may raise anything
        if lacks_memory(error):
            raise
        raise InputError(
            "Expected FILE.py:FUNCTION to name a function that takes a device and returns "
            f"(encode, decode), but {options.loader!r} failed ({type(error).__name__}: {error})."
        ) from error


def _vae_hash(path: Path | None) -> str:
    """Return the hash of the autoencoder's weights in a file; "" without a file."""
    import torch

    from lib_upscalers.latent.autoencoder_hash import autoencoder_hash
    from lib_upscalers.models.reading import read_state

    if path is None:
        return ""
    state = read_state(path)
    within = {key: value for key, value in state.items() if key.startswith(_WITHIN)} or state
    tensors = [value for value in within.values() if isinstance(value, torch.Tensor)]
    if not tensors:
        raise ModelError(f"Expected the weights of a VAE in {path.name!r}, but found none.")
    return autoencoder_hash(tensors)


def _run(namespace: argparse.Namespace, console: Console) -> int:
    actions = {
        "fit": _run_fit,
        "share": latent_sharing.share,
        "add": latent_sharing.add,
        "tiny": latent_tiny.fetch,
    }
    return actions[namespace.action](namespace, console)


def _run_fit(namespace: argparse.Namespace, console: Console) -> int:
    from lib_upscalers.hosts.standalone import StandaloneHost
    from lib_upscalers.latent.context import LatentSpace
    from lib_upscalers.tiling.exhaustion import naming_memory
    from lib_upscalers.training.latent.fit import fit
    from lib_upscalers.training.latent.reports import FitSettings
    from lib_upscalers.training.latent.teacher import Teacher

    options = options_of(FitOptions, namespace)
    device = StandaloneHost(device_name=options.device).device()
    with naming_memory(f"for the autoencoder on {device}"):
        codec = _codec(options, device)
        decode = codec.decode if options.autoencoder is not None else None
        teacher = Teacher(codec, device, differentiable=decode, tiny=codec)
        space = LatentSpace(options.space, *teacher.probe())
    digest = _vae_hash(options.vae)
    settings = FitSettings(options.minutes, options.pictures, digest, start=options.start)
    work = options.work or options.out / f"unfinished-{options.space}"
    with Bars(console) as bars:
        bars.begin(options.space)
        for report in fit(teacher, space, options.out, work, settings, bars):
            bars.update(round(report.done * _PARTS), _PARTS, _text(report))
            if report.path is not None:
                _say_done(report.path, report, console)
    return 0


def _say_done(path: Path, report: FitReport, console: Console) -> None:
    console.say(f"{path}: {report.step} steps")
    figures = report.figures
    if figures is None:
        return
    console.say(figures.sentence())
    if figures.loses:
        console.write(
            f"It loses to {figures.rival[0]}, so no mode uses it yet. Train it for longer, or use "
            f"it all the same: upscalers latent add '{path}' --into '{path.parent.parent}' --anyway"
        )


def _text(report: FitReport) -> str:
    loss = "" if report.loss is None else f", loss {report.loss:.3f}"
    return f"{report.stage}{loss}, {report.seconds_left / 60:.1f} minutes to go"


COMMAND = Command(
    name="latent",
    summary="make, share and add networks that enlarge latents",
    add=_add,
    run=_run,
    epilog="",
)

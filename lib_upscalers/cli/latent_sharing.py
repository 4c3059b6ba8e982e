"""`upscalers latent share` and `add`: a latent network as one file for others."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lib_upscalers.cli.arguments import add_messages
from lib_upscalers.cli.command import options_of

if TYPE_CHECKING:
    import argparse

    from lib_upscalers.cli.console import Console
    from lib_upscalers.latent.network_card import NetworkCard

OUT = Path("models", "upscaler_lab", "latent")


@dataclass(frozen=True)
class ShareOptions:
    """The options of `upscalers latent share`."""

    network: Path
    out: Path | None
    overwrite: bool


@dataclass(frozen=True)
class AddOptions:
    """The options of `upscalers latent add`."""

    file: Path
    into: Path
    anyway: bool
    overwrite: bool


def add_share(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `share` to its parser."""
    parser.add_argument("network", type=Path, metavar="FILE", help="a network that `fit` made")
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="what to write (default: its name, in this folder)"
    )
    _add_overwrite(parser)
    add_messages(parser)


def add_add(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `add` to its parser."""
    parser.add_argument("file", type=Path, metavar="FILE", help="what `share` wrote")
    parser.add_argument(
        "--into", type=Path, default=OUT, metavar="FOLDER", help=f"of networks (default: {OUT})"
    )
    parser.add_argument(
        "--anyway", action="store_true", help="also if it loses to what is used without a network"
    )
    _add_overwrite(parser)
    add_messages(parser)


def _add_overwrite(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--overwrite", action="store_true", help="replace a file of that name")


def share(namespace: argparse.Namespace, console: Console) -> int:
    """Write one file with a network, its card and its picture."""
    from lib_upscalers.latent.network_files import share_network

    options = options_of(ShareOptions, namespace)
    target = options.out or Path(options.network.name)
    card = share_network(options.network, target, overwrite=options.overwrite)
    console.say(f"{target}: {describe_card(card)}")
    return 0


def add(namespace: argparse.Namespace, console: Console) -> int:
    """Put a shared network where the latent mode finds it."""
    from lib_upscalers.latent.network_files import add_network

    options = options_of(AddOptions, namespace)
    path, card = add_network(
        options.file, options.into, anyway=options.anyway, overwrite=options.overwrite
    )
    console.say(f"{path}: {describe_card(card)}")
    return 0


def describe_card(card: NetworkCard) -> str:
    """Return a card in one line."""
    from lib_upscalers.latent.spaces import describe

    space = card.space
    words = [
        f"for {describe(space.name)} ({space.channels} channels at 1/{space.factor})",
        f"VAE {card.vae_hash}" if card.vae_hash else "any VAE",
        f"{card.steps} steps in {card.minutes:g} minutes",
    ]
    worth = "not measured" if card.figures is None else card.figures.sentence()
    return f"{', '.join(words)}. As its maker measured: {worth}"

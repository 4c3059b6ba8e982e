"""`upscalers latent tiny`: fetch the tiny autoencoder of a latent space."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lib_upscalers.cli.arguments import add_messages
from lib_upscalers.cli.command import options_of
from lib_upscalers.cli.console import Bars, Console
from lib_upscalers.errors import InputError
from lib_upscalers.registry import unknown_name

if TYPE_CHECKING:
    import argparse

_INTO = Path("models", "upscaler_lab", "tiny")


@dataclass(frozen=True)
class TinyOptions:
    """The options of `upscalers latent tiny`."""

    space: str
    into: Path


def add_tiny(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `tiny` to its parser."""
    parser.add_argument("space", metavar="NAME", help="of the latent space, such as wan21")
    parser.add_argument(
        "--into", type=Path, default=_INTO, metavar="FOLDER", help=f"for it (default: {_INTO})"
    )
    add_messages(parser)


def fetch(namespace: argparse.Namespace, console: Console) -> int:
    """Fetch the files, and print where they are."""
    from lib_upscalers.hosts.standalone import StandaloneHost
    from lib_upscalers.latent.spaces import SPACES
    from lib_upscalers.latent.tiny_files import LICENCE, fetch_tiny, offered_spaces, tiny_offer
    from lib_upscalers.models.catalogue.catalogue_settings import read_settings
    from lib_upscalers.models.catalogue.client import fetcher_of

    options = options_of(TinyOptions, namespace)
    spaces = dict(SPACES.items())
    if options.space not in spaces:
        raise unknown_name("a latent space", options.space, spaces)
    offer = tiny_offer(spaces[options.space])
    if offer is None:
        source = spaces[options.space].tiny_source
        raise InputError(
            "Expected a latent space whose tiny autoencoder has a known SHA-256 "
            f"({', '.join(offered_spaces())}), but {options.space!r} has none: get it from "
            f"{source}."
        )
    fetcher = fetcher_of(read_settings(StandaloneHost().data_folder()))
    console.say(f"{offer.models}, MB: {offer.megabytes:.3g}, {LICENCE}, {offer.source}")
    with Bars(console) as bars:
        bars.begin(options.space)
        paths = fetch_tiny(offer, options.into, fetcher, bars)
        bars.finish()
    for path in paths:
        Console.results().write(str(path))
    return 0

"""Arguments of `upscalers models` and its actions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lib_upscalers.cli.arguments import add_messages, add_models, count
from lib_upscalers.models.catalogue.recommended import PURPOSES
from lib_upscalers.models.catalogue.selection import ORDERS

if TYPE_CHECKING:
    import argparse


def add_actions(parser: argparse.ArgumentParser) -> None:
    """Add all actions with their arguments."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", help="what to do")

    def action(name: str, text: str, *, network: bool = False) -> argparse.ArgumentParser:
        about, formatter = f"{text[:1].upper()}{text[1:]}.", parser.formatter_class
        made = actions.add_parser(name, help=text, description=about, formatter_class=formatter)
        made.set_defaults(parser=made)
        made.add_argument("--json", action="store_true", help="write JSON to stdout")
        add_models(made)
        add_messages(made)
        if network:
            _add_network(made)
        return made

    _add_search(action("search", "search the catalogue", network=True))
    action("show", "show all that the catalogue has about a model", network=True).add_argument(
        "id", metavar="ID", help="the model's id or name"
    )
    get = action("get", "fetch a model, check it and install it", network=True)
    get.add_argument("ids", nargs="+", metavar="ID", help="ids or names of models")
    get.add_argument(
        "--into",
        type=Path,
        metavar="FOLDER",
        help="install it here (default: by architecture)",
    )
    get.add_argument(
        "--keep-format",
        action="store_true",
        help="store pickles as they are, if the hash is known",
    )
    listed = action("list", "list the installed networks")
    listed.add_argument(
        "--hash", action="store_true", help="read files whose SHA-256 is not known yet"
    )
    verify = action("verify", "compare files with the catalogue by their SHA-256", network=True)
    verify.add_argument("files", nargs="+", type=Path, metavar="FILE", help="network files")
    verify.add_argument("--id", default="", metavar="ID", help="the model that they should be")
    convert = action("convert", "convert a .pth, .pt or .ckpt file to .safetensors")
    convert.add_argument("file", type=Path, metavar="FILE", help="the file; it stays")
    convert.add_argument(
        "--out", type=Path, metavar="FILE", help="the new file (default: beside the old one)"
    )
    convert.add_argument("--overwrite", action="store_true", help="replace a file that is there")
    remove = action("remove", "delete installed networks")
    remove.add_argument("names", nargs="+", metavar="NAME", help="as `upscalers models list` shows")
    remove.add_argument(
        "--permanently", action="store_true", help="delete for good instead of into the trash"
    )
    recommended = action("recommended", "list networks to begin with")
    recommended.add_argument("--for", dest="purpose", choices=PURPOSES, help="only for this")


def _add_search(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("words", nargs="*", metavar="WORD", help="in name, author, tags, text")
    parser.add_argument("-s", "--scale", type=count, metavar="N", help="only this scale")
    parser.add_argument("--architecture", default="", metavar="NAME", help="only this architecture")
    parser.add_argument("--tag", default="", metavar="NAME", help="only with this tag")
    parser.add_argument("--paid-work", action="store_true", help="only if licensed for paid work")
    parser.add_argument("--direct", action="store_true", help="only what can be fetched directly")
    parser.add_argument("--runs-here", action="store_true", help="only architectures known here")
    parser.add_argument(
        "--sort", choices=ORDERS, default="fit", help="which come first (default: fit)"
    )
    parser.add_argument("--most", type=count, default=30, metavar="N", help="so many (default: 30)")


def _add_network(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("catalogue")
    group.add_argument("--offline", action="store_true", help="fetch nothing, use the last one")
    group.add_argument(
        "--address", metavar="URL", help="the catalogue's folder (default: openmodeldb.info)"
    )
    group.add_argument("--mirror", metavar="URL", help="asked where the first gives nothing")
    group.add_argument(
        "--proxy", metavar="URL", help="an HTTP proxy, or none (default: $HTTPS_PROXY)"
    )
    group.add_argument("--timeout", type=float, metavar="SECONDS", help="(default: 30)")

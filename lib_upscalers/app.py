"""Run the stand-alone app: a page in the browser, served to this computer alone."""

from __future__ import annotations

import argparse
import contextlib
import getpass
import importlib.util
import logging
import os
import signal
import sys
import threading
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING

from lib_upscalers.cli.arguments import add_device, add_models, port
from lib_upscalers.cli.command import Parser, formatter
from lib_upscalers.cli.console import Console, ConsoleHandler
from lib_upscalers.cli.ending import failure_code
from lib_upscalers.cli.terminal_text import encodings
from lib_upscalers.diagnosis.bug_report import Section, bug_report
from lib_upscalers.diagnosis.recent_problems import RecentProblems
from lib_upscalers.diagnosis.speed_table import measure_speeds
from lib_upscalers.errors import InputError, UpscalerError
from lib_upscalers.ui.app_socket import bind
from lib_upscalers.version import VERSION
from lib_upscalers.words import language_of, translator_of

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Generator, Iterator, Sequence

    from lib_upscalers.diagnosis.speed_table import Speed
    from lib_upscalers.ui.app_server import AppServer
    from lib_upscalers.ui.compare_actions import CompareActions
    from lib_upscalers.ui.folder_actions import FolderActions
    from lib_upscalers.ui.model_actions import ModelActions
    from lib_upscalers.ui.video_actions import VideoActions

_VARIABLE = "UPSCALER_LAB_PASSWORD"
_WITHOUT_GRADIO = (
    "upscalers-app: Expected the package gradio, which serves the page, but it is not installed: "
    'run pip install "upscaler-lab[app]", or pip install gradio.'
)
_log = logging.getLogger("lib_upscalers")


class AppOptions(argparse.Namespace):
    """The app's options, typed."""

    host: str
    port: int | None
    browser: bool
    password_file: Path | None
    allowed_hosts: Sequence[str]
    models: Sequence[Path]
    device: str
    open: Path | None


def make_parser(words: Callable[[str], str] = str) -> Parser:
    """Make the parser of the app's options.

    Args:
        words: Translates texts into the user's language.
    """
    parser = Parser(
        prog="upscalers-app",
        description="Enlarge pictures in the browser. Nothing leaves this computer.",
        formatter_class=formatter(words),
    )
    parser.add_argument("--version", action="version", version=f"Upscaler Lab {VERSION}")
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        metavar="ADDRESS",
        help="listen here; 0.0.0.0 lets other computers in, by a password (default: this computer "
        "only)",
    )
    parser.add_argument(
        "--password-file",
        type=Path,
        metavar="FILE",
        help=f"a text file with the password for other computers; or set ${_VARIABLE}; "
        "else it is asked for",
    )
    parser.add_argument(
        "--allow-host",
        dest="allowed_hosts",
        action="append",
        default=[],
        metavar="NAME",
        help="answer under this name, too, such as that of a proxy; may be given several times",
    )
    parser.add_argument(
        "--port",
        type=port,
        metavar="N",
        help="listen there (default: the first free one from 7860)",
    )
    parser.add_argument(
        "--no-browser", dest="browser", action="store_false", help="do not open the browser"
    )
    add_models(parser)
    add_device(parser)
    parser.add_argument(
        "--open",
        type=Path,
        metavar="FILE",
        help="show a comparison again: its HTML report, or the JSON file of its session",
    )
    return parser


def _password(options: AppOptions, console: Console) -> str:
    """Return the password for other computers, or "" if none is needed.

    Raises:
        InputError: One is needed, and there is none.
    """
    from lib_upscalers.ui.app_login import is_this_computer

    try:
        if options.password_file is not None:
            return options.password_file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeError) as error:
        raise InputError(
            f"Expected a text file with a password at {options.password_file}, but it cannot be "
            f"read ({error}): name another."
        ) from None
    given = os.environ.get(_VARIABLE, "")
    if given or is_this_computer(options.host):
        return given
    if not sys.stdin.isatty():
        raise InputError(
            f"Expected a password, since {options.host} lets other computers in: give it by "
            f"--password-file FILE or in {_VARIABLE}."
        )
    console.write(f"{options.host} lets other computers in: choose a password for them.")
    return getpass.getpass("Password: ")


PLACES = (
    ("Which one?", "asks what you have and want, and recommends upscalers"),
    ("Models", "finds networks on OpenModelDB, fetches and manages them"),
    ("Several pictures, Folders", "a test on many pictures; a whole folder enlarged"),
    ("Video", "every frame enlarged, with sound and subtitles"),
    ("Networks", "which network files were found, and in which folders"),
)
"""Where things are in the app's page, for new users."""


def _build(options: AppOptions) -> tuple[CompareActions, ModelActions]:
    from lib_upscalers.compare.store import Store
    from lib_upscalers.hosts.standalone import StandaloneHost
    from lib_upscalers.models.catalogue.library import ModelLibrary
    from lib_upscalers.ui.app_login import is_this_computer
    from lib_upscalers.ui.compare_actions import CompareActions
    from lib_upscalers.ui.first_look import FirstLook
    from lib_upscalers.ui.gradio_compat import file_url, upload_folder
    from lib_upscalers.ui.model_actions import ModelActions
    from lib_upscalers.upscaling.upscaler import Upscaler

    host = StandaloneHost(tuple(options.models), options.device)
    host.device()
    store = Store((host.data_folder() / "compare").resolve())
    store.tidy()
    # Gradio reads the folder of uploads only from here.
    os.environ["GRADIO_TEMP_DIR"] = str(store.make_folder("uploads", store.new_name()))
    upscaler = Upscaler(host)
    library = ModelLibrary(
        host.data_folder(), host.model_folders, upscaler.entries, hashes=upscaler.hashes
    )
    # Other computers may look; what is installed here is decided here.
    at_home = is_this_computer(options.host)
    models = ModelActions(
        *(library, upscaler, store, file_url, upload_folder), may_change=lambda: at_home
    )
    actions = CompareActions(
        *(upscaler, host, store, file_url, upload_folder),
        more=models.trials,
        first_look=FirstLook(upscaler, host, store),
        places=PLACES,
    )
    return actions, models


def _doctor(actions: CompareActions, problems: RecentProblems) -> str:
    first = [Section("Program", lambda: ["the app"])]
    last = [Section("Last problems", problems.lines)]
    return bug_report(actions.host, actions.upscaler, first, last)


def _speeds(actions: CompareActions) -> Iterator[Speed]:
    upscaler = actions.upscaler
    return measure_speeds(actions.host, upscaler, upscaler.choices())


def _opened(options: AppOptions, actions: CompareActions) -> str:
    """Return the end of the address under which the page shows what is to be opened, or "".

    Raises:
        InputError: It cannot be opened.
    """
    if options.open is None:
        return ""
    from lib_upscalers.compare.reopening import open_again

    return f"?session={open_again(options.open, actions.store).name}"


def _write_address(options: AppOptions, address: str, console: Console) -> None:
    from lib_upscalers.ui.app_login import USER, is_this_computer

    if not is_this_computer(options.host):
        console.write(
            f"Other computers can open the app now: with the user name “{USER}” and the password "
            "they can run upscalers here, and see what they compare. The connection is not "
            "encrypted: use it in a network that you trust."
        )
    console.write(f"Ready: {address}   (Ctrl-C ends it)")
    if options.browser:
        webbrowser.open(address)


def _taken(options: AppOptions) -> str:
    where = f"{options.host}, port {options.port or '7860 to 7959'}"
    return (
        f"upscalers-app: cannot listen at {where}, where another program may listen already, such "
        "as this app: use that one, or choose another --port or --host."
    )


def _serve(options: AppOptions, console: Console) -> int:
    # SIGTERM cleans up as Ctrl-C does.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    problems = RecentProblems()
    problems.attach()
    listening: socket.socket | None = None
    server: AppServer | None = None
    folders: FolderActions | None = None
    video: VideoActions | None = None
    try:
        password = _password(options, console)
        # First of all: what follows takes seconds.
        listening = bind(options.host, options.port)
        console.write("Starting the app ...")
        actions, models = _build(options)
        shown = _opened(options, actions)
        from lib_upscalers.ui.app_login import Login, is_this_computer
        from lib_upscalers.ui.app_page import build_page
        from lib_upscalers.ui.app_server import AppServer
        from lib_upscalers.ui.folder_actions import FolderActions
        from lib_upscalers.ui.video_actions import VideoActions

        login = Login(password) if password else None
        # Files of this computer are no business of other computers.
        if is_this_computer(options.host):
            folders, video = FolderActions(actions), VideoActions(actions)
        server = AppServer(
            build_page(
                *(actions, models, folders, video),
                doctor=lambda: _doctor(actions, problems),
                speeds=lambda: _speeds(actions),
            ),
            *(actions, login, options.allowed_hosts),
        )
        address = server.start(options.host, listening) + shown
        _write_address(options, address, console)
        threading.Event().wait()
    except KeyboardInterrupt:
        console.write("Stopped.")
        return 0
    except UpscalerError as error:
        console.write(f"upscalers-app: {error}")
        return failure_code(error)
    except OSError as error:
        console.write(_taken(options))
        _log.info("%s", error)
        return 1
    finally:
        problems.detach()
        for each in (folders, video):
            if each is not None:
                each.close()
        if server is not None:
            server.stop()
        if listening is not None:
            listening.close()
    return 0


@contextlib.contextmanager
def _logging_to(console: Console) -> Generator[None]:
    handler = ConsoleHandler(console)
    _log.addHandler(handler)
    try:
        yield
    finally:
        _log.removeHandler(handler)


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve the app until Ctrl-C.

    Args:
        arguments: Without the program's name; None takes those of the process.

    Returns:
        The exit code.
    """
    words = translator_of(language_of(os.environ), encodings())
    parser = make_parser(words)
    options, rest = parser.parse_known_args(arguments, namespace=AppOptions())
    if rest:
        parser.refuse_unknown(rest)
    console = Console.standard(quiet=False, words=words)
    if importlib.util.find_spec("gradio") is None:
        console.write(_WITHOUT_GRADIO)
        return 1
    with _logging_to(console):
        return _serve(options, console)


if __name__ == "__main__":
    sys.exit(main())

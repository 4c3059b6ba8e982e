"""The stand-alone app: a page in the browser, served by this computer alone."""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import io
import logging
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from lib_upscalers.cli.console import Console, ConsoleHandler
from lib_upscalers.errors import UpscalerError
from lib_upscalers.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from gradio import Blocks

_WITHOUT_GRADIO = (
    "upscalers-app: Expected the package gradio, which serves the page, but it is not installed: "
    'run pip install "upscaler-lab[app]", or pip install gradio.'
)
_log = logging.getLogger("lib_upscalers")


class Options(argparse.Namespace):
    """The app's options, typed."""

    host: str
    port: int | None
    browser: bool
    models: Sequence[Path]
    device: str


def _parse(arguments: Sequence[str] | None) -> Options:
    parser = argparse.ArgumentParser(
        prog="upscalers-app",
        description="Enlarge pictures in the browser. Nothing leaves this computer.",
    )
    parser.add_argument("--version", action="version", version=f"Upscaler Lab {VERSION}")
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        metavar="ADDRESS",
        help="listen here; 0.0.0.0 lets other computers in (default: this computer only)",
    )
    parser.add_argument(
        "--port", type=int, metavar="N", help="listen there (default: the first free one from 7860)"
    )
    parser.add_argument(
        "--no-browser", dest="browser", action="store_false", help="do not open the browser"
    )
    parser.add_argument(
        "--models",
        type=Path,
        action="append",
        default=[],
        metavar="FOLDER",
        help="look for networks in this folder first; may be given several times",
    )
    parser.add_argument(
        "--device", default="auto", metavar="NAME", help="cpu, cuda, cuda:1, mps (default: auto)"
    )
    return parser.parse_args(arguments, namespace=Options())


def _build(options: Options) -> tuple[Blocks, Path]:
    """Return the page, and the folder whose files it shows."""
    from lib_upscalers.compare.store import Store
    from lib_upscalers.hosts.standalone import StandaloneHost
    from lib_upscalers.pictures.files import write_picture
    from lib_upscalers.ui.app_page import build_page
    from lib_upscalers.ui.compare_actions import Bench
    from lib_upscalers.ui.gradio_compat import file_url
    from lib_upscalers.ui.sample import draw_sample
    from lib_upscalers.upscaling.upscaler import Upscaler

    host = StandaloneHost(tuple(options.models), options.device)
    host.device()
    store = Store((host.data_folder() / "compare").resolve())
    store.tidy()
    sample = store.folder / "sample.png"
    sample.parent.mkdir(parents=True, exist_ok=True)
    write_picture(draw_sample(), sample)
    bench = Bench(Upscaler(host), host, store, file_url, sample=sample)
    return build_page(bench), store.folder


def _launch(page: Blocks, options: Options, folder: Path) -> str:
    """Start to serve the page; return its address."""
    from gradio import themes

    from lib_upscalers.compare.viewer_script import LOADER

    system = ("system-ui", "sans-serif")
    _, address, _ = page.queue(default_concurrency_limit=1).launch(
        server_name=options.host,
        server_port=options.port,
        inbrowser=options.browser,
        share=False,
        quiet=True,
        prevent_thread_lock=True,
        allowed_paths=[str(folder)],
        footer_links=[],
        run_history=False,
        ssr_mode=False,
        enable_monitoring=False,
        theme=themes.Default(
            primary_hue="indigo",
            secondary_hue="indigo",
            neutral_hue="slate",
            font=system,
            font_mono=("ui-monospace", "monospace"),
        ),
        head=f'<script type="module">{LOADER.read_text(encoding="utf-8")}</script>',
    )
    return address


def _serve(options: Options, console: Console) -> int:
    # A polite end from outside cleans up like Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    page: Blocks | None = None
    try:
        console.write("Starting the app ...")
        page, folder = _build(options)
        console.write(f"Ready: {_launch(page, options, folder)}   (Ctrl-C ends it)")
        threading.Event().wait()
    except KeyboardInterrupt:
        console.write("Stopped.")
        return 0
    except UpscalerError as error:
        console.write(f"upscalers-app: {error}")
        return 2
    except OSError as error:
        where = f"{options.host}, port {options.port or '7860 to 7959'}"
        console.write(f"upscalers-app: cannot listen at {where}: choose another --port or --host.")
        _log.info("%s", error)
        return 1
    finally:
        if page is not None:
            with contextlib.redirect_stdout(io.StringIO()):
                page.close()
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
    options = _parse(arguments)
    console = Console.standard(quiet=False)
    if importlib.util.find_spec("gradio") is None:
        console.write(_WITHOUT_GRADIO)
        return 1
    with _logging_to(console):
        return _serve(options, console)


if __name__ == "__main__":
    sys.exit(main())

"""Serve the app's page over HTTP, under a guard.

Imports gradio and uvicorn; import this module only to serve a page.
"""

from __future__ import annotations

import shutil
import threading
import time
from typing import TYPE_CHECKING, cast

import gradio as gr
import uvicorn
from fastapi import FastAPI
from gradio import themes
from starlette.routing import Mount

from lib_upscalers.compare.viewer_script import LOADER, language_script
from lib_upscalers.errors import InputError
from lib_upscalers.ui.app_login import USER, host_names, is_every_address
from lib_upscalers.ui.guard import MOST_UPLOAD_BYTES, Guard
from lib_upscalers.words import catalogue, language_names

if TYPE_CHECKING:
    import socket
    from collections.abc import Collection

    from gradio import Blocks
    from gradio.routes import App

    from lib_upscalers.ui.app_login import Login
    from lib_upscalers.ui.compare_actions import CompareActions

_PATIENCE_SECONDS = 60.0
_GRACE_SECONDS = 3
_FONT = ("system-ui", "sans-serif")


def _page_script() -> str:
    return language_script(language_names()) + LOADER.read_text(encoding="utf-8")


def _theme() -> themes.Base:
    """Return the look: Gradio's own, and text with the contrast of 4.5 that WCAG 2.1 asks for.

    https://www.w3.org/TR/WCAG21/#contrast-minimum
    """
    look = themes.Default(
        primary_hue="indigo",
        secondary_hue="indigo",
        neutral_hue="slate",
        font=_FONT,
        font_mono=("ui-monospace", "monospace"),
    )
    return look.set(
        body_text_color_subdued="*neutral_500",
        input_placeholder_color="*neutral_500",
        input_placeholder_color_dark="*neutral_400",
        link_text_color_dark="*secondary_300",
        button_primary_background_fill="*primary_600",
        button_primary_background_fill_hover="*primary_700",
        button_cancel_background_fill="#dc2626",
        button_cancel_background_fill_hover="#b91c1c",
    )


class AppServer:
    """Serves a page.

    Args:
        page: The page.
        actions: The actions of its buttons; its store has the files that may be served.
        login: Checks users' passwords; None: no password is needed.
        names: Further host names under which it answers, such as that of a proxy.
    """

    def __init__(
        self,
        page: Blocks,
        actions: CompareActions,
        login: Login | None,
        names: Collection[str] = (),
    ) -> None:
        self._page = page
        self._actions = actions
        self._login = login
        self._names = names
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    def _application(self, host: str) -> Guard:
        application = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
        application.get("/languages/{code}.json")(catalogue)
        gr.mount_gradio_app(
            application,
            self._page.queue(default_concurrency_limit=1),
            path="/",
            auth=self._login,
            auth_message=f"The user name is “{USER}”." if self._login else None,
            allowed_paths=[str(folder) for folder in self._actions.store.served],
            max_file_size=MOST_UPLOAD_BYTES,
            footer_links=[],
            run_history=False,
            ssr_mode=False,
            enable_monitoring=False,
            pwa=False,
            mcp_server=False,
            theme=_theme(),
            head=f'<script type="module">{_page_script()}</script>',
        )
        # Attributes that `launch` sets: without them Gradio neither checks the paths of files in
        # requests nor ends streams to browsers.
        self._page.has_launched = True
        mounted = next(route for route in application.routes if isinstance(route, Mount))
        self._page.app = cast("App", mounted.app)
        names = {*host_names(host), *self._names}
        return Guard(application, names, self._actions.readable_folders, self._make_room)

    def _make_room(self) -> None:
        """Keep the store within its budget, uploads included."""
        self._actions.store.tidy()
        self._actions.upload_folder().mkdir(mode=0o700, parents=True, exist_ok=True)

    def start(self, host: str, listening: socket.socket) -> str:
        """Start serving; return the address for a browser on this computer.

        Args:
            host: The address as the user named it.
            listening: A socket that listens there; it is closed in the end.

        Raises:
            InputError: The server does not start.
        """
        config = uvicorn.Config(
            self._application(host),
            log_level="warning",
            ws="none",
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=_GRACE_SECONDS,
        )
        server = self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=server.run, kwargs={"sockets": [listening]}, name="server", daemon=True
        )
        self._thread.start()
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                raise InputError("The server did not start: the lines above say why.")
            time.sleep(0.01)
        address, used = listening.getsockname()[:2]
        name = "localhost" if is_every_address(host) else str(address)
        return f"http://[{name}]:{used}/" if ":" in name else f"http://{name}:{used}/"

    def stop(self) -> None:
        """End every connection and delete this process's uploads."""
        self._page.close(verbose=False)
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join(_GRACE_SECONDS + 2)
        shutil.rmtree(self._actions.upload_folder(), ignore_errors=True)

"""Keep a reload alive when a page asks for something before the WebUI's API is complete."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from lib_upscalers.hosts.webui.patching import Patches

_MODULE, _FIELD = "modules.api.api", "api_middleware"


def allow_early_requests(patches: Patches) -> None:
    """Let the WebUI add the middleware of its API after a first request.

    An open page asks every half second whether the WebUI is back. If it asks between the start of
    the server and `create_api`, Starlette has built its middleware and refuses more ("Cannot add
    middleware after an application has started"), and the whole program ends (api.py:135-148 and
    webui.py:84-112 of AUTOMATIC1111 1.10.1, with or without extensions).

    The module is looked for only where it is loaded: the WebUI loads it when it makes its API for
    the first time, and before that no page waits.
    """
    module = sys.modules.get(_MODULE)
    if hasattr(module, _FIELD):
        patches.wrap(module, _FIELD, _make)


def _make(original: Callable[[Any], Any], live: Callable[[], bool]) -> Callable[[Any], Any]:
    def api_middleware(app: Any) -> Any:
        if live() and hasattr(app, "middleware_stack"):
            # As the WebUI's own setup_middleware does; the next request builds it again.
            app.middleware_stack = None
        return original(app)

    return api_middleware

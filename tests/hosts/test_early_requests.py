"""A page that asks for something while the WebUI restarts does not end it."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING

import pytest
from starlette.applications import Starlette
from starlette.middleware.base import BaseHTTPMiddleware

from lib_upscalers.hosts.webui import start
from tests.hosts.conftest import load

if TYPE_CHECKING:
    from tests.hosts.webui_model import WebUI


def api_middleware(app: Starlette) -> None:
    """modules/api/api.py:147-189 of AUTOMATIC1111 1.10.1."""
    app.add_middleware(BaseHTTPMiddleware)
    app.add_middleware(BaseHTTPMiddleware)


def asked() -> Starlette:
    app = Starlette()
    app.middleware_stack = app.build_middleware_stack()
    return app


@pytest.mark.parametrize("bare", ["a1111"], indirect=True)
def test_the_api_is_completed_after_a_first_request(
    bare: WebUI, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = ModuleType("modules.api.api")
    module.__dict__["api_middleware"] = api_middleware
    monkeypatch.setitem(sys.modules, module.__name__, module)
    with pytest.raises(RuntimeError, match="Cannot add middleware"):
        module.api_middleware(asked())
    load(bare)
    app = asked()
    module.api_middleware(app)
    assert len(app.user_middleware) == 2
    assert app.middleware_stack is None, "the next request builds it with them"
    start.release()
    assert module.api_middleware is api_middleware

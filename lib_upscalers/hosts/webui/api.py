"""Our routes in the WebUI's API, under the authentication that the WebUI asks of its own."""

from __future__ import annotations

import base64
import binascii
import io
import secrets
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi import Depends, HTTPException
from fastapi.security import HTTPBasic, HTTPBasicCredentials
from pydantic import BaseModel, Field

from lib_upscalers.errors import (
    Cancelled,
    InputError,
    MemoryExhaustedError,
    UnknownNameError,
    UpscalerError,
)
from lib_upscalers.geometry import Size
from lib_upscalers.hosts.webui.access import host_module
from lib_upscalers.hosts.webui.extras import choose
from lib_upscalers.hosts.webui.progress import job
from lib_upscalers.image_files import read_picture
from lib_upscalers.image_writers import write_as_png
from lib_upscalers.targets import Target

if TYPE_CHECKING:
    from collections.abc import Callable

    from lib_upscalers.hosts.webui.engine import Engine
    from lib_upscalers.upscale import Result

_PREFIX = "/upscaler-lab/v1"
# As a default: FastAPI before 0.95, which AUTOMATIC1111 has, does not look into annotations.
_LOGIN: Any = Depends(HTTPBasic())
_STATUS = ((UnknownNameError, 404), (InputError, 422), (MemoryExhaustedError, 507))


class UpscalerItem(BaseModel):
    """One upscaler."""

    name: str = Field(title="Name", description="To be given to /upscale.")
    kind: str = Field(title="Kind", description='"pixel" for a kernel, "network".')
    scale: int | None = Field(None, title="Scale", description="None: any.")
    architecture: str = Field(title="Architecture")
    size_bytes: int | None = Field(None, title="Size of the file in bytes")
    licence: str | None = Field(None, title="Licence of the weights, where it is known")


class UpscaleRequest(BaseModel):
    """A picture to enlarge, to a scale or to an exact size."""

    image: str = Field(title="Image", description="A picture file in base64; data URLs too.")
    upscaler: str = Field(title="Upscaler", description="A name from /upscalers.")
    scale: float | None = Field(None, title="Scale", description="Or width and height.")
    width: int | None = Field(None, title="Width")
    height: int | None = Field(None, title="Height")
    tile: int = Field(0, title="Tile", description="0: as in the settings.")
    precision: str = Field("auto", title="Precision", description="auto, fp32, fp16 or bf16.")


class UpscaleResponse(BaseModel):
    """The enlarged picture, and what it cost."""

    image: str = Field(title="Image", description="A PNG file in base64.")
    width: int
    height: int
    passes: int
    tiles: int
    precision: str
    device: str
    load_seconds: float
    run_seconds: float


class RefreshResponse(BaseModel):
    """What there is after looking for new files."""

    upscalers: list[str]


class Routes:
    """Answers requests.

    Args:
        engine: What does the work.
        refresh: Looks for new files.
    """

    def __init__(self, engine: Engine, refresh: Callable[[], None]) -> None:
        self._engine = engine
        self._refresh = refresh

    def add_to(self, app: Any) -> None:
        """Add the routes, if the WebUI has an API at all."""
        flags = host_module("shared").cmd_opts
        if not (flags.api or flags.nowebui):
            return
        dependencies = [Depends(_Login(flags.api_auth).check)] if flags.api_auth else []
        for path, answer, method, model in (
            ("/upscalers", self.upscalers, "GET", list[UpscalerItem]),
            ("/upscale", self.upscale, "POST", UpscaleResponse),
            ("/refresh", self.refresh, "POST", RefreshResponse),
        ):
            app.add_api_route(
                _PREFIX + path,
                answer,
                methods=[method],
                response_model=model,
                dependencies=dependencies,
                tags=["Upscaler Lab"],
            )

    def upscalers(self) -> list[UpscalerItem]:
        """List all upscalers: kernels, built-in networks, and the networks in all folders."""
        return [
            UpscalerItem(
                name=choice.name,
                kind=choice.kind,
                scale=choice.scale,
                architecture=choice.architecture,
                size_bytes=choice.size_bytes,
                licence=choice.licence,
            )
            for choice in self._engine.upscaler.choices()
        ]

    def refresh(self) -> RefreshResponse:
        """Look for new files."""
        self._refresh()
        return RefreshResponse(upscalers=[item.name for item in self.upscalers()])

    def upscale(self, request: UpscaleRequest) -> UpscaleResponse:
        """Enlarge a picture. 404: no such upscaler; 422: something else is wrong with it."""
        try:
            return self._upscale(request)
        except Cancelled:
            raise HTTPException(409, "The work was interrupted.") from None
        except UpscalerError as error:
            status = next((code for kind, code in _STATUS if isinstance(error, kind)), 500)
            raise HTTPException(status, str(error)) from error

    def _upscale(self, request: UpscaleRequest) -> UpscaleResponse:
        choice = choose(self._engine, request.upscaler)
        target = _target(request)
        settings = self._engine.settings(tile=request.tile or None, precision=request.precision)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "picture"
            path.write_bytes(_decoded(request.image))
            picture = read_picture(path)
        with job():
            host_module("shared").state.job_count = 1
            with self._engine.job(choice.name) as progress:
                result = self._engine.upscaler.run(picture, choice, target, settings, progress)
        return _response(result)


class _Login:
    """Lets through who knows a user's password, as the WebUI's own API does.

    Args:
        accounts: ``--api-auth``: user:password, several with commas between them.
    """

    def __init__(self, accounts: str) -> None:
        self._accounts = dict(each.split(":", 1) for each in accounts.split(","))

    # A method, for FastAPI 0.94 looks up the annotations of a callable object nowhere.
    def check(self, login: HTTPBasicCredentials = _LOGIN) -> bool:
        """Return True.

        Raises:
            HTTPException: 401, for who is none of them.
        """
        wanted = self._accounts.get(login.username)
        if wanted is not None and secrets.compare_digest(login.password.encode(), wanted.encode()):
            return True
        headers = {"WWW-Authenticate": "Basic"}
        raise HTTPException(401, "Incorrect username or password", headers=headers)


def _target(request: UpscaleRequest) -> Target:
    if request.width is None and request.height is None:
        return Target(scale=request.scale)
    if request.width is None or request.height is None or request.scale is not None:
        raise InputError(
            f"Expected a scale, or width and height, but got scale {request.scale}, width "
            f"{request.width} and height {request.height}: give one or the other."
        )
    return Target(size=Size(request.width, request.height))


def _decoded(text: str) -> bytes:
    if text.startswith("data:"):
        text = text.partition(",")[2]
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InputError(
            f"Expected a picture file in base64, but got something else ({error})."
        ) from None


def _response(result: Result) -> UpscaleResponse:
    file = io.BytesIO()
    write_as_png(file, result.picture, None)
    size = result.picture.size
    return UpscaleResponse(
        image=base64.b64encode(file.getvalue()).decode("ascii"),
        width=size.width,
        height=size.height,
        passes=result.passes,
        tiles=result.tiles,
        precision=result.precision,
        device=result.device,
        load_seconds=result.load_seconds,
        run_seconds=result.run_seconds,
    )

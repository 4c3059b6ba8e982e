"""Add our routes to the WebUI's API, with the WebUI's own authentication."""

from __future__ import annotations

import base64
import binascii
import io
import re
import secrets
import tempfile
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from fastapi import Depends, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from fastapi.security import HTTPBasic, HTTPBasicCredentials

from lib_upscalers.errors import (
    Cancelled,
    InputError,
    MemoryExhaustedError,
    UnknownNameError,
    UpscalerError,
)
from lib_upscalers.file_writing import write_bytes
from lib_upscalers.hosts.webui.api_models import (
    RefreshResponse,
    UpscaleRequest,
    UpscaleResponse,
    UpscalerItem,
    UpscaleSeveralResponse,
)
from lib_upscalers.hosts.webui.extras import SIZES, WAYS, ExtrasJob, plan
from lib_upscalers.hosts.webui.host_modules import host_module
from lib_upscalers.hosts.webui.host_progress import job
from lib_upscalers.models.reading.faults import printable
from lib_upscalers.pictures.files import read_picture
from lib_upscalers.pictures.formats import write_as_png
from lib_upscalers.progress import SubRange
from lib_upscalers.upscaling.settings import chosen, form_names

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    from fastapi import Response

    from lib_upscalers.hosts.webui.engine import Engine
    from lib_upscalers.pictures.picture import Picture
    from lib_upscalers.progress import Progress
    from lib_upscalers.upscaling.upscaler import Result

_PREFIX = "/upscaler-lab/v1"
# A default, because FastAPI before 0.95, which AUTOMATIC1111 has, ignores annotations.
_LOGIN: Any = Depends(HTTPBasic())
_STATUS = ((UnknownNameError, 404), (InputError, 422), (MemoryExhaustedError, 507))
_MOST_UPSCALERS = 3
_MOST_PICTURES = 50
_WAYS: Mapping[str, str] = MappingProxyType({"chain": WAYS[0], "blend": WAYS[1]})


class _Route(APIRoute):
    """A route that answers every request which does not fit its model with a sentence.

    FastAPI repeats in its answer what was sent, and fails with 500 where that cannot be sent back:
    NaN, infinity, and half of a surrogate pair.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what answers a request; it raises an HTTPException 422 with the first fault."""
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                return await handle(request)
            except RequestValidationError as error:
                raise HTTPException(422, _fault(error)) from None

        return answer


def _fault(error: RequestValidationError) -> str:
    first: dict[str, Any] = dict(next(iter(error.errors()), {}))
    place = ".".join(str(part) for part in first.get("loc", ("body",))[1:]) or "the body"
    return (
        f"Expected a request as the page /docs shows it, but {printable(place)} is wrong "
        f"({printable(first.get('msg', 'no reason is known'), 200)}): correct it."
    )


class Routes:
    """Answers requests.

    Args:
        engine: Enlarges the pictures.
        refresh: Searches for new files.
    """

    def __init__(self, engine: Engine, refresh: Callable[[], None]) -> None:
        self._engine = engine
        self._refresh = refresh

    def add_to(self, app: Any) -> None:
        """Add the routes, if the WebUI has an API at all."""
        flags = host_module("shared").cmd_opts
        if not (flags.api or flags.nowebui):
            return
        dependencies = [Depends(_refuse_other_pages)]
        if flags.api_auth:
            dependencies.append(Depends(_Login(flags.api_auth).check))
        for path, answer, method, model in (
            ("/upscalers", self.upscalers, "GET", list[UpscalerItem]),
            ("/upscale", self.upscale, "POST", UpscaleResponse | UpscaleSeveralResponse),
            ("/refresh", self.refresh, "POST", RefreshResponse),
        ):
            app.router.add_api_route(
                _PREFIX + path,
                answer,
                methods=[method],
                response_model=model,
                dependencies=dependencies,
                tags=["Upscaler Lab"],
                route_class_override=_Route,
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

    def upscale(self, request: UpscaleRequest) -> UpscaleResponse | UpscaleSeveralResponse:
        """Enlarge a picture, or several in one job, as the script "Upscaler Lab" of Extras does.

        404: no such upscaler or kernel; 422: something else is wrong with the request; 409: it
        was interrupted; 507: too large for memory.
        """
        try:
            answers = self._upscale(request)
        except Cancelled:
            raise HTTPException(409, "The work was interrupted.") from None
        except UpscalerError as error:
            status = next((code for kind, code in _STATUS if isinstance(error, kind)), 500)
            raise HTTPException(status, str(error)) from error
        return answers[0] if request.images is None else UpscaleSeveralResponse(images=answers)

    def _upscale(self, request: UpscaleRequest) -> list[UpscaleResponse]:
        engine = self._engine
        work = plan(engine, _job(request))
        pictures = _pictures(request)
        # An invalid request is refused before it waits for the WebUI's queue.
        targets = [work.job.target(picture.size) for picture in pictures]
        with job(engine.closing.is_set):
            host_module("shared").state.job_count = 1
            with engine.job(work.title) as progress:
                # Each result is encoded at once, because many together may not fit into memory.
                return [
                    _response(
                        work.run(
                            engine.upscaler,
                            picture,
                            target,
                            _sub_progress(progress, i, len(pictures)),
                        )
                    )
                    for i, (picture, target) in enumerate(zip(pictures, targets, strict=True))
                ]


def _refuse_other_pages(request: Request) -> None:
    """Refuse another web page's requests, unless the WebUI's ``--cors-allow-origins`` names it.

    Browsers send any page's request without a content type, without asking first, and FastAPI reads
    it as JSON.

    Raises:
        HTTPException: 403.
    """
    origin, host = request.headers.get("origin"), request.headers.get("host", "")
    site = request.headers.get("sec-fetch-site", "none")
    own = site in ("same-origin", "none") and (origin is None or _netloc(origin) == host.lower())
    if not own and not _is_allowed(origin or ""):
        raise HTTPException(403, "Requests of other web pages are refused.")


def _netloc(origin: str) -> str | None:
    try:
        return urlsplit(origin.lower()).netloc
    except ValueError:
        return None


def _is_allowed(origin: str) -> bool:
    flags = host_module("shared").cmd_opts
    names: str = getattr(flags, "cors_allow_origins", None) or ""
    pattern: str = getattr(flags, "cors_allow_origins_regex", None) or ""
    named = origin in names.split(",") or "*" in names.split(",")
    return bool(origin) and (named or bool(pattern and re.fullmatch(pattern, origin)))


class _Login:
    """Accepts the users and passwords that the WebUI's own API accepts.

    Args:
        accounts: ``--api-auth``: user:password, several with commas between them.
    """

    def __init__(self, accounts: str) -> None:
        self._accounts = dict(each.split(":", 1) for each in accounts.split(","))

    # A method, because FastAPI 0.94 cannot resolve the annotations of a callable object.
    def check(self, login: HTTPBasicCredentials = _LOGIN) -> bool:
        """Return True.

        Raises:
            HTTPException: 401; no such user, or another password.
        """
        password = self._accounts.get(login.username)
        given = login.password.encode()
        if password is not None and secrets.compare_digest(given, password.encode()):
            return True
        headers = {"WWW-Authenticate": "Basic"}
        raise HTTPException(401, "Incorrect username or password", headers=headers)


def _job(request: UpscaleRequest) -> ExtrasJob:
    """Return the job that a request asks for.

    Raises:
        InputError: Fields contradict each other, or one is missing.
    """
    names = _one_or_several(request.upscaler, request.upscalers, "upscaler")
    if len(names) > _MOST_UPSCALERS:
        raise InputError(
            f"Expected at most {_MOST_UPSCALERS} names in upscalers, but got {len(names)}: send "
            "the result in another request to go on."
        )
    made = ExtrasJob(
        tuple(names),
        way=_way_of(request, len(names)),
        match_colours=request.match_colours,
        engine=chosen({name: getattr(request, name) for name in form_names()}),
    )
    return _with_size(
        made if request.share is None else replace(made, share=request.share), request
    )


def _one_or_several(one: str | None, several: list[str] | None, field: str) -> list[str]:
    if one is not None and several is None:
        return [one]
    if several and one is None:
        return several
    got = "both" if one is not None else "neither" if several is None else "an empty list"
    raise InputError(
        f"Expected {field} or {field}s, but got {got}: give {field} for one, or {field}s for a "
        "list."
    )


def _way_of(request: UpscaleRequest, count: int) -> str:
    """Return the one of `WAYS` that a request for that many upscalers means."""
    way, share = request.way, request.share
    if way not in _WAYS:
        raise InputError(f"Expected one of {', '.join(_WAYS)} for way, but got {way!r}: give one.")
    if way == "blend" and count != 2:
        raise InputError(
            f"Expected two names in upscalers for a blend, but got {count}: give two, or ask for "
            "the way chain."
        )
    if way != "blend" and share is not None:
        raise InputError(
            f"Expected share for a blend alone, but got {share:g} for the way {way}: leave it "
            "out, or ask for the way blend."
        )
    return _WAYS[way]


def _with_size(made: ExtrasJob, request: UpscaleRequest) -> ExtrasJob:
    match request.scale, request.width, request.height, request.longest_side:
        case float(scale), None, None, None:
            return replace(made, size_by=SIZES[0], scale=scale)
        case None, int(width), int(height), None:
            return replace(made, size_by=SIZES[1], width=width, height=height)
        case None, None, None, int(longest):
            return replace(made, size_by=SIZES[2], longest=longest)
        case scale, width, height, longest:
            raise InputError(
                "Expected a scale or a size, given by scale, by width and height, or by "
                f"longest_side, but got scale {scale}, width {width}, height {height} and "
                f"longest_side {longest}: give one of the three."
            )


def _pictures(request: UpscaleRequest) -> list[Picture]:
    texts = _one_or_several(request.image, request.images, "image")
    if len(texts) > _MOST_PICTURES:
        raise InputError(
            f"Expected at most {_MOST_PICTURES} pictures in images, but got {len(texts)}: send "
            "the others in another request."
        )
    with tempfile.TemporaryDirectory() as folder:
        pictures: list[Picture] = []
        for i, text in enumerate(texts):
            # The file has the field's name, because errors name the file.
            path = Path(folder) / ("image" if request.images is None else f"images[{i}]")
            write_bytes(path, _decoded(text, path.name), overwrite=True)
            pictures.append(read_picture(path))
            path.unlink()
    return pictures


def _decoded(text: str, field: str) -> bytes:
    if text.startswith("data:"):
        text = text.partition(",")[2]
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InputError(
            f"Expected a picture file in base64 for {field}, but got something else ({error}): "
            "encode the whole file."
        ) from None


def _sub_progress(progress: Progress, i: int, count: int) -> Progress:
    if count == 1:
        return progress
    return SubRange(progress, i / count, (i + 1) / count, f"picture {i + 1} of {count}, ")


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

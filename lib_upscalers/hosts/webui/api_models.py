"""Define our routes' request and response models, as the WebUI's page ``/docs`` shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, Field, create_model

from lib_upscalers.upscaling.settings import ENGINE_SETTINGS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lib_upscalers.upscaling.settings import EngineSetting, Shortcut, Value

# The longest side that Pillow and PNG allow.
_MOST_SIDE = (1 << 31) - 1


class UpscalerItem(BaseModel):
    """One upscaler."""

    name: str = Field(title="Name", description="To be given to /upscale.")
    kind: str = Field(title="Kind", description='"pixel" for a kernel, "network".')
    scale: int | None = Field(None, title="Scale", description="None: any.")
    architecture: str = Field(
        title="Architecture", description='The network\'s, or "interpolation".'
    )
    size_bytes: int | None = Field(None, title="Size", description="Of the file, in bytes.")
    licence: str | None = Field(
        None, title="Licence", description="Of the weights, where it is known."
    )


def _engine_field(setting: EngineSetting) -> tuple[Any, Any]:
    """Return the type of a setting's field, and the field."""
    types: Mapping[str, Any] = {"number": int | None, "choice": str | None, "flag": bool | None}
    choices = f": {', '.join(setting.choices())}" if setting.kind == "choice" else ""
    automatic = {"number": " or 0", "choice": " or auto"} if setting.automatic else {}
    description = (
        f"{_sentence(setting.help)}{choices}. Left out{automatic.get(setting.kind, '')}: as in the "
        "settings."
    )
    return types[setting.kind], Field(None, title=setting.label, description=description)


def _shortcut_field(shortcut: Shortcut, default: Value) -> tuple[Any, Any]:
    description = f"{_sentence(shortcut.help)}."
    return bool, Field(
        default=default == shortcut.ticked, title=shortcut.label, description=description
    )


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:]


def _engine_fields() -> dict[str, Any]:
    fields: dict[str, Any] = {each.name: _engine_field(each) for each in ENGINE_SETTINGS}
    for each in ENGINE_SETTINGS:
        if each.shortcut is not None:
            fields[each.shortcut.name] = _shortcut_field(each.shortcut, each.default)
    return fields


_EngineFields: type[BaseModel] = create_model("_EngineFields", **_engine_fields())


class UpscaleRequest(_EngineFields):
    """Pictures to enlarge: image or images, upscaler or upscalers, and one way to give the size.

    The size is given by scale, by width and height, or by longest_side.
    """

    image: str | None = Field(
        None, title="Image", description="A picture file in base64; data URLs too."
    )
    images: list[str] | None = Field(
        None, title="Images", description="Several, instead of image; all are one job."
    )
    upscaler: str | None = Field(None, title="Upscaler", description="A name from /upscalers.")
    upscalers: list[str] | None = Field(
        None, title="Upscalers", description="One to three names, instead of upscaler."
    )
    way: str = Field(
        "chain",
        title="Way",
        description="What several upscalers do. chain: each goes on with the last one's result, "
        "every network but the last by its own scale. blend: the results of two are mixed.",
    )
    share: float | None = Field(
        None, title="Share", description="Of the second one in a blend, 0 to 1; left out: 0.5."
    )
    scale: float | None = Field(
        None, title="Scale", description="How many times as wide and high, over 0 and at most 64."
    )
    width: int | None = Field(
        None, title="Width", description="In pixels, together with height.", le=_MOST_SIDE
    )
    height: int | None = Field(
        None, title="Height", description="In pixels, together with width.", le=_MOST_SIDE
    )
    longest_side: int | None = Field(
        None,
        title="Longest side",
        description="In pixels; the picture keeps its shape.",
        le=_MOST_SIDE,
    )
    match_colours: bool = Field(
        default=False,
        title="Match colours",
        description="Whether the result gets the broad colours of the original.",
    )


class UpscaleResponse(BaseModel):
    """The enlarged picture, and its cost over all upscalers."""

    image: str = Field(title="Image", description="A PNG file in base64.")
    width: int = Field(title="Width", description="In pixels.")
    height: int = Field(title="Height", description="In pixels.")
    passes: int = Field(title="Passes", description="How often networks ran; 0 for kernels.")
    tiles: int = Field(title="Tiles", description="In how many tiles, over all passes.")
    precision: str = Field(
        title="Precision", description='In which networks ran, with commas; "" for kernels.'
    )
    device: str = Field(
        title="Device", description='Where networks ran, with commas; "" for kernels.'
    )
    load_seconds: float = Field(
        title="Time to load", description="Seconds to get the networks ready."
    )
    run_seconds: float = Field(title="Time to run", description="Seconds for everything else.")


class UpscaleSeveralResponse(BaseModel):
    """The answer to images."""

    images: list[UpscaleResponse] = Field(
        title="Images", description="In the order of the request, each as for a single image."
    )


class RefreshResponse(BaseModel):
    """The upscalers after looking for new files."""

    upscalers: list[str] = Field(title="Upscalers", description="The names of all.")

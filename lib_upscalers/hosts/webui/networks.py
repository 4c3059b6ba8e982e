"""Append our upscalers to the WebUI's list: networks, then kernels that it lacks."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from lib_upscalers.errors import REPORT_HINT, UpscalerError
from lib_upscalers.hosts.webui import options
from lib_upscalers.hosts.webui.engine_offer import EngineOffer
from lib_upscalers.hosts.webui.host_modules import host_module
from lib_upscalers.hosts.webui.menu_order import upscaler_menu
from lib_upscalers.hosts.webui.scaler import KernelScaler, Scaler, StandIn, file_of
from lib_upscalers.resampling.kernels import KERNELS
from lib_upscalers.upscaling.prospect import prospect_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from PIL.Image import Image

    from lib_upscalers.hosts.webui.engine import Engine
    from lib_upscalers.hosts.webui.patching import Patches
    from lib_upscalers.upscaling.prospect import Prospect

_log = logging.getLogger("lib_upscalers")
_USUAL_KERNELS = ("Nearest", "Bicubic", "Mitchell", "Lanczos")


class NetworkList:
    """Adds our entries whenever the WebUI rebuilds its list.

    Args:
        engine: Enlarges pictures with the networks of the entries.
        patches: Records the change to the WebUI, to undo it.
    """

    def __init__(self, engine: Engine, patches: Patches) -> None:
        self._engine = engine
        self._patches = patches
        self._last: list[Any] = []
        self.offer = EngineOffer(engine)
        """Offers our engine after slow runs of the WebUI's."""

    def attach(self) -> None:
        """Extend the WebUI's function that builds its list."""
        self._patches.wrap(host_module("modelloader"), "load_upscalers", self._make)
        self._patches.wrap(host_module("upscaler").Upscaler, "upscale", self._make_safe)

    def rebind(self) -> None:
        """Replace that function also where a script has imported it by name.

        Forge Neo's script of the Extras tab does so for its button that refreshes.
        """
        ours = host_module("modelloader").load_upscalers
        loaded: dict[str, Any] = host_module("script_loading").loaded_scripts
        for script in loaded.values():
            imported = getattr(script, "load_upscalers", None)
            if imported is not None and imported is not ours:
                self._patches.wrap(script, "load_upscalers", lambda _original, _live: ours)

    def refresh(self) -> None:
        """Search for new files, for the WebUI's list and ours."""
        host_module("modelloader").load_upscalers()

    def names(self) -> list[str]:
        """Return the names of all upscalers of the WebUI's list, in order."""
        return [str(entry.name) for entry in host_module("shared").sd_upscalers]

    def menu(self) -> list[str]:
        """Return the names for a menu: as the user's marks ask, favourites first."""
        return upscaler_menu(host_module("shared").sd_upscalers, self._engine.host.data_folder())

    def prospect(self, name: str) -> Prospect | None:
        """Return what is known of an entry of the WebUI's list; None of one that is not known."""
        entries: list[Any] = host_module("shared").sd_upscalers
        entry = next((each for each in entries if each.name == name), None)
        path = None if entry is None else file_of(entry)
        ours = entry is not None and isinstance(entry.scaler, Scaler)
        try:
            if path is not None:
                choice = self._engine.upscaler.in_file(path)
            elif name in KERNELS:
                choice = self._engine.upscaler.find(name)
            else:
                return None
        except UpscalerError:
            return None
        return prospect_of(choice, self._engine.upscaler.speed(choice) if ours else None)

    def detach(self) -> None:
        """Remove our entries, and restore the WebUI's own objects."""
        shared = host_module("shared")
        entries: list[Any] = shared.sd_upscalers
        shared.sd_upscalers = [_restored(entry) for entry in entries if not _is_ours(entry)]

    def _make(self, original: Callable[[], None], live: Callable[[], bool]) -> Callable[[], None]:
        def load_upscalers() -> None:
            original()
            if live():
                self._extend()

        return load_upscalers

    def _make_safe(self, original: Callable[..., Any], live: Callable[[], bool]) -> Any:
        """Have our engine enlarge a picture on which the WebUI's own raises.

        It raises on pictures of a few pixels in height, and if memory runs out.
        """

        def upscale(scaler: Any, img: Image, scale: float, selected_model: Any = None) -> Any:
            try:
                return self._timed(original, scaler, img, scale, selected_model)
            except Exception as error:
                entry = _entry_of(scaler, selected_model)
                ours = self._replacement_for(entry) if live() and entry is not None else None
                if entry is None or ours is None:
                    raise
                _log.warning(
                    "%s: the WebUI's own engine failed on a picture of %sx%s (%s); Upscaler Lab "
                    "enlarges it.",
                    *(entry.name, img.width, img.height, _one_line(error)),
                )
                return ours.upscale(img, scale)

        return upscale

    def _timed(
        self, original: Callable[..., Any], scaler: Any, img: Image, scale: float, model: Any
    ) -> Any:
        entry = _entry_of(scaler, model)
        path = None if entry is None else file_of(entry)
        name = "" if entry is None else str(entry.name)
        return self.offer.timed(lambda: original(scaler, img, scale, model), name, path, img)

    def _extend(self) -> None:
        """Add our entries; if that fails, the WebUI's own stay."""
        try:
            shared = host_module("shared")
            theirs: list[Any] = shared.sd_upscalers
            # Searching folders takes time, during which another thread may search for one of ours.
            shared.sd_upscalers = [*theirs, *self._last]
            if options.value(options.HOST_NETWORKS):
                self._replace_entries(theirs)
            self._last = self._ours({str(entry.name) for entry in theirs})
            shared.sd_upscalers = [*theirs, *self._last]
        except Exception:  # The WebUI has to start in any case.
            _log.exception("The upscalers of Upscaler Lab cannot be listed. %s", REPORT_HINT)

    def _ours(self, taken: Collection[str]) -> list[Any]:
        make = host_module("upscaler").UpscalerData
        theirs = {path.resolve() for path in self._engine.host.known_files()}
        choices = self._engine.upscaler.choices()
        networks = [
            make(choice.name, str(choice.path), Scaler(self._engine, choice.name), choice.scale)
            for choice in choices
            if choice.path is not None and choice.path.resolve() not in theirs
        ]
        rare_too = options.value(options.RARE_KERNELS)
        # Without a path, as the WebUI's own "Lanczos"; for any scale.
        kernels = [
            make(choice.name, None, KernelScaler(self._engine, choice.name), 1)
            for choice in choices
            if choice.path is None
            and choice.name not in taken
            and (rare_too or choice.name in _USUAL_KERNELS)
        ]
        return [*networks, *kernels]

    def _replace_entries(self, theirs: list[Any]) -> None:
        """Replace the WebUI's upscalers whose files we can use."""
        for entry in theirs:
            ours = self._replacement_for(entry)
            if ours is not None:
                entry.scaler = ours

    def _replacement_for(self, entry: Any) -> StandIn | None:
        """Return our upscaler for an entry of the WebUI's; None if we cannot use its file."""
        path = file_of(entry)
        if path is None:
            return None
        try:
            self._engine.upscaler.in_file(path)
        except UpscalerError as error:
            _log.info("%s is left to the WebUI: %s", path, error)
            return None
        return StandIn(self._engine, str(entry.name), path, entry.scaler)


def _entry_of(scaler: Any, selected_model: object) -> Any:
    """Return the entry of the WebUI's list that its upscaler was called for, if there is one."""
    entries: list[Any] = host_module("shared").sd_upscalers
    return next(
        (each for each in entries if each.scaler is scaler and each.data_path == selected_model),
        None,
    )


def _one_line(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def _is_ours(entry: Any) -> bool:
    return isinstance(entry.scaler, Scaler) and not isinstance(entry.scaler, StandIn)


def _restored(entry: Any) -> Any:
    if isinstance(entry.scaler, StandIn):
        entry.scaler = entry.scaler.original
    return entry

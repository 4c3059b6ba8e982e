"""Our neural upscalers in the WebUI's list, behind its own."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from lib_upscalers.errors import UpscalerError
from lib_upscalers.hosts.webui import options
from lib_upscalers.hosts.webui.host_modules import host_module
from lib_upscalers.hosts.webui.scaler import Scaler, StandIn, file_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from lib_upscalers.hosts.webui.engine import Engine
    from lib_upscalers.hosts.webui.patching import Patches

_log = logging.getLogger("lib_upscalers")


class NetworkList:
    """Adds our entries whenever the WebUI makes its list anew.

    Args:
        engine: What is behind the entries.
        patches: Where the change to the WebUI is entered.
    """

    def __init__(self, engine: Engine, patches: Patches) -> None:
        self._engine = engine
        self._patches = patches
        self._last: list[Any] = []

    def attach(self) -> None:
        """Be called when the WebUI makes its list."""
        self._patches.wrap(host_module("modelloader"), "load_upscalers", self._make)

    def rebind(self) -> None:
        """Replace the maker of the list also where a script took hold of it by itself.

        Forge Neo's script of the Extras tab does, for its button that refreshes.
        """
        ours = host_module("modelloader").load_upscalers
        loaded: dict[str, Any] = host_module("script_loading").loaded_scripts
        for script in loaded.values():
            held = getattr(script, "load_upscalers", None)
            if held is not None and held is not ours:
                self._patches.wrap(script, "load_upscalers", lambda _original, _live: ours)

    def refresh(self) -> None:
        """Look for new files, in the WebUI's list and in ours."""
        host_module("modelloader").load_upscalers()

    def names(self) -> list[str]:
        """Return the names of all upscalers of the WebUI's list, in order."""
        return [str(entry.name) for entry in host_module("shared").sd_upscalers]

    def detach(self) -> None:
        """Take our entries out, and put the WebUI's own objects back."""
        shared = host_module("shared")
        entries: list[Any] = shared.sd_upscalers
        shared.sd_upscalers = [_as_it_was(entry) for entry in entries if not _is_ours(entry)]

    def _make(self, original: Callable[[], None], live: Callable[[], bool]) -> Callable[[], None]:
        def load_upscalers() -> None:
            original()
            if live():
                self._extend()

        return load_upscalers

    def _extend(self) -> None:
        """Add our entries; whatever goes wrong, the WebUI keeps its own."""
        try:
            shared = host_module("shared")
            theirs: list[Any] = shared.sd_upscalers
            # Looking for files takes a while, in which another thread may want one of ours.
            shared.sd_upscalers = [*theirs, *self._last]
            if options.value(options.HOST_NETWORKS):
                self._stand_in(theirs)
            self._last = self._ours()
            shared.sd_upscalers = [*theirs, *self._last]
        except Exception:  # The WebUI must live on.
            _log.exception("The neural upscalers of Upscaler Lab cannot be listed")

    def _ours(self) -> list[Any]:
        make = host_module("upscaler").UpscalerData
        theirs = {path.resolve() for path in self._engine.host.known_files()}
        return [
            make(choice.name, str(choice.path), Scaler(self._engine, choice.name), choice.scale)
            for choice in self._engine.upscaler.choices()
            if choice.path is not None and choice.path.resolve() not in theirs
        ]

    def _stand_in(self, theirs: list[Any]) -> None:
        """Take the place of the WebUI's upscalers whose files we can use."""
        for entry in theirs:
            path = file_of(entry)
            if path is None:
                continue
            try:
                self._engine.upscaler.in_file(path)
            except UpscalerError as error:
                _log.info("%s is left to the WebUI: %s", path, error)
            else:
                entry.scaler = StandIn(self._engine, str(entry.name), path, entry.scaler)


def _is_ours(entry: Any) -> bool:
    return isinstance(entry.scaler, Scaler) and not isinstance(entry.scaler, StandIn)


def _as_it_was(entry: Any) -> Any:
    if isinstance(entry.scaler, StandIn):
        entry.scaler = entry.scaler.original
    return entry

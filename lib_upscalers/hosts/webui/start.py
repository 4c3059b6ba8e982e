"""Start the extension when the WebUI loads our scripts, and stop it."""

from __future__ import annotations

from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from lib_upscalers.diagnosis.bug_report import Section, bug_report
from lib_upscalers.diagnosis.recent_problems import RecentProblems
from lib_upscalers.hosts.detect import detect
from lib_upscalers.hosts.webui import callbacks, comparison_services, extras, options
from lib_upscalers.hosts.webui.api import Routes
from lib_upscalers.hosts.webui.axes import add_axes
from lib_upscalers.hosts.webui.early_requests import allow_early_requests
from lib_upscalers.hosts.webui.engine import Engine
from lib_upscalers.hosts.webui.extras_folder import ExtrasFolders
from lib_upscalers.hosts.webui.fitting import Fitting
from lib_upscalers.hosts.webui.hires_comparison import HiresComparison
from lib_upscalers.hosts.webui.host_modules import host_module
from lib_upscalers.hosts.webui.host_report import host_sections
from lib_upscalers.hosts.webui.latents import LatentSeam, complete_pasted, modes_of_host
from lib_upscalers.hosts.webui.menu_order import hires_menu
from lib_upscalers.hosts.webui.networks import NetworkList
from lib_upscalers.hosts.webui.patching import Patches
from lib_upscalers.hosts.webui.picture_input import PictureInput
from lib_upscalers.hosts.webui.reload_watch import ReloadWatch
from lib_upscalers.hosts.webui.tiny_fetching import TinyFetching
from lib_upscalers.hosts.webui.usable_entries import UsableEntries

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Extension:
    """The extension between two reloads of the WebUI's scripts.

    Attributes:
        engine: The library within the WebUI.
        networks: Our part of the WebUI's list of upscalers.
        latents: Our latent modes.
        fitting: The training of a latent network.
        tiny_fetching: Fetches the tiny autoencoder of the loaded model.
        finished: The comparison of finished pictures.
    """

    def __init__(self) -> None:
        self._patches = Patches()
        self.engine = Engine(detect())
        self.networks = NetworkList(self.engine, self._patches)
        self.latents = LatentSeam(self.engine, self._patches)
        self.fitting = Fitting(self.engine)
        self.tiny_fetching = TinyFetching(self.engine)
        self._pictures = PictureInput(self._patches)
        self._folders = ExtrasFolders(self.engine, self._patches, self._pictures.naming)
        self.finished = HiresComparison(
            self.engine, self._patches, comparison_services.store, lambda: self.listed("Hires. fix")
        )
        self._reloads = ReloadWatch(self.engine.closing)
        self._problems = RecentProblems()

    def attach(self, components: Mapping[options.Widget, Any]) -> None:
        """Register everything with the WebUI.

        Args:
            components: The gradio component of each kind of setting.
        """
        # The WebUI calls for settings when it builds its page; without a page it never does.
        self._problems.attach()
        self._declare_options(components)
        self.networks.attach()
        self.latents.attach()
        self._folders.attach()
        self._pictures.attach()
        self.finished.attach()
        allow_early_requests(self._patches)
        callbacks.register(
            {
                "on_before_ui": self._on_before_ui,
                "on_app_started": self._on_app_started,
                "on_infotext_pasted": complete_pasted,
                "on_script_unloaded": release,
            }
        )

    def detach(self) -> None:
        """Restore the WebUI, and free every network."""
        self._problems.detach()
        self._reloads.detach()
        self.fitting.cancel()
        self.networks.detach()
        self.latents.detach()
        self._patches.undo()
        self.engine.upscaler.release()

    def choices(self) -> list[str]:
        """Return the names of all upscalers of this library."""
        return [choice.name for choice in self.engine.upscaler.choices()]

    def listed(self, place: str) -> list[str]:
        """Return the names that a menu of the WebUI lists.

        Args:
            place: "Hires. fix", whose menu has the latent modes, too; "Upscaler Lab", our script
                in Extras, whose menu has only ours; or another.
        """
        if place == extras.NAME:
            return self.choices()
        upscalers = self.networks.menu()
        if place != "Hires. fix":
            return upscalers
        modes = host_module("shared").latent_upscale_modes
        return hires_menu(modes, upscalers, options.value(options.FIRST_MODES))

    def doctor(self) -> str:
        """Return what a bug report needs; nothing in it names the user."""
        host = self.engine.host
        first = host_sections(self._patches.replaced())
        last = [Section("Last problems", self._problems.lines)]
        lock = host_module("call_queue").queue_lock
        # A network on the device may move the model of a picture that is being made.
        free = lock.acquire(blocking=False)
        try:
            return bug_report(host, self.engine.upscaler, first, last, test=free)
        finally:
            if free:
                lock.release()

    def usable_entries(self) -> UsableEntries:
        """Return the entries of Hires. fix that work with the loaded model."""
        return UsableEntries(lambda: self.listed("Hires. fix"), self.latents.outlook)

    def _on_before_ui(self) -> None:
        self.networks.rebind()
        add_axes()

    def _on_app_started(self, page: Any, app: Any) -> None:
        self._reloads.attach(page)
        add_axes()
        Routes(self.engine, self.networks.refresh).add_to(app)

    def _declare_options(self, components: Mapping[options.Widget, Any]) -> None:
        refresh = self.networks.refresh
        changed: Mapping[str, Callable[[], None]] = MappingProxyType(
            {
                options.CACHE.key: self.engine.apply_budget,
                options.FOLDERS.key: refresh,
                options.HOST_NETWORKS.key: refresh,
                options.RARE_KERNELS.key: refresh,
                options.RARE_MODES.key: self.latents.list_modes,
                options.HIDDEN_MODES.key: self.latents.list_modes,
                options.FIRST_MODES.key: self.latents.list_modes,
            }
        )
        more = {options.ROUND_TRIP.key: self.choices}
        options.declare(components, changed, more, refresh, modes_of_host())


@cache
def extension() -> Extension:
    """Return the extension; one instance until `release`."""
    return Extension()


def start(components: Mapping[options.Widget, Any]) -> None:
    """Register the extension with the WebUI; called once whenever its scripts are loaded.

    Args:
        components: The gradio component of each kind of setting.
    """
    release()
    extension().attach(components)


def release() -> None:
    """Restore the WebUI, if it was changed."""
    if extension.cache_info().currsize:
        extension().detach()
        extension.cache_clear()

"""Fetch the tiny autoencoder of the model that the WebUI has loaded, where it cannot itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lib_upscalers.errors import InputError
from lib_upscalers.hosts.webui.full_vae import loaded_model
from lib_upscalers.hosts.webui.latent_context import LoadedModel
from lib_upscalers.hosts.webui.model_access import may_change
from lib_upscalers.latent.tiny_files import fetch_tiny, tiny_offer
from lib_upscalers.models.catalogue.catalogue_settings import read_settings
from lib_upscalers.models.catalogue.client import fetcher_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from lib_upscalers.hosts.webui.engine import Engine
    from lib_upscalers.latent.tiny_files import TinyOffer
    from lib_upscalers.models.catalogue.catalogue_settings import CatalogueSettings
    from lib_upscalers.models.catalogue.fetching import Fetcher


class TinyFetching:
    """What can be fetched for the loaded model, and the fetching.

    Args:
        engine: Whose folders.
        fetcher: Makes what opens addresses.
    """

    def __init__(
        self, engine: Engine, fetcher: Callable[[CatalogueSettings], Fetcher] = fetcher_of
    ) -> None:
        self._engine = engine
        self._fetcher = fetcher

    def offer(self) -> TinyOffer | None:
        """Return what can be fetched for the loaded model; None if nothing can or need be."""
        if loaded_model() is None or not may_change():
            return None
        context = LoadedModel(self._engine)
        known = context.known_space()
        if known is None or context.has_tiny_files():
            return None
        return tiny_offer(known)

    def fetch(self) -> Sequence[Path]:
        """Fetch it into our folder; uses the network.

        Raises:
            UpscalerError: As `latent.tiny_files.fetch_tiny`, or there is nothing to fetch.
        """
        offer = self.offer()
        if offer is None:
            raise InputError(
                "Expected a loaded model whose tiny autoencoder can be fetched, but there is none: "
                "another model may have been loaded meanwhile."
            )
        folder = self._engine.tiny_folder()
        settings = read_settings(self._engine.host.data_folder())
        paths = fetch_tiny(offer, folder, self._fetcher(settings))
        self._engine.unfetched.clear()
        return paths

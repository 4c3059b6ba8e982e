"""A tiny autoencoder that the WebUI cannot download is offered below Hires. fix, and fetched."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING
from unittest.mock import Mock

import pytest
import torch

from lib_upscalers.errors import InputError
from lib_upscalers.hosts.webui import start, tiny_fetching
from lib_upscalers.hosts.webui.latent_context import LoadedModel
from lib_upscalers.ui.hires_line import explanation_for_model, lacks_tiny
from tests.hosts.test_latent_context import LAB, TRIP, load_model
from tests.latent.test_tiny_files import offer_from, weights
from tests.models.catalogue_server import running_server

if TYPE_CHECKING:
    from pathlib import Path

    from tests.hosts.webui_model import WebUI

one_host = pytest.mark.parametrize("bare", ["neo"], indirect=True)


def load(webui: WebUI, decoder: str, channels: int) -> None:
    sys.modules["modules.sd_models"].model_data.sd_model = SimpleNamespace(decode_first_stage=0)
    load_model(webui, decoder, channels)


@one_host
def test_it_is_offered_where_it_is_missed_and_its_hash_is_known(webui: WebUI) -> None:
    extension = start.extension()
    for decoder, channels, megabytes in (
        ("taew2_2", 48, "22.8"),
        # The encoder's hash is not known.
        ("taeqi2_1_decoder", 64, None),
        # The WebUI downloads it itself.
        ("taew2_1", 16, None),
    ):
        load(webui, decoder, channels)
        for mode in (LAB, TRIP):
            outlook = extension.latents.outlook(mode)
            lacks = lacks_tiny(mode, outlook)
            assert lacks == (decoder != "taew2_1"), (decoder, mode)
            offer = extension.tiny_fetching.offer() if lacks else None
            assert (offer is not None) == (megabytes is not None), (decoder, mode)
            line = explanation_for_model(mode, 0.5, outlook, 20, offer)
            assert ("can be fetched, MB:" in line) == (megabytes is not None), line
            if megabytes is not None:
                assert f"{megabytes}, MIT" in line
                assert "github.com/madebyollin/taehv" in line
    assert not lacks_tiny("Lanczos", None)
    webui.shared.cmd_opts.disable_extension_access = True
    load(webui, "taew2_2", 48)
    assert extension.tiny_fetching.offer() is None


@one_host
def test_what_is_fetched_is_used(
    webui: WebUI, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    engine = start.extension().engine
    load(webui, "taesd_decoder", 4)
    engine.unfetched["sd1"] = "timed out"
    context = LoadedModel(engine)
    assert not context.has_tiny()
    with running_server() as server:
        offer = offer_from(server, weights(tmp_path))
        monkeypatch.setattr(tiny_fetching, "tiny_offer", Mock(return_value=offer))
        fetching = tiny_fetching.TinyFetching(engine, lambda _: server.fetcher())
        paths = fetching.fetch()
    assert {path.parent for path in paths} == {engine.tiny_folder()}
    assert context.has_tiny()
    monkeypatch.setattr(sys.modules["modules.devices"], "device", torch.device("cpu"))
    assert context.tiny_codec().encode(torch.rand(1, 3, 16, 16)).shape == (1, 4, 2, 2)
    with pytest.raises(InputError, match="there is none"):
        fetching.fetch()

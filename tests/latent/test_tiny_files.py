"""Tiny autoencoders that can be fetched: what is offered, and what a server may give instead."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import Mock

import pytest
import torch

from lib_upscalers.cli import main
from lib_upscalers.errors import InputError, ModelFileError, WrongHashError
from lib_upscalers.latent.spaces import SPACES
from lib_upscalers.latent.tiny_files import (
    TinyOffer,
    fetch_tiny,
    load_tiny,
    offered_spaces,
    tiny_offer,
)
from lib_upscalers.models.catalogue.addresses import AddressRule
from lib_upscalers.models.catalogue.file_hosts import way_to
from tests.latent.test_tiny_autoencoder import decoder, encoder, save
from tests.models.catalogue_server import Served, Server, running_server

if TYPE_CHECKING:
    from collections.abc import Generator

    from lib_upscalers.latent.spaces import KnownSpace


@pytest.fixture
def server() -> Generator[Server, None, None]:
    with running_server() as made:
        yield made


def offer_from(server: Server, files: dict[str, bytes]) -> TinyOffer:
    """Return an offer of SD 1's, whose files are on a server of this computer."""
    offer = tiny_offer(SPACES["sd1"])
    assert offer is not None
    made = [
        replace(
            each,
            file=replace(
                each.file,
                size_bytes=len(data),
                sha256=hashlib.sha256(data).hexdigest(),
                addresses=(server.serve(f"/{name}", Served(data)),),
            ),
        )
        for each, (name, data) in zip(offer.files, files.items(), strict=True)
    ]
    return replace(offer, files=made)


def weights(folder: Path) -> dict[str, bytes]:
    """Return the bytes of both files of a tiny autoencoder of random weights."""
    parts = {
        "taesd_encoder.pth": encoder(4, pooled=False),
        "taesd_decoder.pth": decoder(4, pooled=False),
    }
    return {name: save(part, folder / name).read_bytes() for name, part in parts.items()}


def test_each_offer_is_of_a_known_space_with_hash_and_a_direct_address() -> None:
    assert {"sd1", "sdxl", "sd3", "flux1", "flux2", "wan21", "wan22"} <= set(offered_spaces())
    for name in offered_spaces():
        offer = tiny_offer(SPACES[name])
        assert offer is not None
        assert 1 < offer.megabytes < 60, name
        assert [Path(each.name).stem for each in offer.files] == list(
            dict.fromkeys((SPACES[name].encoder, SPACES[name].decoder))
        )
        for each in offer.files:
            assert each.file.sha256 is not None, each
            assert len(each.file.sha256) == 64, each
            (address,) = each.file.addresses
            assert way_to(address) == "direct", each
            assert AddressRule().check(address).host == "raw.githubusercontent.com", each
            assert address.endswith(f"/{each.name}"), each
            assert each.name.endswith(f".{each.file.kind}"), each


def test_the_hashes_are_those_of_the_files_at_hand(shared_data: Path) -> None:
    offer = tiny_offer(SPACES["flux2"])
    assert offer is not None
    for each in offer.files:
        data = (shared_data / "taef2" / each.name).read_bytes()
        assert (each.file.size_bytes, each.file.sha256) == (
            len(data),
            hashlib.sha256(data).hexdigest(),
        )


def test_files_are_fetched_once_and_can_be_read(tmp_path: Path, server: Server) -> None:
    offer = offer_from(server, weights(tmp_path))
    folder = tmp_path / "tiny"
    paths = fetch_tiny(offer, folder, server.fetcher())
    assert paths == [folder / "taesd_encoder.pth", folder / "taesd_decoder.pth"]
    assert load_tiny(paths).encode(torch.rand(1, 3, 16, 16)).shape == (1, 4, 2, 2)
    server.files.clear()
    assert fetch_tiny(offer, folder, server.fetcher()) == paths


def test_nothing_gets_a_name_unless_all_is_right(tmp_path: Path, server: Server) -> None:
    good = weights(tmp_path)
    folder = tmp_path / "tiny"
    offer = offer_from(server, good)
    server.files["/taesd_decoder.pth"].data = b"another file of another size"
    with pytest.raises(WrongHashError):
        fetch_tiny(offer, folder, server.fetcher())
    swapped = dict(zip(good, reversed(good.values()), strict=True))
    with pytest.raises(ModelFileError, match="Expected the encoder"):
        fetch_tiny(offer_from(server, swapped), folder, server.fetcher())
    assert not list(folder.glob("*.pth"))


def test_one_or_two_files_are_expected(tmp_path: Path) -> None:
    for count in (0, 3):
        with pytest.raises(InputError, match=rf"one file .* or two.*but got {count}"):
            load_tiny([tmp_path / "tiny.pth"] * count)


def test_the_command_fetches_or_says_what_it_cannot(
    tmp_path: Path,
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    offer = offer_from(server, weights(tmp_path))

    def of_server(known: KnownSpace) -> TinyOffer | None:
        return None if known.space.channels == 64 else offer

    monkeypatch.setattr("lib_upscalers.latent.tiny_files.tiny_offer", of_server)
    fetcher_of = Mock(return_value=server.fetcher())
    monkeypatch.setattr("lib_upscalers.models.catalogue.client.fetcher_of", fetcher_of)
    folder = tmp_path / "tiny"
    assert main(["latent", "tiny", "sd1", "--into", str(folder)]) == 0
    assert capsys.readouterr().out.split() == [str(folder / each.name) for each in offer.files]
    assert main(["latent", "tiny", "qwen-image-21"]) == 2
    assert "'qwen-image-21' has none: get it from" in capsys.readouterr().err
    assert main(["latent", "tiny", "sd9"]) in (1, 2)
    assert "sd9" in capsys.readouterr().err

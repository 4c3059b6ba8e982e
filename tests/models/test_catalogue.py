"""The catalogue: nothing in it is trusted, it is asked for once, and the last one stays."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from lib_upscalers.errors import CatalogueError, InputError
from lib_upscalers.models.catalogue.addresses import AddressRule
from lib_upscalers.models.catalogue.catalogue_settings import (
    ADDRESS,
    CatalogueSettings,
    read_settings,
    write_settings,
)
from lib_upscalers.models.catalogue.client import CatalogueClient
from lib_upscalers.models.catalogue.schema import parse_catalogue
from tests.cases import each_case
from tests.models.catalogue_data import catalogue_files, entry, resource
from tests.models.catalogue_server import Served, Server, running_server

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

RULE = AddressRule()
MARKUP = "<img src=x onerror=alert(1)>\u202e\x1b[31m\x00\ud800"


def parse(models: Any) -> Any:  # noqa: ANN401
    return parse_catalogue(catalogue_files(models), RULE)


def test_an_entry_is_read() -> None:
    model = parse({"2x-Example": entry()}).models["2x-Example"]
    assert (model.name, model.authors, model.licence) == ("Example", ("Ann Example",), "CC-BY-4.0")
    assert (model.tags, model.architecture_name, model.scale) == (("Anime",), "Compact", 2)
    assert model.files[0].sha256 == "ab" * 32
    assert model.previews[0].after == "https://example.org/s.png"
    assert model.description == "Made for tests.\n\nNothing else."


def test_a_file_is_found_by_its_hash() -> None:
    catalogue = parse({"2x-Example": entry()})
    found = catalogue.find_hash("ab" * 32)
    assert found is not None
    assert found[0].id == "2x-Example"
    assert catalogue.find_hash("cd" * 32) is None


@each_case(
    "data",
    [
        b"",
        b"{",
        json.dumps({"a": entry()}).encode()[:-20],
        b"[]",
        b"null",
        b'"text"',
        b"{}",
        b'{"models": []}',
        b"<!doctype html><html></html>",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"a": ' * 100_000,
        b'{"a": ' + b"9" * 10_000 + b"}",
        b'{"a": NaN}',
        json.dumps({f"{n}x-a": 1 for n in range(100_001)}).encode(),
        b" " * (65 << 20),
    ],
)
def test_what_is_no_catalogue_is_one_sentence(data: bytes) -> None:
    with pytest.raises(CatalogueError, match="Expected the catalogue"):
        parse_catalogue({"models.json": data}, RULE)


BAD = [
    None,
    0,
    -1,
    1.5,
    True,
    "",
    "x",
    [],
    {},
    [[]],
    [None],
    {"a": 1},
    10**17,
    "9" * 10_000,
    MARKUP,
]


def test_any_value_in_any_place_spoils_one_entry_at_most() -> None:
    good = entry()
    models: dict[str, object] = {"2x-Good": good}
    for field in [*good, "resources.0", "images.0"]:
        for number, value in enumerate(BAD):
            key = f"2x-{field.replace('.', '-')}-{number}"
            base, _, inner = field.partition(".")
            models[key] = {**good, base: [value] if inner else value}
    for field in resource(""):
        for number, value in enumerate(BAD):
            spoilt = {**resource("https://example.org/a.pth"), field: value}
            models[f"2x-resource-{field}-{number}"] = entry(resources=[spoilt])
    for number, value in enumerate(BAD):
        models[f"2x-model-{number}"] = value
    catalogue = parse(models)
    assert catalogue.skipped == len(models) - len(catalogue.models)
    for model in catalogue.models.values():
        assert isinstance(model.name, str)
        assert 1 <= model.scale <= 64
        assert model.files
        for file in model.files:
            assert all(RULE.allows(address) for address in file.addresses)
            assert file.sha256 is None or len(file.sha256) == 64
        for text in (model.name, *model.authors, *model.tags, model.licence or "", model.date):
            assert text == "" or text.isprintable(), text


def test_markup_is_text_and_invisible_characters_go() -> None:
    values = dict.fromkeys(("name", "author", "license", "description", "architecture"), MARKUP)
    model = parse({"2x-Example": entry(**values, tags=[MARKUP])}).models["2x-Example"]
    shown = "<img src=x onerror=alert(1)>  [31m"
    for text in (model.name, model.authors[0], model.licence, model.architecture, model.tags[0]):
        assert text == shown
    assert model.description == shown


@each_case(
    "address",
    ["javascript:alert(1)", "http://example.org/a.pth", "https://127.0.0.1/a", "data:,x", 5, None],
)
def test_an_unsafe_address_is_left_out(address: object) -> None:
    bad = resource("", urls=[address, "https://example.org/a.pth"])
    images = [{"type": "paired", "LR": address, "SR": address}, {"url": address}]
    model = parse({"2x-A": entry(resources=[bad], images=images)}).models["2x-A"]
    assert model.files[0].addresses == ("https://example.org/a.pth",)
    assert not model.previews
    with pytest.raises(CatalogueError):
        parse({"2x-A": entry(resources=[resource("", urls=[address])])})


@each_case(
    "key", ["../a", "a/b", "a\\b", "", ".", "..", "a..b", "a b", "\u0430", "a\u202e", "x" * 200]
)
def test_an_id_that_is_no_name_is_left_out(key: str) -> None:
    assert list(parse({key: entry(), "2x-Good": entry()}).models) == ["2x-Good"]


@pytest.fixture
def server() -> Generator[Server, None, None]:
    with running_server() as running:
        yield running


def serve(server: Server, models: dict[str, object], folder: str = "/api", tag: str = '"1"') -> str:
    for name, data in catalogue_files(models).items():
        server.serve(f"{folder}/{name}", Served(data, tag=tag))
    return server.address + folder


def client(folder: Path, address: str, **settings: Any) -> CatalogueClient:  # noqa: ANN401
    made = CatalogueSettings(address=address, proxy="none", timeout_seconds=5, **settings)
    return CatalogueClient(folder, lambda: made)


def requests(server: Server, name: str = "/api/models.json") -> list[dict[str, str]]:
    return server.files[name].requests


def test_it_is_fetched_once_a_session_and_compared_by_its_tag(
    server: Server, tmp_path: Path
) -> None:
    address = serve(server, {"2x-A": entry()})
    first = client(tmp_path, address)
    assert first.stored().catalogue is None
    assert not requests(server)
    for _ in range(3):
        assert list(first.load().catalogue.models) == ["2x-A"]  # type: ignore[union-attr]
    assert len(requests(server)) == 1
    again = client(tmp_path, address)
    assert list(again.stored().catalogue.models) == ["2x-A"]  # type: ignore[union-attr]
    assert again.load().catalogue is not None
    assert requests(server)[1]["If-None-Match"] == '"1"'
    serve(server, {"2x-B": entry()}, tag='"2"')
    assert list(again.load(refresh=True).catalogue.models) == ["2x-B"]  # type: ignore[union-attr]


def test_without_a_network_the_last_one_stays_with_its_date(tmp_path: Path) -> None:
    with running_server() as server:
        address = serve(server, {"2x-A": entry()})
        fetched = client(tmp_path, address).load().catalogue
    state = client(tmp_path, address).load()
    assert state.catalogue is not None
    assert fetched is not None
    assert state.catalogue.fetched == fetched.fetched > 0
    assert "the connection failed" in state.problem
    nothing = client(tmp_path / "empty", address).load()
    assert nothing.catalogue is None
    assert nothing.problem


@each_case("data", [b"{", b"[]", b"<html>", b'{"x": 1}'])
def test_a_damaged_one_does_not_replace_the_last_one(data: bytes, tmp_path: Path) -> None:
    with running_server() as server:
        address = serve(server, {"2x-A": entry()})
        client(tmp_path, address).load()
        server.files["/api/models.json"] = Served(data, tag='"3"')
        state = client(tmp_path, address).load()
        assert list(state.catalogue.models) == ["2x-A"]  # type: ignore[union-attr]
        assert "Expected the catalogue" in state.problem
        assert client(tmp_path, address).stored().catalogue is not None


def test_the_mirror_is_asked_where_the_first_gives_nothing(server: Server, tmp_path: Path) -> None:
    mirror = serve(server, {"2x-B": entry()}, "/mirror")
    state = client(tmp_path, server.address + "/nothing", mirror=mirror).load()
    assert list(state.catalogue.models) == ["2x-B"]  # type: ignore[union-attr]
    assert not state.problem


def test_missing_names_do_no_harm(server: Server, tmp_path: Path) -> None:
    address = serve(server, {"2x-A": entry()})
    for name in ("tags", "users"):
        del server.files[f"/api/{name}.json"]
    server.serve("/api/architectures.json", Served(b"<html>"))
    state = client(tmp_path, address).load()
    model = state.catalogue.models["2x-A"]  # type: ignore[union-attr]
    assert (model.authors, model.tags, model.architecture_name) == (("ann",), ("anime",), "compact")


def test_switched_off_nothing_is_fetched(server: Server, tmp_path: Path) -> None:
    address = serve(server, {"2x-A": entry()})
    state = client(tmp_path, address, enabled=False).load(refresh=True)
    assert "switched off" in state.problem
    assert not requests(server)


def test_a_damaged_copy_is_fetched_again(server: Server, tmp_path: Path) -> None:
    address = serve(server, {"2x-A": entry()})
    for text in ("", "{", "[]", '{"files": 5}', '{"files": {"models.json": 5}, "fetched": 1}'):
        (tmp_path / "catalogue.json").write_text(text)
        assert client(tmp_path, address).load().catalogue is not None


def test_settings_are_stored_and_checked(tmp_path: Path) -> None:
    assert read_settings(tmp_path) == CatalogueSettings()
    chosen = CatalogueSettings(enabled=False, mirror="http://10.0.0.1/x", timeout_seconds=5)
    write_settings(tmp_path, chosen)
    assert read_settings(tmp_path) == chosen
    file = tmp_path / "catalogue-settings.json"
    for text in ("", "[]", '{"address": "javascript:x", "enabled": 1, "timeout_seconds": "x"}'):
        file.write_text(text)
        assert read_settings(tmp_path) == CatalogueSettings()
    for bad in ({"address": ""}, {"mirror": "file:///x"}, {"timeout_seconds": 0}, {"proxy": "x"}):
        with pytest.raises(InputError, match="Expected"):
            CatalogueSettings(**bad)  # type: ignore[arg-type]


def test_only_what_the_user_named_is_trusted() -> None:
    assert not CatalogueSettings().rule().trusted
    assert ADDRESS.startswith("https://")
    assert CatalogueSettings(address="http://10.0.0.1/x").rule().trusted == {"10.0.0.1:80"}

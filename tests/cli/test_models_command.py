"""`upscalers models`, against a server on this computer."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest

from lib_upscalers.cli.main import main
from tests.models.catalogue_data import catalogue_files, entry, resource
from tests.models.catalogue_server import Served, running_server
from tests.models.networks import compact_file

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

    Capture = pytest.CaptureFixture[str]


class Shop:
    """A server with a catalogue of two models, and the arguments that name it."""

    def __init__(self, address: str, network: Path, home: Path) -> None:
        self.options = ["--address", f"{address}/api", "--proxy", "none"]
        self.network, self.home = network, home

    def run(self, *arguments: str) -> int:
        online = arguments[0] in ("search", "show", "get", "verify")
        return main(["models", *arguments, *(self.options if online else [])])


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[Shop, None, None]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("UPSCALER_LAB_MODELS", raising=False)
    monkeypatch.setattr(
        "lib_upscalers.hosts.standalone.default_data_folder", lambda *_: tmp_path / "data"
    )
    network = compact_file(tmp_path / "compact.pth")
    data = network.read_bytes()
    with running_server() as server:
        about = {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        address = server.serve("/a.pth", Served(data))
        page = resource("https://1drv.ms/x", sha256=None)
        models = {
            "2x-Example": entry(resources=[resource(address, **about)]),
            "4x-Page": entry(scale=4, name="Other", license="CC-BY-NC-4.0", resources=[page]),
            "1x-Odd": entry(scale=1, name="\x1b[31mOdd <b>", architecture="sofvsr"),
        }
        for name, content in catalogue_files(models).items():
            server.serve(f"/api/{name}", Served(content, tag='"1"'))
        yield Shop(server.address, network, tmp_path)


def read(capsys: Capture) -> Any:  # noqa: ANN401
    return json.loads(capsys.readouterr().out)


def test_search_shows_and_filters(shop: Shop, capsys: Capture) -> None:
    assert shop.run("search") == 0
    shown = capsys.readouterr().out
    assert "not for paid work" in shown
    assert "\x1b" not in shown
    for arguments, ids in (
        (["2X-exam"], ["2x-Example"]),
        (["--scale", "4"], ["4x-Page"]),
        (["--paid-work", "--scale", "2"], ["2x-Example"]),
        (["--direct", "--runs-here"], ["2x-Example"]),
        (["nothing at all"], []),
    ):
        assert shop.run("search", "--json", *arguments) == 0
        assert [each["id"] for each in read(capsys)] == ids, arguments


def test_show_has_all_of_it(shop: Shop, capsys: Capture) -> None:
    assert shop.run("show", "1x-Odd", "--json") == 0
    found = read(capsys)
    assert "not known here" in found["problem"]
    assert found["files"][0]["sha256"] == "ab" * 32
    assert shop.run("show", "4x-Page") == 0
    shown = capsys.readouterr().out
    assert "SHA-256 missing" in shown
    assert "CC-BY-NC-4.0 (not for paid work)" in shown
    assert shop.run("show", "2x-Exampel") == 2
    assert "2x-Example" in capsys.readouterr().err


def test_from_get_to_remove(shop: Shop, capsys: Capture) -> None:
    assert shop.run("get", "2x-Example", "--json") == 0
    (got,) = read(capsys)
    assert got["hash"] == "passed"
    assert got["path"] == str(shop.home / "data" / "models" / "2x-Example.safetensors")
    assert shop.run("list", "--json") == 0
    mine = {each["name"]: each for each in read(capsys)}["2x-Example"]
    assert (mine["id"], mine["licence"], mine["precision"]) == ("2x-Example", "CC-BY-4.0", "fp32")
    assert shop.run("list") == 0
    assert "2x-Example" in capsys.readouterr().out
    assert shop.run("verify", got["path"], str(shop.network), "--json") == 0
    assert [each["verdict"] for each in read(capsys)] == ["passed", "passed"]
    assert shop.run("remove", "2x-Example", "--permanently") == 0
    assert shop.run("remove", "2x-Example", "--permanently") == 2
    assert not list((shop.home / "data" / "models").iterdir())


def test_what_cannot_be_got_is_one_line(shop: Shop, capsys: Capture) -> None:
    assert shop.run("get", "4x-Page") == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "open the page" in error
    assert shop.run("get", "2x-Example", "--offline") == 1
    assert "switched off" in capsys.readouterr().err


def test_a_file_is_verified_and_converted(shop: Shop, capsys: Capture) -> None:
    other = compact_file(shop.home / "other.pth", seed=3)
    assert shop.run("verify", str(other), "--id", "2x-Example") == 1
    shown = capsys.readouterr().out
    assert hashlib.sha256(other.read_bytes()).hexdigest() in shown
    assert hashlib.sha256(shop.network.read_bytes()).hexdigest() in shown
    assert shop.run("verify", str(other)) == 0
    assert "missing" in capsys.readouterr().out
    assert shop.run("convert", str(other), "--json") == 0
    assert read(capsys)["path"] == str(shop.home / "other.safetensors")
    assert shop.run("convert", str(other)) == 1
    assert shop.run("convert", str(shop.home / "other.safetensors"), "--overwrite") == 1


def test_a_file_that_is_missing_is_named_before_the_catalogue(shop: Shop, capsys: Capture) -> None:
    shop.options = ["--offline"]
    assert shop.run("verify", str(shop.home / "nothere.pth")) == 1
    assert "nothere.pth" in capsys.readouterr().err


def test_what_holds_no_pickle_is_not_converted_whatever_its_name(
    shop: Shop, capsys: Capture
) -> None:
    (shop.home / "picture.pth").write_bytes(b"\x89PNG\r\n\x1a\n")
    assert shop.run("convert", str(shop.home / "picture.pth")) == 1
    assert "'picture.pth' holds something else" in capsys.readouterr().err


def test_without_a_network_there_are_recommendations(shop: Shop, capsys: Capture) -> None:
    assert shop.run("recommended", "--for", "anime", "--json") == 0
    assert len(read(capsys)) >= 3
    assert shop.run("recommended") == 0
    shop.options = ["--offline"]
    assert shop.run("search") == 1
    assert "Expected a catalogue" in capsys.readouterr().err

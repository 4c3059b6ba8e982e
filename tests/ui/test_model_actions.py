"""The page Models, without a browser: what its buttons do, and who may press them."""

from __future__ import annotations

import hashlib
import html
import json
import re
import time
from typing import TYPE_CHECKING, Any

import pytest

from lib_upscalers.compare.store import Store
from lib_upscalers.hosts.standalone import StandaloneHost
from lib_upscalers.models.catalogue.catalogue_settings import CatalogueSettings
from lib_upscalers.models.catalogue.library import ModelLibrary
from lib_upscalers.ui.model_actions import ModelActions
from lib_upscalers.upscaling.upscaler import Upscaler
from tests.models.catalogue_data import catalogue_files, entry, resource
from tests.models.catalogue_server import Served, Server, running_server
from tests.models.networks import compact_file

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path


class Shop:
    """A page's actions, and the server that it fetches from."""

    def __init__(self, server: Server, home: Path) -> None:
        self.server, self.home = server, home
        self.network = compact_file(home / "compact.pth")
        data = self.network.read_bytes()
        about = {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        self.served = Served(data)
        address = server.serve("/a.pth", self.served)
        models = {
            "2x-Example": entry(
                name="<b>Example</b>", resources=[resource(address, **about)], images=[]
            )
        }
        for name, content in catalogue_files(models).items():
            server.serve(f"/api/{name}", Served(content, tag='"1"'))
        host = StandaloneHost(own_data_folder=home / "data")
        upscaler = Upscaler(host)
        settings = CatalogueSettings(
            address=f"{server.address}/api", proxy="none", timeout_seconds=5
        )
        self.folder = home / "data" / "models"
        library = ModelLibrary(
            host.data_folder(), lambda: [self.folder], upscaler.entries, lambda: settings
        )
        self.may = True
        self.changes: list[int] = []
        self.uploads = home / "uploads"
        self.uploads.mkdir()
        self.actions = ModelActions(
            library,
            upscaler,
            Store(home / "store"),
            lambda path: path.as_uri(),
            lambda: self.uploads,
            lambda: self.may,
            lambda: self.changes.append(1),
        )

    def act(self, action: str, **message: object) -> dict[str, Any]:
        return read(self.actions.act(action, json.dumps(message)))

    def ended(self) -> dict[str, Any]:
        """Return the job of the page once it has ended."""
        deadline = time.monotonic() + 60
        while True:
            (job,) = self.act("poll")["jobs"]
            if job["state"] != "running":
                return job
            assert time.monotonic() < deadline
            time.sleep(0.02)


def read(feed: str) -> dict[str, Any]:
    found = re.fullmatch(r'<div data-feed="([^"]*)"></div>', feed)
    assert found
    return json.loads(html.unescape(found[1]))


@pytest.fixture
def shop(tmp_path: Path) -> Generator[Shop, None, None]:
    with running_server() as server:
        yield Shop(server, tmp_path)


def test_nothing_is_fetched_before_the_page_is_opened(shop: Shop) -> None:
    requests = shop.server.files["/api/models.json"].requests
    assert read(shop.actions.feed())["url"] == ""
    assert len(read(shop.actions.feed())["recommended"]) > 5
    assert not requests
    first = read(shop.actions.open())
    assert read(shop.actions.open())["url"] == first["url"] != ""
    assert len(requests) == 1
    (model,) = json.loads(next((shop.home / "store").rglob("catalogue.json")).read_text("utf-8"))
    assert (model["name"], model["way"], model["problem"]) == ("<b>Example</b>", "direct", "")
    shop.act("refresh")
    assert len(requests) == 2


def test_a_model_is_got_and_listed(shop: Shop) -> None:
    shop.actions.open()
    shop.act("get", id="2x-Example")
    job = shop.ended()
    assert (job["state"], job["id"]) == ("done", "2x-Example")
    assert str(shop.folder) in job["text"]
    feed = shop.act("close", key=job["key"])
    assert not feed["jobs"]
    mine = {each["id"]: each for each in feed["mine"]}["2x-Example"]
    assert mine["words"] == "also for paid work, name the author"
    assert shop.changes == [1]
    feed = shop.act("mark", name="2x-Example", label="Mine", favourite=True)
    assert (feed["mine"][0]["label"], feed["mine"][0]["favourite"]) == ("Mine", True)
    feed = shop.act("remove", name="2x-Example")
    assert "2x-Example" not in {each["id"] for each in feed["mine"]} or not feed["trash"]
    assert feed["said"].startswith("2x-Example: ")


def test_a_trial_is_compared_and_kept(shop: Shop) -> None:
    shop.actions.open()
    shop.act("try", id="2x-Example")
    job = shop.ended()
    assert job["state"] == "trial"
    (candidate,) = shop.actions.trials()
    assert candidate.name == "2x-Example (trial)"
    assert candidate.scale == 2
    assert shop.actions.trial_name(json.dumps({"key": job["key"]})) == candidate.name
    assert not shop.folder.exists()
    feed = shop.act("keep", key=job["key"])
    assert "2x-Example" in {each["id"] for each in feed["mine"]}
    assert not shop.actions.trials()
    shop.act("try", id="2x-Example")
    shop.act("discard", key=shop.ended()["key"])
    assert not shop.actions.trials()


def test_those_who_may_not_can_look_only(shop: Shop) -> None:
    shop.may = False
    feed = read(shop.actions.open())
    assert feed["url"]
    assert not feed["may"]
    for action in ("get", "try", "keep", "discard", "cancel", "close", "mark", "remove"):
        said = shop.act(action, id="2x-Example", name="2x-Example", key="x")["said"]
        assert "ask the owner" in said, action
    dropped = shop.uploads / "a.pth"
    dropped.write_bytes(shop.network.read_bytes())
    assert "ask the owner" in read(shop.actions.drop(str(dropped), "a.pth"))["said"]
    assert not shop.folder.exists()
    assert not shop.served.requests


def test_a_dropped_file_is_installed_under_its_name_of_the_catalogue(shop: Shop) -> None:
    shop.actions.open()
    dropped = shop.uploads / "whatever.pth"
    dropped.write_bytes(shop.network.read_bytes())
    said = read(shop.actions.drop(str(dropped), "whatever.pth"))["said"]
    assert "2x-Example is in" in said
    outside = read(shop.actions.drop(str(shop.network), "compact.pth"))["said"]
    assert "dropped here" in outside
    assert "dropped here" in read(shop.actions.drop(None, ""))["said"]


def test_what_no_page_sends_is_one_sentence(shop: Shop) -> None:
    for text in ("", "[]", "{", "null", "x" * 5000, '{"id": 5}', '{"id": "../../x"}'):
        said = read(shop.actions.act("get", text))["said"]
        assert said.startswith("Expected"), text
    assert "Expected" in shop.act("keep", key="nothing")["said"]
    assert "Expected" in shop.act("remove", name="nothing")["said"]
    assert shop.actions.trial_name("{") == ""


def test_a_download_is_cancelled(shop: Shop) -> None:
    shop.actions.open()
    shop.served.slow = 0.01
    feed = shop.act("get", id="2x-Example")
    again = shop.act("get", id="2x-Example")
    assert "fetched already" in again["said"]
    shop.act("cancel", key=feed["jobs"][0]["key"])
    job = shop.ended()
    assert (job["state"], job["text"][:9]) == ("failed", "Cancelled")
    assert not shop.folder.exists()

"""From the catalogue into a folder: checked, loaded safely, tried, converted bit for bit."""

from __future__ import annotations

import hashlib
import os
import pickle
import sys
import threading
import time
import types
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch

from lib_upscalers.errors import (
    AlreadyExistsError,
    Cancelled,
    DownloadError,
    InputError,
    ModelFileError,
    UnknownNameError,
    UnsafeModelError,
    UpscalerError,
    WrongHashError,
)
from lib_upscalers.models.catalogue import extra_hosts
from lib_upscalers.models.catalogue.catalogue_settings import CatalogueSettings
from lib_upscalers.models.catalogue.conversion import convert
from lib_upscalers.models.catalogue.install import Installer, differences, target_folder
from lib_upscalers.models.catalogue.installed_models import has_trash, precision_of
from lib_upscalers.models.catalogue.library import ModelLibrary
from lib_upscalers.models.catalogue.licences import licence_words
from lib_upscalers.models.catalogue.model_marks import Mark, ModelMarks
from lib_upscalers.models.catalogue.recommended import PURPOSES, recommendations
from lib_upscalers.models.catalogue.safe_names import safe_stem
from lib_upscalers.models.catalogue.schema import parse_catalogue
from lib_upscalers.models.catalogue.selection import ORDERS, Filter, best_file, select
from lib_upscalers.models.catalogue.support import known_architectures, problem_of
from lib_upscalers.models.file_cache import Facts
from lib_upscalers.models.file_hashes import FileHashes
from lib_upscalers.models.folders import scan
from lib_upscalers.models.loader import load_network, read_traits
from tests.cases import each_case
from tests.models.catalogue_data import catalogue_files, entry, large_catalogue, resource
from tests.models.catalogue_server import Served, Server, running_server
from tests.models.networks import compact_file, tiny_state
from tests.models.tiny import TINY

if TYPE_CHECKING:
    from collections.abc import Generator

    from lib_upscalers.models.entry import ModelEntry


class Shop:
    """A library of models, its server, and what the server's catalogue says."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.server, self.home = server, folder
        self.folder = folder / "models" / "ESRGAN"
        self.folder.mkdir(parents=True)
        self.models: dict[str, object] = {}
        self.settings = CatalogueSettings(
            address=server.address + "/api", proxy="none", timeout_seconds=5
        )
        self.facts = Facts(folder / "facts.json", "1")
        self.library = ModelLibrary(
            folder / "data", lambda: [self.folder], self.entries, lambda: self.settings
        )

    def entries(self) -> list[ModelEntry]:
        return scan([self.folder], self.facts)

    def offer(self, model_id: str, data: bytes, name: str = "a.pth", **changes: Any) -> None:  # noqa: ANN401
        """Put a file on the server and into the catalogue."""
        address = self.server.serve(f"/{name}", Served(data))
        about = {
            "type": name.rpartition(".")[2],
            "size": len(data),
            "sha256": hashlib.sha256(data).hexdigest(),
        }
        about.update(changes.pop("about", {}))
        self.models[model_id] = entry(resources=[resource(address, **about)], **changes)
        for file, content in catalogue_files(self.models).items():
            self.server.serve(f"/api/{file}", Served(content, tag=""))

    def stored(self) -> list[str]:
        return sorted(each.name for each in self.folder.rglob("*"))


@pytest.fixture
def shop(tmp_path: Path) -> Generator[Shop, None, None]:
    with running_server() as server:
        yield Shop(server, tmp_path)


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compact_file(tmp_path_factory.mktemp("network") / "compact.pth")


class _Evil:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("/tmp/catalogue-was-run",)  # noqa: S108


def test_from_the_catalogue_to_the_list(shop: Shop, network: Path) -> None:
    data = network.read_bytes()
    shop.offer("2x-Example", data)
    seen: list[int] = []
    done = shop.library.get("2x-Example", _Steps(seen))
    assert shop.stored() == ["2x-Example.safetensors"]
    assert (done.checked, done.converted, done.notes) == (True, True, ())
    assert done.source_sha256 == hashlib.sha256(data).hexdigest()
    assert done.sha256 == hashlib.sha256(done.path.read_bytes()).hexdigest()
    assert seen[-1] == len(data)
    assert [each.name for each in shop.entries()] == ["2x-Example"]
    batch = torch.rand(1, 3, 20, 24)
    assert torch.equal(load_network(network)(batch), load_network(done.path)(batch))
    (mine,) = shop.library.installed()
    assert mine.model is not None
    assert (mine.model.id, mine.licence, mine.sha256) == ("2x-Example", "CC-BY-4.0", done.sha256)
    assert not [f for f in (shop.home / "data/catalogue/downloads").iterdir() if f.suffix == ".pth"]
    again = shop.library.get("example")
    assert again.path == done.path


class _Steps:
    def __init__(self, seen: list[int]) -> None:
        self.seen = seen

    def update(self, step: int, total: int, text: str = "") -> None:
        self.seen.append(step)

    def check_cancelled(self) -> None:
        pass


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:torch.meshgrid")
@each_case("name", list(TINY))
def test_conversion_is_equal_bit_for_bit(name: str, tmp_path: Path) -> None:
    source, target = tmp_path / "a.pth", tmp_path / "b.safetensors"
    torch.save({"params_ema": tiny_state(name), "iter": 5}, source)
    convert(source, target)
    first, second = load_network(source), load_network(target)
    assert first.traits.architecture == second.traits.architecture
    size = first.traits.minimum or 24
    size += -size % first.traits.multiple_of
    batch = torch.rand(1, first.traits.channels, size, size)
    with torch.no_grad():
        assert torch.equal(first(batch), second(batch))


def test_without_conversion_the_file_itself_is_stored(shop: Shop, network: Path) -> None:
    shop.settings = CatalogueSettings(
        address=shop.settings.address, proxy="none", timeout_seconds=5, convert=False
    )
    shop.offer("2x-Example", network.read_bytes())
    done = shop.library.get("2x-Example")
    assert done.path.name == "2x-Example.pth"
    assert done.path.read_bytes() == network.read_bytes()
    assert not done.converted


def test_a_pickle_without_a_hash_is_stored_as_weights_alone(shop: Shop, network: Path) -> None:
    shop.settings = CatalogueSettings(
        address=shop.settings.address, proxy="none", timeout_seconds=5, convert=False
    )
    shop.offer("2x-Example", network.read_bytes(), about={"sha256": None})
    done = shop.library.get("2x-Example")
    assert not done.checked
    assert shop.stored() == ["2x-Example.safetensors"]


def test_a_pickle_that_would_run_code_is_refused_and_set_aside(shop: Shop) -> None:
    data = pickle.dumps({"weight": _Evil()})
    shop.offer("2x-Evil", data)
    with pytest.raises(UnsafeModelError, match="quarantine"):
        shop.library.get("2x-Evil")
    assert not Path("/tmp/catalogue-was-run").exists()  # noqa: S108
    assert not shop.stored()
    aside = sorted(each.suffix for each in (shop.home / "data/catalogue/quarantine").iterdir())
    assert aside == [".json", ".quarantined"]
    dropped = shop.home / "dropped.pth"
    dropped.write_bytes(data)
    with pytest.raises(UnsafeModelError, match="quarantine"):
        shop.library.install_file(dropped, "dropped.pth")
    assert not dropped.exists()


@each_case("kind", ["pth", "safetensors"])
def test_a_wrong_hash_is_never_stored(kind: str, tmp_path: Path) -> None:
    network = compact_file(tmp_path / "compact.pth")
    if kind == "safetensors":
        converted = tmp_path / "compact.safetensors"
        convert(network, converted)
        network = converted
    with running_server() as server:
        shop = Shop(server, tmp_path)
        shop.offer("2x-Example", network.read_bytes(), f"a.{kind}", about={"sha256": "cd" * 32})
        with pytest.raises(WrongHashError, match="cd" * 32):
            shop.library.get("2x-Example")
        assert not shop.stored()
        assert not (shop.home / "data/catalogue/quarantine").exists()


@each_case(
    "data, error",
    [
        (b"\x80\x02}q\x00.", UpscalerError),
        (b"PK\x03\x04 nothing", ModelFileError),
        (b"", UpscalerError),
        (bytes(5000), ModelFileError),
    ],
)
def test_what_is_no_network_is_not_installed(
    data: bytes, error: type[Exception], tmp_path: Path
) -> None:
    with running_server() as server:
        shop = Shop(server, tmp_path)
        size = {"size": None} if not data else {}
        shop.offer("2x-Example", data, about=size)
        with pytest.raises(error):
            shop.library.get("2x-Example")
        assert not shop.stored()


def test_what_the_catalogue_says_otherwise_is_said(shop: Shop, network: Path) -> None:
    data = network.read_bytes()
    shop.offer("4x-Other", data, scale=4, architecture="esrgan", inputChannels=1)
    notes = " ".join(shop.library.get("4x-Other").notes)
    assert "ESRGAN; the file is RealESRGAN Compact" in notes
    assert "says 4x; the file enlarges 2x" in notes
    assert "1 to 3 channels" in notes
    shop.offer("2x-Same", data, architecture="compact")
    same = shop.library.model("4x-Other")
    assert len(differences(same, read_traits(network))) == 3


def test_a_name_that_another_file_has_stays_with_it(shop: Shop, network: Path) -> None:
    (shop.folder / "2x-Example.safetensors").write_bytes(b"mine")
    shop.offer("2x-Example", network.read_bytes())
    with pytest.raises(AlreadyExistsError):
        shop.library.get("2x-Example")
    assert (shop.folder / "2x-Example.safetensors").read_bytes() == b"mine"


def test_a_dropped_file_is_known_by_its_hash(shop: Shop, network: Path, tmp_path: Path) -> None:
    shop.offer("2x-Example", network.read_bytes())
    shop.library.client.load()
    dropped = tmp_path / "whatever (1).pth"
    dropped.write_bytes(network.read_bytes())
    done = shop.library.install_file(dropped, dropped.name)
    assert done.path.name == "2x-Example.safetensors"
    assert done.checked
    assert dropped.exists()
    other = compact_file(tmp_path / "other.pth", seed=5)
    unknown = shop.library.install_file(other, "../../CON.pth")
    assert unknown.path == shop.folder / "CON_.safetensors"
    assert not unknown.checked


def test_a_file_is_verified(shop: Shop, network: Path, tmp_path: Path) -> None:
    shop.offer("2x-Example", network.read_bytes())
    shop.offer("2x-Bare", network.read_bytes(), "b.pth", about={"sha256": None})
    shop.library.client.load()
    other = compact_file(tmp_path / "other.pth", seed=5)
    assert shop.library.verify(network).verdict == "passed"
    assert shop.library.verify(other).verdict == "missing"
    assert shop.library.verify(other, "2x-Example").verdict == "wrong"
    assert shop.library.verify(other, "2x-Bare").verdict == "missing"
    with pytest.raises(UnknownNameError):
        shop.library.verify(other, "2x-Nothing")
    with pytest.raises(ModelFileError):
        shop.library.verify(tmp_path / "nowhere.pth")


def test_a_trial_is_kept_or_thrown_away(shop: Shop, network: Path) -> None:
    shop.offer("2x-Example", network.read_bytes())
    tried = shop.library.get("2x-Example", as_trial=True)
    assert tried.path.parent == shop.library.trials
    assert not shop.stored()
    kept = shop.library.keep(tried.path)
    assert kept.path.parent == shop.folder
    assert kept.checked
    assert not tried.path.exists()
    assert shop.library.installed()[0].model is not None
    again = shop.library.get("2x-Example", as_trial=True)
    shop.library.discard(again.path)
    assert not again.path.exists()
    with pytest.raises(InputError):
        shop.library.discard(kept.path)
    assert kept.path.exists()


@pytest.mark.slow
def test_at_most_two_downloads_run_at_once(shop: Shop, network: Path) -> None:
    let_go = threading.Event()
    running: list[str] = []

    def wait(name: str) -> Any:  # noqa: ANN401
        def before(served: Served) -> None:
            running.append(name)
            let_go.wait(20)

        return before

    data = [compact_file(network.parent / f"{n}.pth", seed=n).read_bytes() for n in range(3)]
    for number in range(3):
        shop.offer(f"2x-Example{number}", data[number], f"{number}.pth")
        shop.server.files[f"/{number}.pth"].before = wait(str(number))
    shop.library.client.load()
    threads = [
        threading.Thread(target=shop.library.get, args=(f"2x-Example{number}",))
        for number in range(3)
    ]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 20
    while len(running) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.3)
    assert len(running) == 2
    with pytest.raises(Cancelled):
        shop.library.get("2x-Example0", _Cancelled())
    let_go.set()
    for thread in threads:
        thread.join(60)
    assert len(shop.stored()) == 3


class _Cancelled(_Steps):
    def __init__(self) -> None:
        super().__init__([])

    def check_cancelled(self) -> None:
        raise Cancelled


def test_only_the_users_networks_are_removed(
    shop: Shop, network: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.offer("2x-Example", network.read_bytes())
    path = shop.library.get("2x-Example").path
    trashed: list[str] = []
    fake = types.ModuleType("send2trash")
    monkeypatch.setattr(
        "lib_upscalers.models.catalogue.installed_models.find_spec", lambda name: None
    )
    assert not has_trash()
    with pytest.raises(InputError, match="pip install send2trash"):
        shop.library.remove("2x-Example")
    assert path.exists()
    monkeypatch.undo()
    fake.send2trash = lambda name: (trashed.append(name), os.unlink(name))  # type: ignore[attr-defined]  # noqa: PTH108
    fake.__spec__ = types.SimpleNamespace()  # type: ignore[assignment]
    monkeypatch.setitem(sys.modules, "send2trash", fake)
    assert shop.library.remove("2x-Example") == "in the trash"
    assert trashed == [str(path)]
    path = shop.library.get("2x-Example").path
    shop.library.marks.change(path, label="mine")
    assert shop.library.remove("2x-Example", permanently=True) == "deleted for good"
    assert not path.exists()
    assert shop.library.marks.get(path) == Mark()
    with pytest.raises(UnknownNameError):
        shop.library.remove("2x-Example")


def test_hashes_are_computed_once(tmp_path: Path) -> None:
    file = tmp_path / "a.pth"
    file.write_bytes(b"bytes" * 100_000)
    hashes = FileHashes(tmp_path / "data")
    assert hashes.known(file) is None
    assert hashes.start([file, tmp_path / "gone.pth"])
    deadline = time.monotonic() + 20
    while hashes.is_working():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    expected = hashlib.sha256(file.read_bytes()).hexdigest()
    assert hashes.known(file) == expected
    assert not hashes.start([file])
    assert FileHashes(tmp_path / "data").known(file) == expected
    file.write_bytes(b"other")
    assert hashes.known(file) is None
    assert hashes.get(file) == hashlib.sha256(b"other").hexdigest()
    (tmp_path / "data" / "file-hashes.json").write_text('{"files": {"a": [1], "b": 5}}')
    assert FileHashes(tmp_path / "data").known(file) is None


def test_marks_are_stored(tmp_path: Path) -> None:
    marks = ModelMarks(tmp_path / "data")
    file = tmp_path / "a.pth"
    assert marks.get(file) == Mark()
    marks.change(file, label="Mine", favourite=True)
    marks.change(file, hidden=True)
    assert ModelMarks(tmp_path / "data").get(file) == Mark("Mine", favourite=True, hidden=True)
    with pytest.raises(InputError):
        marks.change(file, label="a\nb")
    marks.forget(file)
    assert not marks.all()
    (tmp_path / "data" / "model-marks.json").write_text('{"files": {"x": 5, "y": {"label": 1}}}')
    assert set(marks.all().values()) == {Mark()}


@each_case(
    "name, stem",
    [
        ("4x-UltraSharp", "4x-UltraSharp"),
        ("../../etc/passwd", "etc_passwd"),
        ("..", "network"),
        ("", "network"),
        ("C:\\x", "C_x"),
        ("con", "con_"),
        ("COM1.tar", "COM1.tar_"),
        ("a\u202egnp.exe", "agnp.exe"),
        ("a\x00b", "a_b"),
        ("-rf", "rf"),
        (".hidden", "hidden"),
        ("name.", "name"),
        ("\uff0e\uff0e\uff0fx", "x"),
        ("\u0430\u0431", "network"),
        ("x" * 300, "x" * 100),
    ],
)
def test_names_are_safe(name: str, stem: str) -> None:
    assert safe_stem(name) == stem


def test_the_folder_is_that_of_the_architecture(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("ESRGAN", "DAT", "gone", "mine")]
    for folder in (*folders[:2], folders[3]):
        folder.mkdir()
    assert target_folder(folders, "DAT") == folders[1]
    assert target_folder(folders, "SPAN") == folders[0]
    assert target_folder(folders[2:], "SPAN") == folders[3]


def test_licences_are_plain() -> None:
    words = {name: licence_words(name).paid_work for name in ("MIT", "CC-BY-4.0", "GPL-3.0", "X")}
    assert words == {"MIT": "yes", "CC-BY-4.0": "yes", "GPL-3.0": "yes", "X": "unknown"}
    for name in ("CC-BY-NC-SA-4.0", "CC-BY-NC-4.0", "CC-BY-NC-ND-4.0"):
        assert licence_words(name).text == "not for paid work"
    assert licence_words(None).paid_work == "unknown"


def test_recommendations_are_whole() -> None:
    found = recommendations()
    paid = [licence_words(each.licence).paid_work == "yes" for each in found]
    assert paid == sorted(paid, reverse=True)
    assert {purpose for each in found for purpose in each.purposes} == set(PURPOSES)
    for each in found:
        assert each.reason.endswith("."), each.id
        assert len(each.reason) < 220, each.id


def test_what_runs_here_is_known() -> None:
    known = known_architectures()
    catalogue = parse_catalogue(large_catalogue(30), CatalogueSettings().rule())
    for model in catalogue.models.values():
        expected = "" if model.architecture != "sofvsr" else "the architecture SOFVSR is not known"
        assert problem_of(model, known).startswith(expected)
    for name in ("esrgan", "compact", "span", "dat", "swinir", "omnisr", "realplksr", "hat", "rgt"):
        assert problem_of(_named(name), known) == "", name
    assert "channels" in problem_of(_named("esrgan", inputChannels=2), known)


def _named(architecture: str, **changes: object) -> Any:  # noqa: ANN401
    files = catalogue_files({"2x-A": entry(architecture=architecture, **changes)})
    return parse_catalogue(files, CatalogueSettings().rule()).models["2x-A"]


def test_models_are_selected() -> None:
    models = parse_catalogue(large_catalogue(120), CatalogueSettings().rule()).models.values()
    known = known_architectures()
    assert len(select(models, Filter())) == 120
    sharp = select(models, Filter(text="sharp ann"))
    assert sharp
    assert all("Sharp" in each.name and each.authors == ("Ann Example",) for each in sharp)
    assert {each.scale for each in select(models, Filter(scale=4))} == {4}
    assert {m.architecture for m in select(models, Filter(architecture="ESRGAN"))} == {"esrgan"}
    assert all("Photo" in each.tags for each in select(models, Filter(tag="photo")))
    assert all("NC" not in (m.licence or "NC") for m in select(models, Filter(paid_work=True)))
    assert all("github" in m.files[0].addresses[0] for m in select(models, Filter(direct=True)))
    here = select(models, Filter(runs_here=known))
    assert {each.architecture for each in here} == {"compact", "esrgan"}
    newest = [each.date for each in select(models, Filter(order="newest"))]
    assert newest == sorted(newest, reverse=True)
    for order in ORDERS:
        assert len(select(models, Filter(order=order))) == 120


def test_the_best_file_is_safe_and_direct() -> None:
    page = resource("https://1drv.ms/x", type="safetensors")
    direct = resource("https://example.org/a.pth")
    safe = resource("https://example.org/a.safetensors", type="safetensors")
    graph = resource("https://example.org/a.onnx", type="onnx")
    for given, kind in (([page, direct], "pth"), ([direct, safe, graph], "safetensors")):
        files = catalogue_files({"2x-A": entry(resources=given)})
        model = parse_catalogue(files, CatalogueSettings().rule()).models["2x-A"]
        assert best_file(model).kind == kind


def test_the_precision_is_read(network: Path, tmp_path: Path) -> None:
    assert precision_of(network) == "fp32"
    half = tmp_path / "half.pth"
    torch.save({name: value.half() for name, value in tiny_state("Compact").items()}, half)
    assert precision_of(half) == "fp16"
    assert precision_of(tmp_path / "nothing.pth") == ""


FAKE = """
import os, urllib.request
def smart_download(url, dest, quiet=False):
    with open(dest + ".part", "wb") as file:
        file.write(open(os.environ["FAKE_SOURCE"], "rb").read())
    if "local" in url:
        urllib.request.urlopen("http://127.0.0.1:1/")
    if "private" in url:
        urllib.request.urlopen("https://127.0.0.1:1/")
    os.replace(dest + ".part", dest)
"""


@pytest.mark.slow
def test_google_drive_is_fetched_by_the_extra(
    shop: Shop, network: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    package = tmp_path / "packages" / "openmodeldb"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "downloader.py").write_text(FAKE)
    shop.offer("2x-Example", network.read_bytes())
    drive = "https://drive.google.com/file/d/1/view"
    for model_id, address in (("2x-Drive", drive), ("2x-Local", drive + "?local")):
        about = {"urls": [address]}
        shop.offer(model_id, network.read_bytes(), about=about)
    shop.offer("2x-Private", network.read_bytes(), about={"urls": [drive + "?private"]})
    shop.offer("2x-Wrong", network.read_bytes(), about={"urls": [drive], "sha256": "cd" * 32})
    shop.offer("2x-Small", network.read_bytes(), about={"urls": [drive], "size": 1000})
    with pytest.raises(DownloadError, match="upscaler-lab\\[catalogue\\]"):
        shop.library.get("2x-Drive")
    monkeypatch.setattr(extra_hosts, "has_extra", lambda: True)
    monkeypatch.setenv("PYTHONPATH", str(package.parent))
    monkeypatch.setenv("FAKE_SOURCE", str(network))
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
    assert shop.library.get("2x-Drive").checked
    for name, words in (("2x-Local", "plain http"), ("2x-Private", "private address")):
        with pytest.raises(DownloadError, match=words):
            shop.library.get(name)
    with pytest.raises(WrongHashError):
        shop.library.get("2x-Wrong")
    with pytest.raises(DownloadError, match="1,000"):
        shop.library.get("2x-Small")
    assert shop.stored() == ["2x-Drive.safetensors"]


def test_a_changed_copy_is_not_named(network: Path, tmp_path: Path) -> None:
    """The installer names what it has checked: a file that changes meanwhile fails."""
    installer = Installer(tmp_path / "quarantine", convert=False)
    missing = tmp_path / "missing.pth"
    with pytest.raises(ModelFileError):
        installer.install(missing, tmp_path / "models", "x", None)
    assert not (tmp_path / "models").exists()

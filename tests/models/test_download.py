"""Downloads: whole or not at all, resumed, bounded, checked; against a server on this computer."""

from __future__ import annotations

import hashlib
import io
import os
import random
import signal
import subprocess
import sys
import threading
import time
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lib_upscalers.errors import (
    BusyFileError,
    Cancelled,
    DiskFullError,
    DownloadError,
    WrongHashError,
)
from lib_upscalers.models.catalogue.download import Downloader
from lib_upscalers.models.catalogue.file_hosts import best_way, file_address, way_to
from lib_upscalers.models.catalogue.pace import Pace
from lib_upscalers.models.catalogue.schema import CatalogueFile
from tests.cases import each_case
from tests.models.catalogue_server import Served, Server, running_server

if TYPE_CHECKING:
    from collections.abc import Generator

    from lib_upscalers.progress import Progress

DATA = random.Random(1).randbytes(200_000)  # noqa: S311 - no secret
PACE = Pace(window_seconds=0.3, least_bytes=2000, attempts=2, pause_seconds=0.0)


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def server() -> Generator[Server, None, None]:
    with running_server() as running:
        yield running


def file_at(*addresses: str, data: bytes = DATA, kind: str = "pth") -> CatalogueFile:
    return CatalogueFile(kind, len(data), digest(data), addresses)  # type: ignore[arg-type]


def fetch(
    server: Server, folder: Path, file: CatalogueFile, progress: Progress | None = None
) -> Path:
    downloader = Downloader(folder, server.fetcher(2.0), PACE)
    done = downloader.get(file) if progress is None else downloader.get(file, progress)
    return done.path


def named(folder: Path) -> list[str]:
    """Return the names that somebody might read as finished files."""
    unfinished = (".partial", ".json", ".lock")
    return [each.name for each in folder.iterdir() if not each.name.endswith(unfinished)]


def test_a_file_comes_whole(server: Server, tmp_path: Path) -> None:
    address = server.serve("/a.pth", Served(DATA))
    done = Downloader(tmp_path, server.fetcher(), PACE).get(file_at(address))
    assert (done.path.read_bytes(), done.sha256, done.checked) == (DATA, digest(DATA), True)
    assert named(tmp_path) == [f"{digest(DATA)}.pth"]
    again = Downloader(tmp_path, server.fetcher(), PACE).get(file_at(address))
    assert again.path == done.path
    assert len(server.files["/a.pth"].requests) == 1


@each_case("ranges", [True, False])
@each_case("tag", ['"one"', 'W/"weak"', ""])
def test_a_lost_connection_is_taken_up(ranges: bool, tag: str, tmp_path: Path) -> None:
    """At every tenth of the file; a server without ranges is asked for all of it again."""
    tenth = len(DATA) // 10
    with running_server() as server:
        served = Served(DATA, tag=tag, ranges=ranges, cut=tenth)
        address = server.serve("/a.pth", served)
        if not ranges:
            calls = iter(range(1, 12))

            def later(file: Served) -> None:
                file.cut = tenth * next(calls)

            served.before = later
        assert fetch(server, tmp_path, file_at(address)).read_bytes() == DATA
        assert len(served.requests) >= 10
        begins = [request.get("Range") for request in served.requests]
        assert begins[0] is None
        if ranges:
            assert begins[1:] == [f"bytes={tenth * n}-" for n in range(1, len(begins))]


def test_a_file_that_changed_between_two_parts_is_fetched_anew(
    server: Server, tmp_path: Path
) -> None:
    old = bytes(len(DATA))

    def change(file: Served) -> None:
        if len(file.requests) == 2:
            file.data, file.tag, file.cut = DATA, '"two"', None

    served = Served(old, cut=100_000, before=change)
    address = server.serve("/a.pth", served)
    assert fetch(server, tmp_path, file_at(address)).read_bytes() == DATA
    assert served.requests[1]["If-Range"] == '"one"'


def test_a_change_that_the_server_hides_is_noticed_by_the_hash(
    server: Server, tmp_path: Path
) -> None:
    def change(file: Served) -> None:
        if len(file.requests) == 2:
            file.data, file.cut = DATA, None

    served = Served(bytes(len(DATA)), cut=100_000, before=change)
    address = server.serve("/a.pth", served)
    assert fetch(server, tmp_path, file_at(address)).read_bytes() == DATA
    assert len(served.requests) == 3


def test_a_wrong_range_is_not_joined(server: Server, tmp_path: Path) -> None:
    """A server that answers another part than was asked for."""

    def wrong(file: Served) -> None:
        if len(file.requests) == 2:
            file.status, file.headers, file.ranges = (
                206,
                {"Content-Range": f"bytes 5-{len(DATA) - 1}/{len(DATA)}"},
                False,
            )
        elif len(file.requests) == 3:
            file.status, file.headers, file.cut = 200, {}, None

    address = server.serve("/a.pth", Served(DATA, cut=50_000, before=wrong))
    assert fetch(server, tmp_path, file_at(address)).read_bytes() == DATA


def test_a_wrong_hash_shows_both_and_stores_nothing(server: Server, tmp_path: Path) -> None:
    other = bytes(len(DATA))
    for kind in ("pth", "safetensors", "onnx"):
        address = server.serve(f"/a.{kind}", Served(other))
        with pytest.raises(WrongHashError) as caught:
            fetch(server, tmp_path, file_at(address, kind=kind))
        assert digest(DATA) in str(caught.value)
        assert digest(other) in str(caught.value)
        assert (caught.value.expected, caught.value.found) == (digest(DATA), digest(other))
        assert [each.suffix for each in tmp_path.iterdir()] == [".lock"]


@each_case("length", [True, False])
@each_case("data", [DATA[:-1], DATA + b"x", b""])
def test_a_wrong_size_is_refused(data: bytes, length: bool, tmp_path: Path) -> None:
    with running_server() as server:
        address = server.serve("/a.pth", Served(data, length=length))
        with pytest.raises((DownloadError, WrongHashError)):
            fetch(server, tmp_path, file_at(address))
        without_hash = CatalogueFile("pth", len(DATA), None, (address,))
        with pytest.raises(DownloadError):
            fetch(server, tmp_path, without_hash)
    assert not named(tmp_path)


def test_an_endless_body_ends(server: Server, tmp_path: Path) -> None:
    address = server.serve("/a.pth", Served(DATA, length=False, endless=True))
    with pytest.raises(DownloadError, match="sends more"):
        fetch(server, tmp_path, file_at(address))
    assert sum(each.stat().st_size for each in tmp_path.iterdir()) < len(DATA)


@pytest.mark.slow
def test_a_slow_body_ends(server: Server, tmp_path: Path) -> None:
    address = server.serve("/a.pth", Served(DATA, slow=0.005))
    begun = time.monotonic()
    with pytest.raises(DownloadError, match="next to nothing"):
        fetch(server, tmp_path, file_at(address))
    assert time.monotonic() - begun < 20
    assert not named(tmp_path)


@each_case("kind", ["text/html; charset=utf-8", "application/octet-stream"])
def test_a_web_page_is_no_file(kind: str, tmp_path: Path) -> None:
    page = b"\n <!DOCTYPE html><html>" + bytes(200_000)
    with running_server() as server:
        address = server.serve("/a.pth", Served(page[: len(DATA)], kind=kind))
        for file in (file_at(address), CatalogueFile("pth", None, None, (address,))):
            with pytest.raises(DownloadError, match="web page"):
                fetch(server, tmp_path, file)
        assert len(server.files["/a.pth"].requests) == 2
    assert not named(tmp_path)


@each_case("status", [403, 404, 410, 500])
def test_another_address_is_tried(status: int, tmp_path: Path) -> None:
    with running_server() as server:
        bad = server.serve("/a.pth", Served(status=status))
        good = server.serve("/b.pth", Served(DATA))
        assert fetch(server, tmp_path, file_at(bad, good)).read_bytes() == DATA
        with pytest.raises(DownloadError, match=str(status)):
            fetch(server, tmp_path / "other", file_at(bad))


def test_a_missing_hash_is_called_missing(server: Server, tmp_path: Path) -> None:
    address = server.serve("/a.pth", Served(DATA))
    file = CatalogueFile("pth", None, None, (address,))
    done = Downloader(tmp_path, server.fetcher(), PACE).get(file)
    assert not done.checked
    assert done.sha256 == digest(DATA)


def test_a_full_disk_is_told(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from collections import namedtuple

    usage = namedtuple("usage", "total used free")  # noqa: PYI024
    with monkeypatch.context() as patch:
        patch.setattr("shutil.disk_usage", lambda _: usage(10**6, 10**6, 1000))
        address = server.serve("/a.pth", Served(DATA))
        with pytest.raises(DiskFullError):
            fetch(server, tmp_path, file_at(address))
    assert not named(tmp_path)
    assert fetch(server, tmp_path, file_at(address)).read_bytes() == DATA


FETCH = """
import sys, pathlib
from lib_upscalers.models.catalogue.addresses import AddressRule
from lib_upscalers.models.catalogue.download import Downloader
from lib_upscalers.models.catalogue.fetching import Fetcher
from lib_upscalers.models.catalogue.schema import CatalogueFile
address, sha, size, folder, limit = sys.argv[1:]
if limit != "0":
    import resource, signal
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
fetcher = Fetcher(AddressRule.trusting([address]), 5, "none")
try:
    Downloader(pathlib.Path(folder), fetcher).get(CatalogueFile("pth", int(size), sha, (address,)))
except Exception as error:
    print(type(error).__name__, error)
"""


def run_fetch(address: str, folder: Path, limit: int = 0) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [
            sys.executable,
            "-c",
            FETCH,
            address,
            digest(DATA),
            str(len(DATA)),
            str(folder),
            str(limit),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit of a file's size")
def test_a_disk_that_fills_up_meanwhile_is_told(server: Server, tmp_path: Path) -> None:
    address = server.serve("/a.pth", Served(DATA))
    said, _ = run_fetch(address, tmp_path, limit=100_000).communicate(timeout=60)
    assert said.startswith("DiskFullError")
    assert not named(tmp_path)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_killed_download_leaves_no_file_and_is_taken_up(server: Server, tmp_path: Path) -> None:
    served = Served(DATA, slow=0.01)
    address = server.serve("/a.pth", served)
    partial = tmp_path / f"{digest(DATA)}.partial"
    with run_fetch(address, tmp_path) as process:
        deadline = time.monotonic() + 30
        while not (partial.is_file() and partial.stat().st_size > 1000):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    assert not named(tmp_path)
    served.slow = 0.0
    assert fetch(server, tmp_path, file_at(address)).read_bytes() == DATA
    assert int(served.requests[-1]["Range"].strip("bytes=-")) > 1000


def test_two_downloads_of_one_file_do_not_mix(server: Server, tmp_path: Path) -> None:
    let_go = threading.Event()
    served = Served(DATA, before=lambda _: let_go.wait(10) and None)
    address = server.serve("/a.pth", served)
    results: list[object] = []

    def run() -> None:
        results.append(fetch(server, tmp_path, file_at(address)))

    first = threading.Thread(target=run)
    first.start()
    while not served.requests:
        time.sleep(0.01)
    with pytest.raises(BusyFileError, match="fetched already"):
        fetch(server, tmp_path, file_at(address))
    let_go.set()
    first.join(20)
    assert len(results) == 1
    assert fetch(server, tmp_path, file_at(address)).read_bytes() == DATA


class StopsAt:
    """Cancels after so many bytes."""

    def __init__(self, most: int) -> None:
        self.most, self.at = most, 0

    def update(self, step: int, total: int, text: str = "") -> None:
        self.at = step

    def check_cancelled(self) -> None:
        if self.at >= self.most:
            raise Cancelled


def test_a_cancelled_download_is_taken_up(server: Server, tmp_path: Path) -> None:
    served = Served(DATA, cut=60_000)
    address = server.serve("/a.pth", served)
    with pytest.raises(Cancelled):
        fetch(server, tmp_path, file_at(address), StopsAt(100_000))
    assert not named(tmp_path)
    served.cut = None
    assert fetch(server, tmp_path, file_at(address)).read_bytes() == DATA
    assert served.requests[-1]["Range"] != "bytes=0-"


def archive(**members: bytes) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in members.items():
            made.writestr(name, data)
    return held.getvalue()


@each_case(
    "members",
    [
        {"a.pth": DATA},
        {"../../../evil.pth": DATA, "readme.txt": b"x"},
        {"/etc/evil.PTH": DATA},
        {"C:\\evil.pth": DATA},
        {"folder/a.pth": DATA, "folder/b.pth": DATA[:5], "__MACOSX/a.pth": b"x", "x.exe": b"x"},
    ],
)
def test_an_archive_gives_the_one_network(members: dict[str, bytes], tmp_path: Path) -> None:
    with running_server() as server:
        address = server.serve("/a.zip", Served(archive(**members)))
        folder = tmp_path / "inside"
        assert fetch(server, folder, file_at(address)).read_bytes() == DATA
    assert [each.name for each in tmp_path.iterdir()] == ["inside"]
    assert named(folder) == [f"{digest(DATA)}.pth"]


@pytest.mark.slow
@each_case(
    "members",
    [
        {"a.txt": DATA},
        {"a.pth": bytes(8_000_000)},
        {"a.pth": bytes(len(DATA))},
        {"a.pth": DATA, "b.pth": DATA},
    ],
)
def test_a_bad_archive_gives_nothing(members: dict[str, bytes], tmp_path: Path) -> None:
    with running_server() as server:
        for data in (archive(**members), archive(**members)[:-40], b"no archive"):
            address = server.serve("/a.zip", Served(data))
            with pytest.raises((DownloadError, WrongHashError)):
                fetch(server, tmp_path, file_at(address))
        size = len(DATA)
        lying = archive(**members).replace(size.to_bytes(4, "little"), (10).to_bytes(4, "little"))
        address = server.serve("/a.zip", Served(lying))
        with pytest.raises((DownloadError, WrongHashError)):
            fetch(server, tmp_path, CatalogueFile("pth", 10, digest(DATA), (address,)))
    assert not named(tmp_path)


def test_an_archive_whose_own_hash_is_listed_is_opened(server: Server, tmp_path: Path) -> None:
    packed = archive(**{"a.pth": DATA})
    address = server.serve("/a.zip", Served(packed))
    file = CatalogueFile("pth", None, digest(packed), (address,))
    assert fetch(server, tmp_path, file).read_bytes() == DATA


def test_old_parts_are_removed(server: Server, tmp_path: Path) -> None:
    old = tmp_path / "0.partial"
    old.write_bytes(b"x")
    os.utime(old, (time.time() - 30 * 86400,) * 2)
    Downloader(tmp_path, server.fetcher(), PACE).tidy()
    assert not old.exists()


@each_case(
    "address, way",
    [
        ("https://github.com/a/b/releases/download/v1/x.pth", "direct"),
        ("https://github.com/a/b/raw/main/x.pth", "direct"),
        ("https://github.com/a/b", "page"),
        ("https://huggingface.co/a/b/resolve/main/x.pth", "direct"),
        ("https://huggingface.co/a/b", "page"),
        ("https://objectstorage.us-phoenix-1.oraclecloud.com/n/a/b/c/o/x.pth", "direct"),
        ("https://f002.backblazeb2.com/file/x/y.pth", "direct"),
        ("https://drive.google.com/file/d/1/view", "extra"),
        ("https://mega.nz/file/x#y", "extra"),
        ("https://www.mediafire.com/file/1/x.pth/file", "extra"),
        ("https://1drv.ms/u/s!x", "page"),
        ("https://u.pcloud.link/publink/show?code=1", "page"),
        ("https://evil-drive.google.com.example/x", "page"),
        ("https://example.org/x.safetensors", "direct"),
        ("https://example.org/x", "page"),
    ],
)
def test_the_way_to_a_file_is_known(address: str, way: str) -> None:
    assert way_to(address) == way
    assert best_way((CatalogueFile("pth", 1, None, (address, "https://1drv.ms/x")),)) == way


def test_a_page_about_a_file_becomes_the_file() -> None:
    assert file_address("https://github.com/a/b/blob/main/x.pth?raw=true") == (
        "https://github.com/a/b/raw/main/x.pth?raw=true"
    )
    assert file_address("https://huggingface.co/a/b/blob/main/x.pth") == (
        "https://huggingface.co/a/b/resolve/main/x.pth"
    )
    with running_server() as server:
        file = CatalogueFile("pth", 1, None, ("https://mega.nz/file/x#y",))
        with pytest.raises(DownloadError, match="a page only"):
            Downloader(Path("nowhere"), server.fetcher()).get(file)

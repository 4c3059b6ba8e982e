"""Facts: what is remembered of files, and that nothing can spoil it."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import TYPE_CHECKING

import pytest

from lib_upscalers.models.entry import ModelEntry
from lib_upscalers.models.file_cache import Fact, Facts
from lib_upscalers.network import NetworkTraits
from tests.cases import each_case

if TYPE_CHECKING:
    from pathlib import Path

TRAITS = NetworkTraits("some", "Compact", 2, 3, supports_fp16=True, tiling="discouraged")


@pytest.fixture
def network(tmp_path: Path) -> Path:
    path = tmp_path / "some.pth"
    path.write_bytes(b"weights")
    return path


def known(facts: Facts, path: Path) -> Fact | None:
    """Return what is known without looking into the file."""
    asked: list[Path] = []

    def find_out(path: Path) -> Fact:
        asked.append(path)
        raise LookupError

    try:
        return facts.get(path, find_out)
    except LookupError:
        assert asked == [path]
        return None


def learn(folder: Path, path: Path, fact: Fact) -> Facts:
    facts = Facts.in_folder(folder)
    assert facts.get(path, lambda _: fact) == fact
    facts.save()
    return facts


@each_case("fact", [Fact(TRAITS), Fact(problem="it is a cat")])
def test_a_fact_is_kept_between_starts(fact: Fact, network: Path, tmp_path: Path) -> None:
    facts = learn(tmp_path / "new" / "folder", network, fact)
    assert known(facts, network) == fact
    assert known(Facts.in_folder(tmp_path / "new" / "folder"), network) == fact
    assert [path.name for path in (tmp_path / "new" / "folder").iterdir()] == ["network-facts.json"]


def test_what_is_not_saved_is_known_all_the_same(network: Path, tmp_path: Path) -> None:
    facts = Facts.in_folder(tmp_path)
    facts.get(network, lambda _: Fact(TRAITS))
    assert known(facts, network) == Fact(TRAITS)
    assert known(Facts.in_folder(tmp_path), network) is None


@each_case("change", ["size", "time"])
def test_a_changed_file_is_looked_at_again(change: str, network: Path, tmp_path: Path) -> None:
    learn(tmp_path, network, Fact(TRAITS))
    facts = network.stat()
    if change == "size":
        network.write_bytes(b"other weights")
        os.utime(network, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    else:
        os.utime(network, ns=(facts.st_atime_ns, facts.st_mtime_ns + 1000))
    assert known(Facts.in_folder(tmp_path), network) is None


def test_an_error_is_not_remembered(network: Path, tmp_path: Path) -> None:
    facts = Facts.in_folder(tmp_path)
    assert known(facts, network) is None
    assert facts.get(network, lambda _: Fact(TRAITS)) == Fact(TRAITS)


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"none\.pth"):
        Facts.in_folder(tmp_path).get(tmp_path / "none.pth", lambda _: Fact(TRAITS))


@each_case("package", ["spandrel", "spandrel_extra_arches", "torch"])
def test_other_versions_know_more(
    package: str, network: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learn(tmp_path, network, Fact(problem="unknown"))
    (tmp_path / "packages" / f"{package}-0.0.1.dist-info").mkdir(parents=True)
    monkeypatch.syspath_prepend(tmp_path / "packages")
    assert known(Facts.in_folder(tmp_path), network) is None


def test_remembering_imports_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "import pathlib, sys\nfrom lib_upscalers.models.file_cache import Facts\n"
        f"Facts.in_folder(pathlib.Path({str(tmp_path)!r}))\n"
        "sys.exit(bool({'torch', 'spandrel'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@each_case(
    "content",
    [
        b"",
        b"\x00\xff",
        b"[]",
        b"null",
        b"{}",
        b"[" * 100_000,
        b'{"versions": "HERE", "files": 3}',
        b'{"versions": "HERE", "files": [1, 2]}',
        b'{"versions": "HERE", "files": {"PATH": 1}}',
        b'{"versions": "HERE", "files": {"PATH": {"stamp": STAMP}}}',
        b'{"versions": "HERE", "files": {"PATH": {"stamp": STAMP, "fact": []}}}',
        b'{"versions": "HERE", "files": {"PATH": {"stamp": STAMP, "fact": UNNAMED}}}',
        b'{"versions": "HERE", "files": {"PATH": {"stamp": STAMP, "fact": MISTYPED}}}',
    ],
)
def test_damaged_facts_are_forgotten(content: bytes, network: Path, tmp_path: Path) -> None:
    facts = learn(tmp_path, network, Fact(TRAITS))
    stat = network.stat()
    held = content.replace(b'"HERE"', json.dumps(facts._versions).encode())
    held = held.replace(b'"PATH"', json.dumps(str(network.resolve())).encode())
    for word, traits in (
        ("UNNAMED", {"name": "a"}),
        ("MISTYPED", {**asdict(TRAITS), "scale": "2"}),
    ):
        wrong = json.dumps({"traits": traits, "problem": ""})
        held = held.replace(word.encode(), wrong.encode())
    held = held.replace(b"STAMP", json.dumps([stat.st_size, stat.st_mtime_ns]).encode())
    (tmp_path / "network-facts.json").write_bytes(held)
    assert known(Facts.in_folder(tmp_path), network) is None
    learn(tmp_path, network, Fact(TRAITS))
    assert known(Facts.in_folder(tmp_path), network) == Fact(TRAITS)


def test_facts_that_cannot_be_kept_cost_nothing_else(
    network: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_bytes(b"")
    learn(tmp_path / "file" / "folder", network, Fact(TRAITS))
    assert len(caplog.records) <= 2
    assert "cannot be kept" in caplog.text


def test_a_failed_replacement_leaves_no_litter(
    network: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError("in use")

    monkeypatch.setattr(type(tmp_path), "replace", refuse)
    learn(tmp_path / "facts", network, Fact(TRAITS))
    assert list((tmp_path / "facts").iterdir()) == []


def test_what_others_found_meanwhile_stays(network: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.pth"
    other.write_bytes(b"x")
    early = Facts.in_folder(tmp_path)
    learn(tmp_path, other, Fact(problem="other"))
    early.get(network, lambda _: Fact(TRAITS))
    early.save()
    late = Facts.in_folder(tmp_path)
    assert known(late, other) == Fact(problem="other")
    assert known(late, network) == Fact(TRAITS)


def test_files_that_are_gone_are_forgotten(network: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.pth"
    other.write_bytes(b"x")
    learn(tmp_path, other, Fact(problem="other"))
    other.unlink()
    learn(tmp_path, network, Fact(TRAITS))
    assert "other.pth" not in (tmp_path / "network-facts.json").read_text("utf-8")


def test_a_network_is_hashed_once(network: Path, tmp_path: Path) -> None:
    entry = ModelEntry("some", network, 7, TRAITS)
    facts = Facts.in_folder(tmp_path)
    digest, stat = facts.digest(entry), network.stat()
    assert digest == facts.hashes.known(network) == hashlib.sha256(b"weights").hexdigest()
    network.write_bytes(b"WEIGHTS")
    os.utime(network, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert Facts.in_folder(tmp_path).digest(entry) == digest
    os.utime(network, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1000))
    assert Facts.in_folder(tmp_path).digest(entry) == hashlib.sha256(b"WEIGHTS").hexdigest()


def test_both_files_of_an_ncnn_network_are_hashed(tmp_path: Path) -> None:
    for ending in (".param", ".bin"):
        (tmp_path / f"a{ending}").write_bytes(ending.encode())
    digest = Facts.in_folder(tmp_path).digest(ModelEntry("a", tmp_path / "a.param", 10, TRAITS))
    expected = [hashlib.sha256(ending).hexdigest() for ending in (b".param", b".bin")]
    assert digest == " ".join(expected)


def test_a_name_that_is_no_text_is_remembered(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"\xff\xfe.pth")
    try:
        path.write_bytes(b"x")
    except OSError:
        pytest.skip("this file system has no such names")
    learn(tmp_path, path, Fact(TRAITS))
    assert known(Facts.in_folder(tmp_path), path) == Fact(TRAITS)


@pytest.mark.slow
def test_writing_at_the_same_time_never_spoils_the_file(tmp_path: Path) -> None:
    """Several programs write while others read: each finds a whole file or none."""
    start = threading.Barrier(4)
    files = [tmp_path / f"{i}.pth" for i in range(4)]
    for path in files:
        path.write_bytes(b"x")

    def write(path: Path) -> int:
        start.wait(30)
        for count in range(15):
            facts = Facts.in_folder(tmp_path)
            os.utime(path, ns=(count, count))
            facts.get(path, lambda _: Fact(TRAITS, "x" * 10_000))
            facts.save()
            held = json.loads((tmp_path / "network-facts.json").read_text("utf-8"))
            assert held["files"]
        return len(held["files"])

    with ThreadPoolExecutor(4) as pool:
        assert max(pool.map(write, files)) >= 1
    assert not [path for path in tmp_path.iterdir() if path.suffix not in (".pth", ".json")]

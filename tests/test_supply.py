"""Locks, licences, the bill of materials and the audit."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from collections import Counter

import pytest

from supply import audit, lock, sbom
from supply.installed import UNSTATED, Part, closure, installed, roots
from supply.licences import PAIR, own_networks
from supply.pins import LOCKS, ROOT, Pin, canonical, read_pins
from tests.offenders import fail_for

NOWHERE = "http://127.0.0.1:9/query"


def _pins(name: str) -> list[Pin]:
    return list(read_pins((LOCKS / name).read_text("utf-8")))


def _versions(pins: list[Pin]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for pin in pins:
        found.setdefault(canonical(pin.name), set()).add(pin.version)
    return found


def test_a_lock_is_read() -> None:
    text = (
        "# made by a command\n"
        "Some_Thing==1.2.post1 ; python_full_version < '3.11' \\\n"
        f"    --hash=sha256:{'a' * 64} \\\n    --hash=sha256:{'b' * 64}\n    # via x\n"
        f"other==2 \\\n    --hash=sha256:{'c' * 64}\n"
    )
    assert list(read_pins(text)) == [
        Pin("Some_Thing", "1.2.post1", "python_full_version < '3.11'", ("a" * 64, "b" * 64)),
        Pin("other", "2", "", ("c" * 64,)),
    ]


def test_every_lock_is_there_and_no_other() -> None:
    assert {each.name for each in lock.locks()} == {path.name for path in LOCKS.iterdir()}


def test_everything_that_is_locked_has_hashes() -> None:
    bare = (
        f"{name.name}: {pin.name}"
        for name in lock.locks()
        for pin in _pins(name.name)
        if not pin.hashes
    )
    fail_for(bare, "Expected the hashes of each package: python run.py lock")


def test_locks_have_the_versions_of_the_requirements() -> None:
    differences: list[str] = []
    for path in ROOT.glob("requirements*.txt"):
        text = re.sub(r"\[\w+\]", "", path.read_text("utf-8"))
        locked = _versions(_pins(path.name))
        pinned = _versions(list(read_pins(text)))
        assert set(pinned) == {canonical(name) for name in roots(text)}, path.name
        differences += [
            f"{path.name}: {n}" for n, versions in pinned.items() if versions != locked[n]
        ]
    fail_for(differences, "Expected the same versions in locks/: python run.py lock")


def test_locks_of_torch_have_the_pair_that_run_py_chooses() -> None:
    for name, (torch, torchvision) in lock.torch_pairs().items():
        found = _versions(_pins(name))
        assert (found["torch"], found["torchvision"]) == ({torch}, {torchvision}), name


def test_locks_agree_with_each_other() -> None:
    """A package that two locks list has the same versions and hashes in both, or pip refuses."""
    base = {(canonical(pin.name), pin.version): pin for pin in _pins(lock.BASE)}
    names = {name for name, _ in base}
    others = (
        f"{each.name}: {pin.name} {pin.version}"
        for each in lock.locks()
        for pin in _pins(each.name)
        if canonical(pin.name) in names
        if base.get((canonical(pin.name), pin.version), pin).hashes != pin.hashes
        or (canonical(pin.name), pin.version) not in base
    )
    fail_for(others, "Expected locks that agree: python run.py lock")


def test_every_machine_is_tried_with_its_torch() -> None:
    tried = dict(lock.trials())
    assert len(tried) == len(list(lock.trials())) - 5, "ARM Linux is tried with both pairs"
    assert "locks/torch-intel-mac.txt" in tried["x86_64-apple-darwin, Python 3.12"]
    assert "locks/requirements-docs.txt" not in tried["x86_64-apple-darwin, Python 3.10"]
    for command in tried.values():
        assert "--require-hashes" in command
        assert sum("torch" in word for word in command) == 1


def test_what_a_package_needs_is_found_through_extras() -> None:
    parts = {
        name: Part(name, "1", "MIT", is_expression=True, requires=requires)
        for name, requires in {
            "a": ("B[fast]>=1", "absent", 'd; sys_platform == "nowhere"'),
            "b": ('c; extra == "fast"', 'e; extra == "slow"'),
            **dict.fromkeys("cde", ()),
        }.items()
    }
    assert closure(parts, ["A"]) == {"a": {"b"}, "b": {"c"}, "c": set()}


@pytest.mark.slow
def test_every_part_states_a_licence_that_a_program_of_any_kind_may_use() -> None:
    parts = installed()
    direct = [*roots((ROOT / "requirements.txt").read_text("utf-8")), *PAIR]
    used = [parts[name] for name in closure(parts, direct)]
    fail_for(
        (p.name for p in used if p.licence == UNSTATED), "Expected a licence: see installed.py"
    )
    copyleft = (f"{p.name}: {p.licence}" for p in used if re.search(r"\bA?GPL", p.licence))
    fail_for(copyleft, "Expected no GPL: use another package")
    assert {licence for _, _, licence in own_networks()} == {"MIT"}


@pytest.mark.slow
def test_the_bill_of_materials_is_whole() -> None:
    held = sbom.bill()
    assert held == sbom.bill()
    assert (held["bomFormat"], held["specVersion"]) == ("CycloneDX", "1.6")
    assert re.fullmatch(r"urn:uuid:[0-9a-f-]{36}", held["serialNumber"])
    own = held["metadata"]["component"]["bom-ref"]
    references = [own, *(part["bom-ref"] for part in held["components"])]
    assert max(Counter(references).values()) == 1
    needs = {each["ref"]: each["dependsOn"] for each in held["dependencies"]}
    assert set(needs) <= set(references)
    reached = {name for found in needs.values() for name in found}
    assert reached == set(references) - {own}, "a part that nothing needs, or one that is missing"
    names = {part["name"] for part in held["components"]}
    assert {"torch", "gradio", "pillow", "Lab Fast 2x"} <= names
    assert not {"pytest", "ruff"} & names


@pytest.mark.slow
def test_the_bill_of_materials_has_the_hashes_of_our_networks() -> None:
    files = {name: ROOT / "lib_upscalers" / "weights" / file for name, file, _ in own_networks()}
    models = [p for p in sbom.bill()["components"] if p["type"] == "machine-learning-model"]
    assert {model["name"] for model in models} == set(files)
    for model in models:
        found = hashlib.sha256(files[model["name"]].read_bytes()).hexdigest()
        assert [each["content"] for each in model["hashes"]] == [found], model["name"]


def test_all_versions_are_audited() -> None:
    pins = [
        Pin("a", "1", "x", ()),
        Pin("A", "2", "y", ()),
        Pin("a", "1", "", ()),
        Pin("b", "1", "", ()),
    ]
    assert audit.rounds(pins) == [[pins[0], pins[3]], [pins[1]]]


def test_without_a_source_the_audit_is_skipped_before_anything_is_installed() -> None:
    environment = {
        **os.environ,
        "UPSCALER_LAB_ADVISORIES": NOWHERE,
        "UPSCALER_LAB_VENV": str(LOCKS / "requirements.txt"),
    }
    done = subprocess.run(
        [sys.executable, str(ROOT / "run.py"), "audit"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"audit: the advisories at {NOWHERE} are not reachable, skipped.\n"


def test_the_compiler_of_javascript_is_locked_too() -> None:
    held = json.loads((ROOT / "package-lock.json").read_text("utf-8"))["packages"]
    pinned = json.loads((ROOT / "package.json").read_text("utf-8"))["devDependencies"]
    for package, version in pinned.items():
        found = held[f"node_modules/{package}"]
        assert found["version"] == version
        assert found["integrity"].startswith("sha512-")
    assert not any("resolved" in each for each in held.values())

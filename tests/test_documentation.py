"""The documentation: links lead somewhere, and the site builds and needs no network."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

import pytest

from lib_upscalers.cli.main import commands
from lib_upscalers.version import VERSION
from tests.offenders import fail_for

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
PAGES += sorted((ROOT / ".github").rglob("*.md"))
PLACES = (ROOT, ROOT / "lib_upscalers")
OUR_FOLDERS = {path.name for place in PLACES for path in place.iterdir() if path.is_dir()}
SOURCES = [*(ROOT / "lib_upscalers").rglob("*.py"), *(ROOT / "benchmarks").rglob("*.py")]
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_CODE = re.compile(r"^( *)```.*?^\1```", re.MULTILINE | re.DOTALL)
_ELSEWHERE = re.compile(r"[a-z]+:", re.IGNORECASE)


def _text(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def _anchor(heading: str) -> str:
    """Return the anchor of a heading, as GitHub and MkDocs make it of plain letters."""
    plain = re.sub(r"[^\w\s-]", "", heading.lower()).strip()
    return re.sub(r"[\s-]+", "-", plain)


def _links(page: Path) -> Iterator[tuple[str, str]]:
    """Yield the path and the anchor of each link that leads to a file of the project."""
    for target in _LINK.findall(_CODE.sub("", page.read_text("utf-8"))):
        if not _ELSEWHERE.match(target):
            path, _, anchor = unquote(target).partition("#")
            yield path, anchor


def test_links_lead_somewhere() -> None:
    missing: list[str] = []
    for page in PAGES:
        for path, anchor in _links(page):
            there = (page.parent / path).resolve() if path else page
            shown = f"{page.relative_to(ROOT)}: {path}#{anchor}"
            if not there.exists() or not there.is_relative_to(ROOT):
                missing.append(shown)
            elif anchor:
                text = _CODE.sub("", there.read_text("utf-8"))
                headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
                if anchor not in {_anchor(each) for each in headings}:
                    missing.append(f"{shown} (no such heading)")
    fail_for(missing, "These links lead nowhere")


def test_every_picture_of_the_documentation_is_shown() -> None:
    shown = {(page.parent / path).resolve() for page in PAGES for path, _ in _links(page)}
    unused = (each.name for each in (ROOT / "docs/pictures").iterdir() if each not in shown)
    fail_for(unused, "No page shows these files of docs/pictures; show or delete them")


def test_the_picture_of_the_architecture_has_every_package() -> None:
    drawn = set(re.findall(r">(\w+)/</text>", _text("docs/pictures/architecture.svg")))
    packages = {path.parent.name for path in (ROOT / "lib_upscalers").glob("*/__init__.py")}
    assert drawn - {"scripts"} == packages


def _paths_of_ours(text: str) -> Iterator[str]:
    """Yield files that a text names, such as `tiling/policy.py` or `benchmarks.engine`."""
    for name in re.findall(r"`([\w/.-]+/[\w.-]+\.(?:py|mjs|md|yml))`", text):
        if name.split("/")[0] in OUR_FOLDERS and "NAME" not in name:
            yield name
    for module in re.findall(r"python -m ((?:benchmarks|lib_upscalers)\.[\w.]+)", text):
        yield module.rstrip(".").replace(".", "/") + ".py"


def test_documents_name_files_that_are_there() -> None:
    missing = [
        f"{page.relative_to(ROOT)}: {name}"
        for page in PAGES
        for name in _paths_of_ours(page.read_text("utf-8"))
        if not any((place / name).exists() for place in PLACES)
    ]
    for source in SOURCES:
        named = re.findall(r"docs/[\w./-]+\.(?:md|png|jpg)", source.read_text("utf-8"))
        missing += [f"{source.name}: {name}" for name in named if not (ROOT / name).exists()]
    fail_for(missing, "These files are named but not there")


def test_the_newest_release_of_the_changelog_is_this_version() -> None:
    heading = re.compile(r"^## (\d+\.\d+\.\d+) - (\d{4}-\d{2}-\d{2})$", re.MULTILINE)
    found = heading.search(_text("CHANGELOG.md"))
    assert found is not None
    assert found[1] == VERSION
    cited = dict(
        re.findall(r"^(version|date-released): (\S+)$", _text("CITATION.cff"), re.MULTILINE)
    )
    assert cited == {"version": found[1], "date-released": found[2]}


class _Loaded(HTMLParser):
    """Collects what a browser loads of a page without being asked."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        loads = tag in {"script", "img", "iframe", "source", "video"}
        address = given.get("src") if loads else None
        if tag == "link" and given.get("rel") in {"stylesheet", "icon", "preload", "preconnect"}:
            address = given.get("href")
        if address:
            self.addresses.append(address)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the site, built with warnings as errors."""
    for module in ("mkdocs", "material", "mkdocstrings"):
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed: pip install -r requirements-docs.txt")
    folder = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.slow
def test_the_site_builds_and_loads_nothing_from_the_network(site: Path) -> None:
    pages = sorted(site.rglob("*.html"))
    assert len(pages) >= 15
    foreign: list[str] = []
    for page in pages:
        parser = _Loaded()
        parser.feed(page.read_text("utf-8"))
        for address in parser.addresses:
            if _ELSEWHERE.match(address) or address.startswith("//"):
                foreign.append(f"{page.name}: {address}")
            elif page.name != "404.html" and not (page.parent / address.split("?")[0]).exists():
                foreign.append(f"{page.name}: {address} is missing")
    assert not foreign, foreign
    for style in site.rglob("*.css"):
        assert not re.search(r"url\([\"']?https?:", style.read_text("utf-8")), style.name


@pytest.mark.slow
def test_the_site_has_the_code_s_own_words(site: Path) -> None:
    assert "UnsafeModelError" in (site / "reference/errors.html").read_text("utf-8")
    assert "read_picture" in (site / "reference/python.html").read_text("utf-8")
    helps = (site / "reference/command-line.html").read_text("utf-8")
    assert "--upscaler" in helps
    assert 'id="models-search"' in helps
    assert [each.name for each in commands() if f'id="{each.name}"' not in helps] == []
    assert "a little sharper" in (site / "how-to/python.html").read_text("utf-8")


def test_pre_commit_has_the_versions_of_the_checks() -> None:
    pinned = dict(
        re.findall(r"^(ruff|pyright)\S*?==(\S+)$", _text("requirements-dev.txt"), re.MULTILINE)
    )
    hooks = re.findall(
        r"repo: \S+/(ruff|pyright)-\S+\n +rev: v(\S+)", _text(".pre-commit-config.yaml")
    )
    assert dict(hooks) == pinned


def test_the_matrix_runs_on_what_the_package_names() -> None:
    matrix = re.findall(r'"(3\.\d+)"', _text(".github/workflows/test.yml").split("steps:")[0])
    named = re.findall(r'"Programming Language :: Python :: (3\.\d+)"', _text("pyproject.toml"))
    assert matrix == named != []

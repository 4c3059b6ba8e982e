"""What is installed beside the Python that runs this: names, versions, licences, dependencies."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING

from supply.pins import canonical

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

UNSTATED = "not stated"
# Packages whose metadata name no licence, by the file that has it.
_ELSEWHERE = {"cuda-toolkit": "LicenseRef-NVIDIA-Proprietary"}
_LONGEST = 60


@dataclass(frozen=True)
class Part:
    """An installed package.

    Attributes:
        name: As it spells itself.
        version: Its version.
        licence: As it states it: an expression of SPDX, or words; `UNSTATED` if it does not.
        is_expression: Whether the licence is an expression of SPDX.
        requires: What it needs, as it states it, other machines and extras included.
    """

    name: str
    version: str
    licence: str
    is_expression: bool
    requires: tuple[str, ...]

    @property
    def key(self) -> str:
        """The canonical name."""
        return canonical(self.name)

    def needs(self, extras: Iterable[str] = ()) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield what it needs on this machine with some extras: canonical names, their extras."""
        from packaging.requirements import Requirement

        for each in map(Requirement, self.requires):
            wanted = each.marker is None or any(
                each.marker.evaluate({"extra": extra}) for extra in ("", *extras)
            )
            if wanted:
                yield canonical(each.name), tuple(sorted(each.extras))


def licence_of(about: metadata.PackageMetadata) -> tuple[str, bool]:
    """Return what a package states about its licence, and whether as an expression of SPDX."""
    fields = about.json
    expression = str(fields.get("license_expression", ""))
    if expression:
        return expression, True
    text = str(fields.get("license", "")).strip()
    if text and text != "UNKNOWN" and "\n" not in text and len(text) <= _LONGEST:
        return text, False
    found = [
        line.split(" :: ")[-1] for line in about.get_all("Classifier", []) if _is_licence(line)
    ]
    return " / ".join(found) or _ELSEWHERE.get(canonical(about["Name"]), UNSTATED), False


def _is_licence(classifier: str) -> bool:
    return classifier.startswith("License ::") and classifier != "License :: OSI Approved"


def installed() -> dict[str, Part]:
    """Return all installed packages by their canonical names, in order."""
    found: dict[str, Part] = {}
    for each in metadata.distributions():
        licence, is_expression = licence_of(each.metadata)
        name = str(each.metadata["Name"])
        part = Part(name, each.version, licence, is_expression, tuple(each.requires or ()))
        found.setdefault(part.key, part)
    return dict(sorted(found.items()))


def closure(parts: Mapping[str, Part], names: Iterable[str]) -> dict[str, set[str]]:
    """Return some packages and all that they need, of those that are installed.

    Returns:
        Their canonical names, in order, and for each the names of what it needs itself.
    """
    left = [(canonical(name), ()) for name in names]
    seen: set[tuple[str, tuple[str, ...]]] = set()
    found: dict[str, set[str]] = {}
    while left:
        name, extras = left.pop()
        if name not in parts or (name, extras) in seen:
            continue
        seen.add((name, extras))
        needs = [each for each in parts[name].needs(extras) if each[0] in parts]
        found.setdefault(name, set()).update(need for need, _ in needs)
        left += needs
    return dict(sorted(found.items()))


def roots(requirements: str) -> list[str]:
    """Return the names in a file of requirements."""
    lines = (line.split("#")[0].strip() for line in requirements.splitlines())
    return [re.split(r"[\[=<>!~; ]", line)[0] for line in lines if line]

"""A catalogue of our own making, of the same shape as OpenModelDB's."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

TAGS = {"anime": {"name": "Anime"}, "photo": {"name": "Photo"}, "restoration": {"name": "JPEG"}}
USERS = {"ann": {"name": "Ann Example"}, "bob": {"name": "Bob"}}
ARCHITECTURES = {
    "compact": {"name": "Compact", "input": "image"},
    "esrgan": {"name": "ESRGAN", "input": "image"},
    "sofvsr": {"name": "SOFVSR", "input": "video"},
}


def resource(address: str, **changes: object) -> dict[str, Any]:
    """Return a file's entry."""
    made: dict[str, Any] = {
        "platform": "pytorch",
        "type": "pth",
        "size": 1000,
        "sha256": "ab" * 32,
        "urls": [address],
    }
    return {**made, **changes}


def entry(address: str = "https://example.org/a.pth", **changes: object) -> dict[str, Any]:
    """Return a model's entry."""
    made: dict[str, Any] = {
        "name": "Example",
        "author": "ann",
        "license": "CC-BY-4.0",
        "tags": ["anime"],
        "description": "Made for tests.\n\nNothing else.",
        "date": "2026-01-02",
        "architecture": "compact",
        "size": ["16nf"],
        "scale": 2,
        "inputChannels": 3,
        "outputChannels": 3,
        "resources": [resource(address)],
        "images": [
            {"type": "paired", "LR": "https://example.org/l.png", "SR": "https://example.org/s.png"}
        ],
    }
    return {**made, **changes}


def catalogue_files(models: Mapping[str, object]) -> dict[str, bytes]:
    """Return the files of a catalogue, by name."""
    held = {"models": models, "tags": TAGS, "users": USERS, "architectures": ARCHITECTURES}
    return {f"{name}.json": json.dumps(value).encode() for name, value in held.items()}


def large_models(count: int) -> dict[str, dict[str, Any]]:
    """Return so many models, all different."""
    kinds = list(ARCHITECTURES)
    licences = ["CC-BY-NC-SA-4.0", "CC-BY-4.0", "MIT", None, "Apache-2.0"]
    return {
        f"{(1, 2, 4, 8)[number % 4]}x-Example-{number}": entry(
            f"https://github.com/a/b/releases/download/v1/{number}.pth"
            if number % 2
            else f"https://mega.nz/file/{number}",
            name=f"Example {number} {'Sharp' if number % 3 else 'Soft'}",
            author=["ann", "bob"][number % 2],
            license=licences[number % 5],
            tags=[list(TAGS)[number % 3]],
            date=f"20{20 + number % 7}-{1 + number % 12:02}-{1 + number % 28:02}",
            architecture=kinds[number % 3],
            scale=(1, 2, 4, 8)[number % 4],
            description="A network of tests, which enlarges pictures. " * 8,
        )
        for number in range(count)
    }


def large_catalogue(count: int) -> dict[str, bytes]:
    """Return the files of a catalogue of so many models."""
    return catalogue_files(large_models(count))

"""Write all parts of the project as a bill of materials: CycloneDX 1.6, as JSON.

Source: https://cyclonedx.org/docs/1.6/json/. The same parts give the same file.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, Any

from supply.installed import UNSTATED, closure, installed, roots
from supply.licences import PAIR
from supply.pins import LOCKS, ROOT, canonical, read_pins

if TYPE_CHECKING:
    from supply.installed import Part

NAME = "upscaler-lab"


def version() -> str:
    """Return the project's own version."""
    held: dict[str, Any] = {}
    exec((ROOT / "lib_upscalers" / "version.py").read_text("utf-8"), held)  # noqa: S102
    return str(held["VERSION"])


def locked_hashes() -> dict[tuple[str, str], tuple[str, ...]]:
    """Return the hashes of the files of each package and version that a lock lists."""
    return {
        (canonical(pin.name), pin.version): pin.hashes
        for lock in sorted(LOCKS.glob("*.txt"))
        for pin in read_pins(lock.read_text("utf-8"))
    }


def library(part: Part, hashes: tuple[str, ...]) -> dict[str, Any]:
    """Return a package as a component.

    A package has a file for each machine, so its hashes are no hash of the component: they stand
    among its properties.
    """
    reference = _reference(part)
    component: dict[str, Any] = {
        "type": "library",
        "bom-ref": reference,
        "name": part.name,
        "version": part.version,
        "purl": reference,
    }
    if part.is_expression:
        component["licenses"] = [{"expression": part.licence}]
    elif part.licence != UNSTATED:
        component["licenses"] = [{"license": {"name": part.licence}}]
    if hashes:
        found = [{"name": "upscaler-lab:locked-sha256", "value": each} for each in hashes]
        component["properties"] = found
    return component


def networks() -> list[dict[str, Any]]:
    """Return the networks that come with the project as components."""
    folder = ROOT / "lib_upscalers" / "weights"
    return [
        {
            "type": "machine-learning-model",
            "bom-ref": f"network:{each['file']}",
            "name": each["name"],
            "version": version(),
            "hashes": [{"alg": "SHA-256", "content": each["sha256"]}],
            "licenses": [{"license": {"id": each["licence"]}}],
        }
        for name in ("weights.json", "latent.json")
        for each in json.loads((folder / name).read_text("utf-8"))["networks"]
    ]


def bill() -> dict[str, Any]:
    """Return the bill of materials of the app and the command line, as installed here."""
    direct = [*roots((ROOT / "requirements.txt").read_text("utf-8")), *PAIR]
    parts, hashes, models = installed(), locked_hashes(), networks()
    needed = closure(parts, direct)
    own = f"pkg:generic/{NAME}@{version()}"
    first = [_reference(parts[name]) for name in map(canonical, direct) if name in parts]
    needs = {own: [*(model["bom-ref"] for model in models), *dict.fromkeys(first)]}
    for name, found in needed.items():
        needs[_reference(parts[name])] = [_reference(parts[each]) for each in found]
    components = [
        *models,
        *(library(parts[name], hashes.get((name, parts[name].version), ())) for name in needed),
    ]
    held: dict[str, Any] = {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": own,
                "name": NAME,
                "version": version(),
                "purl": own,
                "licenses": [{"license": {"id": "MIT"}}],
            },
            "properties": [
                {"name": "upscaler-lab:python", "value": platform.python_version()},
                {"name": "upscaler-lab:system", "value": platform.system()},
                {"name": "upscaler-lab:machine", "value": platform.machine()},
            ],
        },
        "components": components,
        "dependencies": [
            {"ref": name, "dependsOn": sorted(found)} for name, found in sorted(needs.items())
        ],
    }
    text = json.dumps(held, sort_keys=True)
    return {**held, "serialNumber": uuid.uuid5(uuid.NAMESPACE_URL, text).urn}


def _reference(part: Part) -> str:
    return f"pkg:pypi/{part.key}@{part.version}"


def main() -> int:
    """Write the bill into a file."""
    parser = argparse.ArgumentParser(
        prog="python run.py sbom",
        description="Write all parts of the app and the command line, as installed here, as "
        "CycloneDX 1.6 JSON.",
    )
    default = ROOT / "dist" / f"{NAME}-{version()}.cdx.json"
    parser.add_argument(
        "file", nargs="?", type=Path, default=default, help="what to write (dist/….cdx.json)"
    )
    file: Path = parser.parse_args().file
    held = bill()
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(held, indent=2) + "\n", encoding="utf-8")
    sys.stdout.write(f"{file}: {len(held['components'])} parts\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

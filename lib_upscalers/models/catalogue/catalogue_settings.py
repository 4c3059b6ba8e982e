"""Settings of the catalogue: where it is, how it is reached, and whether at all."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING

from lib_upscalers.errors import InputError
from lib_upscalers.json_files import read_object, write_object
from lib_upscalers.models.catalogue.addresses import AddressRule

if TYPE_CHECKING:
    from pathlib import Path

_log = logging.getLogger("lib_upscalers")

ADDRESS = "https://openmodeldb.info/api/v1"
_FILE = "catalogue-settings.json"
_SECONDS = (1.0, 600.0)


@dataclass(frozen=True)
class CatalogueSettings:
    """How the catalogue is reached.

    Attributes:
        enabled: Whether anything may be fetched at all.
        address: The folder of models.json and the other files.
        mirror: A second address of the same, asked where the first gives nothing; "": none.
        proxy: The address of an HTTP proxy; "": that of the environment (HTTPS_PROXY, NO_PROXY),
            "none": none.
        timeout_seconds: How long a server may be silent.
        convert: Whether pickles are stored as .safetensors.
    """

    enabled: bool = True
    address: str = ADDRESS
    mirror: str = ""
    proxy: str = ""
    timeout_seconds: float = 30.0
    convert: bool = True

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            InputError: One makes no sense.
        """
        least, most = _SECONDS
        if not least <= self.timeout_seconds <= most:
            raise InputError(
                f"Expected a timeout of {least:.0f} to {most:.0f} seconds, but got "
                f"{self.timeout_seconds}: correct it."
            )
        rule = self.rule()
        for name, address in (("address", self.address), ("mirror", self.mirror)):
            if (address or name == "address") and not rule.allows(address):
                raise InputError(
                    f"Expected the {name} of the catalogue such as {ADDRESS}, but got "
                    f"{address[:200]!r}: correct it."
                )
        if self.proxy not in ("", "none") and not self._has_proxy():
            raise InputError(
                "Expected the address of a proxy such as http://127.0.0.1:8080, or none, but got "
                f"{self.proxy[:200]!r}: correct it."
            )

    def _has_proxy(self) -> bool:
        from urllib.parse import urlsplit

        try:
            parts = urlsplit(self.proxy)
            return parts.scheme == "http" and bool(parts.hostname) and parts.port is not None
        except ValueError:
            return False

    def rule(self) -> AddressRule:
        """Return which addresses may be fetched from: public ones, and what is named here."""
        return AddressRule.trusting(
            each for each in (self.address, self.mirror) if each and each != ADDRESS
        )


def read_settings(folder: Path) -> CatalogueSettings:
    """Return the settings that are stored in a folder; the defaults where there are none.

    What is damaged or makes no sense is left out, with a line in the log.
    """
    file = folder / _FILE
    stored = read_object(file, "the defaults are used")
    found = CatalogueSettings()
    for field in fields(CatalogueSettings):
        value = stored.get(field.name)
        kind = type(getattr(found, field.name))
        number = kind is float and type(value) in (int, float)
        if value is None or not (type(value) is kind or number):
            continue
        try:
            found = replace(found, **{field.name: value})
        except InputError as error:
            _log.warning("%s in %s is not used: %s", field.name, file, error)
    return found


def write_settings(folder: Path, settings: CatalogueSettings) -> None:
    """Store settings in a folder.

    Raises:
        OutputError: The file cannot be written.
    """
    write_object(folder / _FILE, asdict(settings))

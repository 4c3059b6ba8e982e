"""Check addresses: https to public computers only, unless the user has named another one."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urljoin, urlsplit

from lib_upscalers.errors import UnsafeAddressError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    _Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_LONGEST = 4096
_PORTS = {"https": 443, "http": 80}.get
# Of IPv6, IANA gives addresses to networks from here alone: RFC 4291, 2.4.
_UNICAST = ipaddress.IPv6Network("2000::/3")
# Python counts these among the public ones: RFC 6890, 7526, 9637.
_SPECIAL = (
    ipaddress.IPv4Network("192.0.0.0/24"),
    ipaddress.IPv4Network("192.88.99.0/24"),
    ipaddress.IPv6Network("3fff::/20"),
)
# Prefixes that carry an IPv4 address to another network: RFC 6052, 8215.
_TRANSLATED = (ipaddress.IPv6Network("64:ff9b::/96"), ipaddress.IPv6Network("64:ff9b:1::/48"))


@dataclass(frozen=True)
class WebAddress:
    """An address in its parts, as a request needs them.

    Attributes:
        scheme: "https" or "http".
        host: The name or the number, in lower case, without brackets.
        port: The port.
        path: Path and query, quoted, beginning with a slash.
    """

    scheme: str
    host: str
    port: int
    path: str

    @property
    def netloc(self) -> str:
        """Host and port, as a request's Host header has them."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        return name if self.port == _PORTS(self.scheme) else f"{name}:{self.port}"

    @property
    def text(self) -> str:
        """The address as text, without a fragment."""
        return f"{self.scheme}://{self.netloc}{self.path}"

    def join(self, reference: str) -> str:
        """Return the address that a redirect from here points to, unchecked."""
        return urljoin(self.text, reference)


@dataclass(frozen=True)
class AddressRule:
    """Which addresses may be fetched from.

    Attributes:
        trusted: "host:port" of servers that the user has named himself, such as a mirror in his
            own network: these may speak http and have a private address.
    """

    trusted: frozenset[str] = frozenset()

    @classmethod
    def trusting(cls, addresses: Iterable[str]) -> AddressRule:
        """Return the rule that trusts the servers of addresses; those that make no sense none."""
        found: set[str] = set()
        for address in addresses:
            parts = _split(address)
            port = None if parts is None else _port(parts)
            if parts is not None and parts.hostname and port is not None:
                found.add(f"{parts.hostname.lower()}:{port}")
        return cls(frozenset(found))

    def is_trusted(self, address: WebAddress) -> bool:
        """Return whether the user has named this server himself."""
        return f"{address.host}:{address.port}" in self.trusted

    def check(self, text: str) -> WebAddress:
        """Return an address in its parts.

        Raises:
            UnsafeAddressError: It is none, not https, has a user name, or names a private computer
                by number. What a name resolves to is checked by `check_numbers`.
        """
        parts = _split(text)
        if parts is None:
            raise _refusal(text, "is no address of a web server")
        address = _parsed(text, parts)
        if self.is_trusted(address):
            return address
        if address.scheme != "https":
            raise _refusal(text, f"uses {address.scheme}, which anybody on the way can change")
        if is_private(address.host):
            raise _refusal(text, "is inside this computer or its network")
        return address

    def check_numbers(self, address: WebAddress, numbers: Collection[str]) -> None:
        """Check what a host's name was resolved to.

        Args:
            address: What was resolved.
            numbers: The numeric addresses; one that is private spoils all.

        Raises:
            UnsafeAddressError: One is private, link-local, or otherwise no public computer's.
        """
        if self.is_trusted(address):
            return
        for number in numbers:
            if is_private(number, unknown=True):
                raise _refusal(address.text, f"leads to {number}, inside a private network")

    def allows(self, text: object) -> bool:
        """Return whether a value is an address that passes `check`."""
        try:
            return isinstance(text, str) and bool(self.check(text))
        except UnsafeAddressError:
            return False


# A catalogue names a few hosts ten thousand times.
@lru_cache(maxsize=256)
def is_private(number: str, *, unknown: bool = False) -> bool:
    """Return whether a numeric address is not that of a public computer.

    Args:
        number: The address; IPv6 may have a zone.
        unknown: The answer for what is no numeric address.
    """
    try:
        address = ipaddress.ip_address(number.partition("%")[0])
    except ValueError:
        # What only the C library reads as a number: 127.1, 0x7f000001, 2130706433.
        numeric = all(part[:1].isdigit() for part in number.split(".") if part)
        return unknown or number in ("", "localhost") or numeric
    return not all(map(_is_public, _carried(address)))


def _is_public(address: _Address) -> bool:
    if address.version == 6 and address not in _UNICAST:
        return False
    special = any(address in network for network in _SPECIAL)
    return address.is_global and not address.is_multicast and not special


def _carried(address: _Address) -> list[_Address]:
    """Return an address and the IPv4 addresses inside it, to which it may be translated."""
    if isinstance(address, ipaddress.IPv4Address):
        return [address]
    if address.ipv4_mapped is not None:
        return [address.ipv4_mapped]
    inside = [address.sixtofour, *(address.teredo or ())]
    if any(address in prefix for prefix in _TRANSLATED):
        # The prefix itself is no public one; the address that it carries decides.
        return [ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)]
    return [address, *(each for each in inside if each is not None)]


def _split(text: str) -> SplitResult | None:
    if len(text) > _LONGEST or not text.isascii() or not text.isprintable() or " " in text:
        return None
    if "\\" in text:
        return None
    try:
        return urlsplit(text)
    except ValueError:
        return None


def _port(parts: SplitResult) -> int | None:
    try:
        return parts.port or _PORTS(parts.scheme)
    except ValueError:
        return None


def _parsed(text: str, parts: SplitResult) -> WebAddress:
    port = _port(parts)
    host = (parts.hostname or "").rstrip(".").lower()
    if parts.scheme not in ("https", "http") or not host or port is None:
        raise _refusal(text, "is no address of a web server")
    if parts.username is not None or parts.password is not None:
        raise _refusal(text, "has a user name in it")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return WebAddress(parts.scheme, host, port, path)


def _refusal(text: str, reason: str) -> UnsafeAddressError:
    shown = "".join(each if each.isprintable() else "?" for each in text[:200])
    return UnsafeAddressError(
        f"Expected an https address of a public server, but {shown!r} {reason}: it is not fetched."
    )

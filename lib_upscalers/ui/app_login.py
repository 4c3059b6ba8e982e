"""Decide who may open the app: this computer alone, or others with a password."""

from __future__ import annotations

import ipaddress
import secrets
import socket
import time
from typing import TYPE_CHECKING

from lib_upscalers.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

USER = "lab"
_LEAST_CHARACTERS = 8
_MOST_FAILURES = 10
_PAUSE_SECONDS = 60.0


class Login:
    """Checks names and passwords; after 10 wrong ones in a minute, all are refused for a while.

    Args:
        password: The right one, for the user `USER`.
        clock: Returns seconds.

    Raises:
        InputError: The password is too short.
    """

    def __init__(self, password: str, clock: Callable[[], float] = time.monotonic) -> None:
        if len(password) < _LEAST_CHARACTERS:
            raise InputError(
                f"Expected a password of at least {_LEAST_CHARACTERS} characters, but got "
                f"{len(password)}: choose a longer one."
            )
        self._password = password.encode()
        self._clock = clock
        self._failures: list[float] = []

    def __call__(self, user: str, password: str) -> bool:
        """Return whether name and password are right."""
        now = self._clock()
        self._failures = [at for at in self._failures if now - at < _PAUSE_SECONDS]
        if len(self._failures) >= _MOST_FAILURES:
            return False
        right = secrets.compare_digest(password.encode("utf-8", "replace"), self._password)
        if right and user == USER:
            return True
        self._failures.append(now)
        return False


def is_this_computer(host: str) -> bool:
    """Return whether only programs on this computer reach a server that listens at `host`."""
    addresses = _addresses_of(host)
    return bool(addresses) and all(address.is_loopback for address in addresses)


def is_every_address(host: str) -> bool:
    """Return whether a server at `host` listens at all addresses of this computer."""
    return any(address.is_unspecified for address in _addresses_of(host))


def host_names(host: str) -> set[str]:
    """Return the names under which a server that listens at `host` may be addressed."""
    names = {"localhost", "127.0.0.1", "::1"}
    if not is_every_address(host):
        names.add(host.strip("[]"))
    if not is_this_computer(host):
        own = socket.gethostname().lower()
        names |= {own, f"{own}.local"}
    return names


def _addresses_of(host: str) -> list[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    try:
        found = socket.getaddrinfo(host.strip("[]"), None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    return [ipaddress.ip_address(str(each[4][0]).partition("%")[0]) for each in found]

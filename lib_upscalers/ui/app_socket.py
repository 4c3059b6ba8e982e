"""Listen at an address, before the app is built."""

from __future__ import annotations

import contextlib
import os
import socket

_PORTS = range(7860, 7960)


def _bind(host: str, port: int) -> socket.socket:
    found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
    family, kind, protocol, _, address = found[0]
    made = socket.socket(family, kind, protocol)
    try:
        if os.name != "nt":
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(address)
        made.listen(128)
    except OSError:
        made.close()
        raise
    return made


def bind(host: str, port: int | None) -> socket.socket:
    """Return a socket that listens at an address; without a port, at the first free one from 7860.

    Raises:
        OSError: It is not possible.
    """
    if port is not None:
        return _bind(host, port)
    for each in _PORTS:
        with contextlib.suppress(OSError):
            return _bind(host, each)
    raise OSError(f"no port of {_PORTS[0]} to {_PORTS[-1]} is free")

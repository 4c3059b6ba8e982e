"""Run the package openmodeldb for one file, and let it connect to public servers over TLS only."""

from __future__ import annotations

import http.client
import socket
import sys
import urllib.request
from typing import Any

from lib_upscalers.models.catalogue.addresses import AddressRule, is_private
from lib_upscalers.models.catalogue.file_hosts import way_to

_ARGUMENTS = 3


def _guard() -> None:
    """Refuse plain http and private addresses, for this process alone."""
    connect = http.client.HTTPConnection.connect
    reach = socket.socket.connect
    # With a proxy, its address is the only one that is connected to.
    direct = not urllib.request.getproxies().get("https")

    def connect_by_tls(self: http.client.HTTPConnection) -> None:
        if not isinstance(self, http.client.HTTPSConnection):
            raise OSError("plain http is refused")
        connect(self)

    def reach_public(self: socket.socket, address: Any) -> None:  # noqa: ANN401 - socket's
        if direct and is_private(str(address[0]), unknown=True):
            raise OSError(f"a private address is refused: {address[0]}")
        reach(self, address)

    http.client.HTTPConnection.connect = connect_by_tls  # type: ignore[method-assign]
    socket.socket.connect = reach_public  # type: ignore[method-assign]


def main(arguments: list[str]) -> int:
    """Fetch the file at an address to a path; return the exit code."""
    if len(arguments) != _ARGUMENTS or way_to(arguments[1]) != "extra":
        return 2
    AddressRule().check(arguments[1])
    _guard()
    from openmodeldb import downloader  # pyright: ignore[reportMissingImports]

    downloader.smart_download(arguments[1], arguments[2], quiet=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))

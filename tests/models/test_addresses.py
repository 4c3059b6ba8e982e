"""Only https to public computers, whatever a catalogue, a redirect or a name server claims."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from lib_upscalers.errors import DownloadError, FetchError, UnsafeAddressError
from lib_upscalers.models.catalogue.addresses import AddressRule, is_private
from lib_upscalers.models.catalogue.fetching import Fetcher
from tests.cases import each_case
from tests.models.catalogue_server import Served, running_server

if TYPE_CHECKING:
    from collections.abc import Sequence

RULE = AddressRule()


@each_case(
    "address",
    [
        "http://example.org/a.pth",
        "ftp://example.org/a.pth",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "JavaScript:alert(1)",
        "data:text/html,x",
        "//example.org/a.pth",
        "example.org/a.pth",
        "https://",
        "https:///a.pth",
        "https://user:secret@example.org/a.pth",
        "https://example.org@127.0.0.1/a.pth",
        "https://example.org\\@127.0.0.1/a.pth",
        "https://127.0.0.1/a.pth",
        "https://127.1/a.pth",
        "https://2130706433/a.pth",
        "https://0x7f.1/a.pth",
        "https://localhost/a.pth",
        "https://localhost./a.pth",
        "https://10.0.0.1/a.pth",
        "https://192.168.1.1:8443/a.pth",
        "https://169.254.169.254/latest/meta-data",
        "https://100.64.0.1/a.pth",
        "https://0.0.0.0/a.pth",
        "https://224.0.0.1/a.pth",
        "https://[::1]/a.pth",
        "https://[fe80::1%25eth0]/a.pth",
        "https://[fc00::1]/a.pth",
        "https://[::ffff:10.0.0.1]/a.pth",
        "https://[64:ff9b::7f00:1]/a.pth",
        "https://[2002:7f00:1::]/a.pth",
        "https://example.org:99999/a.pth",
        "https://example.org/a b.pth",
        "https://example.org/a\nb.pth",
        "https://exämple.org/a.pth",
        "https://example.org/" + "a" * 5000,
        "https://[::1/a.pth",
        "",
    ],
)
def test_an_unsafe_address_is_refused(address: str) -> None:
    with pytest.raises(UnsafeAddressError, match="Expected an https address"):
        RULE.check(address)


@each_case(
    "address",
    [
        "https://example.org/a.pth",
        "https://example.org:8443/a%20b.pth?x=1#part",
        "https://93.184.216.34/a.pth",
        "https://[2606:4700::1111]/a.pth",
        "HTTPS://EXAMPLE.ORG/A.pth",
    ],
)
def test_a_public_address_is_taken(address: str) -> None:
    checked = RULE.check(address)
    assert checked.scheme == "https"
    assert RULE.check(checked.text) == checked


def test_numbers_are_sorted_into_public_and_private() -> None:
    for number in ("8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"):
        assert not is_private(number), number
    for number in ("127.0.0.1", "::", "fe80::1%eth0", "::ffff:127.0.0.1", "2001:db8::1"):
        assert is_private(number), number
    # What Python calls global: site-local, IPv4 inside other prefixes, reserved networks.
    for number in ("fec0::1", "::127.0.0.1", "::ffff:0:127.0.0.1", "5f00::1", "3fff::1"):
        assert is_private(number), number
    for number in ("192.0.0.8", "192.88.99.1"):
        assert is_private(number), number


def to(number: str, asked: list[str] | None = None) -> object:
    def resolve(host: str, port: int) -> Sequence[str]:
        del port
        if asked is not None:
            asked.append(host)
        return [number]

    return resolve


@each_case("number", ["127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "fe80::1%eth0", "fd00::1"])
def test_a_name_that_resolves_to_a_private_address_is_refused(number: str) -> None:
    fetcher = Fetcher(RULE, proxy="none", resolve=to(number))  # type: ignore[arg-type]
    with (
        pytest.raises(UnsafeAddressError, match="private network"),
        fetcher.open("https://harmless.example/a.pth"),
    ):
        pass


def test_one_private_address_of_several_is_one_too_many() -> None:
    fetcher = Fetcher(RULE, proxy="none", resolve=lambda *_: ["93.184.216.34", "10.0.0.1"])
    with pytest.raises(UnsafeAddressError), fetcher.open("https://harmless.example/a.pth"):
        pass


def test_the_connection_goes_to_the_number_that_was_checked() -> None:
    """A name is resolved once a connection, so that its second answer cannot be another."""
    asked: list[str] = []
    with running_server() as server:
        server.serve("/a.pth", Served(b"bytes"))
        address = f"http://files.example:{server.port}/a.pth"
        fetcher = Fetcher(
            AddressRule.trusting([address]),
            proxy="none",
            resolve=to("127.0.0.1", asked),  # type: ignore[arg-type]
        )
        with fetcher.open(address) as answer:
            assert answer.read_all(100) == b"bytes"
        assert server.files["/a.pth"].requests[0]["Host"] == f"files.example:{server.port}"
    assert asked == ["files.example"]


@each_case(
    "target",
    [
        "http://93.184.216.34/b.pth",
        "http://127.0.0.1:1/b.pth",
        "https://127.0.0.1:1/b.pth",
        "https://[::1]/b.pth",
        "https://169.254.169.254/",
        "https://evil.example/b.pth",
        "file:///etc/passwd",
        "//10.0.0.1/b.pth",
    ],
)
def test_a_redirect_is_checked_like_an_address(target: str) -> None:
    with running_server() as server:
        address = server.serve("/a.pth", Served(status=302, headers={"Location": target}))
        fetcher = replace(server.fetcher(), resolve=_only_here)
        with pytest.raises(UnsafeAddressError), fetcher.open(address):
            pass


def _only_here(host: str, port: int) -> Sequence[str]:
    del port
    return [host] if host == "127.0.0.1" else ["10.0.0.7"]


def test_a_redirect_to_an_allowed_address_is_followed_and_an_endless_one_is_not() -> None:
    with running_server() as server:
        server.serve("/b.pth", Served(b"bytes"))
        first = server.serve("/a.pth", Served(status=302, headers={"Location": "/b.pth?x=1"}))
        with server.fetcher().open(first) as answer:
            assert answer.read_all(100) == b"bytes"
        loop = server.serve("/c.pth", Served(status=302, headers={"Location": "/c.pth"}))
        with pytest.raises(DownloadError, match="redirects more than"), server.fetcher().open(loop):
            pass


def test_nothing_is_fetched_when_it_is_switched_off() -> None:
    asked: list[str] = []
    fetcher = Fetcher(RULE, enabled=False, resolve=to("8.8.8.8", asked))  # type: ignore[arg-type]
    with pytest.raises(FetchError, match="switched off"), fetcher.open("https://example.org/a.pth"):
        pass
    assert not asked


def test_a_name_without_address_and_a_closed_port_are_one_sentence() -> None:
    def nothing(host: str, port: int) -> Sequence[str]:
        raise OSError("no such name")

    fetcher = Fetcher(RULE, proxy="none", resolve=nothing)
    with pytest.raises(DownloadError, match="no such name"), fetcher.open("https://x.example/a"):
        pass
    with running_server() as server:
        closed = server.address
    fetcher = Fetcher(AddressRule.trusting([closed]), proxy="none")
    with pytest.raises(DownloadError, match="check the connection"), fetcher.open(closed):
        pass


def test_a_proxy_connects_for_https(monkeypatch: pytest.MonkeyPatch) -> None:
    """The proxy is asked for the name; an address that is private here is still refused."""
    import socket
    import threading

    with socket.create_server(("127.0.0.1", 0)) as listening:
        seen: list[bytes] = []

        def answer() -> None:
            connection, _ = listening.accept()
            with connection:
                seen.append(connection.recv(4096))
                connection.sendall(b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n")

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        proxy = f"http://me:pass@127.0.0.1:{listening.getsockname()[1]}"
        monkeypatch.setenv("https_proxy", proxy)
        monkeypatch.delenv("no_proxy", raising=False)
        fetcher = Fetcher(RULE, resolve=to("93.184.216.34"))  # type: ignore[arg-type]
        with (
            pytest.raises(DownloadError, match="the proxy answers 403"),
            fetcher.open("https://files.example/a.pth"),
        ):
            pass
        thread.join(10)
    assert seen[0].startswith(b"CONNECT files.example:443 HTTP/1.1\r\n")
    assert b"Proxy-Authorization: Basic bWU6cGFzcw==" in seen[0]
    refused = Fetcher(RULE, proxy=proxy, resolve=to("10.0.0.1"))  # type: ignore[arg-type]
    with pytest.raises(UnsafeAddressError), refused.open("https://files.example/a.pth"):
        pass

"""A server that is asked to close ends, though requests whose page is gone are left."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import pytest

from lib_upscalers.hosts.webui.reload_watch import ReloadWatch

TICK = 0.002
LONG = 50 * TICK


class Server:
    """uvicorn's server with gradio's two methods: it closes when its requests have ended.

    gradio/networking.py:47-49 of version 3.41.2; uvicorn/server.py, `shutdown`.
    """

    def __init__(self) -> None:
        self.should_exit = self.force_exit = False
        self.server_state = SimpleNamespace(connections=set[str]())
        self.requests = 1
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        pause = threading.Event()
        while not self.should_exit or (self.requests and not self.force_exit):
            pause.wait(TICK)

    def close(self) -> None:
        self.should_exit = True
        self.thread.join()


def blocks_of(server: object, jobs: list[Any] | None = None) -> SimpleNamespace:
    return SimpleNamespace(server=server, _queue=SimpleNamespace(active_jobs=jobs or [None]))


def closed(blocks: SimpleNamespace) -> threading.Thread:
    thread = threading.Thread(target=blocks.server.close, daemon=True)
    thread.start()
    return thread


def test_a_request_whose_page_is_gone_does_not_hold_the_server() -> None:
    closing = threading.Event()
    server = Server()
    ReloadWatch(closing, TICK).attach(blocks_of(server))
    assert not closing.wait(LONG)
    assert server.thread.is_alive(), "nothing is done before the server is asked to close"
    closed(blocks_of(server)).join(10)
    assert closing.is_set()
    assert not server.thread.is_alive()


@pytest.mark.parametrize("what", ["a job", "a connection"])
def test_what_is_at_work_is_waited_for(what: str) -> None:
    server = Server()
    blocks = blocks_of(server, ["job"] if what == "a job" else None)
    if what == "a connection":
        server.server_state.connections.add("page")
    ReloadWatch(threading.Event(), TICK).attach(blocks)
    thread = closed(blocks)
    thread.join(LONG)
    assert thread.is_alive()
    assert not server.force_exit
    blocks._queue.active_jobs[:] = [None]
    server.server_state.connections.clear()
    thread.join(10)
    assert not thread.is_alive()


def test_a_server_that_ends_by_itself_is_not_forced() -> None:
    server = Server()
    ReloadWatch(threading.Event(), TICK).attach(blocks_of(server))
    server.requests = 0
    closed(blocks_of(server)).join(10)
    assert not server.force_exit


def test_the_server_gets_its_method_back() -> None:
    server = Server()
    watch = ReloadWatch(threading.Event(), TICK)
    for _ in range(2):
        watch.attach(blocks_of(server))
    assert "close" in vars(server)
    watch.detach()
    assert "close" not in vars(server)
    watch.attach(blocks_of(server))
    others = server.close = lambda: None
    watch.detach()
    assert server.close is others, "what another extension has put there since is left"


@pytest.mark.parametrize("server", [None, SimpleNamespace(close=print)])
def test_a_server_of_another_kind_is_left_alone(server: object) -> None:
    ReloadWatch(threading.Event(), TICK).attach(blocks_of(server))
    assert server is None or vars(server) == {"close": print}

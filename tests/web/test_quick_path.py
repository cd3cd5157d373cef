"""The quick path of a connection: answers in their order, whatever is answered by whom, and nobody left waiting."""

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import pytest
import uvicorn

from beholden.web.hot import Reply
from beholden.web.protocol import BoundedProtocol
from tests.web.test_protocol import echo

HEAD = b"content-length: 2\r\n\r\n"


@dataclass
class Quick:
    """A quick path that answers by the body: `now`, `later` (when it is let go), `no` (the doors behind), `twice`."""

    paths: frozenset[bytes] = frozenset({b"/quick"})
    later: list[Callable[[], None]] = field(default_factory=list)
    heard: list[bytes] = field(default_factory=list)
    loop: asyncio.AbstractEventLoop | None = None

    def take(self, path: bytes, headers: Sequence[tuple[bytes, bytes]], body: bytes, reply: Reply) -> None:
        """See HotPath."""
        self.loop = asyncio.get_running_loop()
        self.heard.append(body)
        if body == b"now":
            reply(HEAD + b"ok")
        elif body == b"later":
            self.later.append(lambda: reply(HEAD + b"la"))
        elif body == b"later no":
            self.later.append(lambda: reply(None))
        elif body == b"twice":
            reply(HEAD + b"t1")
            reply(HEAD + b"t2")
            reply(None)
        else:
            reply(None)

    def let_go(self) -> None:
        """Give the answers that were held back."""
        end = time.monotonic() + 10
        while not self.later and time.monotonic() < end:
            time.sleep(0.01)
        assert self.loop is not None
        for one in self.later:
            self.loop.call_soon_threadsafe(one)
        self.later.clear()


@contextmanager
def serving(quick: Quick, **options: object) -> Iterator[tuple[int, uvicorn.Server]]:
    kind = type("Served", (BoundedProtocol,), {"quick": quick})
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(echo, lifespan="off", log_config=None, http=kind, **options))
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1], server
    finally:
        server.should_exit = True
        thread.join(10)
        listener.close()
        assert not thread.is_alive()


@pytest.fixture
def quick() -> Quick:
    return Quick()


def post(body: bytes, path: bytes = b"/quick", more: bytes = b"") -> bytes:
    return b"POST %b HTTP/1.1\r\nhost: x\r\n%bcontent-length: %d\r\n\r\n%b" % (path, more, len(body), body)


def hear(raw: socket.socket, count: int) -> list[bytes]:
    """The bodies of so many answers."""
    heard, found = b"", []
    raw.settimeout(10)
    while len(found) < count:
        head, split, rest = heard.partition(b"\r\n\r\n")
        if split:
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            if len(rest) >= length:
                assert head.startswith(b"HTTP/1.1 200"), head
                found.append(rest[:length])
                heard = rest[length:]
                continue
        chunk = raw.recv(65536)
        assert chunk, (found, heard)
        heard += chunk
    assert not heard
    return found


def test_answers_come_in_the_order_of_the_questions(quick: Quick) -> None:
    with serving(quick) as (port, _), socket.create_connection(("127.0.0.1", port)) as raw:
        raw.sendall(post(b"now") + post(b"later") + post(b"abc", b"/other") + post(b"now") + post(b"no"))
        time.sleep(0.2)
        quick.let_go()
        assert hear(raw, 5) == [b"ok", b"la", b"3 0", b"3 0", b"2 0"]
        raw.sendall(post(b"now"))
        assert hear(raw, 1) == [b"ok"]


def test_what_it_will_not_answer_the_doors_behind_get_whole_also_late_and_pipelined(quick: Quick) -> None:
    with serving(quick) as (port, _), socket.create_connection(("127.0.0.1", port)) as raw:
        raw.sendall(post(b"later no") + post(b"12345", b"/other"))
        time.sleep(0.1)
        quick.let_go()
        assert hear(raw, 2) == [b"8 0", b"5 0"]


def test_only_its_first_word_counts(quick: Quick) -> None:
    with serving(quick) as (port, _), socket.create_connection(("127.0.0.1", port)) as raw:
        raw.sendall(post(b"twice"))
        assert hear(raw, 1) == [b"t1"]
        raw.sendall(post(b"now"))
        assert hear(raw, 1) == [b"ok"]


def test_a_body_in_pieces_or_in_chunks_is_collected_and_one_that_is_too_large_is_not_taken(quick: Quick) -> None:
    with serving(quick) as (port, _), socket.create_connection(("127.0.0.1", port)) as raw:
        request = post(b"now")
        for n in range(len(request)):
            raw.sendall(request[n : n + 1])
        assert hear(raw, 1) == [b"ok"]
        raw.sendall(
            b"POST /quick HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n2\r\nno\r\n1\r\nw\r\n0\r\n\r\n"
        )
        assert hear(raw, 1) == [b"ok"]
        raw.sendall(post(b"x" * ((1 << 20) + 1)))
        assert hear(raw, 1) == [b"%d 0" % ((1 << 20) + 1)]
    assert quick.heard == [b"now", b"now"]


@pytest.mark.parametrize("more", [b"connection: close\r\n", b"expect: 100-continue\r\n"])
def test_what_is_not_plain_http_is_for_the_doors_behind(quick: Quick, more: bytes) -> None:
    with serving(quick) as (port, _), socket.create_connection(("127.0.0.1", port)) as raw:
        raw.sendall(post(b"now", more=more))
        raw.settimeout(10)
        heard = b""
        while not heard.endswith(b"3 0"):
            heard += raw.recv(4096)
    assert quick.heard == []


def test_a_caller_that_goes_away_while_its_answer_is_made_harms_nobody(quick: Quick) -> None:
    with serving(quick) as (port, _):
        with socket.create_connection(("127.0.0.1", port)) as raw:
            raw.sendall(post(b"later"))
            time.sleep(0.1)
        time.sleep(0.1)
        quick.let_go()
        with socket.create_connection(("127.0.0.1", port)) as raw:
            raw.sendall(post(b"now"))
            assert hear(raw, 1) == [b"ok"]


def test_a_shutdown_waits_for_the_answer_in_hand(quick: Quick) -> None:
    with serving(quick) as (port, server), socket.create_connection(("127.0.0.1", port)) as raw:
        raw.sendall(post(b"later"))
        time.sleep(0.2)
        server.should_exit = True
        time.sleep(0.3)
        quick.let_go()
        raw.settimeout(10)
        heard = b""
        while chunk := raw.recv(4096):
            heard += chunk
        assert heard.endswith(b"la") and b"connection: close\r\n" in heard


def test_an_idle_connection_is_ended_and_a_busy_one_is_not(quick: Quick) -> None:
    with serving(quick, timeout_keep_alive=1) as (port, _), socket.create_connection(("127.0.0.1", port)) as raw:
        began = time.monotonic()
        while time.monotonic() - began < 2.5:
            raw.sendall(post(b"now"))
            assert hear(raw, 1) == [b"ok"]
            time.sleep(0.1)
        raw.settimeout(10)
        assert raw.recv(1) == b""

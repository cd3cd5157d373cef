"""What the server bears of one connection: the size of a head, its lines, its time, and a body's time."""

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from beholden.web import protocol
from beholden.web.protocol import BoundedProtocol
from tests.certificates import Authority


class Hasty(BoundedProtocol):
    """With little patience, so that the tests need little too."""

    head_seconds = 0.4
    body_seconds = 0.4


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with the size of the body, and whose certificate was shown."""
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        size += len(message["body"])
        more = message["more_body"]
    chain = scope.get("extensions", {}).get("tls", {}).get("client_cert_chain", [])
    body = f"{size} {len(chain)}".encode()
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", str(len(body)).encode())]}
    )
    await send({"type": "http.response.body", "body": body})


@contextmanager
def serving(**options: object) -> Iterator[int]:
    """A server with the bounded protocol, on a port."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(echo, lifespan="off", log_config=None, http=Hasty, **options)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(10)
        listener.close()


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with serving() as found:
        yield found


def answer(port: int, *parts: bytes, pause: float = 0.0) -> bytes:
    """All that the server sends until it closes, or until it has answered once."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as raw:
        for part in parts:
            try:
                raw.sendall(part)
            except OSError:
                break
            time.sleep(pause)
        heard = b""
        while chunk := raw.recv(65536):
            heard += chunk
            if b"\r\n\r\n" in heard and b"close" not in heard:
                break
        return heard


HEAD = b"GET / HTTP/1.1\r\nhost: x\r\n"


def test_a_usual_request_is_answered_and_the_connection_stays(port: int) -> None:
    with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
        assert client.get("/").text == "0 0"
        assert client.post("/", content=b"x" * 3_000_000).text == "3000000 0"
        time.sleep(0.6)
        assert client.get("/").text == "0 0"


def test_a_head_that_never_ends_is_cut_off(port: int) -> None:
    assert answer(port, HEAD).startswith(b"HTTP/1.1 408")
    assert answer(port, b"") == b"", "nothing came, so there is nothing to answer"
    drip = [bytes([byte]) for byte in HEAD * 3]
    began = time.monotonic()
    assert answer(port, *drip, pause=0.05).startswith(b"HTTP/1.1 408")
    assert time.monotonic() - began < 8, "a byte now and then does not prolong it"


def test_a_body_that_never_ends_is_cut_off(port: int) -> None:
    head = HEAD.replace(b"GET", b"POST") + b"content-length: 10\r\n\r\n"
    assert answer(port, head, b"12345").startswith(b"HTTP/1.1 408")


def test_a_large_head_is_refused_at_once(port: int) -> None:
    many = b"".join(b"x-%d: y\r\n" % n for n in range(protocol.MAX_HEADERS + 1))
    long = b"x: " + b"y" * protocol.MAX_HEAD_BYTES + b"\r\n"
    for lines in (many, long):
        assert answer(port, HEAD + lines + b"\r\n").startswith(b"HTTP/1.1 431")
    url = b"GET /" + b"x" * protocol.MAX_HEAD_BYTES + b" HTTP/1.1\r\nhost: x\r\n\r\n"
    assert answer(port, url).startswith(b"HTTP/1.1 431")
    few = b"".join(b"x-%d: y\r\n" % n for n in range(protocol.MAX_HEADERS - 10))
    assert answer(port, HEAD + few + b"\r\n").startswith(b"HTTP/1.1 200")


def test_a_head_without_end_is_refused_before_it_fills_our_memory(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as raw:
        sent, heard = 0, b""
        raw.sendall(HEAD + b"x: ")
        try:
            while sent < 16 << 20:
                sent += raw.send(b"y" * 16384)
        except OSError:
            pass
        try:
            heard = raw.recv(100)
        except OSError:
            heard = b"HTTP/1.1 431"  # closed while we were still sending: the answer may be lost with the connection
    assert heard.startswith(b"HTTP/1.1 431")
    assert sent < 16 << 20


def test_trailers_and_tiny_chunks_do_not_fill_our_memory(port: int) -> None:
    head = HEAD.replace(b"GET", b"POST") + b"transfer-encoding: chunked\r\n\r\n"
    assert answer(port, head, b"3\r\nabc\r\n0\r\n\r\n").endswith(b"3 0")
    many = b"".join(b"x-%d: y\r\n" % n for n in range(protocol.MAX_HEADERS + 1))
    assert answer(port, head, b"0\r\n" + many).startswith(b"HTTP/1.1 431")
    with socket.create_connection(("127.0.0.1", port), timeout=10) as raw:
        raw.sendall(head + b"0\r\nx: ")
        sent = 0
        with contextlib.suppress(OSError):
            while sent < 16 << 20:
                sent += raw.send(b"y" * 16384)
    assert sent < 16 << 20, "one endless trailer"


def test_many_requests_on_one_connection_each_have_their_own_bounds(port: int) -> None:
    filler = b"x: " + b"y" * (protocol.MAX_HEAD_BYTES // 3) + b"\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=10) as raw:
        for _ in range(8):
            raw.sendall(HEAD + filler)
            time.sleep(0.1)
            raw.sendall(b"\r\n")
            assert raw.recv(4096).startswith(b"HTTP/1.1 200")
        raw.sendall(HEAD)
        assert raw.recv(4096).startswith(b"HTTP/1.1 408"), "a later head is timed as the first one is"
    pipelined = (HEAD + filler + b"\r\n") * 8
    with socket.create_connection(("127.0.0.1", port), timeout=10) as raw:
        raw.sendall(pipelined)
        heard = b""
        while heard.count(b"200 OK") < 8:
            heard += raw.recv(65536)


def test_a_fragment_and_nonsense_are_refused(port: int) -> None:
    assert answer(port, b"GET /a#b HTTP/1.1\r\nhost: x\r\n\r\n").startswith(b"HTTP/1.1 400")
    assert answer(port, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n").startswith(b"HTTP/1.1 400")


def test_a_certificate_is_known_only_by_the_handshake(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    server, client = authority.issue("127.0.0.1"), authority.issue("gateway")
    options = {
        "ssl_certfile": server.certificate,
        "ssl_keyfile": server.key,
        "ssl_ca_certs": authority.certificate,
        "ssl_cert_reqs": ssl.CERT_OPTIONAL,
    }
    with serving(**options) as port:
        for shown, chain in ((None, 0), (client, 1)):
            context = ssl.create_default_context(cafile=authority.certificate)
            if shown is not None:
                context.load_cert_chain(shown.certificate, shown.key)
            found = httpx.get(f"https://127.0.0.1:{port}", verify=context, headers={"x-client-cert": "made up"})
            assert found.text == f"0 {chain}"

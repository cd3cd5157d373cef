"""Posts to servers that others named, so that none of them can use us against anybody, or hold us up.

The name is resolved here, every address that it has is judged, and the connection goes to one that was judged: between
looking and calling nothing can change. A redirect is an answer like any other and is not followed. One deadline
spans a whole call, whatever the server does with it: it may not even drip its headers. Of an answer no more is read
than the bound. No proxy of the environment is used: it would call what we must not.
"""

import socket
import ssl
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpcore

from beholden.gate.signals.address import Network, may_call, networks
from beholden.gate.signals.ports import Post, Reply

SECONDS = 10.0
"""For one call, from resolving the name to the last byte."""
LANE_SECONDS = 30.0
LANES_AT_ONCE = 8
MAX_ANSWER = 64 * 1024


class HttpPoster:
    """A Poster. `private` names networks that may be called though they are not public, as `10.0.0.0/8`; `trust` is
    for tests."""

    def __init__(
        self,
        private: str = "",
        *,
        seconds: float = SECONDS,
        largest: int = MAX_ANSWER,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        self._private = networks(private)
        self._seconds = seconds
        self._largest = largest
        self._trust = trust or ssl.create_default_context()

    def post(self, lanes: Sequence[Sequence[Post]]) -> list[list[Reply]]:
        """See Poster."""
        if not lanes:
            return []
        with ThreadPoolExecutor(min(LANES_AT_ONCE, len(lanes))) as pool:
            return list(pool.map(self._lane, lanes))

    def _lane(self, posts: Sequence[Post]) -> list[Reply]:
        end = time.monotonic() + LANE_SECONDS
        replies: list[Reply] = []
        for one in posts:
            replies.append(self._one(one))
            if replies[-1].down or time.monotonic() > end:
                break
        return replies

    def _one(self, post: Post) -> Reply:
        deadline = time.monotonic() + self._seconds
        dialler = _Dialler(self._private, deadline)
        headers = [*post.headers.items(), ("Connection", "close"), ("Accept-Encoding", "identity")]
        try:
            with (
                httpcore.ConnectionPool(self._trust, max_connections=1, network_backend=dialler) as pool,
                pool.stream("POST", post.url, headers=headers, content=post.body) as response,
            ):
                return self._read(response)
        except _Refused as error:
            return Reply(0, trouble=str(error))
        except (httpcore.TimeoutException, TimeoutError):
            return Reply(0, trouble=f"no whole answer within {self._seconds:g} s")
        except (httpcore.NetworkError, httpcore.ProtocolError, ssl.SSLError, OSError, ValueError) as error:
            words = str(error) or type(error).__name__
            return Reply(0, trouble=f"the call failed: {words}"[:300])

    def _read(self, response: httpcore.Response) -> Reply:
        body = b""
        for part in response.iter_stream():
            body += part
            if len(body) > self._largest:
                # What it said by its status holds; only its words are too many.
                return Reply(response.status, b"", f"the answer is larger than {self._largest} bytes")
        return Reply(response.status, body)


class _Refused(Exception):
    """The call was not made: where it would have gone, it must not."""


class _Dialler(httpcore.NetworkBackend):
    """Connects to judged addresses only, within one deadline."""

    def __init__(self, private: Sequence[Network], deadline: float) -> None:
        self._private = private
        self._deadline = deadline
        self._inner = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Resolve, judge all, connect to the first that answers."""
        addresses = self._resolved(host, port)
        failed: httpcore.ConnectError | None = None
        for address in addresses[:4]:
            try:
                stream = self._inner.connect_tcp(address, port, _left(self._deadline), None, socket_options)
                return _Timed(stream, self._deadline)
            except httpcore.ConnectError as error:
                failed = error
        raise failed or httpcore.ConnectError("no address")

    def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Any = None
    ) -> httpcore.NetworkStream:
        """Never: a URL cannot name one."""
        raise _Refused("no socket of this host is called")

    def sleep(self, seconds: float) -> None:
        """Nothing here waits."""

    def _resolved(self, host: str, port: int) -> list[str]:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (socket.gaierror, UnicodeError) as error:
            raise httpcore.ConnectError(f"the name {host[:100]} is not known") from error
        addresses = list(dict.fromkeys(str(one[4][0]) for one in found))
        # One that must not be called spoils the rest: a name that has both is a trap.
        if not all(may_call(address.partition("%")[0], self._private) for address in addresses):
            raise _Refused(f"{host[:100]} is in a network that is not called (BEHOLDEN_RECEIVER_NETWORKS)")
        return addresses


class _Timed(httpcore.NetworkStream):
    """A connection on which every step must end by the deadline."""

    def __init__(self, inner: httpcore.NetworkStream, deadline: float) -> None:
        self._inner = inner
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """See NetworkStream."""
        return self._inner.read(max_bytes, _left(self._deadline))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """See NetworkStream."""
        self._inner.write(buffer, _left(self._deadline))

    def close(self) -> None:
        """See NetworkStream."""
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        """See NetworkStream. The certificate is checked against the name, not the address."""
        return _Timed(self._inner.start_tls(ssl_context, server_hostname, _left(self._deadline)), self._deadline)

    def get_extra_info(self, info: str) -> Any:
        """See NetworkStream."""
        return self._inner.get_extra_info(info)


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise httpcore.ReadTimeout("the deadline is over")
    return left

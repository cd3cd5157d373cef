"""What the parent, the nursery and the readers say to one another, over pairs of sockets.

The parent may send Python's own objects. What a reader sends is never more than bytes and JSON: it may have been taken
over by what it read.
"""

import io
import pickle
import socket
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from beholden.backends.evidence.files import OpenFile

_TASK = struct.Struct("!QI")
_FRAME = struct.Struct("!cQ")
_DESCRIPTORS = 200
"""Open files in one message; Linux allows 253."""

HELLO, ASKED, OUTCOME, FAILURE = b"H", b"A", b"O", b"F"
MAX_FRAME = 1 << 30
"""The longest answer of a reader, in bytes; one that says more has failed."""


def send(to: socket.socket, said: object) -> None:
    """Send an object, and with it every open file in it. Raises OSError."""
    descriptors: list[int] = []
    written = io.BytesIO()
    _Sending(written, descriptors).dump(said)
    body = written.getbuffer()
    to.sendall(_TASK.pack(len(body), len(descriptors)))
    for start in range(0, len(descriptors), _DESCRIPTORS):
        socket.send_fds(to, [b"d"], descriptors[start : start + _DESCRIPTORS])
    to.sendall(body)


def receive(of: socket.socket) -> Any:
    """What `send` sent. Raises EOFError when the other side is gone."""
    length, count = _TASK.unpack(_exactly(of, _TASK.size))
    descriptors: list[int] = []
    while len(descriptors) < count:
        said, came, _, _ = socket.recv_fds(of, 1, _DESCRIPTORS)
        if not said:
            raise EOFError
        descriptors += came
    return _Receiving(io.BytesIO(_exactly(of, length)), descriptors).load()


def answer(to: socket.socket, kind: bytes, body: bytes) -> None:
    """What a reader says. Raises OSError."""
    to.sendall(_FRAME.pack(kind, len(body)) + body)


@dataclass(slots=True)
class Inbox:
    """The answers of one reader, put together from pieces as they come."""

    _held: bytearray = field(default_factory=bytearray)

    def take(self, piece: bytes) -> list[tuple[bytes, bytes]]:
        """The answers that are whole now. Raises ValueError for one that is none, or too long."""
        self._held += piece
        whole: list[tuple[bytes, bytes]] = []
        while len(self._held) >= _FRAME.size:
            kind, length = _FRAME.unpack_from(self._held)
            if kind not in (HELLO, ASKED, OUTCOME, FAILURE) or length > MAX_FRAME:
                raise ValueError("no answer")
            if len(self._held) < _FRAME.size + length:
                break
            whole.append((kind, bytes(self._held[_FRAME.size : _FRAME.size + length])))
            del self._held[: _FRAME.size + length]
        return whole


def _exactly(of: socket.socket, length: int) -> bytes:
    held = bytearray()
    while len(held) < length:
        piece = of.recv(min(1 << 20, length - len(held)))
        if not piece:
            raise EOFError
        held += piece
    return bytes(held)


class _Sending(pickle.Pickler):
    """An open file goes as a descriptor, not as bytes."""

    def __init__(self, to: io.BytesIO, descriptors: list[int]) -> None:
        super().__init__(to, protocol=pickle.HIGHEST_PROTOCOL)
        self._descriptors = descriptors

    def persistent_id(self, value: Any) -> tuple[int, int] | None:
        if not isinstance(value, OpenFile):
            return None
        self._descriptors.append(value.descriptor)
        return len(self._descriptors) - 1, value.size


class _Receiving(pickle.Unpickler):
    def __init__(self, of: io.BytesIO, descriptors: Sequence[int]) -> None:
        super().__init__(of)
        self._descriptors = descriptors

    def persistent_load(self, said: Any) -> OpenFile:
        index, size = said
        return OpenFile(self._descriptors[index], size)

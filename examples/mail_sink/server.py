"""The receiving side of SMTP (RFC 5321) with PIPELINING, SIZE, 8BITMIME and SMTPUTF8, on asyncio.

A letter is answered with 250 only when its line is in the log file, so that a count of the log is a count of what a
sender was told is delivered. The log holds no letters: recipient, Message-ID and the SHA-256 of the body.
"""

import asyncio
import hashlib
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import cast

MAX_LETTER = 256 * 1024
MAX_COMMAND = 2048
MAX_RECIPIENTS = 100
_END = b"\r\n.\r\n"
_MESSAGE_ID = re.compile(rb"^message-id:\s*(\S+)", re.IGNORECASE | re.MULTILINE)
_PATH = re.compile(r"(?:FROM|TO):\s*<([^<>\s]*)>((?:\s+\S+)*)\s*", re.IGNORECASE)


class Log:
    """The append-only list of letters: one JSON line a recipient."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def add(self, recipients: list[str], message_id: str, body_sha256: str) -> None:
        """Write the lines in one call; they survive the end of this process, not the loss of power."""
        lines = [json.dumps({"to": to, "id": message_id, "body": body_sha256}) + "\n" for to in recipients]
        os.write(self._file, "".join(lines).encode())

    def close(self) -> None:
        """Give back the file."""
        os.close(self._file)


class Receiver(asyncio.Protocol):
    """One connection. Commands and letters come in any number a packet (RFC 2920) and are answered in order."""

    def __init__(self, log: Log, on_end: Callable[["Receiver"], None] | None = None) -> None:
        self._log = log
        self._on_end = on_end
        self._buffer = bytearray()
        self._replies: list[bytes] = []
        self._sender: str | None = None
        self._recipients: list[str] = []
        self._in_letter = False
        self._too_long = False
        self._searched = 0
        self._greeted = False
        self._closing = False
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one without saying so
        self._transport.write(b"220 mail-sink ESMTP\r\n")

    def connection_lost(self, exc: Exception | None) -> None:
        """Whatever was half sent is forgotten, as RFC 5321 asks."""
        if self._on_end is not None:
            self._on_end(self)

    def data_received(self, data: bytes) -> None:
        """Take what came, answer what is complete."""
        self._buffer += data
        while not self._closing and (self._letter() if self._in_letter else self._command()):
            pass
        assert self._transport is not None
        if self._replies:
            self._transport.write(b"".join(self._replies))
            self._replies.clear()
        if self._closing:
            self._transport.close()

    def _say(self, line: str) -> None:
        self._replies.append(line.encode() + b"\r\n")

    def _command(self) -> bool:
        """Handle one command line; False when none is complete."""
        end = self._buffer.find(b"\r\n", 0, MAX_COMMAND)
        if end < 0:
            if len(self._buffer) >= MAX_COMMAND:
                self._say("500 5.5.2 Line too long.")
                self._closing = True
            return False
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError:
            self._say("500 5.5.2 Not UTF-8.")
            return True
        verb, _, rest = text.partition(" ")
        answer = _VERBS.get(verb.upper())
        if answer is None:
            self._say("500 5.5.1 Unknown command.")
        else:
            answer(self, rest.strip())
        return True

    def _helo(self, rest: str) -> None:
        self._reset()
        self._greeted = True
        self._say("250 mail-sink")

    def _ehlo(self, rest: str) -> None:
        self._reset()
        self._greeted = True
        for word in ("mail-sink", "PIPELINING", f"SIZE {MAX_LETTER}", "8BITMIME"):
            self._say(f"250-{word}")
        self._say("250 SMTPUTF8")

    def _mail(self, rest: str) -> None:
        path = _PATH.fullmatch(rest)
        size = re.search(r"SIZE=(\d{1,12})\b", rest, re.IGNORECASE)
        if not self._greeted:
            self._say("503 5.5.1 Say EHLO first.")
        elif self._sender is not None:
            self._say("503 5.5.1 One MAIL at a time.")
        elif path is None:
            self._say("501 5.5.4 MAIL FROM:<address>.")
        elif size is not None and int(size[1]) > MAX_LETTER:
            self._say("552 5.3.4 Too large.")
        else:
            self._sender = path[1]
            self._say("250 2.1.0 OK")

    def _rcpt(self, rest: str) -> None:
        path = _PATH.fullmatch(rest)
        if self._sender is None:
            self._say("503 5.5.1 MAIL first.")
        elif path is None or "@" not in path[1]:
            self._say("501 5.1.3 RCPT TO:<address>.")
        elif len(self._recipients) >= MAX_RECIPIENTS:
            self._say("452 4.5.3 Too many recipients.")
        else:
            self._recipients.append(path[1])
            self._say("250 2.1.5 OK")

    def _data(self, rest: str) -> None:
        if not self._recipients:
            self._say("503 5.5.1 RCPT first.")
            return
        self._in_letter = True
        self._too_long = False
        self._searched = 0
        self._say("354 Go on.")

    def _letter(self) -> bool:
        """Handle one letter; False while its end has not come. What is too long is read and thrown away."""
        if self._buffer.startswith(b".\r\n") and self._searched == 0 and not self._too_long:
            end, after = 0, 3
        else:
            end = self._buffer.find(_END, max(0, self._searched - len(_END) + 1))
            after = end + len(_END)
        if end < 0:
            self._searched = len(self._buffer)
            if len(self._buffer) > MAX_LETTER:
                self._too_long = True
                del self._buffer[: -len(_END) + 1]
                self._searched = 0
            return False
        letter = bytes(self._buffer[: end + 2 if end else 0])
        del self._buffer[:after]
        self._in_letter = False
        if self._too_long or len(letter) > MAX_LETTER:
            self._say("552 5.3.4 Too large.")
        else:
            self._keep(letter[1:] if letter.startswith(b".") else letter)
        self._reset()
        return True

    def _keep(self, letter: bytes) -> None:
        letter = letter.replace(b"\r\n.", b"\r\n")
        head, _, body = letter.partition(b"\r\n\r\n")
        found = _MESSAGE_ID.search(head)
        message_id = found[1].decode("ascii", "replace") if found else ""
        self._log.add(self._recipients, message_id, hashlib.sha256(body).hexdigest())
        self._say("250 2.0.0 OK")

    def _reset(self) -> None:
        self._sender = None
        self._recipients = []

    def _rset(self, rest: str) -> None:
        self._reset()
        self._say("250 2.0.0 OK")

    def _noop(self, rest: str) -> None:
        self._say("250 2.0.0 OK")

    def _quit(self, rest: str) -> None:
        self._say("221 2.0.0 Bye.")
        self._closing = True


_VERBS: dict[str, Callable[[Receiver, str], None]] = {
    "HELO": Receiver._helo,
    "EHLO": Receiver._ehlo,
    "MAIL": Receiver._mail,
    "RCPT": Receiver._rcpt,
    "DATA": Receiver._data,
    "RSET": Receiver._rset,
    "NOOP": Receiver._noop,
    "QUIT": Receiver._quit,
}


async def serve(port: int, log: Log, ready: Callable[[int], None]) -> None:
    """Receive on 127.0.0.1 until cancelled; `ready` is told the port (port 0 takes a free one)."""
    server = await asyncio.get_running_loop().create_server(lambda: Receiver(log), "127.0.0.1", port)
    ready(server.sockets[0].getsockname()[1])
    async with server:
        await server.serve_forever()

"""Newline-delimited JSON, read as it comes in and never more of it at a time than is bearable."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from beholden.journeys.filter import Shape
from beholden.model.errors import BadInput
from beholden.web import strict_json
from beholden.web.door import Gone

NDJSON = "application/x-ndjson"
MAX_LINE = strict_json.MEBIBYTE
CHUNK_BYTES = 4 * strict_json.MEBIBYTE
PATIENCE = 30.0
"""Seconds in which the other side must send, or take, something."""
_PAUSE = 0.05  # seconds without a further line after which those that came are answered


def chunk_of(shape: Shape) -> int:
    """How many records are decided together: fewer where each may hold others."""
    return 100 if shape.nested else 1_000


def read_records(lines: Sequence[bytes]) -> list[dict[str, Any]]:
    """The record in each line; raises BadInput saying which one is none, counted from 0."""
    records = []
    for n, line in enumerate(lines):
        try:
            records.append(strict_json.read_object(line, largest=MAX_LINE))
        except BadInput as error:
            raise BadInput(f"Record {n}: {error.message}", error.remedy) from error
    return records


def write_line(value: Any) -> bytes:
    """One line."""
    return strict_json.write(value) + b"\n"


class Lines:
    """The lines of a request's body as they come in, never more of them in memory than were asked for, and a part."""

    def __init__(self, receive: Callable[[], Awaitable[Mapping[str, Any]]]) -> None:
        self._receive = receive
        self._part = bytearray()
        self._whole: list[bytes] = []
        self._ended = False

    async def some(self, most: int, largest: int = CHUNK_BYTES) -> list[bytes]:
        """Up to so many lines and, but for the last, so many bytes; none at the end. Blank lines are left out.

        Returns early when nothing more comes for a moment. Raises BadInput for a line that is too long or a caller
        that says nothing at all, and Gone when there is none any more.
        """
        while not self._ended and len(self._whole) < most and sum(map(len, self._whole)) < largest:
            try:
                async with asyncio.timeout(_PAUSE if self._whole else PATIENCE):
                    message = await self._receive()
            except TimeoutError:
                if self._whole:
                    break
                raise BadInput("No further line came in time.", "Send on, or end the body.") from None
            self._take(message)
        size, taken = 0, 0
        while taken < min(most, len(self._whole)) and size < largest:
            size, taken = size + len(self._whole[taken]), taken + 1
        lines, self._whole = self._whole[:taken], self._whole[taken:]
        return lines

    def _take(self, message: Mapping[str, Any]) -> None:
        if message["type"] == "http.disconnect":
            raise Gone
        *whole, part = message.get("body", b"").split(b"\n")
        if whole:
            whole[0] = bytes(self._part) + whole[0]
            self._part.clear()
        self._part += part
        if not message.get("more_body", False):
            self._ended = True
            whole.append(bytes(self._part))
            self._part.clear()
        if len(self._part) > MAX_LINE or any(len(line) > MAX_LINE for line in whole):
            raise BadInput(f"A line is longer than {MAX_LINE} bytes.", "Send one record a line.")
        self._whole += [line for line in whole if line.strip(b" \t\r")]

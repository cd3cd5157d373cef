"""The record filter for answers of any size: newline-delimited JSON in, newline-delimited JSON out.

The first line is a filter request without its records, every further line one record. The answer has a line
`{"record": …}` for each that may leave, and ends with one of

    {"end": {"received": …, "released": …, "reasons": {…}}}
    {"error": {"status": …, "message": …}, "received": …, "released": …}

An answer without either was cut off. Counted are records, those within records among them; `released` is less than
`received` by those withheld. Records are decided in chunks, each on fresh facts: what of a chunk may leave is in the
ledger before its first line leaves (law 1), and a ban holds from the next chunk on (law 5). Nothing of a chunk with a
mistake in it leaves. One chunk is in memory at a time: the next is not read before the last was taken, so who sends
must read meanwhile.
"""

import asyncio
import logging
from collections import Counter
from dataclasses import replace
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

from beholden.journeys.disclose import FilterReport, filter_document
from beholden.journeys.ports import Engines
from beholden.model.errors import BadInput, BeholdenError
from beholden.web import strict_json
from beholden.web.door import Door, Gone, Reply, own_headers, refusal, reply_with
from beholden.web.lines import MAX_LINE, NDJSON, PATIENCE, Lines, chunk_of, read_records, write_line
from beholden.web.records import Header, read_header

_LOG = logging.getLogger("beholden.web")
_ANY_SIZE = 1 << 62
_CLOSE = (b"connection", b"close")  # what was not read of a body is then not sent either


class Streamed:
    """`POST /gate/v1/filter`: what is newline-delimited is streamed, everything else goes to the plain door."""

    def __init__(self, engines: Engines, plain: Door) -> None:
        self._engines = engines
        self._plain = plain
        self._door = Door(engines, _never, _ANY_SIZE, (NDJSON,))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        headers = Headers(scope=scope)
        if headers.get("content-type", "").partition(";")[0].strip().lower() != NDJSON:
            await self._plain(scope, receive, send)
            return
        answer = _Answer(self._engines, Lines(receive), send, headers.get("x-request-id", ""))
        try:
            admitted = await self._door.admit(scope, headers)
            await (answer.refuse(admitted) if isinstance(admitted, Reply) else answer.run())
        except (Gone, TimeoutError):
            return  # nobody is there, or nobody who reads
        except BeholdenError as error:
            await answer.refuse(refusal(error))
        except Exception:  # noqa: BLE001 - the last line, as in `door`
            _LOG.exception("a stream through the filter failed")
            await answer.refuse(Reply(500, "Something went wrong on our side. Nothing more was allowed."))


class _Answer:
    """One stream on its way."""

    def __init__(self, engines: Engines, lines: Lines, send: Send, request_id: str) -> None:
        self._engines = engines
        self._lines = lines
        self._send = send
        self._request_id = request_id
        self._begun = False
        self._passed = self._received = self._released = 0
        self._reasons: Counter[str] = Counter()

    async def run(self) -> None:
        first = await self._lines.some(1, 1)
        if not first:
            raise BadInput("The body is empty.", "Send the request in the first line, a record in each further one.")
        header = read_header(strict_json.read_object(first[0], largest=MAX_LINE))
        while lines := await self._lines.some(chunk_of(header.shape)):
            body, report = await run_in_threadpool(self._filtered, header, lines)
            self._passed += len(lines)
            self._received += report.received
            self._released += report.released
            self._reasons.update(report.reasons)
            await self._write(body)
        end = {**self._counts(), "reasons": dict(sorted(self._reasons.items()))}
        await self._write(write_line({"end": end}), more=False)

    async def refuse(self, reply: Reply) -> None:
        """End with an error: as the whole answer where nothing has left yet, else as its last line."""
        if not self._begun:
            await reply_with(replace(reply, headers=(*reply.headers, _CLOSE)), self._request_id, self._send)
            return
        error = {"status": reply.status, "message": reply.value}
        try:
            await self._write(write_line({"error": error, **self._counts()}), more=False)
        except TimeoutError:
            return

    def _filtered(self, header: Header, lines: list[bytes]) -> tuple[bytes, FilterReport]:
        """What may leave of a chunk; in the ledger before this returns."""
        try:
            answer = filter_document(self._engines, header.of(read_records(lines)))
        except BadInput as error:
            where = f"In the {len(lines)} records after the first {self._passed}, counted there from 0:"
            raise BadInput(f"{where} {error.message}", error.remedy) from error
        return b"".join(write_line({"record": record}) for record in answer.document), answer.report

    async def _write(self, body: bytes, *, more: bool = True) -> None:
        async with asyncio.timeout(PATIENCE):
            if not self._begun:
                self._begun = True
                headers = own_headers(NDJSON.encode(), self._request_id)
                await self._send({"type": "http.response.start", "status": 200, "headers": [*headers, _CLOSE]})
            await self._send({"type": "http.response.body", "body": body, "more_body": more})

    def _counts(self) -> dict[str, int]:
        return {"received": self._received, "released": self._released}


def _never(_engines: Engines, _caller: str, _body: bytes) -> Any:
    raise NotImplementedError  # a stream's body is never read as a whole

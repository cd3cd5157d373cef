"""The middleware where an API's answers are more than one flat list: shapes by route, and lines without end."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from beholden.client import RecordSet, Shape
from beholden.journeys.access import add_platform_key
from beholden.journeys.disclose import PersonRef
from beholden.model.app import Ask
from beholden.model.errors import BadInput
from beholden.model.person import Choice
from beholden.model.person import Scope as Switch
from beholden.web import gate_api
from beholden.web.middleware import Caller, Guard, Guarded, InProcess, OverHttp
from tests.web.live import serving

CALLER = Caller("quiz", PersonRef("ann"), "service")
NDJSON = "application/x-ndjson"
MUTUAL = RecordSet("/mutual", ("/user/id",), {"name": "/user/name"}, field="friends")
FRIENDS = RecordSet("/data/friends", ("/user/id",), {"name": "/user/name"}, sets=(MUTUAL,))
SHAPE = Shape((FRIENDS, RecordSet("/data/me", ("/uid",), single=True)), keep=("/version",))


@pytest.fixture
def house(house):
    """Ann gave the quiz her friends' names and whom they know; only those whose number ends in 7 do not allow it."""
    house.policy("2014")
    quiz = house.app(client_id="quiz", asks=(Ask("identity", "service", through=True),))
    house.grant(house.person("ann"), quiz, ("name",), ("name", "friends"))
    numbers = house.people([f"f{n}" for n in range(3_000)])
    with house.engines.store.write() as unit:
        for number in numbers[7::10]:
            unit.directory.choose(Choice(number, Switch.INDIRECT, "", False, house.clock.now()))
    return house


def resolve(scope: Scope) -> Caller:
    """It is always the quiz."""
    return CALLER


def friend(n: int, *mutual: int) -> dict:
    """One friend, with whom they know."""
    within = [{"user": {"id": f"f{m}", "name": f"F {m}"}} for m in mutual]
    return {"user": {"id": f"f{n}", "name": f"F {n}", "mail": "x"}, "mutual": within, "score": 3}


def answering(build: Callable[[], Response]) -> Starlette:
    """A platform's API that answers everything in one way."""

    async def answer(request: Request) -> Response:
        return build()

    return Starlette(routes=[Route("/{path:path}", answer)])


def get(app: ASGIApp, path: str = "/v1") -> httpx.Response:
    """One request, without a socket."""

    async def call() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://platform.test") as client:
            return await client.get(path)

    return asyncio.run(call())


def guarded(house, build: Callable[[], Response], records: str | Shape = SHAPE, **more: object) -> Guarded:
    """The middleware around an API."""
    return Guarded(answering(build), InProcess(house.engines), [Guard("/v1", records, resolve, **more)])


def receipts(house) -> int:
    """How many disclosures the ledger has."""
    return len(list(house.engines.ledger.disclosures()))


DOCUMENT = {
    "version": 2,
    "total": 3,
    "data": {"friends": [friend(1, 2, 7), friend(7, 1), friend(3)], "me": {"uid": "ann", "name": "Ann"}, "raw": "f7"},
}


def test_law_2_a_shape_finds_people_at_several_places_and_within_each_other(house):
    answer = get(guarded(house, lambda: JSONResponse(DOCUMENT)))
    assert answer.status_code == 200
    document = answer.json()
    assert set(document) == {"version", "data"}
    assert set(document["data"]) == {"friends", "me"}
    first, third = document["data"]["friends"]
    assert [one["user"]["name"] for one in first["mutual"]] == ["F 2"]
    assert set(third) == {"user", "mutual"}
    assert not re.search(rb'"f\d', answer.content)
    assert b'"ann"' not in answer.content
    assert receipts(house) == 4


def test_law_3_a_shape_for_an_unknown_person_and_one_who_opted_out_looks_the_same(house):
    lone = Shape((RecordSet("/user", ("/id",), sets=(RecordSet("/mutual", field="friends"),), single=True),))

    def seen(n: object, status: int = 200) -> tuple[int, bytes]:
        body = {"user": {"id": n, "name": "N", "mutual": [{"id": "f1"}]}}
        answer = get(guarded(house, lambda: JSONResponse(body, status), lone))
        return answer.status_code, answer.content

    assert seen("f1")[0] == 200
    assert seen("f7") == seen("nobody") == seen("f17") == seen("f1", 404)
    assert seen("f7")[0] == 404
    nobody_there = get(guarded(house, lambda: JSONResponse({"error": "f7"}, 404)))
    assert nobody_there.status_code == 200
    assert nobody_there.json() == {"data": {"friends": []}}


def test_a_member_or_a_pointer_names_the_person_of_a_plain_guard(house):
    body = {"friends": [{"who": {"id": "f1"}, "name": "F 1"}]}
    (one,) = get(guarded(house, lambda: JSONResponse(body), "/friends", person="/who/id")).json()["friends"]
    assert one["name"] == "F 1"
    assert one["who"]["id"] != "f1"


def test_over_http_a_shape_goes_through_the_same_gate(house):
    key = add_platform_key(house.engines, "api").secret
    near = get(guarded(house, lambda: JSONResponse(DOCUMENT))).json()

    async def call() -> httpx.Response:
        async with httpx.AsyncClient() as wire:
            app = Guarded(
                answering(lambda: JSONResponse(DOCUMENT)), OverHttp(wire, url, key), [Guard("/v1", SHAPE, resolve)]
            )
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://p.test") as client:
                return await client.get("/v1")

    with serving(Starlette(routes=gate_api.routes(house.engines))) as url:
        assert asyncio.run(call()).json() == near


def streaming(*pieces: bytes, fails: bool = False) -> Callable[[], Response]:
    """An answer in pieces, which may break."""

    async def body() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece
        if fails:
            raise RuntimeError("f7 is in here")

    return lambda: StreamingResponse(body(), media_type=NDJSON)


def lines(start: int, end: int) -> bytes:
    """Friends, a line each."""
    return b"".join(json.dumps({"id": f"f{n}", "name": f"F {n}", "x": "y"}).encode() + b"\n" for n in range(start, end))


def names(answer: httpx.Response) -> list[str]:
    """Who is in the lines."""
    return [json.loads(one)["name"] for one in answer.text.splitlines()]


def shown(start: int, end: int) -> list[str]:
    """Who should be."""
    return [f"F {n}" for n in range(start, end) if n % 10 != 7]


def test_lines_pass_chunk_by_chunk_with_what_may_leave(house):
    whole = lines(0, 2_500)
    pieces = [whole[n : n + 10_007] for n in range(0, len(whole), 10_007)]
    answer = get(guarded(house, streaming(*pieces), "", lines=True))
    assert answer.status_code == 200
    assert answer.headers["content-type"] == NDJSON
    assert answer.headers["cache-control"] == "private, no-store"
    assert names(answer) == shown(0, 2_500)
    assert all(set(json.loads(one)) == {"id", "name"} for one in answer.text.splitlines())
    assert receipts(house) == 2_250


def test_law_3_lines_of_nobody_and_a_404_are_both_empty(house):
    def seen(build: Callable[[], Response]) -> tuple[int, bytes, list]:
        answer = get(guarded(house, build, "", lines=True))
        return answer.status_code, answer.content, sorted(answer.headers.items())

    missing = seen(lambda: JSONResponse({"error": "f7"}, 404))
    assert missing == seen(streaming(lines(7, 8))) == seen(streaming())
    assert missing[:2] == (200, b"")


@pytest.mark.parametrize(
    ("build", "status"),
    [
        (lambda: JSONResponse([]), 502),
        (lambda: PlainTextResponse("f7"), 502),
        (lambda: Response(lines(0, 1), media_type=NDJSON, headers={"content-encoding": "gzip"}), 502),
        (lambda: Response(lines(0, 1), 206, media_type=NDJSON), 502),
        (lambda: JSONResponse("f7", 403), 403),
        (streaming(b"{\n"), 502),
        (streaming(lines(0, 3) + b'{"name":"whose?"}\n'), 502),
        (streaming(b"x" * (1 << 20), b"x"), 502),
        (streaming(fails=True), 502),
        (streaming(lines(0, 3)[:-5], fails=True), 502),
    ],
)
def test_lines_that_are_not_understood_do_not_leave(house, build, status):
    answer = get(guarded(house, build, "", lines=True))
    assert answer.status_code == status
    assert b"f7" not in answer.content
    assert receipts(house) == 0


@contextmanager
def reading(app: ASGIApp) -> Iterator[httpx.Response]:
    """An answer over a real socket, as it comes."""
    with serving(app) as url, httpx.stream("GET", url + "/v1", timeout=10) as answer:
        yield answer


def test_lines_that_break_in_the_middle_end_without_an_end(house):
    app = guarded(house, streaming(lines(0, 2_000), lines(2_000, 2_100)[:-9], fails=True), "", lines=True)
    came = b""
    with reading(app) as answer, pytest.raises(httpx.RemoteProtocolError):
        assert answer.status_code == 200
        for piece in answer.iter_raw():
            came += piece
    found = [json.loads(one)["name"] for one in came.splitlines()]
    assert found == shown(0, 2_100)[: len(found)]
    assert 1_800 <= len(found) == receipts(house)
    assert b'"f7"' not in came


def test_an_app_that_hangs_up_stops_the_platforms_work(house):
    made = stopped = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal made, stopped
        try:
            while True:
                made += 1
                yield b"".join(json.dumps({"id": "f1", "name": "x" * 5_000}).encode() + b"\n" for _ in range(100))
        finally:
            stopped += 1

    def build() -> Response:
        return StreamingResponse(endless(), media_type=NDJSON)

    with serving(guarded(house, build, "", lines=True)) as url:
        with httpx.stream("GET", url + "/v1", timeout=10) as answer:
            next(answer.iter_raw())
        for _ in range(100):
            if stopped:
                break
            asyncio.run(asyncio.sleep(0.05))
    assert stopped == 1
    assert made < 1_000


def test_a_store_that_goes_away_breaks_the_lines_off(house):
    async def body() -> AsyncIterator[bytes]:
        yield lines(0, 1_000)
        await asyncio.sleep(0.3)
        (house.data.parent / "clock").unlink()
        yield lines(1_000, 2_000)

    app = guarded(house, lambda: StreamingResponse(body(), media_type=NDJSON), "", lines=True)
    came = b""
    with reading(app) as answer, pytest.raises(httpx.RemoteProtocolError):
        for piece in answer.iter_raw():
            came += piece
    assert len(came.splitlines()) == receipts(house) == 900


def test_the_inner_application_gets_the_request_as_it_came(house):
    async def echo(scope: Scope, receive: Receive, send: Send) -> None:
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        await Response(body, media_type=NDJSON)(scope, receive, send)

    app = Guarded(echo, InProcess(house.engines), [Guard("/v1", "", resolve, lines=True)])
    with serving(app) as url:
        answer = httpx.post(url + "/v1", content=iter([lines(0, 400), lines(400, 800)]))
    assert names(answer) == shown(0, 800)


@pytest.mark.parametrize(
    "changes",
    [
        {"records": "/friends"},
        {"records": "", "single": True},
        {"records": Shape((RecordSet("/a"),))},
        {"records": Shape((RecordSet("/a"),), keep=("/b",))},
    ],
)
def test_lines_have_one_shape_only(house, changes):
    with pytest.raises(BadInput):
        Guarded(
            answering(streaming()), InProcess(house.engines), [Guard("/v1", resolve=resolve, lines=True, **changes)]
        )

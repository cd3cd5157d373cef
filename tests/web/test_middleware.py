"""The middleware around a platform's own API: what it does not understand does not leave."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from beholden.backends.sql.store import SqlStore
from beholden.journeys.access import add_platform_key
from beholden.journeys.disclose import PersonRef
from beholden.model.app import Ask
from beholden.model.errors import BadInput, NotAllowed
from beholden.model.person import Choice
from beholden.model.person import Scope as Switch
from beholden.web import gate_api
from beholden.web.middleware import Caller, Guard, Guarded, InProcess, OverHttp
from tests.web.live import serving

FRIENDS = [{"id": "bea", "name": "Bea", "politics": "x"}, {"id": "cas", "name": "Cas"}, {"id": "nobody", "name": "N"}]
PAGE = {"friends": FRIENDS, "total": 3, "paging": {"next": "cursor", "previous": "cas"}}
CALLER = Caller("quiz", PersonRef("ann"), "service")


@pytest.fixture
def house(house):
    """Ann gave the quiz her friends' basic fields; Bea allows it, Cas does not."""
    quiz = house.app(client_id="quiz", asks=(Ask("identity", "service", through=True),))
    house.grant(house.person("ann"), quiz, ("name",), ("name",))
    bea = house.person("bea")
    house.person("cas")
    with house.engines.store.write() as unit:
        unit.directory.choose(Choice(bea, Switch.INDIRECT, "", True, house.clock.now()))
    return house


def answering(response: Response) -> Starlette:
    """A platform's API that answers everything in one way."""

    async def answer(request: Request) -> Response:
        return response

    return Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "POST", "HEAD", "OPTIONS"])])


def resolve(scope: Scope) -> Caller | None:
    """Whoever shows a token is the quiz, on Ann's word."""
    return CALLER if any(name == b"authorization" for name, _ in scope["headers"]) else None


GUARD = Guard("/v1/friends", "/friends", resolve)


def guarded(house, inner: object = None, **changes: object) -> Guarded:
    """The middleware around an API, with one guard."""
    inner = inner if callable(inner) else answering(inner or JSONResponse(PAGE))
    return Guarded(inner, InProcess(house.engines), [replace(GUARD, **changes)], open_paths=["/healthz"])


def get(app: object, path: str = "/v1/friends", method: str = "GET", **headers: str) -> httpx.Response:
    """One request with a token, without a socket."""

    async def call() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://platform.test") as client:
            return await client.request(method, path, headers={"authorization": "Bearer x", **headers})

    return asyncio.run(call())


def receipts(house) -> int:
    """How many disclosures the ledger has."""
    return len(list(house.engines.ledger.disclosures()))


def test_only_what_the_gate_releases_passes_and_it_is_recorded(house):
    answer = get(guarded(house))
    assert answer.status_code == 200
    document = answer.json()
    assert list(document) == ["friends"], "a count and a cursor would tell of those who were left out"
    (bea,) = document["friends"]
    assert bea["name"] == "Bea"
    assert bea["id"] != "bea"
    assert set(bea) == {"id", "name"}
    assert receipts(house) == 1
    assert answer.headers["cache-control"] == "private, no-store"
    assert int(answer.headers["content-length"]) == len(answer.content)


def test_what_the_guard_keeps_passes_and_nothing_beside_it(house):
    document = get(guarded(house, keep=("/paging/next",))).json()
    assert document["paging"] == {"next": "cursor"}
    assert "total" not in document


def test_records_can_be_the_whole_document_or_one_object(house):
    (bea,) = get(guarded(house, JSONResponse(FRIENDS), records="")).json()
    assert bea["name"] == "Bea"
    one = get(guarded(house, JSONResponse(FRIENDS[0]), records="", single=True)).json()
    assert one == bea


def test_law_3_an_unknown_person_and_one_who_opted_out_get_one_answer(house):
    def seen(answer: httpx.Response) -> tuple[int, bytes, list[tuple[str, str]]]:
        return answer.status_code, answer.content, sorted(answer.headers.items())

    missing = JSONResponse({"error": "no such person cas"}, 404, {"x-hint": "cas"})
    withheld = JSONResponse({"friends": FRIENDS[1:]})
    assert seen(get(guarded(house, missing))) == seen(get(guarded(house, withheld)))
    single = {"records": "", "single": True}
    of_cas = seen(get(guarded(house, JSONResponse(FRIENDS[1]), **single)))
    assert (
        of_cas
        == seen(get(guarded(house, missing, **single)))
        == seen(get(guarded(house, JSONResponse(FRIENDS[2]), **single)))
    )
    assert b"cas" not in of_cas[1]


@pytest.mark.parametrize(
    "response",
    [
        PlainTextResponse(json.dumps(PAGE)),
        Response(b"{", media_type="application/json"),
        Response(b"", media_type="application/json"),
        Response(b'{"friends":[],"friends":[{"id":"cas","name":"C"}]}', media_type="application/json"),
        Response(b"[" * 5000, media_type="application/json"),
        JSONResponse({"people": FRIENDS}),
        JSONResponse({"friends": {"id": "bea", "name": "Bea"}}),
        JSONResponse({"friends": ["bea"]}),
        JSONResponse({"friends": [{"name": "whose?"}]}),
        JSONResponse(FRIENDS),
        JSONResponse(PAGE, 206),
        JSONResponse(PAGE, 201),
        Response(status_code=204),
        Response(status_code=304, headers={"etag": '"1"'}),
        RedirectResponse("/v1/friends/cas"),
        JSONResponse(PAGE, headers={"content-encoding": "gzip"}),
        JSONResponse(PAGE, 599),
    ],
    ids=lambda response: f"{type(response).__name__} {response.status_code} {response.body[:30]!r}",
)
def test_what_is_not_understood_is_a_502_in_our_words(house, response):
    answer = get(guarded(house, response))
    assert answer.status_code == 502
    assert answer.json() == {"error": "The answer could not be checked, so it was not given."}
    assert receipts(house) == 0


@pytest.mark.parametrize("status", [400, 401, 403, 405, 429, 503])
def test_a_refusal_keeps_its_status_and_not_its_words(house, status):
    words = JSONResponse({"error": "cas is private"}, status, {"x-person": "cas", "retry-after": "7"})
    answer = get(guarded(house, words))
    assert answer.status_code == status
    assert b"cas" not in answer.content
    assert "x-person" not in answer.headers
    assert answer.headers.get("retry-after") == ("7" if status in {401, 429, 503} else None)


def test_headers_of_the_inner_answer_stay_inside(house):
    inner = JSONResponse(
        PAGE, headers={"etag": '"1"', "x-total-count": "3", "link": "</v1?after=cas>", "set-cookie": "a=b"}
    )
    answer = get(guarded(house, inner))
    assert set(answer.headers) == {"content-type", "content-length", "cache-control", "x-content-type-options"}


def test_the_inner_application_is_asked_for_a_whole_plain_answer(house):
    seen: dict[str, str] = {}

    async def inner(scope: Scope, receive: Receive, send: Send) -> None:
        seen.update({name.decode(): value.decode() for name, value in scope["headers"]})
        seen["extensions"] = str(scope["extensions"])
        await JSONResponse(PAGE)(scope, receive, send)

    conditional = {"if-none-match": '"1"', "range": "bytes=0-1", "if-modified-since": "x", "accept-encoding": "gzip"}
    assert get(guarded(house, inner), **conditional).status_code == 200
    assert not set(conditional) & set(seen)
    assert seen["extensions"] == "{}"
    assert seen["authorization"] == "Bearer x"


def broken(kind: str) -> Callable:
    """An application that breaks in one way or another, after having said a name."""

    async def inner(scope: Scope, receive: Receive, send: Send) -> None:
        start = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]}
        body = {"type": "http.response.body", "body": json.dumps(PAGE).encode(), "more_body": kind == "breaks off"}
        if kind == "says nothing":
            return
        if kind == "body first":
            await send(body)
        await send(start)
        if kind == "starts twice":
            await send(start)
        if kind == "sends a file":
            await send({"type": "http.response.pathsend", "path": "/etc/hostname"})
            return
        await send(body)
        if kind == "goes on":
            await send(body)
        if kind == "raises":
            raise RuntimeError("cas")

    return inner


@pytest.mark.parametrize(
    "kind", ["says nothing", "body first", "starts twice", "sends a file", "breaks off", "goes on"]
)
def test_an_application_out_of_order_is_a_502(house, kind):
    answer = get(guarded(house, broken(kind)))
    assert answer.status_code == 502
    assert b"cas" not in answer.content
    assert receipts(house) == 0


def test_an_answer_without_end_is_cut_off(house):
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while True:
            sent += 1 << 16
            yield b" " * (1 << 16)

    inner = answering(StreamingResponse(endless(), media_type="application/json"))
    app = Guarded(inner, InProcess(house.engines), [GUARD], largest=1 << 20)
    assert get(app).status_code == 502
    assert sent < 1 << 22


def test_a_body_in_parts_is_put_together(house):
    async def parts() -> AsyncIterator[bytes]:
        for byte in json.dumps(PAGE).encode():
            yield bytes([byte])

    answer = get(guarded(house, StreamingResponse(parts(), media_type="application/json")))
    assert [record["name"] for record in answer.json()["friends"]] == ["Bea"]


def test_a_head_request_is_refused(house):
    answer = get(guarded(house), method="HEAD")
    assert (answer.status_code, answer.content) == (405, b"")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/friends", 200),
        ("/v1/friends/", 200),
        ("/v1/friends/bea", 200),
        ("/healthz", 200),
        ("/v1/friendship", 404),
        ("/v1", 404),
        ("/V1/friends", 404),
        ("/", 404),
        ("//v1/friends", 400),
        ("/healthz/../v1/friends", 400),
        ("/healthz/%2e%2e/v1/friends", 400),
        ("/healthz/%2E%2E%2Fv1/friends", 400),
        ("/healthz/./x", 400),
        ("/healthz%5C..%5Cv1", 400),
    ],
)
def test_a_path_is_guarded_opened_or_refused(house, path, status):
    async def call() -> tuple[int, bytes]:
        told: list[dict] = []

        async def send(message: dict) -> None:
            told.append(message)

        scope = {
            "type": "http",
            "method": "GET",
            "path": str(httpx.QueryParams(f"p={path}")["p"]),
            "headers": [(b"authorization", b"x")],
            "extensions": {},
        }
        await guarded(house)(scope, None, send)
        return told[0]["status"], b"".join(message.get("body", b"") for message in told[1:])

    found, body = asyncio.run(call())
    assert found == status
    assert (b"Cas" in body) is (path == "/healthz"), "an open path passes as it is, nothing else does"


def test_the_longest_prefix_counts(house):
    guards = [replace(GUARD, prefix="/v1/open/people", records="/friends")]
    app = Guarded(answering(JSONResponse(PAGE)), InProcess(house.engines), guards, open_paths=["/v1/open"])
    assert b"Cas" in get(app, "/v1/open/other").content
    assert b"Cas" not in get(app, "/v1/open/people").content


def test_who_is_nobody_is_asked_to_show_who_they_are(house):
    async def nobody(scope: Scope) -> None:
        return None

    def not_allowed(scope: Scope) -> Caller:
        raise NotAllowed("no")

    def breaks(scope: Scope) -> Caller:
        raise RuntimeError("the token server is away")

    never = broken("raises")
    for resolver, status in ((nobody, 401), (not_allowed, 403), (breaks, 503)):
        assert get(guarded(house, never, resolve=resolver)).status_code == status
    assert receipts(house) == 0


def test_a_socket_to_a_guarded_path_is_closed(house):
    told: list[dict] = []

    async def receive() -> dict:
        return {"type": "websocket.connect"}

    async def send(message: dict) -> None:
        told.append(message)

    asyncio.run(guarded(house)({"type": "websocket", "path": "/v1/friends", "headers": []}, receive, send))
    assert [message["type"] for message in told] == ["websocket.close"]


def test_law_4_a_gate_without_its_store_is_a_503(house, tmp_path):
    gone = SqlStore(f"sqlite:///{tmp_path / 'gone' / 'store.db'}")
    house.engines = replace(house.engines, store=gone)
    answer = get(guarded(house))
    assert answer.status_code == 503
    assert b"Bea" not in answer.content
    gone.close()


def test_over_http_it_is_the_same_gate(house):
    key = add_platform_key(house.engines, "api").secret

    async def call(secret: str, port_path: str = "") -> httpx.Response:
        async with httpx.AsyncClient() as wire:
            gate = OverHttp(wire, url + port_path, secret)
            app = Guarded(answering(JSONResponse(PAGE)), gate, [replace(GUARD, fields=("name",))])
            async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://p.test") as client:
                return await client.get("/v1/friends", headers={"authorization": "x"})

    with serving(Starlette(routes=gate_api.routes(house.engines))) as url:
        answer = asyncio.run(call(key))
        assert [record["name"] for record in answer.json()["friends"]] == ["Bea"]
        assert receipts(house) == 1
        assert asyncio.run(call("bhk_" + "x" * 43)).status_code == 503
        assert asyncio.run(call(key, "/elsewhere")).status_code == 503
    assert asyncio.run(call(key)).status_code == 503, "and when it is gone, nothing passes"


@pytest.mark.parametrize(
    "guards",
    [
        [replace(GUARD, records="friends")],
        [GUARD, GUARD],
        [replace(GUARD, keep=("/friends",))],
        [replace(GUARD, keep=("",))],
        [replace(GUARD, records="/data/friends", keep=("/data",))],
        [replace(GUARD, keep=("/friends/0/name",))],
        [replace(GUARD, records="", keep=("/total",))],
    ],
    ids=["no pointer", "twice", "keeps the records", "keeps all", "keeps above", "keeps within", "keeps of a list"],
)
def test_a_guard_that_would_leak_is_refused_at_the_start(house, guards):
    with pytest.raises(BadInput):
        Guarded(answering(JSONResponse(PAGE)), InProcess(house.engines), guards)

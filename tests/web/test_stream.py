"""Answers of any size through the filter, over a real socket: chunk by chunk, in the ledger before it leaves."""

import http.client
import json
import resource
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from urllib.parse import urlsplit

import httpx
import pytest

from beholden.gate.pairwise import scoped_ids
from beholden.journeys.access import add_platform_key
from beholden.model.app import Ask
from beholden.model.person import Choice, Scope
from beholden.web import app as web_app
from beholden.web.gate_api import FILTER
from tests.web.live import serving, spawned

pytestmark = pytest.mark.usefixtures("answered_from")
NDJSON = "application/x-ndjson"
HEADER = {"app": "quiz", "through": "ann", "purpose": "service"}


@pytest.fixture
def key(house) -> str:
    """Ann gave the quiz her friends' names; of f0, f1 … those whose number ends in 7 do not allow it."""
    house.policy("2014")
    quiz = house.app(client_id="quiz", asks=(Ask("identity", "service", through=True),))
    house.grant(house.person("ann"), quiz, ("name",), ("name",))
    numbers = house.people([f"f{n}" for n in range(3_000)])
    with house.engines.store.write() as unit:
        for number in numbers[7::10]:
            unit.directory.choose(Choice(number, Scope.INDIRECT, "", False, house.clock.now()))
    return add_platform_key(house.engines, "tests").secret


@pytest.fixture
def url(house, key) -> Iterator[str]:
    """The server."""
    with serving(web_app.create(house.engines, house.settings)) as url:
        yield url


def line(value: object) -> bytes:
    """One line."""
    return json.dumps(value).encode() + b"\n"


def friends(start: int, end: int, **more: object) -> bytes:
    """Lines of friends."""
    return b"".join(line({"id": f"f{n}", "name": f"F {n}", "politics": "x", **more}) for n in range(start, end))


def post(url: str, key: str, body: bytes, **headers: str) -> httpx.Response:
    """A stream that is small enough to be sent and read in turn."""
    return httpx.post(url + FILTER, content=body, headers={"authorization": f"Bearer {key}", **TYPE, **headers})


TYPE = {"content-type": NDJSON}


class Duplex:
    """A caller who writes while it reads."""

    def __init__(self, url: str, key: str) -> None:
        self._wire = http.client.HTTPConnection(urlsplit(url).netloc, timeout=20)
        self._wire.putrequest("POST", FILTER)
        for name, value in {"authorization": f"Bearer {key}", **TYPE, "transfer-encoding": "chunked"}.items():
            self._wire.putheader(name, value)
        self._wire.endheaders()
        self._socket = self._wire.sock  # http.client forgets it as soon as an answer says that it is the last
        self._answer: http.client.HTTPResponse | None = None

    def send(self, body: bytes) -> None:
        """Some more of the body; none of it ends it."""
        self._socket.sendall(b"%x\r\n%s\r\n" % (len(body), body))

    def lines(self) -> Iterator[dict]:
        """What comes back, as it comes."""
        if self._answer is None:
            self._answer = self._wire.getresponse()
            assert self._answer.status == 200, self._answer.read()
        while one := self._answer.readline():
            yield json.loads(one)

    def hang_up(self) -> None:
        """Be gone, whoever is still sending."""
        self._socket.shutdown(socket.SHUT_RDWR)
        self.close()

    def close(self) -> None:
        """Give the socket back."""
        if self._answer is not None:
            self._answer.close()
        self._wire.close()
        self._socket.close()


def disclosed(house) -> list[int]:
    """Whose data the ledger says left."""
    return [receipt.person for receipt in house.engines.ledger.disclosures()]


def test_lines_go_in_and_lines_come_out_and_the_last_says_that_it_is_the_last(house, url, key):
    answer = post(url, key, line(HEADER) + friends(0, 2_500), **{"x-request-id": "r-1"})
    assert answer.status_code == 200
    assert answer.headers["content-type"] == NDJSON
    assert answer.headers["x-request-id"] == "r-1"
    assert answer.headers["cache-control"] == "no-store"
    *records, end = [json.loads(one) for one in answer.text.splitlines()]
    assert [one["record"]["name"] for one in records] == [f"F {n}" for n in range(2_500) if n % 10 != 7]
    assert all(set(one["record"]) == {"id", "name"} for one in records)
    assert (end["end"]["received"], end["end"]["released"]) == (2_500, 2_250)
    assert end["end"]["reasons"]["indirect_off"] == 2 * 250, "the name and the politics of every tenth"
    with house.engines.store.read() as unit:
        app = unit.directory.app("quiz")
    assert [one["record"]["id"] for one in records] == scoped_ids(house.engines.pairwise, app.number, disclosed(house))


def test_an_empty_list_is_an_end_and_blank_lines_are_nothing(house, url, key):
    assert json.loads(post(url, key, line(HEADER)).text) == {"end": {"received": 0, "released": 0, "reasons": {}}}
    answer = post(url, key, b"\n" + line(HEADER) + b"\r\n \n" + friends(0, 1).rstrip())
    assert [set(json.loads(one)) for one in answer.text.splitlines()] == [{"record"}, {"end"}]


def test_people_within_records_are_streamed_too(house, url, key):
    inner = {"records": "/knows", "person": "/id", "fields": {"name": "/name"}, "field": "friends"}
    header = {**HEADER, "person": "/who/id", "fields": {"name": "/who/name"}, "sets": [inner]}
    rows = [{"who": {"id": f"f{n}", "name": "N"}, "knows": [{"id": "f1"}]} for n in range(250)]
    *records, end = post(url, key, line(header) + b"".join(map(line, rows))).text.splitlines()
    assert json.loads(end)["end"]["received"] == 500
    assert json.loads(end)["end"]["released"] == len(records) == 225, "nobody granted whom they know"
    assert "knows" not in records[0]


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", "body is empty"),
        (b"\n\n", "body is empty"),
        (b"[]\n", "not a JSON object"),
        (line({**HEADER, "records": []}), "no member 'records'"),
        (line({**HEADER, "document": {}}), "no member 'document'"),
        (line({"app": "quiz"}), "through"),
        (line(HEADER) + b"{}\n", "Record 0 has no text"),
        (line(HEADER) + friends(0, 2) + b'{"id":"f1","id":"f2"}\n', "Record 2: The key 'id' stands twice"),
        (line(HEADER) + friends(0, 1, blob="x" * (1 << 20)), "longer than"),
        (line({**HEADER, "keep": ["/id"]}), "lies within"),
    ],
    ids=lambda value: value[:20] if isinstance(value, str) else None,
)
def test_a_mistake_before_anything_left_is_a_plain_refusal(house, url, key, body, told):
    answer = post(url, key, body)
    assert answer.status_code == 400
    assert told in answer.json()
    assert disclosed(house) == []


def test_a_caller_without_a_key_is_refused_before_it_is_read(house, url):
    assert post(url, "bhk_" + "x" * 43, line(HEADER)).status_code == 401
    assert post(url, "x", line(HEADER), **{"content-encoding": "gzip"}).status_code == 415
    assert httpx.put(url + FILTER, content=line(HEADER), headers=TYPE).status_code == 405


def test_a_mistake_in_the_middle_ends_with_an_error_and_nothing_of_its_chunk_leaves(house, url, key):
    answer = post(url, key, line(HEADER) + friends(0, 1_500) + b"{}\n" + friends(1_500, 2_900))
    *records, end = [json.loads(one) for one in answer.text.splitlines()]
    assert len(records) == 900, "the first chunk, and nothing after it"
    assert end["error"]["status"] == 400
    assert "after the first 1000" in end["error"]["message"]
    assert "Record 500 has no text" in end["error"]["message"]
    assert (end["received"], end["released"]) == (1_000, 900)
    assert len(disclosed(house)) == 900


@contextmanager
def calling(url: str, key: str) -> Iterator[Duplex]:
    """A caller whose connection is closed in the end."""
    with closing(Duplex(url, key)) as caller:
        yield caller


def test_law_5_a_ban_in_the_middle_holds_from_the_next_chunk_on(house, url, key):
    with calling(url, key) as caller:
        caller.send(line(HEADER) + friends(0, 5))
        lines = caller.lines()
        assert [next(lines)["record"]["name"] for _ in range(5)] == [f"F {n}" for n in range(5)]
        with house.engines.store.write() as unit:
            for n in (5, 6):
                person = unit.directory.numbers([f"f{n}"])[f"f{n}"]
                unit.directory.choose(Choice(person, Scope.ALL, "", False, house.clock.now()))
        caller.send(friends(5, 9))
        assert next(lines)["record"]["name"] == "F 8"
        caller.send(b"")
        assert next(lines)["end"]["released"] == 6
        assert list(lines) == []
    assert len(disclosed(house)) == 6


def test_law_1_without_room_in_the_ledger_the_stream_ends_there(house, url, key):
    with calling(url, key) as caller:
        caller.send(line(HEADER) + friends(0, 5))
        lines = caller.lines()
        assert len([next(lines) for _ in range(5)]) == 5
        longest = max(file.stat().st_size for file in (house.data / "ledger").rglob("*") if file.is_file())
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (longest, before[1]))
        try:
            caller.send(friends(10, 15))
            caller.send(b"")
            told = list(lines)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [set(one) for one in told] == [{"error", "received", "released"}]
    assert told[0]["error"]["status"] == 503
    assert (told[0]["received"], told[0]["released"]) == (5, 5)
    assert len(disclosed(house)) == 5


def test_law_1_of_a_server_killed_between_chunks_all_that_left_is_in_the_ledger(house, key):
    with spawned(house.data) as (url, server), calling(url, key) as caller:
        threading.Thread(target=pour, args=(caller,), daemon=True).start()
        lines, came = caller.lines(), []
        with pytest.raises((http.client.HTTPException, OSError, StopIteration, json.JSONDecodeError)):
            while True:
                came.append(next(lines)["record"]["id"])
                if len(came) == 1_000:
                    server.kill()
    assert 1_000 <= len(came) < 2_700, "it was cut off, and no last line hid that"
    with house.engines.store.read() as unit:
        app = unit.directory.app("quiz")
    recorded = scoped_ids(house.engines.pairwise, app.number, disclosed(house))
    assert came == recorded[: len(came)]


def pour(caller: Duplex) -> None:
    """Three chunks, the third of which waits for its end."""
    try:
        caller.send(line(HEADER) + friends(0, 2_999))
    except OSError:
        return


def test_a_caller_who_does_not_read_holds_the_server_back_and_one_who_hangs_up_stops_it(house, url, key):
    """The wide records are far more than sockets buffer, so that a server which did not wait would decide them all."""
    caller = Duplex(url, key)
    sender = threading.Thread(target=pour_wide, args=(caller,), daemon=True)
    sender.start()
    deadline, counts = time.monotonic() + 20, [0, -1]
    while counts[-1] != counts[-2] or not counts[-1]:
        time.sleep(0.4)
        counts.append(house.engines.ledger.size())
        assert time.monotonic() < deadline
    assert 0 < counts[-1] < 2_700
    caller.hang_up()
    sender.join(10)
    time.sleep(0.5)
    stopped = house.engines.ledger.size()
    time.sleep(0.5)
    assert house.engines.ledger.size() == stopped < 2_700


def pour_wide(caller: Duplex) -> None:
    """Thirty megabytes."""
    try:
        caller.send(line(HEADER))
        for n in range(0, 3_000, 50):
            caller.send(b"".join(line({"id": f"f{m}", "name": "x" * 10_000}) for m in range(n, n + 50)))
        caller.send(b"")
    except OSError:
        return


def test_law_4_a_store_that_goes_away_ends_the_stream(house, url, key):
    with calling(url, key) as caller:
        caller.send(line(HEADER) + friends(0, 3))
        lines = caller.lines()
        assert len([next(lines) for _ in range(3)]) == 3
        (house.data.parent / "clock").unlink()
        caller.send(friends(3, 6))
        assert next(lines)["error"]["status"] == 503
        assert list(lines) == []
    assert len(disclosed(house)) == 3

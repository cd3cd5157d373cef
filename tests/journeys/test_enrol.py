"""People, developers and apps come in whole, or not at all."""

import io
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from beholden.journeys import enrol
from beholden.journeys.enrol import BadLines
from beholden.model.app import Ask
from beholden.model.errors import BadInput, BeholdenError, Conflict, NotFound
from beholden.model.standing import Standing
from tests.conftest import House

HEADER = b"outside_id,name,email\n"
ASKS = (Ask("identity", "log in", required=True), Ask("likes", "recommendations"))
REDIRECT = ("https://app.example/back",)


def imported(house: House, text: bytes, form: str = "csv") -> enrol.ImportReport:
    return enrol.import_people(house.engines, io.BytesIO(text), form)


def names(house: House) -> dict[str, tuple[str, str]]:
    with house.engines.store.read() as unit:
        count = unit.directory.count_people()
        people = unit.directory.people([*range(1, count + 1)])  # type: ignore[list-item]
    return {p.outside_id: (p.name, p.email) for p in people.values()}


def test_a_csv_file_is_enrolled(house: House) -> None:
    text = HEADER + 'a,Anna,anna@x.example\r\n\r\n"b","Böll, Heinrich",\n日本,名前,n@x.example'.encode()
    assert imported(house, text) == enrol.ImportReport(3, 3)
    assert names(house) == {
        "a": ("Anna", "anna@x.example"),
        "b": ("Böll, Heinrich", ""),
        "日本": ("名前", "n@x.example"),
    }


def test_columns_may_stand_in_any_order_and_a_byte_order_mark_is_passed_over(house: House) -> None:
    imported(house, b"\xef\xbb\xbfemail,outside_id,name\n,a,Anna\n")
    assert names(house) == {"a": ("Anna", "")}


def test_a_file_of_json_lines_is_enrolled(house: House) -> None:
    rows = [{"outside_id": f"u{n}", "name": "N", "email": ""} for n in range(3)]
    assert imported(house, "\n".join(map(json.dumps, rows)).encode(), "jsonl") == enrol.ImportReport(3, 3)


def test_importing_again_adds_nobody_and_the_last_line_of_an_id_counts(house: House) -> None:
    imported(house, HEADER + b"a,Anna,\n")
    assert imported(house, HEADER + b"a,Anne,\nb,Bo,\na,Anja,x@y.example\n") == enrol.ImportReport(3, 1)
    assert names(house) == {"a": ("Anja", "x@y.example"), "b": ("Bo", "")}


@pytest.mark.parametrize(
    ("text", "form", "line", "why"),
    [
        (b"", "csv", 1, "The header must be outside_id,name,email."),
        (b"\n \n", "csv", 1, "The header must be outside_id,name,email."),
        (b"id,name\na,b\n", "csv", 1, "The header must be outside_id,name,email."),
        (b"outside_id,name,email,email\n", "csv", 1, "The header must be outside_id,name,email."),
        (HEADER + b"a,Anna\n", "csv", 2, "It has 2 columns instead of 3."),
        (HEADER + b"a,b,c,d\n", "csv", 2, "It has 4 columns instead of 3."),
        (HEADER + b'a,"Anna,x\n', "csv", 2, "It is not CSV (unexpected end of data)."),
        (HEADER + b",Anna,\n", "csv", 2, "The outside_id must have 1 to 200 characters. Mend it."),
        (HEADER + b"a,,\n", "csv", 2, "The name must have 1 to 200 characters. Mend it."),
        (HEADER + b"a," + b"n" * 201 + b",\n", "csv", 2, "The name must have 1 to 200 characters. Mend it."),
        (HEADER + b"a,An\x00na,\n", "csv", 2, "The name has the unseen character U+0000. Take it out."),
        (HEADER + b"a,An\x1bna,\n", "csv", 2, "The name has the unseen character U+001B. Take it out."),
        (HEADER + "a,An\u202ena,\n".encode(), "csv", 2, "The name has the unseen character U+202E. Take it out."),
        (HEADER + b"a,An\xffna,\n", "csv", 2, "It is not UTF-8."),
        (HEADER + b"a," + b"n" * 5_000 + b",\nb,Bo,\n", "csv", 2, "It is longer than 4096 bytes."),
        (b"[]\n", "jsonl", 1, "It must be an object with the keys outside_id, name, email."),
        (b'{"outside_id": "a"}\n', "jsonl", 1, "It must be an object with the keys outside_id, name, email."),
        (b'{"outside_id": 7, "name": "A", "email": ""}\n', "jsonl", 1, "outside_id is not a text."),
        (b'{"outside_id": "a", "outside_id": "b", "name": "A", "email": ""}', "jsonl", 1, "A key stands twice."),
        (b"{nonsense}\n", "jsonl", 1, "It is not JSON."),
        (b"[" * 4_000, "jsonl", 1, "It is not JSON."),
        (b'{"outside_id": "a\\ud800", "name": "A", "email": ""}', "jsonl", 1, "has the unseen character U+D800"),
    ],
)
def test_a_bad_line_is_named_and_nothing_is_written(house: House, text: bytes, form: str, line: int, why: str) -> None:
    good = HEADER + b"good,Good,\n" if form == "csv" and text.startswith(HEADER) else b""
    with pytest.raises(BadLines, match="Nothing was written") as raised:
        imported(house, text.replace(HEADER, good) if good else text, form)
    ((number, said),) = raised.value.lines
    assert number == line + bool(good)
    assert why in said
    assert names(house) == {}
    assert house.engines.ledger.size() == 0


def test_every_bad_line_is_counted_and_the_first_twenty_are_named(house: House) -> None:
    with pytest.raises(BadLines) as raised:
        imported(house, HEADER + b"a,Anna,\n" + b"nonsense\n" * 50)
    assert raised.value.bad == 50
    assert [number for number, _ in raised.value.lines] == list(range(3, 23))


def test_a_form_that_is_not_known_is_refused(house: House) -> None:
    with pytest.raises(BadInput, match="xml"):
        imported(house, b"<a/>", "xml")


class _Changing(io.BytesIO):
    """A file that somebody rewrites between the two readings."""

    def seek(self, offset: int, whence: int = 0) -> int:
        self.truncate(len(HEADER) + 8)
        super().seek(0, 2)
        self.write(b"broken")
        return super().seek(offset, whence)


def test_a_file_that_changes_while_it_is_read_is_said_to_have(house: House) -> None:
    with pytest.raises(Conflict, match="changed while it was read"):
        enrol.import_people(house.engines, _Changing(HEADER + b"a,Anna,\nb,Bo,\n"), "csv")


def test_an_import_is_written_batch_by_batch(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(enrol, "BATCH", 100)
    told: list[int] = []
    text = HEADER + b"".join(b"u%d,Name,u%d@people.example\n" % (n, n) for n in range(250))
    report = enrol.import_people(house.engines, io.BytesIO(text), "csv", progress=told.append)
    assert report == enrol.ImportReport(250, 250)
    assert told == [100, 200, 250]
    assert len(names(house)) == 250


def test_law_12_an_import_is_in_the_ledger_without_a_name(house: House) -> None:
    imported(house, HEADER + b"a,Anna,anna@x.example\n")
    (act,) = house.engines.ledger.acts()
    assert (act.verb, dict(act.details)) == ("people:enrol", {"lines": 1})


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300), st.sampled_from(["csv", "jsonl"]))
def test_any_bytes_are_enrolled_or_refused_and_never_a_crash(house: House, data: bytes, form: str) -> None:
    try:
        imported(house, (HEADER if form == "csv" else b"") + data, form)
    except BadLines as error:
        assert error.lines


def test_a_developer_and_an_app_are_added_and_shown(house: House) -> None:
    developer = enrol.add_developer(house.engines, " Acme Ltd ", "dev@acme.example").developer
    app = enrol.add_app(
        house.engines, developer.number, "Quiz", REDIRECT, ASKS, client_id="quiz", description="Two\nlines."
    )
    view = enrol.show_app(house.engines, "quiz")
    assert (view.app, view.developer.name) == (app, "Acme Ltd")
    assert (view.standing, view.developer_standing, view.people) == (Standing.ACTIVE, Standing.ACTIVE, 0)
    assert not app.verified
    assert [v.app for v in enrol.apps(house.engines, developer.number)] == [app]
    assert [a.verb for a in house.engines.ledger.acts()] == ["developer:add", "app:add"]


def test_an_app_without_a_client_id_gets_one_that_nobody_guesses(house: House) -> None:
    developer = house.developer()
    made = {enrol.add_app(house.engines, developer.number, "Quiz", REDIRECT, ASKS).client_id for _ in range(3)}
    assert len(made) == 3
    assert all(len(id_) > 25 for id_ in made)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"name": " "}, "The name must have 1 to 200 characters."),
        ({"name": "Qu\x07iz"}, "U+0007"),
        ({"name": "Qu\u2066iz"}, "U+2066"),
        ({"description": "x" * 2_001}, "The description must have 0 to 2000 characters."),
        ({"category": ""}, "The category must have 1 to 80 characters."),
        ({"client_id": "a b"}, "The client id 'a b' cannot be used."),
        ({"client_id": "ab"}, "The client id 'ab' cannot be used."),
        ({"client_id": "x" * 81}, "cannot be used"),
        ({"redirect_uris": ()}, "An app has 1 to 10 different redirect URIs."),
        ({"redirect_uris": REDIRECT * 2}, "An app has 1 to 10 different redirect URIs."),
        ({"redirect_uris": ("http://app.example/back",)}, "It must begin with https://"),
        ({"redirect_uris": ("https://app.example/back#x",)}, "It must not have a fragment."),
        ({"redirect_uris": ("https://app.example/b ack",)}, "cannot be registered"),
        ({"redirect_uris": ("https://user@app.example/",)}, "It must name a host, and no user."),
        ({"redirect_uris": ("javascript:alert(1)",)}, "cannot be registered"),
        ({"redirect_uris": ("/back",)}, "cannot be registered"),
        ({"asks": ()}, "An app asks for 1 to 100 clusters."),
        ({"asks": (Ask("shoes", "p"),)}, "The catalogue has no cluster 'shoes'."),
        ({"asks": (Ask("likes", " "),)}, "The purpose must have 1 to 200 characters."),
        ({"asks": (Ask("likes", "p"), Ask("likes", "p "))}, "'likes' is asked for twice for 'p'."),
    ],
)
def test_an_app_that_cannot_be_registered_is_refused_with_the_reason(
    house: House, changed: dict[str, object], sentence: str
) -> None:
    given_: dict[str, object] = {"name": "Quiz", "redirect_uris": REDIRECT, "asks": ASKS, **changed}
    number = house.developer().number
    with pytest.raises(BadInput) as raised:
        enrol.add_app(house.engines, number, **given_)  # type: ignore[arg-type]
    assert sentence in str(raised.value)
    assert enrol.apps(house.engines) == []


@pytest.mark.parametrize("uri", ["http://127.0.0.1:8080/cb", "http://localhost/cb", "https://a.example/cb?x=1"])
def test_a_redirect_to_this_computer_or_by_https_is_taken(house: House, uri: str) -> None:
    app = enrol.add_app(house.engines, house.developer().number, "Quiz", [uri], ASKS)
    assert app.redirect_uris == (uri,)


def test_a_client_id_that_is_taken_and_a_developer_that_is_not_there(house: House) -> None:
    app = house.app()
    with pytest.raises(Conflict, match="already"):
        enrol.add_app(house.engines, app.developer, "Copy", REDIRECT, ASKS, client_id=app.client_id)
    for number in (0, -1, 99, 2**70):
        with pytest.raises(NotFound):
            enrol.add_app(house.engines, number, "Quiz", REDIRECT, ASKS)
    with pytest.raises(NotFound):
        enrol.show_app(house.engines, "nix")


@pytest.mark.parametrize(
    ("name", "email"), [("", "a@b.example"), ("A\nB", "a@b.example"), ("Acme", "nobody"), ("Acme", "a@b@c")]
)
def test_a_developer_without_a_name_or_an_address_is_refused(house: House, name: str, email: str) -> None:
    with pytest.raises(BeholdenError):
        enrol.add_developer(house.engines, name, email)
    assert enrol.developers(house.engines) == []

"""What corroborates stands in the person's own record, never in the neighbour's."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest

from beholden.forensics import examiner
from beholden.forensics.needles import Sought
from tests.forensics.people import Search, crowd, numbers, person
from tests.forensics.readings.encodings import ENCODINGS

ANN = replace(person(1), name="Anna Meyer", values={"city": "Lisbon", "birthday": "1990-05-17"})
BOB = replace(person(2), name="Bert Koch", values={"city": "Porto", "birthday": "1971-01-02"})

Row = tuple[str, str, str]
"""An address, a name, a city."""


def in_json(rows: list[Row], **options: int) -> str:
    return json.dumps([{"mail": mail, "name": name, "city": city} for mail, name, city in rows], **options)  # type: ignore[arg-type]


def in_nested_json(rows: list[Row]) -> str:
    return json.dumps([{"user": {"mail": mail}, "place": {"city": city, "name": name}} for mail, name, city in rows])


def by_key(rows: list[Row]) -> str:
    return json.dumps({str(n): {"mail": mail, "name": name, "city": city} for n, (mail, name, city) in enumerate(rows)})


FORMATS: dict[str, Callable[[list[Row]], str]] = {
    "a table": lambda rows: "\n".join(",".join(row) for row in rows) + "\n",
    "a table with its address last": lambda rows: "\r\n".join(";".join(reversed(row)) for row in rows),
    "a table of quoted values": lambda rows: "\n".join(",".join(f'"{cell}"' for cell in row) for row in rows),
    "tabs": lambda rows: "\n".join("\t".join(row) for row in rows),
    "JSON lines": lambda rows: "\n".join(in_json([row])[1:-1] for row in rows),
    "JSON on one line": in_json,
    "indented JSON": lambda rows: in_json(rows, indent=2),
    "nested JSON": in_nested_json,
    "JSON by key": by_key,
    "a dump on one line": lambda rows: (
        "INSERT INTO t VALUES " + ",".join("('{}','{}','{}')".format(*row) for row in rows)
    ),
    "a dump, a row a line": lambda rows: (
        "INSERT INTO t VALUES\n" + ",\n".join("('{}','{}','{}')".format(*row) for row in rows) + ";\n"
    ),
    "XML": lambda rows: (
        "<all>"
        + "".join("<one><mail>{}</mail><name>{}</name><city>{}</city></one>".format(*row) for row in rows)
        + "</all>"
    ),
    "lines with an empty one between": lambda rows: "\n\n".join(
        "mail: {}\nname: {}\ncity: {}".format(*row) for row in rows
    ),
    "one person a line, by spaces": lambda rows: "\n".join(" ".join(row) for row in rows),
}


@pytest.mark.parametrize("form", FORMATS)
def test_the_neighbours_values_corroborate_nobody(form: str) -> None:
    """Ann's address stands between two strangers who have her town and her name."""
    rows = [
        ("carl.x@post.example", "Anna Meyer", "Lisbon"),
        (ANN.email, "Somebody Else", "Paris"),
        ("dora.y@post.example", "Anna Meyer", "Lisbon"),
    ]
    search = Search([ANN, BOB]).through(FORMATS[form](rows).encode())
    assert search.found == set() and search.alone == {1}


@pytest.mark.parametrize("form", FORMATS)
def test_two_people_side_by_side_do_not_corroborate_each_other(form: str) -> None:
    rows = [(ANN.email, "Bert Koch", "Porto"), (BOB.email, "Anna Meyer", "Lisbon")]
    search = Search([ANN, BOB]).through(FORMATS[form](rows).encode())
    assert search.found == set() and search.alone == {1, 2}


@pytest.mark.parametrize("form", FORMATS)
def test_ones_own_name_or_value_does_in_every_format(form: str) -> None:
    # Where spaces alone part the values, a name of two words shows itself and a town does not.
    told = (("Anna Meyer", "Paris"), ("-", "Lisbon")) if "spaces" not in form else (("Anna Meyer", "Paris"),)
    for name, city in told:
        rows = [
            ("carl.x@post.example", "Carl X", "Rome"),
            (ANN.email, name, city),
            ("dora.y@post.example", "-", "Bonn"),
        ]
        assert Search([ANN, BOB]).through(FORMATS[form](rows).encode()).found == {1}, name


def test_a_neighbour_without_an_address_lends_nothing_either() -> None:
    for form in ("a table", "tabs", "JSON lines", "JSON on one line", "indented JSON", "a dump on one line"):
        text = FORMATS[form]([("", "Carl X", "Lisbon"), (ANN.email, "-", "Paris"), ("", "Dora", "Lisbon")])
        assert Search([ANN]).through(text.encode()).found == set(), form


def test_a_phone_alone_or_with_a_town_convicts_nobody() -> None:
    one = replace(ANN, values={"phone": "+1 212 555 0123", "city": "Lisbon", "birthday": "1990-05-17"})
    for text, found in (
        ("(212) 555-0123\n", set()),
        ("(212) 555-0123,Lisbon\n", set()),
        ("(212) 555-0123,Anna Meyer\n", {1}),
        ("2125550123,Lisbon,1990-05-17\n", {1}),
        (f"{one.email};212-555-0123\n", {1}),
    ):
        assert Search([one]).through(text.encode()).found == found, text


def test_a_phone_that_two_share_is_not_borrowed_from_the_other_one() -> None:
    shared = {"phone": "+1 212 555 0123"}
    ann, bob = replace(ANN, values=shared), replace(BOB, values=shared)
    text = f"{ann.email},x,\n{bob.email},y,2125550123\n"
    search = Search([ann, bob]).through(text.encode())
    assert search.found == {2}


@pytest.mark.parametrize("name", sorted(ENCODINGS))
def test_records_in_every_encoding_are_found_wherever_a_chunk_ends(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    chunk = 1 << 15
    monkeypatch.setattr(examiner, "CHUNK", chunk)
    people: list[Sought] = crowd(2)
    text = "".join(f"{one.email},{one.scoped_id}\n" for one in people).encode()
    coded = b"\n" + ENCODINGS[name](text) + b"\n"
    for before in range(chunk - len(coded) - 1, chunk + 2, 29):
        search = Search(people).through(b"-." * (before // 2) + b"." * (before % 2) + coded + b"- " * 50)
        assert search.found == numbers(people), before
        assert search.coverage.complete

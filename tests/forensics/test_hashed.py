"""Hashed addresses and numbers, as advertising audiences hold them."""

import base64
import hashlib
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beholden.forensics.hashed import Algorithm, Audience, Contact, audience, decoded, digests, find, of_email, of_phone
from beholden.forensics.needles import needles
from beholden.model.ids import PersonNumber
from tests.forensics.people import Search, crowd

ANN = Contact(PersonNumber(7), "Ann.Lee+news@gmail.com", "+49 171 2345678")


def test_an_address_has_a_form_for_each_network() -> None:
    assert of_email(" Ann+x@Mail.Example ") == ("ann+x@mail.example", "ann@mail.example")
    assert of_email("ann@mail.example") == ("ann@mail.example",)
    assert "annlee@gmail.com" in of_email(ANN.email) and "ann.lee@gmail.com" in of_email(ANN.email)
    assert of_email("no address") == of_email("") == of_email("@x") == ()


@pytest.mark.parametrize(
    ("written", "country", "forms"),
    [
        ("+1 (555) 234-5678", "1", ("+15552345678", "15552345678", "5552345678", "05552345678")),
        ("555.234.5678", "1", ("+15552345678", "15552345678", "5552345678", "05552345678")),
        ("+49 171 2345678", "1", ("+491712345678", "491712345678", "1712345678", "01712345678")),
        ("0171 2345678", "49", ("+491712345678", "491712345678", "1712345678", "01712345678")),
        ("00358 40 1234567", "1", ("+358401234567", "358401234567", "401234567", "0401234567")),
        ("123", "1", ()),
        ("", "1", ()),
    ],
)
def test_a_number_has_four_forms(written: str, country: str, forms: tuple[str, ...]) -> None:
    assert of_phone(written, country) == forms


@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_a_digest_is_found_however_it_is_written(algorithm: Algorithm) -> None:
    sought = audience(digests([ANN], [algorithm]))
    raw = next(digests([ANN], [algorithm])).digest
    texts = [raw.hex(), raw.hex().upper(), base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode()]
    texts.append(base64.b64encode(raw).decode().rstrip("="))
    for text in texts:
        assert [hit.person for hit in find(f'x,"{text}",0.93\n'.encode(), sought)] == [7], text
    (hit,) = find(b"\x00\x01" + raw + b"\xff", sought, raw=True)
    assert (hit.start, hit.end) == (2, 2 + len(raw))


def test_the_digests_are_those_of_the_networks_rules() -> None:
    sought = audience(digests([ANN]))
    for form in ("+491712345678", "491712345678", "1712345678", "ann.lee@gmail.com"):
        assert sought.of(hashlib.sha256(form.encode()).digest()) == (7,)
    assert sought.of(hashlib.sha256(b"other@mail.example").digest()) == ()


def test_a_part_of_a_longer_digest_is_nobody() -> None:
    sought = audience(digests([ANN], [Algorithm.MD5]))
    text = next(digests([ANN], [Algorithm.MD5])).digest.hex()
    assert list(find(f"{text}ab".encode(), sought)) == []


def test_an_address_that_two_people_share_names_both() -> None:
    two = [Contact(PersonNumber(n), "home@mail.example") for n in (1, 2)]
    assert audience(digests(two)).of(hashlib.md5(b"home@mail.example").digest()) == (1, 2)


@given(st.binary(max_size=80))
def test_any_bytes_are_read_as_a_digest_or_as_none(data: bytes) -> None:
    assert decoded(data) is None or len(decoded(data) or b"") in (16, 20, 32)
    assert list(find(data, Audience(), raw=True)) == []


def hashed_search(count: int) -> Search:
    search = Search(crowd(count))
    search.examiner.sought = needles(crowd(count), lambda _person, _field, _value: False, hashed=True)
    return search


def test_a_hashed_audience_with_scores_finds_its_people_alone() -> None:
    rows = "".join(f"{hashlib.sha256(one.email.encode()).hexdigest()},0.5\n" for one in crowd(20))
    search = hashed_search(20).through(rows.encode())
    assert (search.found, search.alone) == (set(), set(range(1, 21)))
    assert next(iter(search.examiner.tally.sites.values())).records in (20, 21)


def test_a_name_beside_a_digest_corroborates_and_the_address_itself_does_not() -> None:
    one = crowd(1)[0]
    digest = hashlib.sha256(one.email.encode()).hexdigest()
    assert hashed_search(1).through(f"{digest},{one.name}\n".encode()).found == {1}
    assert hashed_search(1).through(f"{digest},{one.email}\n".encode()).found == set()


def test_digests_in_a_database_are_found_as_text_and_as_bytes(tmp_path: Path) -> None:
    path = tmp_path / "audience.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("create table audience (h, score)")
        for place, one in enumerate(crowd(20)):
            raw = hashlib.sha1(one.email.encode()).digest()
            connection.execute("insert into audience values (?, 1)", [raw if place % 2 else raw.hex()])
    assert hashed_search(20).through(path.read_bytes()).alone == set(range(1, 21))


def test_without_the_wish_nobody_is_looked_for_by_digest() -> None:
    one = crowd(1)[0]
    text = hashlib.sha256(one.email.encode()).hexdigest()
    assert Search([one]).through(text.encode()).alone == set()

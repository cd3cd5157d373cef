"""Rows of a table are searched together, and what is found is each one's own."""

import base64
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beholden.forensics.groups import apart
from beholden.forensics.kernel import found
from beholden.forensics.kernel.found import Found
from beholden.forensics.kernel.values import Shape, keys
from beholden.forensics.match import Match, match_rows, match_text
from beholden.forensics.spelling import Kind
from tests.forensics.people import crowd, looking_for

PEOPLE = crowd(12)
SOUGHT = looking_for(PEOPLE)

values = st.sampled_from(
    [value for one in PEOPLE for value in (one.scoped_id, one.email, one.name, f"<{one.email}>", f"id={one.scoped_id}")]
    + [base64.b64encode(f"to {one.email} now".encode()).decode() for one in PEOPLE]
    + [
        f"{PEOPLE[0].email} {PEOPLE[1].email}",
        "ends with an equals sign =",
        "=",
        "%",
        "",
        "Rome",
        "x" * 30,
        7,
        None,
        b"\0\1",
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.lists(values, max_size=5), max_size=8))
def test_rows_together_give_what_each_gives_alone(rows: list[list[object]]) -> None:
    alone = [match_rows([row], SOUGHT, found.Tested())[0] for row in rows]
    assert match_rows(rows, SOUGHT, found.Tested()) == alone


def test_people_of_the_next_row_do_not_corroborate_each_other() -> None:
    one = PEOPLE[0]
    first, second = match_rows([[f"<{one.email}>", "x"], ["y", one.name]], SOUGHT, found.Tested())
    assert [(match.person, match.corroborated) for match in first] == [(one.person, False)] and not second


DIALLED = replace(PEOPLE[0], email="5552345678@mail.example", values={"phone": "+1 555 234 5678"})
NUMBERED = replace(PEOPLE[1], outside_id="123456789012345", email="123456789012345@mail.example")
DOUBLY = looking_for([DIALLED, NUMBERED])


@pytest.mark.parametrize("one", [DIALLED, NUMBERED], ids=["phone", "id"])
@pytest.mark.parametrize("how", ["row", "text", "page"])
def test_an_address_made_of_a_persons_phone_or_id_is_one_thing_said_of_them(one, how) -> None:
    """Else one address, which may come from anywhere, would look like a copy of what the app received."""

    def said(value: str) -> list[Match]:
        if how == "row":
            return match_rows([["x", value]], DOUBLY, found.Tested())[0]
        raw = f"x,{value},y".encode() if how == "text" else b"\0\x05" + value.encode() + b"\0\x07" * 40
        return match_text(raw, DOUBLY, found.Tested(), binary=how == "page")

    (alone,) = said(one.email)
    assert alone.fields == {Kind.EMAIL} and not alone.corroborated
    other = "5552345678" if one is DIALLED else one.outside_id
    assert any(match.corroborated for match in said(f"{one.email} {other}"))


@pytest.mark.parametrize("phone", ["+1 - (555) - 234 - 5678", "555\u00a0234\u00a05678", "+1 (555) / 234.5678"])
def test_a_phone_in_a_column_of_its_own_is_found_whatever_stands_between_its_digits(phone: str) -> None:
    ((match,),) = match_rows([["x", phone]], DOUBLY, found.Tested())
    assert (match.person, match.fields) == (DIALLED.person, {Kind.PHONE})


ODDLY = [
    replace(one, email=email, values={"phone": phone})
    for one, email, phone in zip(
        PEOPLE,
        ("a(b)@mail.example", "ann@my_host.example", '"ann.b"@mail.example', "a,b@mail.example", "ann@[10.0.0.1]",
         "o'neil@mail.example", "bj\u00f6rn@m\u00fcller.example", "b:c@mail.example", "x" * 64 + "@mail.example",
         "-ann@mail.example-", "<ann>@mail.example", "ann@mail_.example."),
        ("+1 555 234 5678", "+49 (0)151 2345678", "030 1234567", "+44 20 7946 0018", "(212) 555-0123", "555 234 5679",
         "+49 30 901820", "+33 1 42 68 53 00", "0151 7654321", "555 1234", "+86 138 0013 8000", "+1 415 555 2671"),
        strict=True,
    )
]  # fmt: skip
OF_ODD = looking_for(ODDLY)
KNOWN: dict[tuple[Shape, bytes], set[int]] = {}
for _one in ODDLY:
    for _kind, _value in ((Kind.EMAIL, _one.email), (Kind.PHONE, _one.values["phone"])):
        for _key in keys(_kind, _value):
            KNOWN.setdefault(_key, set()).add(_one.person)


@st.composite
def written(draw: st.DrawFn) -> str:
    """An address in any case, or a phone with anything that phones may have between its digits."""
    one = draw(st.sampled_from(ODDLY))
    if draw(st.booleans()):
        return draw(st.sampled_from([one.email, one.email.upper(), one.email.title()]))
    between = st.text(" ().\u00a0/-", max_size=4)
    digits = draw(st.sampled_from(sorted(low for shape, low in KNOWN if shape is Shape.PHONE))).decode()
    return draw(st.sampled_from(["", "+", "0", "00"])) + "".join(digit + draw(between) for digit in digits)


@settings(max_examples=400)
@given(written())
def test_a_value_that_is_somebodys_is_found_in_a_column_of_its_own_however_it_is_written(value: str) -> None:
    """What `values.keys` calls the same is the same: in a table nobody is missed for what a text could not show."""
    wanted = {person for kind in (Kind.EMAIL, Kind.PHONE) for key in keys(kind, value) for person in KNOWN.get(key, ())}
    (matches,) = match_rows([["x", value]], OF_ODD, found.Tested())
    assert wanted <= {match.person for match in matches}


SPANS = st.lists(st.tuples(st.integers(0, 40), st.integers(1, 12), st.integers(0, 5), st.integers(1, 3)), max_size=12)


@given(SPANS)
def test_hits_of_one_person_that_stay_share_no_byte_and_whatever_went_lay_on_a_longer_one(spans) -> None:
    spans = sorted((start, start + size, kind, person) for start, size, kind, person in spans)
    columns = np.array(spans, np.int64).reshape(-1, 4).T
    hits = Found(columns[0], columns[1], columns[2].astype(np.uint8), columns[3], np.ones(len(spans), np.bool_),
                 found.Tested())  # fmt: skip
    stay = apart(hits)
    left = list(zip(stay.start.tolist(), stay.end.tolist(), stay.kind.tolist(), stay.person.tolist(), strict=True))
    for n, one in enumerate(left):
        for other in left[n + 1 :]:
            assert one[3] != other[3] or one[1] <= other[0] or other[1] <= one[0]
    for start, end, _, person in set(spans) - set(left):
        on = [other for other in spans if other[3] == person and other[0] < end and start < other[1]]
        assert any(other[1] - other[0] >= end - start for other in on if other[:2] != (start, end) or other in left)

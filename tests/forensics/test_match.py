"""Rows of a table are searched together, and what is found is each one's own."""

import base64

from hypothesis import given, settings
from hypothesis import strategies as st

from beholden.forensics.kernel import found
from beholden.forensics.match import match_rows
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

"""Rows are handed from reader to examiner without loss."""

from hypothesis import given
from hypothesis import strategies as st

from beholden.forensics.rows import line, rows
from beholden.forensics.source import Held

VALUES = st.one_of(st.text(st.characters(codec="utf-8")), st.integers(), st.booleans(), st.binary())


@given(st.lists(st.lists(VALUES, max_size=5), max_size=8))
def test_every_value_of_every_row_comes_out_as_it_went_in(table: list[list[object]]) -> None:
    made = Held(b"".join(line(row) for row in table))
    found = list(rows(made))
    assert [values for _, _, values in found] == [[_as_text(value) for value in row] for row in table]
    assert all(made.read(offset, len(written)) == written for offset, written, _ in found)


def _as_text(value: object) -> object:
    if not isinstance(value, bytes):
        return value
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value


def test_lists_and_records_inside_a_row_are_taken_apart() -> None:
    made = line([1, [2, {"a": b"\xff", "b": [None, "x"]}], None])
    assert [values for _, _, values in rows(Held(made))] == [[1, 2, b"\xff", "x"]]


def test_what_is_no_row_is_a_text() -> None:
    for written in (b"{}", b"no row", b"[" * 100_000, b"[1", b"\xff\xfe"):
        assert [values for _, _, values in rows(Held(written))] == [None]


def test_a_line_without_end_is_handed_on_in_pieces() -> None:
    found = list(rows(Held(b"x" * (11 << 20))))
    assert sum(len(written) for _, written, _ in found) == 11 << 20
    assert max(len(written) for _, written, _ in found) <= 6 << 20

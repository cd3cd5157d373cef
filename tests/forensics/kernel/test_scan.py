"""What a scan finds, and what it does not."""

from beholden.forensics.kernel.index import Index
from beholden.forensics.kernel.scan import scan, sweep
from beholden.forensics.spelling import Kind
from beholden.model.ids import PersonNumber

ANN = PersonNumber(7)
INDEX = Index.of(
    [
        (Kind.EMAIL, ANN, "Ann@mail.example"),
        (Kind.PHONE, ANN, "+1 555 234 5678"),
        (Kind.OUTSIDE_ID, ANN, "123456789012345"),
        (Kind.SCOPED_ID, ANN, "abcdefghijklmnopqrstuvwxyz"),
    ],
    b"k" * 32,
)


def kinds(data: bytes, *, binary: bool = False) -> list[Kind]:
    return [hit.kind for hit in scan(data, INDEX, binary=binary)]


def test_an_address_is_found_in_any_case_and_behind_its_escapes() -> None:
    for text in (b"ann@mail.example", b"'ANN@Mail.Example'", b"u=ann%40mail.example&", b"ann\\u0040mail.example."):
        assert kinds(text) == [Kind.EMAIL]


def test_joann_is_not_ann_in_text() -> None:
    assert kinds(b"joann@mail.example") == []
    assert [hit.certain for hit in scan(b"joann@mail.example", INDEX, binary=True)] == [False]


def test_a_phone_is_found_in_all_its_formats() -> None:
    for text in (b"5552345678", b"+1 (555) 234-5678", b"555.234.5678", b"001-555-234-5678", b"1 555 234 5678"):
        assert set(kinds(text)) == {Kind.PHONE}, text


def test_every_planted_value_is_found_once_at_every_place_across_a_border() -> None:
    size = 4096
    for value in (b"ann@mail.example", b"(555) 234-5678", b"123456789012345", b"abcdefghijklmnopqrstuvwxyz"):
        for place in range(size - len(value) - 2, size + 2):
            data = bytearray(b"." * (2 * size + 700))
            data[place - 1 : place + len(value) + 1] = b" " + value + b" "
            whole = bytes(data)
            found = [
                first + hit.start
                for first, some in sweep(
                    lambda at, length, whole=whole: whole[at : at + length], len(whole), INDEX, binary=False, chunk=size
                )
                for hit in some
            ]
            assert found == [place + value.startswith(b"(")], (value, place)

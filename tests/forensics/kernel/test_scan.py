"""What a scan finds, and what it does not."""

from beholden.forensics.kernel.index import Index
from beholden.forensics.kernel.scan import scan, sweep
from beholden.forensics.needles import Kind
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


def test_every_hit_is_found_once_at_every_place_across_a_border() -> None:
    value = b"x ann@mail.example y"
    for pad in range(40):
        data = b"." * pad + b" " + value
        found = [
            first + hit.start
            for first, some in sweep(
                lambda at, size, data=data: data[at : at + size], len(data), INDEX, binary=False, chunk=16
            )
            for hit in some
        ]
        assert found == [pad + 3]

"""Values of every length are found, in vector code and in loops: each length has its own way through the kernels."""

from collections.abc import Iterator

import pytest

from beholden.forensics.kernel import machine
from beholden.forensics.kernel import scan as scanning
from beholden.forensics.kernel.index import Index
from beholden.forensics.kernel.scan import scan
from beholden.forensics.spelling import Kind
from beholden.model.ids import PersonNumber

KEY = b"k" * 32
LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789" * 8
DIGITS = "31415926535897932384626433832795028841971693993751058209749445"


LOOPS = pytest.param(machine.SCALAR, id="loops", marks=pytest.mark.evidence)
"""Half a minute of compiling in whichever process comes to it; `test_agreement` holds loops to the oracle each time."""


@pytest.fixture(params=[pytest.param(machine.VECTOR, id="vectors"), LOOPS], autouse=True)
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(scanning, "mode", lambda: request.param)
    yield


def sought(kind: Kind, values: list[str]) -> Index:
    return Index.of([(kind, PersonNumber(n), value) for n, value in enumerate(values)], KEY)


def people(text: str, index: Index, *, binary: bool = False) -> set[int]:
    return {int(hit.person) for hit in scan(text.encode(), index, binary=binary)}


def test_an_address_of_every_length_is_found() -> None:
    domains = [*range(3, 44), 62, 63, 64, 65, 128, 254, 255]
    values = [
        f"{LETTERS[behind % 7 : behind % 7 + before]}@{LETTERS[before % 5 : before % 5 + behind]}"
        for before in range(1, 65)
        for behind in domains
    ]
    index = sought(Kind.EMAIL, values)
    every = set(range(len(values)))
    assert people("\n".join(values), index) == every
    assert people(",".join(values).upper(), index) == every
    # Of a run of more than 64 characters nobody can say that its last 64 are the local part: a quote may be one.
    quoted = [value for value in values if value.index("@") < 64]
    assert people("'" + "' '".join(quoted) + "'", index) == set(range(len(quoted)))
    assert people(" ".join(values).replace("@", "%40"), index) == every
    assert people(". ".join(values).replace("@", "\\u0040") + ".", index) == every


def test_an_id_of_every_length_is_found() -> None:
    values = [first + DIGITS[:size] for first in "70" for size in range(7, 60)]
    index = sought(Kind.OUTSIDE_ID, values)
    assert people("\n".join(values), index) == set(range(len(values)))


@pytest.mark.parametrize("size", range(7, 16))
def test_a_phone_of_every_length_is_found_however_it_is_grouped(size: int) -> None:
    digits = DIGITS[:size]
    index = sought(Kind.PHONE, [digits])
    assert people(digits, index) == {0}
    for zeros in range(18 - size):
        dialled = "0" * zeros + digits
        assert people(dialled, index) == {0} == people(dialled, index, binary=True)
        for cut in range(1, len(dialled)):
            for between in (" ", "-", ") ", "."):
                text = f"tel {dialled[:cut]}{between}{dialled[cut:]};"
                assert people(text, index) == {0}, text
        if len(dialled) > 4:
            assert people(f"({dialled[:2]}) {dialled[2:4]}/{dialled[4:]}", index) == {0}

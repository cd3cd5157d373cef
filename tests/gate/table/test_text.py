"""The kernel's digest of an outside id is the one under which the table was written, whatever the id is."""

from array import array

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from beholden.gate.rows import DIGEST_BYTES, digest_of
from beholden.gate.table.kernel import Desk, put_digest
from beholden.gate.table.text import keyed

WHOLE = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)


def by_the_kernel(secret: bytes, outside_id: str) -> bytes:
    desk, found = array("q", bytes(8 * Desk.END)), np.zeros(DIGEST_BYTES, np.uint8)
    desk[Desk.KEYED : Desk.WORK] = array("q", keyed(secret))
    put_digest(desk.buffer_info()[0], outside_id, found.ctypes.data)
    return found.tobytes()


@given(st.binary(min_size=1, max_size=32), WHOLE)
@example(b"k", "")
@example(b"k" * 32, "x" * 64)
@example(b"k" * 32, "x" * 65)
@example(b"k" * 32, "x" * 128)
def test_the_kernel_and_hashlib_agree_on_every_id(secret: bytes, outside_id: str) -> None:
    assert by_the_kernel(secret, outside_id) == digest_of(secret, outside_id)


def test_an_id_without_utf_8_is_refused_before_anything_is_done() -> None:
    with pytest.raises(UnicodeEncodeError):
        by_the_kernel(b"k", "half \ud800 of a pair")

"""What is done when a reader fails always ends: the unit is read, or it is given up and named."""

import os
import signal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beholden.backends.evidence.workers.attempts import (
    BATCH_BYTES,
    BATCH_UNITS,
    MAX_AVOIDED,
    MAX_TRIES,
    SLOWEST,
    SMALL,
    Attempt,
    End,
    Patience,
    again,
    batches,
    ended,
    given_up,
)
from beholden.backends.evidence.workers.reader import OUT_OF_MEMORY
from beholden.forensics.containers import Stop
from beholden.forensics.ports import Exhibit
from beholden.forensics.units import Unit


def unit(number: int, size: int) -> Unit:
    return Unit(Exhibit(number, f"/{number}", f"/{number}", size, "0" * 64), {})


@given(st.lists(st.integers(0, 40 << 20), max_size=200))
def test_every_unit_is_in_one_batch_and_no_large_one_shares_its_reader(sizes: list[int]) -> None:
    made = batches(unit(number, size) for number, size in enumerate(sizes))
    assert sorted(one.unit.number for batch in made for one in batch) == list(range(len(sizes)))
    for batch in made:
        assert len(batch) == 1 or (
            len(batch) <= BATCH_UNITS
            and sum(one.unit.size for one in batch) <= BATCH_BYTES
            and max(one.unit.size for one in batch) <= SMALL
        )


ENDS = st.builds(
    End, st.sampled_from([Stop.CRASHED, Stop.MEMORY, Stop.TIME]), st.just(""), st.integers(0, 9), st.booleans()
)


@given(st.lists(st.tuples(ENDS, st.booleans()), min_size=MAX_TRIES + 1, max_size=MAX_TRIES + 1))
def test_a_unit_whose_readers_always_fail_is_given_up_in_the_end(ends: list[tuple[End, bool]]) -> None:
    attempt: Attempt | None = Attempt(unit(1, 100))
    for end, alone in ends:
        assert attempt is not None and len(attempt.avoid) <= MAX_AVOIDED
        before, attempt = attempt, again(attempt, end, alone=alone)
        if attempt is None:
            said = given_up(before, end).coverage.statement()
            assert (said.unreadable, said.complete) == (100, False)
            return
    pytest.fail("it was tried for ever")


def test_a_unit_that_shared_its_reader_is_tried_alone_first() -> None:
    end = End(Stop.CRASHED, "", 3)
    first = again(Attempt(unit(1, 1)), end, alone=False)
    assert first is not None and first.avoid == {}
    second = again(first, end, alone=True)
    assert second is not None and second.avoid == {3: Stop.CRASHED}
    assert again(second, end, alone=True) is None


@pytest.mark.parametrize(
    ("status", "said", "late", "stop", "detail"),
    [
        (signal.SIGSEGV, "", False, Stop.CRASHED, "signal 11, SIGSEGV"),
        (signal.SIGABRT, "", False, Stop.CRASHED, "signal 6, SIGABRT"),
        (signal.SIGKILL, "", False, Stop.MEMORY, "the system killed it, as it does when memory runs out"),
        (signal.SIGKILL, "", True, Stop.TIME, "it was ended at its deadline"),
        (signal.SIGKILL, "its answer makes no sense", False, Stop.CRASHED, "its answer makes no sense"),
        (signal.SIGXCPU, "", False, Stop.TIME, "its processor time was used up"),
        (OUT_OF_MEMORY << 8, "", False, Stop.MEMORY, "its limit of memory was reached"),
        (1 << 8, "ValueError", False, Stop.CRASHED, "ValueError"),
        (0, "", False, Stop.CRASHED, "it ended without a word"),
    ],
)
def test_how_a_reader_ended_is_said_in_words(status: int, said: str, late: bool, stop: Stop, detail: str) -> None:
    end = ended(status, said, 0, late=late)
    assert (end.stop, end.detail) == (stop, detail)
    assert os.WIFSIGNALED(status) == (status < 256 and status != 0)


def test_patience_grows_with_the_size_and_with_what_was_unpacked_and_has_an_end() -> None:
    patience = Patience(600, most=1 << 30)
    assert patience.allows(0, 0) == 600
    assert patience.allows(SLOWEST * 50, SLOWEST * 10) == 660
    assert patience.allows(0, 1 << 50) == patience.allows(0, 1 << 30)

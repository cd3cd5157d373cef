"""The committer: many requests, one append; law 1 for each of them, whatever goes wrong for the others."""

import asyncio
import threading
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from beholden.model.disclosure import Disclosure
from beholden.model.errors import BeholdenError, Conflict, Unavailable
from beholden.model.ids import AppNumber, DeveloperNumber, GrantId, PersonNumber
from beholden.web import committer as module
from beholden.web.committer import Committer

AT = datetime(2026, 1, 1, tzinfo=UTC)


def of(person: int) -> Disclosure:
    number = PersonNumber(person)
    return Disclosure(AppNumber(1), DeveloperNumber(1), number, number, ("name",), "p", GrantId("grant_x"), AT)


class Book:
    """Where disclosures go; the first append waits until it is let through."""

    def __init__(self) -> None:
        self.appends: list[list[int]] = []
        self.open = threading.Event()
        self.entered = threading.Event()

    def append(self, items: Sequence[Disclosure]) -> None:
        self.entered.set()
        assert self.open.wait(10)
        people = [item.person for item in items]
        if 13 in people:
            raise Conflict("Person 13 has no key.")
        if 99 in people:
            raise OSError("disk")
        self.appends.append(people)


async def outcomes(committer: Committer, book: Book, people: Sequence[int]) -> list[BaseException | None]:
    first = asyncio.create_task(committer.commit([of(1)]))
    await asyncio.to_thread(book.entered.wait, 10)
    rest = [asyncio.create_task(committer.commit([of(person)])) for person in people]
    await asyncio.sleep(0)
    answered = [task for task in (first, *rest) if task.done() and task.exception() is None]
    assert not answered, "nobody is told yes before the disk has it"
    book.open.set()
    return await asyncio.gather(first, *rest, return_exceptions=True)


def test_law_1_whoever_comes_while_a_commit_is_under_way_shares_the_next_one() -> None:
    book = Book()

    async def play() -> None:
        assert await outcomes(Committer(book.append), book, [2, 3, 4]) == [None] * 4

    asyncio.run(play())
    assert book.appends == [[1], [2, 3, 4]]


def test_one_that_cannot_be_recorded_fails_alone() -> None:
    book = Book()

    async def play() -> list[BaseException | None]:
        return await outcomes(Committer(book.append), book, [2, 13, 4])

    first, two, thirteen, four = asyncio.run(play())
    assert (first, two, four) == (None, None, None) and isinstance(thirteen, Conflict)
    assert book.appends == [[1], [2], [4]]


def test_law_1_a_fault_of_the_ledger_is_a_no_for_everybody_in_it() -> None:
    book = Book()

    async def play() -> list[BaseException | None]:
        return await outcomes(Committer(book.append), book, [2, 99])

    first, *rest = asyncio.run(play())
    assert first is None and all(isinstance(error, Unavailable) for error in rest)


def test_a_ledger_that_is_too_slow_refuses_instead_of_filling_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_WAITING", 3)
    book = Book()

    async def play() -> list[BaseException | None]:
        return await outcomes(Committer(book.append), book, [2, 3, 4])

    assert [isinstance(error, BeholdenError) for error in asyncio.run(play())] == [False, False, False, True]


def test_a_caller_that_goes_away_leaves_its_disclosure_in_and_the_committer_alive() -> None:
    book = Book()

    async def play() -> None:
        committer = Committer(book.append)
        gone = asyncio.create_task(committer.commit([of(1)]))
        await asyncio.to_thread(book.entered.wait, 10)
        gone.cancel()
        book.open.set()
        await committer.commit([of(2)])

    asyncio.run(play())
    assert book.appends == [[1], [2]]


def test_what_waits_when_the_loop_ends_is_told_no() -> None:
    book = Book()

    async def play() -> list[BaseException | None]:
        committer = Committer(book.append)
        first = asyncio.create_task(committer.commit([of(1)]))
        await asyncio.to_thread(book.entered.wait, 10)
        waiting = asyncio.create_task(committer.commit([of(2)]))
        await asyncio.sleep(0)
        assert committer._task is not None
        committer._task.cancel()
        book.open.set()
        return await asyncio.gather(first, waiting, return_exceptions=True)

    assert all(isinstance(error, Unavailable) for error in asyncio.run(play()))

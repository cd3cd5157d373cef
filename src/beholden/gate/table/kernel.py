"""The part of a decision that reads the table, compiled: which person, which pair, does the word stand.

Of one question it says whether a word stands, and by which shape, or the first thing that stands against it, in the
order of `decision.decide`. Names, purposes and masks of fields are settled outside, where they are words. The machine
code is made by numba when this module is first imported, and kept beside it; nothing is compiled at installation.

The kernels read the file's memory through the addresses in `Desk`, with the counter of stores before and after. The
counter is read with a fence, since a compiler may otherwise take two readings of one place for one.
"""

from collections.abc import Callable
from enum import IntEnum
from typing import Any, Final

import numpy as np
from llvmlite import ir
from numba import carray as _carray  # type: ignore[attr-defined]
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from beholden.gate.rows import BASE, DIGEST_BYTES
from beholden.gate.table.layout import (
    ALL_OFF,
    EXISTS,
    HAS_OVERLAY,
    IN_FLUX,
    INDIRECT_SAID,
    INDIRECT_YES,
    SET_SHIFT,
    Cell,
)
from beholden.gate.table.text import TEXT, WORKED_IN, compiled, digest
from beholden.model.decision import Reason
from beholden.native.compiling import part

OWN: Final = 0
"""The person's own word stands for their own data."""
THROUGH: Final = 1
"""Somebody else's word stands for this person's data."""
REASONS: Final = (
    None,
    None,
    Reason.PERSON_UNKNOWN,
    Reason.NO_GRANT,
    Reason.GRANT_EXPIRED,
    Reason.GRANT_ENDED,
    Reason.OPTED_OUT_ALL,
    Reason.OPTED_OUT_APP,
    Reason.INACTIVE,
    Reason.GRANTER_OPTED_OUT,
    Reason.GRANTER_INACTIVE,
    Reason.INDIRECT_OFF,
)
"""What a code of `judge` from 2 on says."""
CODE: Final = {reason: code for code, reason in enumerate(REASONS) if reason is not None}
AGAIN: Final = 32
"""From here on a code is no answer: something has to be read anew."""
STALE: Final = 32
POLICY_CHANGED: Final = 33
APP_CHANGED: Final = 34
SHAPES_CAME: Final = 35
MOVED: Final = 36
SOME: Final = 62
"""A verdict of which the rest is left beside it: which of the fields are allowed, which are granted, and until when, as
a verdict says it. Whatever is granted and not allowed is off."""
PARTLY: Final = 63
"""A verdict that says no more than that a word stands; beside it `judge_numbered`'s code and word are left. What of it
is given is to be looked at field by field."""

# What is settled of a shape, in one byte: the code of what stands against its grant, and two marks.
APP_OFF: Final = 64
HAD_GRANT: Final = 128


class Desk(IntEnum):
    """What a kernel is given: addresses of the parts of a file, sizes, and what was settled."""

    CELLS = 0
    START = 1
    FLAGS = 2
    DIGEST = 3
    IDS = 4
    APP = 5
    SHAPE = 6
    ENDS = 7
    USED = 8
    APPS = 9
    OVERLAY_KEY = 10
    OVERLAY = 11
    PEOPLE = 12  # sizes
    IDS_PLACES = 13
    OVERLAY_PLACES = 14
    SHAPE_MARKS = 15  # addresses of what was settled: a byte a shape, a word an app
    APP_WORDS = 16
    SHAPES = 17  # how many shapes are settled
    POLICY_AT = 18
    LIMIT = 19  # nanoseconds
    INACTIVE_AFTER = 20  # seconds
    BY_DEFAULT = 21
    NTH = 22  # addresses again
    OWNS = 23  # masks of fields by shape: of the person's own data, and of other people's through them
    THROUGHS = 24
    PURPOSES = 25  # which set of purposes a shape has
    OFFS = 26  # masks of fields by set of clusters that are off
    SETS = 27  # how many of those are settled
    LEFT = 28  # three words that a kernel leaves behind a verdict of SOME or PARTLY
    LEFT_1 = 29
    LEFT_2 = 30
    KEYED = 31  # what `text.keyed` made of the secret
    WORK = 39  # where digests are made
    END = 39 + WORKED_IN // 8


class Terms(IntEnum):
    """What a kernel is told of an app's reviews for one purpose; behind `ENDS` two words for each approval that ends:
    its fields and its end, in microseconds since 1970."""

    PLACE = 0
    SINCE = 1  # microseconds since 1970: from when until when all of this is true
    UNTIL = 2
    MASK = 3
    PURPOSES = 4  # the sets of purposes that have this one, a bit each
    COUNT = 5
    ENDS = 6


_CELLS, _START, _FLAGS, _DIGEST, _IDS, _APP = (int(Desk(n)) for n in range(6))
_SHAPE, _ENDS, _USED, _APPS, _OVERLAY_KEY, _OVERLAY = (int(Desk(n)) for n in range(6, 12))
_PEOPLE, _IDS_PLACES, _OVERLAY_PLACES, _SHAPE_MARKS, _APP_WORDS = (int(Desk(n)) for n in range(12, 17))
_SHAPES, _POLICY_AT, _LIMIT, _INACTIVE_AFTER, _BY_DEFAULT = (int(Desk(n)) for n in range(17, 22))
_NTH, _OWNS, _THROUGHS, _PURPOSES, _OFFS, _SETS, _LEFT = (int(Desk(n)) for n in range(22, 29))
_KEYED, _WORK = int(Desk.KEYED), int(Desk.WORK)
_TERM_PLACE, _TERM_SINCE, _TERM_UNTIL, _TERM_MASK, _TERM_PURPOSES, _TERM_COUNT, _TERM_ENDS = map(int, Terms)
_SECOND, _BASE_MICROS = 1_000_000, BASE * 1_000_000
SETS_OF_PURPOSES: Final = 63
"""How many sets of purposes `Terms.PURPOSES` can tell."""
_AS_OF, _SEQUENCE, _POLICY = int(Cell.AS_OF), int(Cell.SEQUENCE), int(Cell.POLICY)
_PERSON_UNKNOWN, _NO_GRANT, _EXPIRED, _ENDED = (CODE[r] for r in REASONS[2:6] if r is not None)
_ALL, _APP_SWITCH, _INACTIVE, _GRANTER_OUT, _GRANTER_INACTIVE, _INDIRECT = (CODE[r] for r in REASONS[6:] if r)
_HASH = np.uint64(0x9E37_79B9_7F4A_7C15)
_WORDS = DIGEST_BYTES // 4
_DESK = int(Desk.END)
_intrinsic: Callable[[Any], Any] = (
    intrinsic  # numba types these by what they are made of, not by how what they make is called
)
_inner: Callable[[Any], Any] = part()
carray: Any = _carray
NOBODY: Final = 0
"""The number of nobody that is known."""


@_intrinsic
def _pointer(_: Any, address: Any) -> Any:
    """An address as a pointer."""

    def code(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.inttoptr(arguments[0], cgutils.voidptr_t)

    return types.voidptr(address), code


@_intrinsic
def _fenced(_: Any, address: Any) -> Any:
    """The word of 8 bytes at an address, read once, after all that was read before and before all that follows."""

    def code(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        place = builder.inttoptr(arguments[0], ir.IntType(64).as_pointer())
        builder.fence("acquire")
        found = builder.load_atomic(place, ordering="acquire", align=8)
        builder.fence("acquire")
        return found

    return types.uint64(address), code


def _entry(*signature: Any) -> Callable[[Any], Any]:
    """The same, for calls from Python alone, by the very function that numba makes for them: it takes what it is given
    as the types of the signature, where numba's own door first looks at all of it to choose among signatures, which
    here takes longer than what is done."""

    def made(function: Any) -> Any:
        code = compiled(*signature)(function)
        return code.overloads[code.signatures[0]].entry_point

    return made


@_inner
def _find(desk_at: int, first: Any, last: Any) -> Any:
    """The number of the person with this digest (its first 8 bytes and its last 4), or NOBODY; see TableView.person."""
    desk = carray(_pointer(desk_at), _DESK, np.int64)
    places, people = desk[_IDS_PLACES], desk[_PEOPLE]
    ids = carray(_pointer(desk[_IDS]), places, np.uint32)
    digests = carray(_pointer(desk[_DIGEST]), _WORDS * people, np.uint32)
    flags = carray(_pointer(desk[_FLAGS]), people, np.uint32)
    low, middle = np.uint32(first & np.uint64(0xFFFFFFFF)), np.uint32(first >> np.uint64(32))
    at: Any = np.int64(first % np.uint64(places))
    for _ in range(places):
        number = np.int64(ids[at])
        if number == 0:
            return 0
        word = number * _WORDS
        same = digests[word] == low and digests[word + 1] == middle and digests[word + 2] == last
        if same and flags[number] & EXISTS:
            return number
        at = at + 1 if at + 1 < places else 0
    return 0


@_inner
def _called(desk_at: int, text: Any) -> Any:
    """The number of the person whom the platform calls so, or NOBODY."""
    digest(desk_at + 8 * _KEYED, text, desk_at + 8 * _WORK)
    first = carray(_pointer(desk_at + 8 * _WORK), 1, np.uint64)
    last = carray(_pointer(desk_at + 8 * _WORK + 8), 1, np.uint32)
    return _find(desk_at, first[0], last[0])


@_entry("int64(int64, uint64, uint32)")
def find(desk_at: int, first: Any, last: Any) -> Any:
    """See `_find`."""
    return _find(desk_at, first, last)


@_entry(types.int64(types.int64, TEXT))
def called(desk_at: int, text: Any) -> Any:
    """The number of the person whom the platform calls so, or NOBODY."""
    return _called(desk_at, text)


@_entry(types.void(types.int64, TEXT, types.int64))
def put_digest(desk_at: int, text: Any, into_at: int) -> None:
    """The 12 bytes under which the table knows an outside id, as `rows.digest_of`, at an address."""
    digest(desk_at + 8 * _KEYED, text, desk_at + 8 * _WORK)
    words = carray(_pointer(desk_at + 8 * _WORK), _WORDS, np.uint32)
    into = carray(_pointer(into_at), _WORDS, np.uint32)
    for n in range(_WORDS):
        into[n] = words[n]


@_inner
def _where(desk_at: int, number: int, flags: int, place: int) -> Any:
    """Where a pair stands, and whether that is a place of the overlay; -1 among the columns for nowhere."""
    desk = carray(_pointer(desk_at), _DESK, np.int64)
    if flags & HAS_OVERLAY:
        places = desk[_OVERLAY_PLACES]
        keys = carray(_pointer(desk[_OVERLAY_KEY]), places, np.uint64)
        key = np.uint64(number) << np.uint64(16) | np.uint64(place)
        bits = 0
        while places >> (bits + 1):
            bits += 1
        at: Any = np.int64((key * _HASH) >> np.uint64(64 - bits)) if bits else np.int64(0)
        for _ in range(places):
            if keys[at] == key:
                return at, True
            if keys[at] == 0:
                break
            at = (at + 1) & (places - 1)
    start = carray(_pointer(desk[_START] + 4 * number), 2, np.uint32)
    low, end = np.int64(start[0]), np.int64(start[1])
    apps = carray(_pointer(desk[_APP]), end, np.uint16)
    high = end
    while low < high:
        middle = (low + high) >> 1
        if np.int64(apps[middle]) < place:
            low = middle + 1
        else:
            high = middle
    return (low if low < end and np.int64(apps[low]) == place else np.int64(-1)), False


@_inner
def _pair(desk_at: int, number: int, flags: int, place: int) -> Any:
    """Shape, end and last use of a pair; see TableView.pair."""
    at, overlay = _where(desk_at, number, flags, place)
    if at < 0:
        return np.int64(0), np.int64(0), np.int64(0)
    desk = carray(_pointer(desk_at), _DESK, np.int64)
    if overlay:
        found = carray(_pointer(desk[_OVERLAY] + 16 * at), 4, np.uint32)
        return np.int64(found[0]), np.int64(found[1]), np.int64(found[2])
    shape = carray(_pointer(desk[_SHAPE] + 2 * at), 1, np.uint16)
    ends = carray(_pointer(desk[_ENDS] + 4 * at), 1, np.uint32)
    used = carray(_pointer(desk[_USED] + 4 * at), 1, np.uint32)
    return np.int64(shape[0]), np.int64(ends[0]), np.int64(used[0])


@_inner
def _stands_against(flags: int, marks: int, asleep: int, second: int) -> Any:
    """What a person has chosen or let lapse, 0 where nothing is. `asleep` is 0 for never, -1 for always (R6)."""
    if flags & ALL_OFF:
        return _ALL
    if marks & APP_OFF:
        return _APP_SWITCH
    return _INACTIVE if asleep != 0 and second >= asleep else 0


@_inner
def _judge(desk_at: int, place: int, subject: int, giver: int, second: int) -> Any:  # noqa: PLR0912 - see decide
    """A code, and where that is OWN or THROUGH: the shape, its subject's set of clusters, the end (0 for never)."""
    nothing = np.uint64(0)
    if giver == 0:
        return (_PERSON_UNKNOWN if subject == 0 else _NO_GRANT), nothing
    desk = carray(_pointer(desk_at), _DESK, np.int64)
    all_flags = carray(_pointer(desk[_FLAGS]), desk[_PEOPLE], np.uint32)
    all_marks = carray(_pointer(desk[_SHAPE_MARKS]), 65_536, np.uint8)
    flags = np.int64(all_flags[giver])
    shape, ends, used = _pair(desk_at, giver, flags, place)
    if shape == IN_FLUX:
        return MOVED, nothing
    if shape >= desk[_SHAPES]:
        return SHAPES_CAME, nothing
    marks = np.int64(all_marks[shape])
    refusal = marks & 63
    if refusal:
        return (_PERSON_UNKNOWN if subject == 0 and refusal == _NO_GRANT else refusal), nothing
    if ends and second >= ends:
        return _EXPIRED, nothing
    if subject == 0:
        return _PERSON_UNKNOWN, nothing
    after = desk[_INACTIVE_AFTER]
    asleep = 0
    if after and marks & HAD_GRANT:
        asleep = used + after if used else -1
    until = ends if asleep == 0 or (0 < ends < asleep) else asleep
    against = _stands_against(flags, marks, asleep, second)
    code = OWN
    if subject == giver:
        if against:
            return against, nothing
    else:  # both must stand (law 2), the person's own choice first
        code = THROUGH
        flags = np.int64(all_flags[subject])
        other, _, used = _pair(desk_at, subject, flags, place)
        if other == IN_FLUX:
            return MOVED, nothing
        if other >= desk[_SHAPES]:
            return SHAPES_CAME, nothing
        marks = np.int64(all_marks[other])
        asleep = 0
        if after and marks & HAD_GRANT:
            asleep = used + after if used else -1
        own = _stands_against(flags, marks, asleep, second)
        if own:
            return own, nothing
        if against:
            return (_GRANTER_INACTIVE if against == _INACTIVE else _GRANTER_OUT), nothing
        said = flags & INDIRECT_YES if flags & INDIRECT_SAID else desk[_BY_DEFAULT]
        if not said:
            return _INDIRECT, nothing
        if asleep and (until == 0 or asleep < until):
            until = asleep
    until = min(until, 0xFFFF_FFFF)
    packed = np.uint64(until) << np.uint64(32) | np.uint64(flags >> SET_SHIFT) << np.uint64(16) | np.uint64(shape)
    return code, packed


@_inner
def _trusted(desk_at: int, clock: int) -> Any:
    """0 where the table is of the policy that was settled and within the limit of lag (law 4)."""
    desk = carray(_pointer(desk_at), _DESK, np.int64)
    cells = carray(_pointer(desk[_CELLS]), 512, np.int64)
    if cells[_POLICY] != desk[_POLICY_AT]:
        return POLICY_CHANGED
    lag = clock - cells[_AS_OF]
    return STALE if lag > desk[_LIMIT] or lag < -desk[_LIMIT] else 0


@_inner
def _app_stands(desk_at: int, place: int) -> Any:
    """Whether an app is as it was when it was settled."""
    desk = carray(_pointer(desk_at), _DESK, np.int64)
    apps = carray(_pointer(desk[_APPS] + 8 * place), 1, np.uint64)
    words = carray(_pointer(desk[_APP_WORDS] + 8 * place), 1, np.uint64)
    return apps[0] == words[0]


@_inner
def _present(desk_at: int, number: int) -> Any:
    """The number, where there is such a person."""
    desk = carray(_pointer(desk_at), _DESK, np.int64)
    if number <= 0 or number >= desk[_PEOPLE]:
        return 0
    flags = carray(_pointer(desk[_FLAGS] + 4 * number), 1, np.uint32)
    return number if flags[0] & EXISTS else 0


@_inner
def _asked(desk_at: int, place: int, subject: int, giver: int, second: int, clock: int) -> Any:
    """`_judge`, from one state of a table that is trusted; a number that nobody has is NOBODY."""
    nothing = np.uint64(0)
    desk = carray(_pointer(desk_at), _DESK, np.int64)
    counter = desk[_CELLS] + 8 * _SEQUENCE
    before = _fenced(counter)
    trouble = _trusted(desk_at, clock)
    if trouble:
        return trouble, nothing
    if not _app_stands(desk_at, place):
        return APP_CHANGED, nothing
    code, packed = _judge(desk_at, place, _present(desk_at, subject), _present(desk_at, giver), second)
    if _fenced(counter) != before:
        return MOVED, nothing
    return code, packed


@_entry("Tuple((int64, uint64))(int64, int64, int64, int64, int64, int64)")
def judge_numbered(desk_at: int, place: int, subject: int, giver: int, second: int, clock: int) -> Any:
    """One question about a person on the word of another one, by their numbers.

    A code from AGAIN on is no answer. `second` is seconds since 2000, `clock` nanoseconds of the monotonic clock.
    """
    return _asked(desk_at, place, subject, giver, second, clock)


@_inner
def _until(terms_at: int, allowed: int, until: int) -> Any:
    """When a clock alone turns an answer, in microseconds since 1970 (0: never): a word ends, or an approval of
    something that is allowed."""
    terms = carray(_pointer(terms_at), _TERM_ENDS, np.int64)
    ends = carray(_pointer(terms_at + 8 * _TERM_ENDS), 2 * terms[_TERM_COUNT], np.int64)
    first = until * _SECOND + _BASE_MICROS if until else np.int64(0)
    for n in range(terms[_TERM_COUNT]):
        if ends[2 * n] & allowed and (first == 0 or ends[2 * n + 1] < first):
            first = ends[2 * n + 1]
    return first


@_inner
def _verdict(desk_at: int, terms_at: int, asked: int, code: int, packed: Any, now: int, left_at: int) -> Any:
    """What a word that stands gives of the fields asked for, see `verdict_own`; `left_at` are three words for it."""
    terms = carray(_pointer(terms_at), _TERM_ENDS, np.int64)
    left = carray(_pointer(left_at), 3, np.int64)
    left[0], left[1] = code, np.int64(packed)
    if asked < 0 or now < terms[_TERM_SINCE] or now >= terms[_TERM_UNTIL]:
        return -PARTLY
    desk = carray(_pointer(desk_at), _DESK, np.int64)
    shape, off = np.int64(packed & np.uint64(0xFFFF)), np.int64(packed >> np.uint64(16) & np.uint64(0xFFFF))
    purposes = carray(_pointer(desk[_PURPOSES] + 2 * shape), 1, np.uint16)
    which = np.int64(purposes[0])
    if off >= desk[_SETS] or which >= SETS_OF_PURPOSES or not terms[_TERM_PURPOSES] >> which & 1:
        return -PARTLY
    masks = carray(_pointer((desk[_OWNS] if code == OWN else desk[_THROUGHS]) + 8 * shape), 1, np.int64)
    offs = carray(_pointer(desk[_OFFS] + 8 * off), 1, np.int64)
    granted = asked & masks[0]
    open_ = granted & ~offs[0]
    if open_ & ~terms[_TERM_MASK]:
        return -PARTLY
    until = np.int64(packed >> np.uint64(32))
    if open_ == asked:
        return _until(terms_at, asked, until)
    left[0], left[1], left[2] = open_, granted, _until(terms_at, open_, until)
    return -SOME


@_inner
def _whole(desk_at: int, terms_at: int, asked: int, subject: int, giver: int, now: int, clock: int) -> Any:
    terms = carray(_pointer(terms_at), _TERM_ENDS, np.int64)
    code, packed = _asked(desk_at, terms[_TERM_PLACE], subject, giver, now // _SECOND - BASE, clock)
    if code > THROUGH:
        return -code
    return _verdict(desk_at, terms_at, asked, code, packed, now, desk_at + 8 * _LEFT)


@_entry(types.int64(types.int64, types.int64, types.int64, TEXT, types.int64, types.int64))
def verdict_own(desk_at: int, terms_at: int, asked: int, whom: Any, now: int, clock: int) -> Any:
    """The whole of an answer about a person's own data where one number can say it, by the outside id. Numbers are
    never given twice, so whom it means may be found before the state is taken of which the answer is; whether they are
    there is looked at in it.

    0 and above: all of it, until that microsecond since 1970 (0: for ever). Below: minus a code (nothing of it, or an
    answer from AGAIN on that is none), or minus SOME or PARTLY. `asked` is the mask of the fields, below 0 where it
    cannot be told so; `terms_at` is where the Terms lie; `now` is microseconds since 1970.
    """
    person = _called(desk_at, whom)
    return _whole(desk_at, terms_at, asked, person, person, now, clock)


@_entry(types.int64(types.int64, types.int64, types.int64, TEXT, TEXT, types.int64, types.int64))
def verdict_through(desk_at: int, terms_at: int, asked: int, whom: Any, through: Any, now: int, clock: int) -> Any:
    """As `verdict_own`, for data of one person on the word of another."""
    subject, giver = _called(desk_at, whom), _called(desk_at, through)
    return _whole(desk_at, terms_at, asked, subject, giver, now, clock)


@_inner
def _of_digest(desk_at: int, low: Any, middle: Any, last: Any) -> Any:
    if low == 0 and middle == 0:
        return _present(desk_at, np.int64(last))
    return _find(desk_at, np.uint64(middle) << np.uint64(32) | np.uint64(low), last)


@_inner
def _nth(desk_at: int, number: int, flags: int, place: int) -> Any:
    """Which of the pair's grants counts; see TableView.pair."""
    at, overlay = _where(desk_at, number, flags, place)
    desk = carray(_pointer(desk_at), _DESK, np.int64)
    if overlay:
        found = carray(_pointer(desk[_OVERLAY] + 16 * at), 4, np.uint32)
        return np.int64(found[3])
    column = carray(_pointer(desk[_NTH] + at), 1, np.uint8)
    return np.int64(column[0])


@_entry("int64(int64, int64, int64, int64, int64, int64, int64, int64, int64)")
def judge_row(
    desk_at: int, count: int, row_at: int, digests_at: int, givers_at: int, now: int, clock: int, found_at: int,
    named_at: int,
) -> Any:  # fmt: skip
    """`count` questions from one state of the table: 0, or a code from AGAIN on, and then nothing was answered.

    `row_at` has three i64 a question: the app's place, -1 where nothing is to be judged; where its Terms lie; the mask
    of the fields (see `verdict_own`). Digests are 12 bytes each; one of which the first 8 are 0 is a number in its last
    4. Four i64 a question are written at `found_at`: the verdict, and what is left beside it. Where `named_at` is not
    0, three more are written there: the two people's numbers and which of their grants counts.
    """
    desk = carray(_pointer(desk_at), _DESK, np.int64)
    row = carray(_pointer(row_at), 3 * count, np.int64)
    told = carray(_pointer(found_at), 4 * count, np.int64)
    digests = carray(_pointer(digests_at), _WORDS * count, np.uint32)
    givers = carray(_pointer(givers_at), _WORDS * count, np.uint32)
    second = now // _SECOND - BASE
    counter = desk[_CELLS] + 8 * _SEQUENCE
    before = _fenced(counter)
    trouble = _trusted(desk_at, clock)
    if trouble:
        return trouble
    for n in range(count):
        place, terms_at, asked = row[3 * n], row[3 * n + 1], row[3 * n + 2]
        if place < 0:
            continue
        if not _app_stands(desk_at, place):
            return APP_CHANGED
        at = _WORDS * n
        giver = _of_digest(desk_at, givers[at], givers[at + 1], givers[at + 2])
        subject = giver
        if digests_at != givers_at:
            subject = _of_digest(desk_at, digests[at], digests[at + 1], digests[at + 2])
        code, packed = _judge(desk_at, place, subject, giver, second)
        if code >= AGAIN:
            return code
        told[4 * n] = -code
        if code <= THROUGH:
            left_at = found_at + 8 * (4 * n + 1)
            told[4 * n] = _verdict(desk_at, terms_at, asked, code, packed, now, left_at)
        if named_at:
            named = carray(_pointer(named_at + 24 * n), 3, np.int64)
            named[0], named[1], named[2] = subject, giver, 0
            if code <= THROUGH:
                flags = carray(_pointer(desk[_FLAGS] + 4 * giver), 1, np.uint32)
                named[2] = _nth(desk_at, giver, np.int64(flags[0]), place)
    return MOVED if _fenced(counter) != before else 0

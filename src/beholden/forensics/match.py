"""From hits to people: who is really there, said by two independent things.

One address alone may have come from anywhere. Two fields of the same person side by side (in one row or record) are
what a copy of the disclosed data looks like: that is *corroborated*, and only that counts for the verdict.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from beholden.forensics.copies import copied
from beholden.forensics.groups import (
    CERTAIN,
    FIRST,
    HIGH,
    KINDS,
    LAST,
    LOW,
    MAY_HIGH,
    MAY_LOW,
    NAMED,
    apart,
    groups,
)
from beholden.forensics.hashed import find
from beholden.forensics.kernel.found import Found, Tested
from beholden.forensics.kernel.scan import scan
from beholden.forensics.kernel.values import CODES, Shape, keys
from beholden.forensics.kernel.values import KINDS as OF_CODE
from beholden.forensics.names import ASK, SHORTEST, YES
from beholden.forensics.needles import PHONES, USUAL, Needles, Sought
from beholden.forensics.readings.reading import Allowance, Reading
from beholden.forensics.readings.tree import allowance, readings
from beholden.forensics.spelling import Kind, fold, folded_text, words
from beholden.forensics.text import is_blank
from beholden.model.ids import PersonNumber

MAX_PIECES = 40
_SPACED = re.compile(r"[ ().\u00a0/-]{3}|\u00a0")
"""What no phone in the midst of a text has between its digits."""
SHORTEST_TEXT = 60
"""Characters of a value of which near copies are looked for; a shorter one must stand as it is."""
MIN_KEY, MAX_KEY = 6, 400
"""A shorter value is no id or address; a longer one is a text to be searched."""
_PIECE = re.compile(r"""[^,;|\t\r\n"'<>{}\[\]()]{1,200}""")
_LABEL = re.compile(r"^\s*[\w.-]{1,40}\s*[:=]\s*")
_IDS = frozenset({Kind.SCOPED_ID, Kind.OUTSIDE_ID})
_STRONG = frozenset({Kind.SCOPED_ID, Kind.OUTSIDE_ID, Kind.EMAIL, Kind.DIGEST, Kind.CANARY})
"""What finds somebody; a phone does so too, but is met by chance."""
_FINDING = _STRONG | {Kind.PHONE}
_STRONG_BITS = sum(1 << CODES[kind] for kind in _STRONG)
_GOES_ON = re.compile(rb"[A-Za-z0-9.-]")
_FIELDS = [
    frozenset[str](kind for code, kind in enumerate(OF_CODE) if bits >> code & 1) for bits in range(1 << len(OF_CODE))
]


_Kinds = dict[PersonNumber, dict[Kind, int]]
"""Who stands in a row, by which kinds of value, and in which column each."""


class Match(NamedTuple):
    """One person at one place. `fields` are what was found of them there, kinds and names of disclosed fields.

    In a buffer, `first` and `last` are the bytes at which their first and last hit begin, `end` where the last ends.
    """

    person: PersonNumber
    fields: frozenset[str]
    corroborated: bool
    first: int = 0
    last: int = 0
    end: int = 0

    @property
    def attributed(self) -> bool:
        """Whether the find holds an id that only this app was ever given."""
        return Kind.SCOPED_ID in self.fields


def corroborates(fields: frozenset[str], *, certain: bool) -> bool:
    """Whether these fields together say that it is this person: two of them, one of which finds.

    Where an address was cut out of a run and nothing explains the cut, only an id beside it will do. A phone may be
    anybody's by chance: beside it the name, or two other values.
    """
    if fields & {Kind.EMAIL, Kind.PHONE}:
        fields -= {Kind.DIGEST}  # of the same address or number: not a second thing
    if len(fields) < 2:
        return False
    if fields & _STRONG:
        return certain or bool(fields & _IDS)
    return Kind.PHONE in fields and certain and (Kind.NAME in fields or len(fields) > 2)


_ENOUGH = [corroborates(fields, certain=True) for fields in _FIELDS]
"""Whether so many kinds alone are enough, by their bits."""


def match_text(
    raw: bytes, sought: Needles, tested: Tested, *, binary: bool | None = None, allowed: Allowance | None = None
) -> list[Match]:
    """Everyone in a buffer, in all its readings; several times where they stand several times.

    What decoding left out stands in `allowed` afterwards.
    """
    matches: list[Match] = []
    if is_blank(raw):
        return matches
    for reading, found in _searched(raw, sought, tested, allowed or allowance(len(raw)), binary=binary):
        matches.extend(_in_reading(reading, found, sought))
    return matches


def _searched(
    raw: bytes, sought: Needles, tested: Tested, allowed: Allowance, *, binary: bool | None
) -> Iterator[tuple[Reading, Found]]:
    """The readings of a buffer in which something was hit."""
    for reading in readings(raw, allowed, binary=binary):
        found = scan(reading.data, sought.index, binary=reading.binary)
        tested.add(found.tested)
        if sought.audience:
            found = _with_digests(found, reading, sought)
        if len(found):
            yield reading, apart(found)


def _with_digests(found: Found, reading: Reading, sought: Needles) -> Found:
    """The hits, with those of digests that the index does not know: in base64, and as bytes."""
    hashed = list(find(reading.data, sought.audience, raw=reading.binary, hexadecimal=False))
    if not hashed:
        return found
    starts, ends, people = (
        np.array(column, np.int64) for column in zip(*((hit.start, hit.end, hit.person) for hit in hashed), strict=True)
    )
    start = np.concatenate([found.start, starts])
    order = np.argsort(start, kind="stable")
    return Found(
        start[order],
        np.concatenate([found.end, ends])[order],
        np.concatenate([found.kind, np.full(len(hashed), CODES[Kind.DIGEST], np.uint8)])[order],
        np.concatenate([found.person, people])[order],
        np.concatenate([found.certain, np.ones(len(hashed), np.bool_)])[order],
        found.tested,
    )


def _in_reading(reading: Reading, found: Found, sought: Needles) -> Iterator[Match]:
    made = groups(reading, found, sought.names, _STRONG_BITS)
    hits, rows = made.hits, made.rows
    firsts, lasts = hits[rows[:, FIRST]], hits[rows[:, LAST] - 1]
    starts, ends, people = found.start[firsts], found.end[lasts], found.person[firsts]
    columns = (rows[:, KINDS], rows[:, CERTAIN], rows[:, NAMED], people, starts, found.start[lasts], ends)
    for number, (kinds, certain, named, who, start, last, end) in enumerate(
        zip(*(column.tolist() for column in columns), strict=True)
    ):
        person, fields = PersonNumber(who), _FIELDS[kinds]
        corroborated = _ENOUGH[kinds] if certain else False
        if not corroborated:
            row = rows[number]
            sure = bool(certain) or _explained(reading, found, hits[row[FIRST] : row[LAST]], sought.people[person])
            if not corroborates(fields, certain=sure):
                fields |= {Kind.NAME} if named == YES else _beside(reading, found, row, hits, sought, person)
            corroborated = corroborates(fields, certain=sure)
        places = (start, last, end)
        if reading.spots is not None:
            places = (reading.place(start), reading.place(last), reading.place(end - 1) + 1)
        yield Match(person, fields, corroborated, *places)


def _explained(reading: Reading, found: Found, hits: NDArray[np.int64], one: Sought) -> bool:
    """Whether a cut in a run of binary is explained by the person's name directly before it, and ends as values do."""
    name = fold(one.name)
    if not reading.binary or len(name) < SHORTEST:
        return False
    for start, end in zip(found.start[hits].tolist(), found.end[hits].tolist(), strict=True):
        after = reading.data[end : end + 1]
        ends = _GOES_ON.match(after) is None or (reading.data[end - 1 : end].islower() and after.isupper())
        if ends and fold(reading.text(max(0, start - 2 * len(name)), start)).endswith(name):
            return True
    return False


def _beside(
    reading: Reading,
    found: Found,
    row: NDArray[np.int64],
    hits: NDArray[np.int64],
    sought: Needles,
    person: PersonNumber,
) -> frozenset[str]:
    """What else of this person stands in the record, where the quick look did not see the name."""
    one = sought.people[person]
    if row[NAMED] != ASK and not one.values and not one.digests and not reading.binary:
        return frozenset()
    own = hits[row[FIRST] : row[LAST]]
    spans = list(zip(found.start[own].tolist(), found.end[own].tolist(), strict=True))
    fields = frozenset[str]()
    if row[NAMED] == ASK or reading.binary:
        around = _around(reading, spans, int(row[MAY_LOW]), int(row[MAY_HIGH]))
        if name_in(around, one.name, binary=reading.binary):
            return fields | {Kind.NAME}
    if (one.digests or one.values) and not reading.binary:
        pieces = _around(reading, spans, int(row[LOW]), int(row[HIGH]))
        fields |= frozenset(values_in(_values(pieces), one, sought)) | _copies(one, pieces)
    return fields


def _around(reading: Reading, spans: Sequence[tuple[int, int]], low: int, high: int) -> list[str]:
    """The text from low to high without the hits themselves."""
    pieces: list[str] = []
    at = low
    for start, end in spans:
        if start > at:
            pieces.append(reading.text(at, start))
        at = max(at, end)
    pieces.append(reading.text(at, max(at, high)))
    return pieces


def _values(pieces: Iterable[str]) -> Iterator[str]:
    """What could be values in a text: what stands between separators, with and without a label before it."""
    for piece in pieces:
        for match in _PIECE.finditer(piece):
            value = match[0].strip()
            if value:
                yield value
                bare = _LABEL.sub("", value)
                if bare != value:
                    yield bare


def _copies(one: Sought, pieces: Iterable[str]) -> frozenset[str]:
    """The texts that the platform handed in of which a near copy stands here."""
    texts = {name: value for name, value in one.values.items() if len(value) >= SHORTEST_TEXT}
    around = " ".join(pieces) if texts else ""
    return frozenset(name for name, value in texts.items() if copied(value, around))


def values_in(values: Iterable[str], one: Sought, sought: Needles) -> Iterator[str]:
    """The disclosed fields whose very value is among these, by their digests. Other than id, address and name."""
    handed = {(name, fold(value)) for name, value in one.values.items() if name.lower() not in PHONES}
    for number, value in enumerate(dict.fromkeys(values)):
        if number >= MAX_PIECES:
            return
        yield from (name for name, known in handed if known == fold(value))
        for field in one.digests - {"email", "name"}:
            if sought.matches(one.person, field, value):
                yield field


def name_in(pieces: Sequence[str], name: str, *, binary: bool = False) -> bool:
    """Whether a name stands in the pieces: all its words, each whole; in binary the name in one piece, delimited."""
    wanted = words(name)
    if sum(map(len, wanted)) < 5:
        return False  # too short to tell anything
    # Between two pieces stands another value of the same person; the outermost ends are where the window was cut.
    joined = "\n".join(pieces)
    if _delimited(joined, " ".join(wanted)):
        return True
    if not binary:
        present = set(words(joined))
        return all(word in present for word in wanted)
    return any(_delimited(joined, spelling) for spelling in ("".join(wanted), "".join(reversed(wanted))))


def _delimited(text: str, spelling: str) -> bool:
    """Whether a spelling stands in a text with something at both its ends: no letter, or a capital that begins."""
    folded = folded_text(text)
    original = text if len(text) == len(folded) else folded
    at = folded.find(spelling)
    while at >= 0:
        end = at + len(spelling)
        if at > 0 and end < len(folded):
            starts = not original[at - 1].isalpha() or (original[at].isupper() and original[at - 1].islower())
            if starts and (not original[end].isalpha() or original[end].isupper()):
                return True
        at = folded.find(spelling, at + 1)
    return False


def match_rows(rows: Sequence[Sequence[object]], sought: Needles, tested: Tested) -> list[list[Match]]:
    """Everyone in each of some rows of a table, where every value is known with its ends."""
    texts = [[_text(value) for value in values] for values in rows]
    found: list[_Kinds] = [{} for _ in rows]
    for (row, column), person, kind in sorted(_within(texts, sought, tested)):
        found[row].setdefault(person, {}).setdefault(kind, column)
    return [_matches(*one, sought, tested) for one in zip(rows, texts, found, strict=True)]


def _matches(
    values: Sequence[object], texts: Sequence[str], found: _Kinds, sought: Needles, tested: Tested
) -> list[Match]:
    """Everyone in a row: those found by their keys, by digests, and in its long texts."""
    if sought.audience:
        for column, value in enumerate(values):
            for person in sought.audience.of(value if isinstance(value, bytes) else texts[column].encode()):
                found.setdefault(person, {}).setdefault(Kind.DIGEST, column)
    matches = [_in_row(texts, person, kinds, sought) for person, kinds in found.items()]
    for text in texts:
        if len(text) > MAX_KEY:
            matches.extend(match_text(text.encode("utf-8", "replace"), sought, tested, binary=False))
    return matches


def _in_row(texts: Sequence[str], person: PersonNumber, kinds: Mapping[Kind, int], sought: Needles) -> Match:
    one = sought.people[person]
    fields = frozenset[str](kinds)
    others = [text for column, text in enumerate(texts) if text and column not in kinds.values()]
    if one.name in others:
        fields |= {Kind.NAME}
    elif not corroborates(fields, certain=True):
        if name_in(["", *others, ""], one.name) or _is_name(others, one.name):
            fields |= {Kind.NAME}
        elif one.digests or one.values:
            fields |= frozenset(values_in(others, one, sought)) | _copies(one, others)
    return Match(person, fields, corroborates(fields, certain=True))


def _text(value: object) -> str:
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace").strip() if len(value) <= MAX_KEY else ""
    return str(value) if isinstance(value, int) else ""


def _within(
    texts: Sequence[Sequence[str]], sought: Needles, tested: Tested
) -> Iterator[tuple[tuple[int, int], PersonNumber, Kind]]:
    """Who stands in the values, by row and column. All are searched together: a search costs as much as a page."""
    cells = [
        (row, column)
        for row, own in enumerate(texts)
        for column, text in enumerate(own)
        if MIN_KEY <= len(text) <= MAX_KEY
    ]
    if not cells:
        return
    lines = [texts[row][column].encode("utf-8", "replace") for row, column in cells]
    starts = list(accumulate((len(line) + 1 for line in lines[:-1]), initial=0))
    raw = b"\n".join(lines)
    for reading, found in _searched(raw, sought, tested, allowance(len(raw)), binary=False):
        for start, person, code in zip(found.start.tolist(), found.person.tolist(), found.kind.tolist(), strict=True):
            kind = OF_CODE[code]
            if kind in _FINDING:
                yield cells[bisect_right(starts, reading.place(start)) - 1], PersonNumber(person), kind
    for row, column in cells:
        for person, kind in _as_a_whole(texts[row][column], sought, tested):
            yield (row, column), person, kind


def _as_a_whole(text: str, sought: Needles, tested: Tested) -> Iterator[tuple[PersonNumber, Kind]]:
    """Whose address or phone a value is that nobody would recognise in the midst of a text: `"ann b"@my_host`, or one
    with more between its digits."""
    found: list[tuple[Shape, bytes]] = []
    if _SPACED.search(text) is not None:
        found.extend(keys(Kind.PHONE, text))
    if "@" in text and USUAL.fullmatch(text) is None:
        found.extend(keys(Kind.EMAIL, text))
    for shape, low in dict.fromkeys(found):
        if shape is Shape.PHONE:
            tested.counts[shape, len(low)] += 1
            tested.leading[len(low), int(low[:3])] += 1
        else:
            tested.counts[shape, min(low.index(b"@"), 64)] += 1
        yield from ((person, kind) for kind, person in sought.index.who(shape, low))


def _is_name(values: Sequence[str], name: str) -> bool:
    """A short name counts only as a value of its own."""
    folded = fold(name)
    return len(folded) >= 2 and any(fold(value) == folded for value in values)

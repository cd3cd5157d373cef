"""From hits to people: who is really there, said by two independent things.

One address alone may have come from anywhere. Two fields of the same person side by side (in one row, or within a
short window of text) are what a copy of the disclosed data looks like: that is *corroborated*, and only that counts
for the verdict.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from beholden.forensics.needles import Kind, Needles, Sought, fold, folded_text, words
from beholden.forensics.scan import Hit, Tested, scan
from beholden.forensics.text import Lane, lanes
from beholden.model.ids import PersonNumber

WINDOW = 384
"""Characters to either side of a hit in which another field of the same person corroborates it."""
BINARY_WINDOW = 200
MAX_PIECES = 40
MIN_KEY, MAX_KEY = 6, 400
"""A shorter value is no id or address; a longer one is a text to be searched."""
_PIECE = re.compile(r"""[^,;|\t\r\n"'<>{}\[\]()]{1,200}""")
_LABEL = re.compile(r"^\s*[\w.-]{1,40}\s*[:=]\s*")
_IDS = frozenset({Kind.SCOPED_ID, Kind.OUTSIDE_ID})


@dataclass(frozen=True, slots=True)
class Match:
    """One person at one place. `fields` are what was found of them there, kinds and names of disclosed fields.

    In a buffer, `first` and `last` are the bytes at which their first and last hit begin.
    """

    person: PersonNumber
    fields: frozenset[str]
    corroborated: bool
    first: int = 0
    last: int = 0

    @property
    def attributed(self) -> bool:
        """Whether the find holds an id that only this app was ever given."""
        return Kind.SCOPED_ID in self.fields


def corroborates(fields: frozenset[str], *, certain: bool) -> bool:
    """Whether these fields together say that it is this person: two of them, one of which finds.

    Where an address was cut out of a run and nothing explains the cut, only an id beside it will do.
    """
    if fields & {Kind.EMAIL, Kind.PHONE}:
        fields -= {Kind.DIGEST}  # of the same address or number: not a second thing
    finding = fields & {Kind.SCOPED_ID, Kind.OUTSIDE_ID, Kind.EMAIL, Kind.DIGEST}
    if len(fields) < 2 or not finding:
        return False
    return certain or bool(fields & _IDS)


def match_text(raw: bytes, sought: Needles, tested: Tested, *, binary: bool | None = None) -> list[Match]:
    """Everyone in a buffer, in all its readings; several times where they stand several times."""
    found: list[Match] = []
    if raw.count(0) == len(raw):
        return found
    for lane in lanes(raw, binary=binary):
        hits = scan(lane, sought, tested)
        if hits:
            found.extend(_in_lane(lane, hits, sought))
    return found


def _in_lane(lane: Lane, hits: Sequence[Hit], sought: Needles) -> Iterator[Match]:
    reach = BINARY_WINDOW if lane.binary else WINDOW
    by_person: dict[PersonNumber, list[Hit]] = {}
    for hit in hits:
        by_person.setdefault(hit.person, []).append(hit)
    for person, own in by_person.items():
        for together in _clusters(own, reach):
            yield _judged(lane, person, together, sought, reach)


def _clusters(own: Sequence[Hit], reach: int) -> Iterator[Sequence[Hit]]:
    """One person's hits, in groups of which none is longer than the window."""
    first = 0
    for place in range(1, len(own) + 1):
        if place == len(own) or own[place].start - own[first].start > reach:
            yield own[first:place]
            first = place


def _judged(lane: Lane, person: PersonNumber, own: Sequence[Hit], sought: Needles, reach: int) -> Match:
    fields = frozenset[str](hit.kind for hit in own)
    certain = any(hit.certain for hit in own)
    if not corroborates(fields, certain=certain):
        fields |= _beside(lane, own, sought.people[person], sought, reach)
    corroborated = corroborates(fields, certain=certain)
    return Match(person, fields, corroborated, lane.place(own[0].start), lane.place(own[-1].start))


def _beside(lane: Lane, own: Sequence[Hit], one: Sought, sought: Needles, reach: int) -> frozenset[str]:
    """What else of this person stands around: the name, or a value that the ledger has a digest of."""
    start, end = max(0, own[0].start - reach), min(len(lane.data), own[-1].end + reach)
    pieces: list[str] = []
    at = start
    for hit in sorted(own, key=lambda hit: hit.start):
        if hit.start > at:
            pieces.append(lane.text(at, hit.start))
        at = max(at, hit.end)
    pieces.append(lane.text(at, end))
    found: set[str] = set()
    if name_in(pieces, one.name, binary=lane.binary):
        found.add(Kind.NAME)
    elif one.digests and not lane.binary:
        found.update(values_in(_values(pieces), one, sought))
    return frozenset(found)


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


def values_in(values: Iterable[str], one: Sought, sought: Needles) -> Iterator[str]:
    """The disclosed fields whose very value is among these, by their digests. Other than id, address and name."""
    for number, value in enumerate(dict.fromkeys(values)):
        if number >= MAX_PIECES:
            return
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


def match_row(values: Sequence[object], sought: Needles, tested: Tested) -> list[Match]:
    """Everyone in a row of a table, where every value is known with its ends."""
    texts = [_text(value) for value in values]
    found: dict[PersonNumber, dict[Kind, int]] = {}
    for column, text in enumerate(texts):
        if MIN_KEY <= len(text) <= MAX_KEY:
            for person, kind in _keys(text, sought, tested):
                found.setdefault(person, {}).setdefault(kind, column)
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
        elif one.digests:
            fields |= frozenset(values_in(others, one, sought))
    return Match(person, fields, corroborates(fields, certain=True))


def _text(value: object) -> str:
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace").strip() if len(value) <= MAX_KEY else ""
    return str(value) if isinstance(value, int) else ""


def _keys(text: str, sought: Needles, tested: Tested) -> Iterator[tuple[PersonNumber, Kind]]:
    """Who a value names: it is an id, it is an address, or it is a short text with some in it."""
    key = fold(text)
    identified = sought.ids.get(key)
    if identified is not None:
        tested.ids += 1
        yield identified[1], identified[0]
        return
    people = sought.emails.get(key)
    if people is not None:
        tested.addresses += 1
        for person in people:
            yield person, Kind.EMAIL
    elif b"@" in key or sought.may_hold_id(key):
        raw = text.encode("utf-8", "replace")
        for hit in scan(Lane(raw, raw, "utf-8", False), sought, tested):
            yield hit.person, hit.kind


def _is_name(values: Sequence[str], name: str) -> bool:
    """A short name counts only as a value of its own."""
    folded = fold(name)
    return len(folded) >= 2 and any(fold(value) == folded for value in values)

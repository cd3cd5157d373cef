"""Where the record around a hit begins and ends in text: what stands outside it is somebody else's.

In a table a line is a record: the lines beside it have as many separators. In JSON an object is one, with the objects
that it is the value of. Elsewhere the next address of somebody else ends it: at the outermost point between the two
(a closing brace, tag or bracket), at the only line end between them, at an empty line. Where several lines lie between
and nothing says whose they are, only a whole name is believed there; a town may be the neighbour's.
"""

from typing import Any

from beholden.forensics.readings.compiled import inner


@inner
def _count(data: Any, low: int, high: int, sign: int) -> int:
    """How many separators a line has outside of quotes, but for one at its end."""
    found, quoted = 0, False
    while high > low and (data[high - 1] == 13 or data[high - 1] == 32):
        high -= 1
    if high > low and data[high - 1] == sign and sign != 9:
        high -= 1
    for at in range(low, high):
        if data[at] == 34:
            quoted = not quoted
        elif data[at] == sign and not quoted:
            found += 1
    return found


@inner
def _line_start(data: Any, at: int, low: int) -> int:
    while at > low and data[at - 1] != 10:
        at -= 1
    return at


@inner
def _line_end(data: Any, at: int, high: int) -> int:
    while at < high and data[at] != 10:
        at += 1
    return at


@inner
def _is_row(data: Any, start: int, end: int, low: int, high: int) -> bool:
    """Whether the line from start to end is a row of a table: both its neighbours have as many separators."""
    sign, most = 44, 0
    for other in (44, 59, 9, 124):
        found = _count(data, start, end, other)
        if found > most:
            sign, most = other, found
    if most == 0:
        return False
    if start > low:
        above = _line_start(data, start - 1, low)
        empty = start - 1 - above <= 1
        if (above > low or low == 0) and not empty and _count(data, above, start - 1, sign) != most:
            return False
    if end + 1 < high:
        below = _line_end(data, end + 1, high)
        empty = below - end - 1 <= 1
        if (below < high or high == len(data)) and not empty and _count(data, end + 1, below, sign) != most:
            return False
    return True


@inner
def _opening(data: Any, at: int, low: int, opens: int, closes: int) -> int:
    """The bracket that is open at `at`; -1 where none is."""
    depth, at = 0, at - 1
    while at >= low:
        if data[at] == closes:
            depth += 1
        elif data[at] == opens:
            if depth == 0:
                return at
            depth -= 1
        at -= 1
    return -1


@inner
def _closing(data: Any, at: int, high: int, opens: int, closes: int) -> int:
    depth = 0
    while at < high:
        if data[at] == opens:
            depth += 1
        elif data[at] == closes:
            if depth == 0:
                return at
            depth -= 1
        at += 1
    return -1


@inner
def _key(data: Any, brace: int, low: int) -> tuple[int, bool]:
    """Where the key begins whose value the object at `brace` is, -1 where it has none; and whether the key is itself
    data (an id, an address) and not a name of something."""
    at = brace - 1
    while at >= low and data[at] <= 32:
        at -= 1
    if at < low or data[at] != 58:
        return -1, False
    at -= 1
    while at >= low and data[at] <= 32:
        at -= 1
    data_key = False
    if at >= low and data[at] == 34:
        at -= 1
        while at >= low and data[at] != 34:
            data_key = data_key or data[at] == 64 or 48 <= data[at] <= 57
            at -= 1
    return max(low, at), data_key


@inner
def _object(data: Any, start: int, end: int, low: int, high: int) -> tuple[int, int]:
    """The object around a hit with those that it is a part of, within low and high."""
    for _ in range(6):
        opened = _opening(data, start, low, 123, 125)
        if opened < 0:
            return low, high
        closed = _closing(data, end, high, 123, 125)
        end = high if closed < 0 else closed + 1
        key, is_data = _key(data, opened, low)
        if key < 0 or is_data:
            return (opened if key < 0 else key), end
        start = key
    return max(low, start), min(high, end)


@inner
def _turn(data: Any, at: int) -> int:
    """Whether something opens (1) or closes (-1) at a byte."""
    letter = data[at]
    if letter in {123, 91, 40}:
        return 1
    if letter in {125, 93, 41}:
        return -1
    if letter != 60 or at + 2 >= len(data):
        return 0
    closes = data[at + 1] == 47
    index = at + 2 if closes else at + 1
    name = index
    while index < len(data) and index < at + 40:
        letter = data[index]
        if not (97 <= (letter | 32) <= 122 or (index > name and (48 <= letter <= 58 or letter in {45, 95}))):
            break
        index += 1
    if index == name or index >= len(data) or not (data[index] == 62 or data[index] == 32):
        return 0
    if closes:
        return -1
    while index < len(data) and index < at + 300 and data[index] != 62:
        index += 1
    return 0 if index < len(data) and data[index - 1] == 47 else 1


@inner
def _is_word(letter: Any) -> Any:
    return 97 <= (letter | 32) <= 122 or 48 <= letter <= 57


@inner
def _other(data: Any, at: int, stop: int, step: int, begins: Any, ends: Any, first: int, last: int) -> int:
    """The next `@` of an address that is not within the spans first to last, from `at` towards `stop`; -1: none."""
    while at != stop:
        if data[at] == 64 and 0 < at < len(data) - 1 and _is_word(data[at - 1]) and _is_word(data[at + 1]):
            own = False
            for span in range(first, last):
                own = own or begins[span] <= at < ends[span]
            if not own:
                return at
        at += step
    return -1


@inner
def _cut(data: Any, at: int, other: int, step: int) -> tuple[int, int]:
    """Between a hit's end `at` and somebody else's address: how far its record surely goes, and how far it may."""
    depth, least, place = 0, 0, -1
    lines, nearest, empty = 0, -1, -1
    index = at
    while index != other:
        depth += _turn(data, index) * step
        if depth < least:
            least, place = depth, index
        if data[index] == 10:
            lines += 1
            if nearest < 0:
                nearest = index
            back = index - step
            while back != at - step and (data[back] == 13 or data[back] == 32):
                back -= step
            if lines > 1 and data[back] == 10 and empty < 0:
                empty = index
        index += step
    if place >= 0:
        return place, place
    if empty >= 0:
        return empty, empty
    if lines == 1:
        return nearest, nearest
    edge = other - step
    while edge != at and (_is_word(data[edge]) or data[edge] == 46 or data[edge] == 45 or data[edge] == 95):
        edge -= step
    if lines > 1:
        return nearest, edge
    return at, edge


@inner
def _tuple(data: Any, start: int, end: int, low: int, high: int) -> tuple[int, int]:
    """The row of an INSERT around a hit: in brackets, after a comma or VALUES, before a comma, semicolon or the end."""
    opened = _opening(data, start, low, 40, 41)
    if opened < 0:
        return low, high
    closed = _closing(data, end, high, 40, 41)
    before, after = opened - 1, closed + 1
    while before >= 0 and data[before] <= 32:
        before -= 1
    while closed > 0 and after < len(data) and data[after] <= 32:
        after += 1
    follows = before >= 0 and (data[before] == 44 or (data[before] | 32) == 115)
    goes_on = closed < 0 or after >= len(data) or data[after] in {44, 59}
    if not (follows and goes_on) or _count(data, opened, high if closed < 0 else closed, 44) == 0:
        return low, high
    return opened, high if closed < 0 else closed + 1


@inner
def record(
    data: Any, start: int, end: int, reach: int, begins: Any, ends: Any, first: int, last: int
) -> tuple[int, int, int, int]:
    """The bytes that surely are of the record of a hit, and those that may be. The person's own hits are the spans
    first to last."""
    low, high = max(0, start - reach), min(len(data), end + reach)
    for at in range(start - 1, low - 1, -1):
        if data[at] == 12:
            low = at + 1
            break
    for at in range(end, high):
        if data[at] == 12:
            high = at
            break
    line_start, line_end = _line_start(data, start, low), _line_end(data, end, high)
    row = _is_row(data, line_start, line_end, low, high)
    if row:
        low, high = line_start, line_end
    braces_low, braces_high = _object(data, start, end, low, high)
    if row and braces_low == low and braces_high == high and _opening(data, start, low, 40, 41) < 0:
        return low, high, low, high
    low, high = _tuple(data, start, end, braces_low, braces_high)
    sure_low, may_low, sure_high, may_high = low, low, high, high
    left = _other(data, start - 1, low - 1, -1, begins, ends, first, last)
    if left >= 0:
        sure, may = _cut(data, start - 1, left, -1)
        sure_low, may_low = min(start, sure + 1), min(start, may + 1)
    right = _other(data, end, high, 1, begins, ends, first, last)
    if right >= 0:
        sure_high, may_high = _cut(data, end, right, 1)
    return sure_low, sure_high, may_low, may_high

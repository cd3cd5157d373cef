"""What the search of one part of the evidence came to; how parts are put together, written down and read again.

It is written as JSON and read strictly: whoever wrote it may have been taken over by what it read.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import datetime
from enum import Enum
from functools import cache
from typing import Any, NewType, get_args, get_origin, get_type_hints

import numpy as np
from numpy.typing import NDArray

from beholden.forensics import coverage as coverages
from beholden.forensics import tally as tallies
from beholden.forensics.coverage import Coverage
from beholden.forensics.hits import Find
from beholden.forensics.kernel.found import Tested
from beholden.forensics.tally import Tally
from beholden.model.errors import Damaged


@dataclass(frozen=True, slots=True)
class Outcome:
    """Who was found, what was read, how many candidates were compared.

    `finds` are the single finds, where they are asked for, up to a limit; `unlisted` counts those beyond it.
    """

    tally: Tally = field(default_factory=Tally)
    coverage: Coverage = field(default_factory=Coverage)
    tested: Tested = field(default_factory=Tested)
    finds: tuple[Find, ...] = ()
    unlisted: int = 0


def merge(parts: Mapping[int, Outcome]) -> Outcome:
    """The outcome of all parts, by the numbers of their exhibits: in whatever order they came, it is the same."""
    ordered = [parts[number] for number in sorted(parts)]
    return Outcome(
        tallies.merge(part.tally for part in ordered),
        coverages.merge(part.coverage for part in ordered),
        _counted(part.tested for part in ordered),
        tuple(find for part in ordered for find in part.finds),
        sum(part.unlisted for part in ordered),
    )


def _counted(parts: Iterable[Tested]) -> Tested:
    whole = Tested()
    for part in parts:
        whole.add(part)
    return whole


def encoded(outcome: Outcome) -> bytes:
    """An outcome as JSON; the same bytes for the same outcome. Fields that do not count when two values are compared
    are left out, and are new when it is read."""
    return written(outcome)


def written(value: object) -> bytes:
    """A value of the product's own types as JSON; sets in order, so that the same value is the same bytes."""
    return json.dumps(_plain(value), ensure_ascii=True, separators=(",", ":")).encode()


def decoded(data: bytes) -> Outcome:
    """The outcome that `encoded` wrote. Raises Damaged for anything that it would not have written."""
    try:
        made = _reader(Outcome)(json.loads(data))
    except (ValueError, TypeError, RecursionError) as error:
        raise Damaged(f"An outcome of a search cannot be read ({type(error).__name__}).") from error
    assert isinstance(made, Outcome)
    return made


_AS_THEY_ARE = frozenset({int, str, bool, float, type(None)})


def _plain(value: Any) -> Any:
    if type(value) in _AS_THEY_ARE:
        return value
    if isinstance(value, Tested):
        return [_nonzero(value.counts), _nonzero(value.leading)]
    if is_dataclass(value):
        kind: Any = type(value)
        return [_plain(getattr(value, name)) for name in _names(kind)]
    if isinstance(value, dict):
        return [[_plain(key), _plain(item)] for key, item in value.items()]
    if isinstance(value, set | frozenset):
        return sorted(map(_plain, value))
    if isinstance(value, list | tuple):
        return list(map(_plain, value))
    if isinstance(value, datetime):
        return value.isoformat()
    return value.value if isinstance(value, Enum) else value


def _nonzero(counts: NDArray[np.int64]) -> list[list[int]]:
    """The places of an array's counts that are not 0, and those counts."""
    flat = counts.ravel()
    return [[place, int(flat[place])] for place in np.flatnonzero(flat).tolist()]


def _tested(value: Any) -> Tested:
    made = Tested()
    for counts, pairs in zip((made.counts, made.leading), _each(value, (_listed, _listed)), strict=True):
        flat = counts.reshape(-1)
        for place, count in map(_listed, pairs):
            if (
                type(place) is not int
                or type(count) is not int
                or not 0 <= place < len(flat)
                or not 0 < count < 1 << 62
            ):
                raise ValueError("not a count")
            flat[place] = count
    return made


@cache
def _names(kind: Any) -> tuple[str, ...]:
    """The fields that are written."""
    return tuple(one.name for one in fields(kind) if one.compare)


Reader = Callable[[Any], Any]


@cache
def _reader(kind: Any) -> Reader:
    """How a value of a type is read back; ValueError for what is not one."""
    if kind is Tested:
        return _tested
    if isinstance(kind, NewType):
        return _reader(kind.__supertype__)
    if is_dataclass(kind) and isinstance(kind, type):
        return _record(kind)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind
    if kind is datetime:
        return datetime.fromisoformat
    if kind in (int, float, str, bool, type(None)):
        return _scalar(kind)
    if kind is Find:
        return _fixed(Find._make, map(_reader, get_type_hints(Find).values()))
    origin, inner = get_origin(kind), get_args(kind)
    if origin is dict:
        return _mapping(*map(_reader, inner))
    if origin in (list, set, frozenset) or (origin is tuple and inner[1:] == (...,)):
        return _many(origin, _reader(inner[0]))
    if origin is tuple:
        return _fixed(tuple, map(_reader, inner))
    return _any_of(tuple(map(_reader, inner)))  # a union


def _record(kind: Any) -> Reader:
    hints = get_type_hints(kind)
    names = _names(kind)
    readers = [_reader(hints[name]) for name in names]

    def read(value: Any) -> Any:
        return kind(**dict(zip(names, _each(value, readers), strict=True)))

    return read


def _scalar(kind: Any) -> Reader:
    def read(value: Any) -> Any:
        if type(value) is not kind:
            raise ValueError(f"not a {kind.__name__}")
        return value

    return read


def _mapping(key: Reader, item: Reader) -> Reader:
    def read(value: Any) -> Any:
        return {key(one): item(other) for one, other in _listed(value)}

    return read


def _many(make: Any, item: Reader) -> Reader:
    def read(value: Any) -> Any:
        return make(item(one) for one in _listed(value))

    return read


def _fixed(make: Any, items: Iterable[Reader]) -> Reader:
    readers = tuple(items)

    def read(value: Any) -> Any:
        return make(_each(value, readers))

    return read


def _any_of(kinds: tuple[Reader, ...]) -> Reader:
    def read(value: Any) -> Any:
        for kind in kinds:
            try:
                return kind(value)
            except (ValueError, TypeError):
                continue
        raise ValueError("none of its types")

    return read


def _each(value: Any, readers: Iterable[Reader]) -> Iterator[Any]:
    return (reader(one) for one, reader in zip(_listed(value), readers, strict=True))


def _listed(value: Any) -> list[Any]:
    if type(value) is not list:
        raise ValueError("not a list")
    return value

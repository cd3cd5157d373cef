"""JSON values as Cedar reads them.

Cedar has texts, true and false, whole numbers of 64 bits, decimals of four places, lists and records; it has no null
and no binary fractions. A null says nothing, so a member that is null is left out. Whatever else Cedar could not read
exactly is refused: left out, it would be a `forbid` that looks away.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

_LONGS = range(-(1 << 63), 1 << 63)
_PLACES = 4


class Unusable(Exception):
    """A value that Cedar has no exact form for; the text says where it stands."""


def cedar_record(members: Mapping[str, Any], where: str) -> dict[str, Any]:
    """An object as a Cedar record; raises Unusable."""
    if members.keys() & {"__entity", "__extn", "__expr"}:
        raise Unusable(f"{where} has a member whose name begins with two underscores")
    return {key: _value(value, f"{where}.{key}") for key, value in members.items() if value is not None}


def _value(value: Any, where: str) -> Any:
    match value:
        case bool() | str():
            return value
        case int():
            if value not in _LONGS:
                raise Unusable(f"{where} is a whole number of more than 64 bits")
            return value
        case float():
            return _decimal(value, where)
        case list():
            return [_value(one, f"{where}[{n}]") for n, one in enumerate(value)]
        case dict():
            return cedar_record(value, where)
    raise Unusable(f"{where} is null")  # only in a list: there it would move its neighbours


def _decimal(value: float, where: str) -> Any:
    """A whole number is one however it was written (RFC 8259, section 6); others are decimals."""
    if value.is_integer() and int(value) in _LONGS:
        return int(value)
    exact = Decimal(repr(value)).normalize()
    places = -int(exact.as_tuple().exponent)
    if not 0 < places <= _PLACES or int(abs(exact) * 10**_PLACES) not in _LONGS:
        raise Unusable(f"{where} is a number of more than {_PLACES} decimal places")
    return {"__extn": {"fn": "decimal", "arg": f"{exact:f}"}}

"""JSON that came inside a parameter or a signed text, read so that no two readers can disagree about it.

Equal keys in one object, numbers that are none, lone surrogates and deep nesting are refused (RFC 7493).
"""

import json
from typing import Any, NoReturn

_DEEPEST = 8
_LONGEST_NUMBER = 20


def read(text: str) -> Any:
    """The value; raises ValueError for whatever is not plain JSON. The caller bounds the length."""
    try:
        value = _DECODER.decode(text)
        json.dumps(value, ensure_ascii=False).encode()  # half of a surrogate pair can only come as an escape
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    _refuse_depth(value)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def _no_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is not JSON")


def _whole(digits: str) -> int:
    if len(digits) > _LONGEST_NUMBER:
        raise ValueError("a number is too long")
    return int(digits)


def _broken(digits: str) -> float:
    if len(digits) > _LONGEST_NUMBER or "e" in digits.lower():
        raise ValueError("a number is too long")
    return float(digits)


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_constant=_no_constant, parse_int=_whole, parse_float=_broken
)


def _refuse_depth(value: Any) -> None:
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(_DEEPEST):
        below = [b for one in level for b in (one.values() if isinstance(one, dict) else one)]
        level = [one for one in below if isinstance(one, dict | list)]
        if not level:
            return
    raise ValueError("nested too deeply")

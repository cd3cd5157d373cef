"""Strict reading of JSON from outside (RFC 8259, narrowed to I-JSON, RFC 7493).

Two readers that disagree about one text are a way around the gate: a proxy that keeps the first of two equal keys, and
we the last. So what is ambiguous is refused: equal keys, lone surrogates, NaN, numbers without end, text that is not
UTF-8. What would exhaust us is refused too: nesting deeper than anybody needs.
"""

import json
import math
from typing import Any, NoReturn

import orjson

from beholden.model.errors import BadInput

MEBIBYTE = 1 << 20
MAX_DEPTH = 32
_MAX_DIGITS = 40  # of a whole number; longer ones are no data, and slow to read


def read(body: bytes, *, largest: int = MEBIBYTE) -> Any:
    """The value that `body` holds; raises BadInput with one sentence that says what is wrong."""
    if len(body) > largest:
        raise BadInput(f"The JSON is larger than {largest} bytes.", "Send it in parts.")
    quick = _quick(body)
    if quick is not _NO:
        _refuse_depth(quick, body)
        return quick
    if not body.strip(b" \t\r\n"):
        raise BadInput("The body is empty.", "Send JSON.")
    try:
        value = _DECODER.decode(body.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise BadInput(f"The body is not UTF-8 (byte {error.start}).", "Send UTF-8.") from error
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise BadInput(f"The body is not JSON: {error.msg} ({place}).", "Mend it.") from error
    except RecursionError as error:
        raise _too_deep() from error
    _refuse_depth(value, body)
    _refuse_lone_surrogates(value, body)
    return value


def read_object(body: bytes, *, largest: int = MEBIBYTE) -> dict[str, Any]:
    """The object at the top of `body`; raises BadInput when there is anything else."""
    value = read(body, largest=largest)
    if not isinstance(value, dict):
        raise BadInput("The body is not a JSON object.", "Send {…}.")
    return value


def write(value: Any) -> bytes:
    """JSON as UTF-8, without spaces; keys in the order in which they stand."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


_NO = object()
_ANY_DIGIT = bytes.maketrans(b"0123456789", b"0" * 10)
_LONG_NUMBER = b"0" * 16


def _quick(body: bytes) -> Any:
    """The value, by a faster reader, where that reader cannot differ from the strict one; _NO where it might.

    Without escaped characters, a text's colons are its keys' and its strings' own. A reader that keeps one of two equal
    keys gives back fewer than came in, so equal counts mean that no key stood twice. Whole numbers of up to 15
    digits are exact for both. Whatever is wrong is read again strictly, for the sentence that says what.
    """
    if b"\\u" in body or _LONG_NUMBER in body.translate(_ANY_DIGIT):
        return _NO
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return _NO
    return value if orjson.dumps(value).count(b":") == body.count(b":") else _NO


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise BadInput(f"The key {twice[:60]!r} stands twice in one object.", "Keep one of them.")
    return found


def _constant(word: str) -> NoReturn:
    raise BadInput(f"{word} is not JSON.", "Use a number or null.")


def _float(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise BadInput("A number is too large to be one.", "Send it as text.")
    return number


def _int(text: str) -> int:
    if len(text) > _MAX_DIGITS:
        raise BadInput(f"A whole number has more than {_MAX_DIGITS} digits.", "Send it as text.")
    return int(text)


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant, parse_float=_float, parse_int=_int)


def _refuse_depth(value: Any, body: bytes) -> None:
    """Level by level, so that the check itself never nests; most texts have too few brackets to need it."""
    if body.count(b"[") + body.count(b"{") <= MAX_DEPTH:
        return
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(MAX_DEPTH):
        if not level:
            return
        inside = (one.values() if type(one) is dict else one for one in level)
        level = [found for one in inside for found in one if type(found) is dict or type(found) is list]
    if not level:
        return
    raise _too_deep()


def _refuse_lone_surrogates(value: Any, body: bytes) -> None:
    """A surrogate can only have come in as an escape, since the body was UTF-8."""
    if b"\\ud" not in body and b"\\uD" not in body:
        return
    try:
        write(value)
    except UnicodeEncodeError as error:
        raise BadInput("A text holds half of a surrogate pair.", "Send whole characters.") from error


def _too_deep() -> BadInput:
    return BadInput(f"The JSON is nested deeper than {MAX_DEPTH} levels.", "Flatten it.")

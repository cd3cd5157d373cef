"""Texts as the kernels take them, and the digest under which the table knows an outside id.

`rows.digest_of` is the meaning. Here its first block, which is the key, is compressed once for all, and one block is
left for nearly every id.
"""

# ruff: noqa: ARG001 - an intrinsic is given the types of its arguments, used or not

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils as _cgutils
from numba.extending import NativeValue as _NativeValue
from numba.extending import intrinsic, make_attribute_wrapper, models, register_model, unbox

from beholden.gate.rows import DIGEST_BYTES
from beholden.native.blake2s import BLOCK, compressed, parameters
from beholden.native.compiling import compiler, part

_PERSON: Final = b"table-id"
_ALL: Final = 0xFFFF_FFFF
_STATE: Final = 32
WORKED_IN: Final = _STATE + BLOCK
"""Bytes that the making of a digest needs."""
_intrinsic: Callable[[Any], Any] = intrinsic
_inner: Callable[[Any], Any] = part()
compiled = compiler(Path(__file__).parent)
"""Machine code of this folder."""
_unboxes: Callable[[Any], Callable[[Any], Any]] = unbox
cgutils: Any = _cgutils
NativeValue: Any = _NativeValue
_WORD, _LONG = ir.IntType(32), ir.IntType(64)


class Text(types.Type):
    """A `str` in UTF-8, where its interpreter keeps it; it stands as long as the call that it was given to.

    One that has no UTF-8 (it has half of a surrogate pair) raises UnicodeEncodeError before anything is done.
    """

    def __init__(self) -> None:
        super().__init__(name="Text")


TEXT: Final = Text()


@register_model(Text)
class _TextModel(models.StructModel):
    def __init__(self, manager: Any, kind: Any) -> None:
        super().__init__(manager, kind, [("at", types.int64), ("length", types.int64)])  # type: ignore[no-untyped-call]


make_attribute_wrapper(Text, "at", "at")
make_attribute_wrapper(Text, "length", "length")


@_unboxes(Text)
def _unboxed(kind: Any, said: Any, context: Any) -> Any:
    b = context.builder
    length_at = cgutils.alloca_once(b, _LONG)
    wanted = ir.FunctionType(cgutils.voidptr_t, [context.pyapi.pyobj, _LONG.as_pointer()])
    asked = cgutils.get_or_insert_function(b.module, wanted, "PyUnicode_AsUTF8AndSize")
    utf8 = b.call(asked, [said, length_at])
    text = cgutils.create_struct_proxy(kind)(context.context, b)
    text.at, text.length = b.ptrtoint(utf8, _LONG), b.load(length_at)
    return NativeValue(text._getvalue(), is_error=cgutils.is_null(b, utf8))


@_intrinsic
def _compress(_: Any, state_at: Any, block_at: Any, count: Any, last: Any, into_at: Any) -> Any:
    """One block of 64 bytes: a state becomes another one, at another place or at its own."""

    def code(context: Any, b: Any, _signature: Any, arguments: Any) -> Any:
        def word(base: int, n: int) -> Any:
            return b.gep(b.inttoptr(arguments[base], _WORD.as_pointer()), [ir.Constant(_LONG, n)])

        state = [b.load(word(0, n), align=4) for n in range(_STATE // 4)]
        block = [b.load(word(1, n), align=1) for n in range(BLOCK // 4)]
        count, last = (b.trunc(one, _WORD) for one in arguments[2:4])
        for n, one in enumerate(compressed(b, state, block, count, last)):
            b.store(one, word(4, n), align=4)
        return context.get_dummy_value()

    return types.void(*[types.int64] * 5), code


@_intrinsic
def _cleared(_: Any, at: Any) -> Any:
    """A block of zeros."""

    def code(context: Any, b: Any, _signature: Any, arguments: Any) -> Any:
        block = ir.VectorType(_LONG, BLOCK // 8)
        zeros = ir.Constant(block, [0] * (BLOCK // 8))
        b.store(zeros, b.inttoptr(arguments[0], block.as_pointer()), align=8)
        return context.get_dummy_value()

    return types.void(types.int64), code


@_intrinsic
def _copied(_: Any, at: Any, length: Any, into_at: Any) -> Any:
    """Bytes at another place."""

    def code(context: Any, b: Any, _signature: Any, arguments: Any) -> Any:
        source, into = (b.inttoptr(one, cgutils.voidptr_t) for one in (arguments[0], arguments[2]))
        cgutils.raw_memcpy(b, into, source, arguments[1], 1)
        return context.get_dummy_value()

    return types.void(*[types.int64] * 3), code


@_inner
def digest(keyed_at: int, text: Any, work_at: int) -> None:
    """A text's digest at `work_at`, where 96 bytes are worked in; `keyed_at` is where `keyed` lies."""
    at, left, count, state = text.at, text.length, BLOCK, keyed_at
    if left == 0:
        _copied(keyed_at + _STATE, _STATE, work_at)
        return
    while left > BLOCK:
        count += BLOCK
        _compress(state, at, count, 0, work_at)
        at, left, state = at + BLOCK, left - BLOCK, work_at
    block_at = work_at + _STATE
    _cleared(block_at)
    _copied(at, left, block_at)
    _compress(state, block_at, count + left, _ALL, work_at)


@compiled("void(int64, int64, int64, int64)")
def _begin(state_at: int, block_at: int, last: int, into_at: int) -> None:
    _compress(state_at, block_at, BLOCK, last, into_at)


def keyed(secret: bytes) -> bytes:
    """The state after the secret's own block, and the state in which an empty text ends, since then the secret's is the
    last block; in the words of this machine."""
    states = np.array([parameters(secret, DIGEST_BYTES, _PERSON)] * 2, np.uint32)
    block = np.frombuffer(bytearray(secret.ljust(BLOCK, b"\0")), np.uint8)
    for state, last in zip(states, (0, _ALL), strict=True):
        _begin(state.ctypes.data, block.ctypes.data, last, state.ctypes.data)
    return states.tobytes()

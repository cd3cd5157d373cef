"""What the kernels ask of the machine: 64 bytes at once, single bits, one cache line ahead.

Every function takes a `mode` first and nothing but its type counts: `VECTOR` makes LLVM vector code, of no particular
processor; `SCALAR` makes plain loops that say the same, for where vector code cannot be compiled, and to hold the other
to. A mask has one bit for each of 64 bytes, the first one lowest.
"""

# ruff: noqa: ARG001 - an intrinsic is given the types of its arguments, used or not

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from llvmlite import ir
from numba import njit as _njit
from numba import types
from numba.core.errors import NumbaError
from numba.extending import intrinsic as _intrinsic

VECTOR: Final = True
SCALAR: Final = 0
intrinsic: Callable[[Any], Any] = _intrinsic
_made: Any = _njit
inner: Callable[[Any], Any] = _njit(error_model="numpy", forceinline=True)
"""A part of a kernel that becomes part of whoever calls it."""
apart: Callable[[Any], Any] = _njit(error_model="numpy")
"""A part that is called, since it is long or seldom needed."""
_BYTE, _WORD, _LONG = ir.IntType(8), ir.IntType(32), ir.IntType(64)
_BLOCK = ir.VectorType(_BYTE, 64)
Class = Sequence[tuple[int, int]]
"""Ranges of bytes, both ends within."""


def _stamp() -> tuple[tuple[str, int, int], ...]:
    """What the sources of all kernels are: numba itself looks at the file of the outermost function alone, and would
    go on using the old code of what others it calls."""
    files = sorted(Path(__file__).parent.glob("*.py"))
    return tuple((one.name, one.stat().st_mtime_ns, one.stat().st_size) for one in files)


_STAMP: Final = _stamp()


def compiled(*signatures: str) -> Callable[[Any], Any]:
    """Machine code for these types (for those of the first call, where none are given), kept on disk where there is a
    place for it. It runs without the GIL."""

    def made(function: Any) -> Any:
        dispatcher = _made(nogil=True, error_model="numpy")(function)
        try:
            dispatcher.enable_caching()
            dispatcher._cache._cache_file._source_stamp = _STAMP
        except (RuntimeError, AttributeError):  # nowhere may anything be written
            dispatcher = _made(nogil=True, error_model="numpy")(function)
        for signature in signatures:
            dispatcher.compile(signature)
        return dispatcher

    return made


@intrinsic
def load1(_: Any, address: Any) -> Any:
    """The byte at an address, as int64."""

    def code(_context: Any, b: Any, _signature: Any, arguments: Any) -> Any:
        return b.zext(b.load(b.inttoptr(arguments[0], _BYTE.as_pointer())), _LONG)

    return types.int64(types.int64), code


@intrinsic
def load8(_: Any, address: Any) -> Any:
    """Eight bytes at an address, the first one lowest."""

    def code(_context: Any, b: Any, _signature: Any, arguments: Any) -> Any:
        return b.load(b.inttoptr(arguments[0], _LONG.as_pointer()), align=1)

    return types.uint64(types.int64), code


@intrinsic
def peek(_: Any, address: Any) -> Any:
    """The int64 at an address that is aligned."""

    def code(_context: Any, b: Any, _signature: Any, arguments: Any) -> Any:
        return b.load(b.inttoptr(arguments[0], _LONG.as_pointer()), align=8)

    return types.int64(types.int64), code


@intrinsic
def poke(_: Any, address: Any, value: Any) -> Any:
    """Put eight bytes at an address that is aligned."""

    def code(context: Any, b: Any, _signature: Any, arguments: Any) -> Any:
        b.store(arguments[1], b.inttoptr(arguments[0], _LONG.as_pointer()), align=8)
        return context.get_dummy_value()

    kind = value if value in (types.int64, types.uint64) else types.int64
    return types.void(types.int64, kind), code


@intrinsic
def swapped(_: Any, word: Any) -> Any:
    """Eight bytes in the other order."""

    def code(_context: Any, b: Any, _signature: Any, arguments: Any) -> Any:
        return b.bswap(arguments[0])

    return types.uint64(types.uint64), code


@intrinsic
def trailing(_: Any, mask: Any) -> Any:
    """How many zeros a mask has below its lowest bit; 64 where it has none."""

    def code(_context: Any, b: Any, _signature: Any, arguments: Any) -> Any:
        return b.cttz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), code


@intrinsic
def leading(_: Any, mask: Any) -> Any:
    """How many zeros a mask has above its highest bit; 64 where it has none."""

    def code(_context: Any, b: Any, _signature: Any, arguments: Any) -> Any:
        return b.ctlz(arguments[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), code


@intrinsic
def bits(_: Any, mask: Any) -> Any:
    """How many bits are set."""

    def code(_context: Any, b: Any, _signature: Any, arguments: Any) -> Any:
        return b.ctpop(arguments[0])

    return types.int64(types.uint64), code


@intrinsic
def high(_: Any, left: Any, right: Any) -> Any:
    """The upper half of a product of 64 by 64 bits: a number spread evenly, scaled to a range."""

    def code(_context: Any, b: Any, _signature: Any, arguments: Any) -> Any:
        wide = ir.IntType(128)
        product = b.mul(b.zext(arguments[0], wide), b.zext(arguments[1], wide))
        return b.trunc(b.lshr(product, ir.Constant(wide, 64)), _LONG)

    return types.int64(types.uint64, types.uint64), code


@intrinsic
def prefetch(_: Any, address: Any) -> Any:
    """Ask for the cache line at an address."""

    def code(_context: Any, b: Any, _signature: Any, arguments: Any) -> Any:
        pointer = _BYTE.as_pointer()
        kind = ir.FunctionType(ir.VoidType(), [pointer, _WORD, _WORD, _WORD])
        name = "llvm.prefetch.p0"
        function = b.module.globals.get(name) or ir.Function(b.module, kind, name)
        said = [ir.Constant(_WORD, one) for one in (0, 3, 1)]  # to read, keep, data
        b.call(function, [b.inttoptr(arguments[0], pointer), *said])
        return b.ptrtoint(b.inttoptr(arguments[0], pointer), _LONG)

    return types.int64(types.int64), code


def _splat(value: int) -> Any:
    return ir.Constant(_BLOCK, [value] * 64)


def _members(b: Any, block: Any, ranges: Class) -> Any:
    """Which bytes of a block are in one of the ranges."""
    found: Any = None
    for low, top in ranges:
        if low == top:
            one = b.icmp_unsigned("==", block, _splat(low))
        elif top == 255:
            one = b.icmp_unsigned(">=", block, _splat(low))
        else:
            one = b.icmp_unsigned("<=", b.sub(block, _splat(low)), _splat(top - low))
        found = one if found is None else b.or_(found, one)
    return found


def _mask(ranges: Class, folded: Class = ()) -> Any:
    """A mask of the bytes in ranges, or which in lower case are in the `folded` ones."""
    table = tuple(
        any(low <= n <= top for low, top in ranges) or any(low <= n | 32 <= top for low, top in folded)
        for n in range(256)
    )

    def plain(address: int) -> Any:
        found: Any = 0
        for n in range(64):
            if table[load1(address + n)]:
                found |= 1 << n
        return found

    @intrinsic
    def mask(_: Any, mode: Any, address: Any) -> Any:
        def vector(_context: Any, b: Any, _signature: Any, arguments: Any) -> Any:
            block = b.load(b.inttoptr(arguments[1], _BLOCK.as_pointer()), align=1)
            found = _members(b, block, ranges) if ranges else None
            if folded:
                low = _members(b, b.or_(block, _splat(32)), folded)
                found = low if found is None else b.or_(found, low)
            return b.bitcast(found, _LONG)

        def scalar(context: Any, b: Any, _signature: Any, arguments: Any) -> Any:
            return context.compile_internal(b, plain, types.uint64(types.int64), [arguments[1]])

        return types.uint64(mode, types.int64), (vector if isinstance(mode, types.Boolean) else scalar)

    return mask


_LETTERS = ((0x61, 0x7A),)
_DIGITS = ((0x30, 0x39),)
at_signs = _mask(((0x40, 0x40),))
escapes = _mask(((0x25, 0x25), (0x3D, 0x3D), (0x5C, 0x5C)))
fours = _mask(((0x34, 0x34),))
zeros = _mask(((0x30, 0x30),))
nothings = _mask(((0, 0),))
digits = _mask(_DIGITS)
separators = _mask(((0x20, 0x20), (0x28, 0x29), (0x2D, 0x2F)))
names = _mask((*_DIGITS, (0x2D, 0x2D), (0x5F, 0x5F)), _LETTERS)
"""Characters of a token: letters, digits, _ and -."""
hexes = _mask(_DIGITS, ((0x61, 0x66),))
scoped = _mask(((0x32, 0x37),), _LETTERS)
plains = _mask((*_DIGITS, (0x2B, 0x2B), (0x2D, 0x2E), (0x5F, 0x5F)), _LETTERS)
"""Characters before an @ that are no mark: letters, digits and . _ + -."""
hosts = _mask((*_DIGITS, (0x2D, 0x2E)), _LETTERS)
"""Characters of a domain."""


@intrinsic
def between(_: Any, mode: Any, address: Any, low: Any, span: Any) -> Any:
    """Which of 64 bytes are `low` to `low + span`."""

    def plain(address: int, low: int, span: int) -> Any:
        found: Any = 0
        for n in range(64):
            if (load1(address + n) - low) & 255 <= span:
                found |= 1 << n
        return found

    def vector(_context: Any, b: Any, _signature: Any, arguments: Any) -> Any:
        block = b.load(b.inttoptr(arguments[1], _BLOCK.as_pointer()), align=1)
        spread = []
        for one in arguments[2:]:
            first = b.insert_element(ir.Constant(_BLOCK, ir.Undefined), b.trunc(one, _BYTE), ir.Constant(_WORD, 0))
            same = ir.Constant(ir.VectorType(_WORD, 64), [0] * 64)
            spread.append(b.shuffle_vector(first, ir.Constant(_BLOCK, ir.Undefined), same))
        return b.bitcast(b.icmp_unsigned("<=", b.sub(block, spread[0]), spread[1]), _LONG)

    def scalar(context: Any, b: Any, _signature: Any, arguments: Any) -> Any:
        taken = types.uint64(types.int64, types.int64, types.int64)
        return context.compile_internal(b, plain, taken, arguments[1:])

    chosen = vector if isinstance(mode, types.Boolean) else scalar
    return types.uint64(mode, types.int64, types.int64, types.int64), chosen


def _tried(mode: Any, sample: Any) -> Any:
    return digits(mode, sample.ctypes.data)


@cache
def mode() -> bool | int:
    """Vector code where it compiles and says what plain loops say; else those. Chosen once."""
    sample = np.arange(64, dtype=np.uint8)
    tried = compiled()(_tried)
    try:
        right = int(tried(VECTOR, sample)) == sum(1 << n for n in range(48, 58))
    except (NumbaError, RuntimeError):
        right = False
    return VECTOR if right else SCALAR


def engine() -> str:
    """Which of the two is used here, for reports."""
    return "64-byte vectors" if mode() is VECTOR else "plain loops"

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
from llvmlite import binding, ir
from numba import types
from numba.core import config
from numba.core.errors import NumbaError
from numba.extending import intrinsic as _intrinsic

from beholden.native.compiling import compiler, part

VECTOR: Final = True
SCALAR: Final = 0
intrinsic: Callable[[Any], Any] = _intrinsic
compiled: Callable[..., Callable[[Any], Any]] = compiler(Path(__file__).parent, nogil=True, error_model="numpy")
"""Machine code that runs without the GIL; see `compiling.compiler`."""
_BYTE, _WORD, _LONG = ir.IntType(8), ir.IntType(32), ir.IntType(64)
_BLOCK = ir.VectorType(_BYTE, 64)
Class = Sequence[tuple[int, int]]
"""Ranges of bytes, both ends within."""


inner: Final = part(error_model="numpy", forceinline=True)
"""A part of a kernel that becomes part of whoever calls it."""
apart: Final = part(error_model="numpy")
"""A part that is called, since it is long or seldom needed."""


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
def put8(_: Any, address: Any, word: Any) -> Any:
    """Put eight bytes at any address, the first one lowest."""

    def code(context: Any, b: Any, _signature: Any, arguments: Any) -> Any:
        b.store(arguments[1], b.inttoptr(arguments[0], _LONG.as_pointer()), align=1)
        return context.get_dummy_value()

    return types.void(types.int64, types.uint64), code


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
def prefetch(_: Any, address: Any) -> Any:
    """Ask for the cache line at an address, into the second cache: much is asked for long before it is used, and would
    drive what is worked on out of the first."""

    def code(_context: Any, b: Any, _signature: Any, arguments: Any) -> Any:
        pointer = _BYTE.as_pointer()
        kind = ir.FunctionType(ir.VoidType(), [pointer, _WORD, _WORD, _WORD])
        name = "llvm.prefetch.p0"
        function = b.module.globals.get(name) or ir.Function(b.module, kind, name)
        said = [ir.Constant(_WORD, one) for one in (0, 2, 1)]  # to read, for the second cache, data
        b.call(function, [b.inttoptr(arguments[0], pointer), *said])
        return b.ptrtoint(b.inttoptr(arguments[0], pointer), _LONG)

    return types.int64(types.int64), code


def _picks() -> bool:
    """Whether code is made for a processor that gathers and scatters bits itself (x86 with BMI2)."""
    named, features = getattr(config, "CPU_NAME", None), getattr(config, "CPU_FEATURES", None)
    if named is not None or features is not None:
        return "+bmi2" in (features or "")
    return bool(binding.get_host_cpu_features().get("bmi2")) and binding.get_process_triple().startswith("x86_64")


def _gathered(value: Any, mask: Any) -> Any:
    found, at, one = np.uint64(0), np.uint64(0), np.uint64(1)
    while mask != np.uint64(0):
        lowest = mask & (~mask + one)
        if value & lowest != np.uint64(0):
            found |= one << at
        at += one
        mask ^= lowest
    return found


def _scattered(value: Any, mask: Any) -> Any:
    found, one = np.uint64(0), np.uint64(1)
    while mask != np.uint64(0):
        lowest = mask & (~mask + one)
        if value & one != np.uint64(0):
            found |= lowest
        value >>= one
        mask ^= lowest
    return found


def _picked(name: str, plain: Any) -> Any:
    @intrinsic
    def picked(_: Any, mode: Any, value: Any, mask: Any) -> Any:
        def vector(_context: Any, b: Any, _signature: Any, arguments: Any) -> Any:
            kind = ir.FunctionType(_LONG, [_LONG, _LONG])
            return b.call(b.module.globals.get(name) or ir.Function(b.module, kind, name), arguments[1:])

        def scalar(context: Any, b: Any, _signature: Any, arguments: Any) -> Any:
            return context.compile_internal(b, plain, types.uint64(types.uint64, types.uint64), arguments[1:])

        chosen = vector if isinstance(mode, types.Boolean) and _picks() else scalar
        return types.uint64(mode, types.uint64, types.uint64), chosen

    return picked


gathered = _picked("llvm.x86.bmi.pext.64", _gathered)
"""The bits of a value where a mask has ones, side by side from the lowest on."""
scattered = _picked("llvm.x86.bmi.pdep.64", _scattered)
"""The lowest bits of a value, one after the other where a mask has ones."""


@intrinsic
def chosen(_: Any, which: Any, left: Any, right: Any) -> Any:
    """The left value where a condition holds, else the right one; without a branch, which could be guessed wrong."""

    def code(_context: Any, b: Any, _signature: Any, arguments: Any) -> Any:
        return b.select(arguments[0], arguments[1], arguments[2])

    return types.uint64(types.boolean, types.uint64, types.uint64), code


def _splat(value: int, size: int = 64) -> Any:
    return ir.Constant(ir.VectorType(_BYTE, size), [value] * size)


def _members(b: Any, block: Any, ranges: Class) -> Any:
    """Which bytes of a block are in one of the ranges."""
    found: Any = None
    size = block.type.count
    for low, top in ranges:
        if low == top:
            one = b.icmp_unsigned("==", block, _splat(low, size))
        elif top == 255:
            one = b.icmp_unsigned(">=", block, _splat(low, size))
        else:
            one = b.icmp_unsigned("<=", b.sub(block, _splat(low, size)), _splat(top - low, size))
        found = one if found is None else b.or_(found, one)
    return found


def _settled(b: Any, mask: Any) -> Any:
    """A mask in a register as it is. What follows would else be worked out among the processor's own registers for
    masks, and values be carried there and back, which costs more than the work."""
    return b.asm(ir.FunctionType(_LONG, [_LONG]), "", "=r,0", [mask], side_effect=False)


def _mask(ranges: Class, folded: Class = (), size: int = 64) -> Any:
    """A mask of the bytes in ranges, or which in lower case are in the `folded` ones; of the first so many."""

    def members(b: Any, block: Any) -> Any:
        found = _members(b, block, ranges) if ranges else None
        if folded:
            low = _members(b, b.or_(block, _splat(32, size)), folded)
            found = low if found is None else b.or_(found, low)
        return found

    return _told(
        [
            any(low <= n <= top for low, top in ranges) or any(low <= n | 32 <= top for low, top in folded)
            for n in range(256)
        ],
        members,
        size,
    )


def _plainly(is_in: Sequence[bool], size: int = 64) -> Callable[[int], Any]:
    """A mask of the bytes that a table names, by a plain loop."""
    table = tuple(is_in)

    def plain(address: int) -> Any:
        found: Any = 0
        for n in range(size):
            if table[load1(address + n)]:
                found |= 1 << n
        return found

    return plain


def _told(is_in: Sequence[bool], members: Callable[[Any, Any], Any], size: int = 64) -> Any:
    """A mask of the bytes that a table names; `members` is the code that says the same of a block."""
    plain = _plainly(is_in, size)

    @intrinsic
    def mask(_: Any, mode: Any, address: Any) -> Any:
        def vector(_context: Any, b: Any, _signature: Any, arguments: Any) -> Any:
            block = b.load(b.inttoptr(arguments[1], ir.VectorType(_BYTE, size).as_pointer()), align=1)
            found = b.bitcast(members(b, block), ir.IntType(size))
            return _settled(b, found if size == 64 else b.zext(found, _LONG))

        def scalar(context: Any, b: Any, _signature: Any, arguments: Any) -> Any:
            return context.compile_internal(b, plain, types.uint64(types.int64), [arguments[1]])

        return types.uint64(mode, types.int64), (vector if isinstance(mode, types.Boolean) else scalar)

    return mask


def _any(ranges: Class, folded: Class, blocks: int, *, words: bool) -> Any:
    """Whether anything of so many blocks is in ranges; with `words`, whether eight bytes side by side all are."""
    table = tuple(
        any(low <= n <= top for low, top in ranges) or any(low <= n | 32 <= top for low, top in folded)
        for n in range(256)
    )
    size = 64 * blocks

    def plain(address: int) -> Any:
        for n in range(0, size, 8):
            some = 0
            for m in range(8):
                some += 1 if table[load1(address + n + m)] else 0
            if some == 8 or (some and not words):
                return True
        return False

    @intrinsic
    def anything(_: Any, mode: Any, address: Any) -> Any:
        def vector(_context: Any, b: Any, _signature: Any, arguments: Any) -> Any:
            found: Any = None
            for n in range(blocks):
                place = b.add(arguments[1], ir.Constant(_LONG, 64 * n))
                block = b.load(b.inttoptr(place, _BLOCK.as_pointer()), align=1)
                one = _members(b, block, ranges)
                if folded:
                    one = b.or_(one, _members(b, b.or_(block, _splat(32)), folded))
                if words:  # a byte of zeros among eight bits that say what is not in the class
                    rest = b.not_(b.bitcast(one, _LONG))
                    lowest = ir.Constant(_LONG, 0x0101_0101_0101_0101)
                    one = b.and_(b.and_(b.sub(rest, lowest), b.not_(rest)), b.shl(lowest, ir.Constant(_LONG, 7)))
                found = one if found is None else b.or_(found, one)
            if not words:
                found = b.bitcast(found, _LONG)
            return b.icmp_unsigned("!=", found, ir.Constant(_LONG, 0))

        def scalar(context: Any, b: Any, _signature: Any, arguments: Any) -> Any:
            return context.compile_internal(b, plain, types.boolean(types.int64), [arguments[1]])

        return types.boolean(mode, types.int64), (vector if isinstance(mode, types.Boolean) else scalar)

    return anything


_LETTERS = ((0x61, 0x7A),)
_DIGITS = ((0x30, 0x39),)
at_signs = _mask(((0x40, 0x40),))
escapes = _mask(((0x25, 0x25), (0x3D, 0x3D), (0x5C, 0x5C)))
fours = _mask(((0x34, 0x34),))
zeros = _mask(((0x30, 0x30),))
nothings = _mask(((0, 0),))
digits = _mask(_DIGITS)
_SEPARATORS: Final = ((0x20, 0x20), (0x28, 0x29), (0x2D, 0x2F))
separators = _mask(_SEPARATORS)
_NOTED: Final = {0: _DIGITS, 1: (*_DIGITS, *_SEPARATORS), 2: ((0x34, 0x34),), 3: ((0x30, 0x30),), 7: ((0x40, 0x40),)}


@intrinsic
def noted_classes(_: Any, mode: Any, address: Any, out: Any, apart: Any) -> Any:
    """Put masks of 64 bytes at `out` and so many bytes further on each: digits, those and separators, 4, 0, and in the
    eighth place @. At once, since to look at a block five times takes longer."""

    def code(context: Any, b: Any, _signature: Any, arguments: Any) -> Any:
        vector = isinstance(mode, types.Boolean)
        block = b.load(b.inttoptr(arguments[1], _BLOCK.as_pointer()), align=1) if vector else None
        for which, ranges in _NOTED.items():
            if vector:
                found = b.bitcast(_members(b, block, ranges), _LONG)
            else:
                plain = _plainly([any(low <= n <= top for low, top in ranges) for n in range(256)])
                found = context.compile_internal(b, plain, types.uint64(types.int64), [arguments[1]])
            place = b.add(arguments[2], b.mul(arguments[3], ir.Constant(_LONG, which)))
            b.store(found, b.inttoptr(place, _LONG.as_pointer()), align=8)
        return context.get_dummy_value()

    return types.void(mode, types.int64, types.int64, types.int64), code


names = _mask((*_DIGITS, (0x2D, 0x2D), (0x5F, 0x5F)), _LETTERS)
"""Characters of a token: letters, digits, _ and -."""
hexes = _mask(_DIGITS, ((0x61, 0x66),))
scoped = _mask(((0x32, 0x37),), _LETTERS)
plains = _mask((*_DIGITS, (0x2B, 0x2B), (0x2D, 0x2E), (0x5F, 0x5F)), _LETTERS)
"""Characters before an @ that are no mark: letters, digits and . _ + -."""
near_plains = _mask((*_DIGITS, (0x2B, 0x2B), (0x2D, 0x2E), (0x5F, 0x5F)), _LETTERS, 32)
"""The same of 32 bytes, which takes half as long."""
alike = _mask(
    ((0x21, 0x21), (0x23, 0x27), (0x2A, 0x2B), (0x2D, 0x39), (0x3D, 0x3D), (0x3F, 0x3F), (0x5E, 0x60), (0x7B, 0x7E)),
    _LETTERS,
)
"""All characters before an @."""
marks = _mask(
    ((0x21, 0x21), (0x23, 0x24), (0x26, 0x27), (0x2A, 0x2A), (0x2F, 0x2F), (0x3D, 0x3D), (0x3F, 0x3F), (0x5E, 0x5E),
     (0x60, 0x60), (0x7B, 0x7E)),
)  # fmt: skip
"""Those of them that are marks, see `letters`; but for %."""
percents = _mask(((0x25, 0x25),))
dots = _mask(((0x2D, 0x2E),))
alnums = _mask(_DIGITS, _LETTERS)
anchored = _any((*_DIGITS, (0x40, 0x40)), (), 4, words=False)
"""Whether 256 bytes have an @ or a digit."""
crowded = _any(_DIGITS, _LETTERS, 4, words=True)
"""Whether of 256 bytes eight that are aligned are all letters and digits."""
named = _any((*_DIGITS, (0x2D, 0x2D), (0x5F, 0x5F)), _LETTERS, 4, words=True)
"""The same for characters of a token."""
hosts = _mask((*_DIGITS, (0x2D, 0x2E)), _LETTERS)
"""Characters of a domain."""
written = _mask(((0x09, 0x0A), (0x0D, 0x0D), (0x20, 0x7E)))
"""Characters of ASCII that texts have."""
controls = _mask(((0x00, 0x08), (0x0E, 0x1A), (0x1C, 0x1F), (0x7F, 0x7F)))
"""Control characters that texts do not have."""
blanks = _mask(((0x09, 0x0A), (0x0D, 0x0D), (0x20, 0x20)))
newlines = _mask(((0x0A, 0x0A),))
equal_signs = _mask(((0x3D, 0x3D),))
ampersands = _mask(((0x26, 0x26),))
backslashes = _mask(((0x5C, 0x5C),))
us = _mask(((0x75, 0x75),))
entity_heads = _mask(((0x23, 0x23), *_DIGITS), _LETTERS)
"""What follows the ampersand of an entity."""
base64_letters = _mask(((0x2B, 0x2B), (0x2D, 0x2D), (0x2F, 0x39), (0x5F, 0x5F)), _LETTERS)


_BASE64: Final = ((0x41, 0x5A, 0), (0x61, 0x7A, 26), (0x30, 0x39, 52))
"""Ranges of letters, and the value of each one's first."""


def _base64(bit: int) -> Any:
    """A mask of the letters of base64 whose value lacks a bit; + / - _ have each that is asked for."""

    def members(b: Any, block: Any) -> Any:
        found = None
        for low, top, first in _BASE64:
            value = b.sub(block, _splat(low))
            unset = b.icmp_unsigned("==", b.and_(b.add(value, _splat(first)), _splat(bit)), _splat(0))
            one = b.and_(b.icmp_unsigned("<=", value, _splat(top - low)), unset)
            found = one if found is None else b.or_(found, one)
        return found

    return _told(
        [any(low <= n <= top and not (n - low + first) & bit for low, top, first in _BASE64) for n in range(256)],
        members,
    )


base64_first = _base64(32)
"""Letters that may be first of the four that write three bytes of ASCII; so for the second and third. The last may be
any: it sets no byte's highest bit."""
base64_second = _base64(8)
base64_third = _base64(2)
hex_first = _mask(((0x30, 0x37),))
"""Hexadecimal digits that may begin a byte of ASCII."""

near_hosts = _mask((*_DIGITS, (0x2D, 0x2E)), _LETTERS, 32)
near_dots = _mask(((0x2D, 0x2E),), (), 32)


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

"""Words of 64 bits side by side, in code that is being made: eight at once in vector code, one by one in plain code.

Steps are written once, over `Words`. Arrays are addresses of words; their lengths are rounded up to eights, and what
stands behind the last word of a list is worked on too, but never counts.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final

from llvmlite import ir
from numba import types

EIGHT: Final = 8
ALL: Final = (1 << 64) - 1
LONG, _FLAG = ir.IntType(64), ir.IntType(1)


class Words:
    """Words side by side, in code that is being made; a number stands for as many of itself. Comparisons make flags."""

    def __init__(self, b: Any, value: Any) -> None:
        self.b, self.value = b, value

    def _done(self, step: Callable[[Any, Any], Any], other: "Words | int") -> "Words":
        return Words(self.b, step(self.value, self._same(other)))

    def _same(self, other: "Words | int") -> Any:
        if isinstance(other, Words):
            return other.value
        kind = self.value.type
        if isinstance(kind, ir.VectorType):
            return ir.Constant(kind, [other & (1 << kind.element.width) - 1] * kind.count)
        return ir.Constant(kind, other & (1 << kind.width) - 1)

    def __and__(self, other: "Words | int") -> "Words":
        return self._done(self.b.and_, other)

    def __or__(self, other: "Words | int") -> "Words":
        return self._done(self.b.or_, other)

    def __xor__(self, other: "Words | int") -> "Words":
        return self._done(self.b.xor, other)

    def __add__(self, other: "Words | int") -> "Words":
        return self._done(self.b.add, other)

    def __sub__(self, other: "Words | int") -> "Words":
        return self._done(self.b.sub, other)

    def __mul__(self, other: "Words | int") -> "Words":
        return self._done(self.b.mul, other)

    def __rshift__(self, other: "Words | int") -> "Words":
        return self._done(self.b.lshr, other)

    def __lshift__(self, other: "Words | int") -> "Words":
        return self._done(self.b.shl, other)

    def __invert__(self) -> "Words":
        return self ^ ALL

    def __neg__(self) -> "Words":
        return ~self + 1

    def is_(self, other: "Words | int") -> "Words":
        """Flags: which are equal to it."""
        return self._done(lambda left, right: self.b.icmp_unsigned("==", left, right), other)

    def above(self, other: "Words | int") -> "Words":
        """Flags: which are greater; numbers may be negative."""
        return self._done(lambda left, right: self.b.icmp_signed(">", left, right), other)

    def below(self, other: "Words | int") -> "Words":
        """Flags: which are less; numbers may be negative."""
        return self._done(lambda left, right: self.b.icmp_signed("<", left, right), other)

    def bit(self, which: "Words") -> "Words":
        """Flags: which have the bit of that number, of 64."""
        return ((self >> (which & 63)) & 1).is_(1)

    def where(self, which: "Words", other: "Words | int") -> "Words":
        """These where something holds, others elsewhere."""
        return Words(self.b, self.b.select(which.value, self.value, self._same(other)))

    def low_zeros(self) -> "Words":
        """How many zeros are below the lowest bit; 64 where there is none."""
        return self._zeros("cttz")

    def high_zeros(self) -> "Words":
        """How many zeros are above the highest bit; 64 where there is none."""
        return self._zeros("ctlz")

    def _zeros(self, name: str) -> "Words":
        kind = self.value.type
        whole = f"llvm.{name}." + (f"v{kind.count}i64" if isinstance(kind, ir.VectorType) else "i64")
        function = _declared(self.b, whole, kind, [kind, _FLAG])
        return Words(self.b, self.b.call(function, [self.value, ir.Constant(_FLAG, 0)]))

    def there(self) -> "Words":
        """The words at so many addresses."""
        kind = self.value.type
        if not isinstance(kind, ir.VectorType):
            return Words(self.b, self.b.load(self.b.inttoptr(self.value, LONG.as_pointer()), align=1))
        pointers = self.b.inttoptr(self.value, ir.VectorType(LONG.as_pointer(), kind.count))
        flags = ir.VectorType(_FLAG, kind.count)
        name = f"llvm.masked.gather.v{kind.count}i64.v{kind.count}p0"
        function = _declared(self.b, name, kind, [pointers.type, ir.IntType(32), flags, kind])
        every, aligned = ir.Constant(flags, [1] * kind.count), ir.Constant(ir.IntType(32), 1)
        return Words(self.b, self.b.call(function, [pointers, aligned, every, ir.Constant(kind, ir.Undefined)]))

    def told(self) -> Any:
        """Flags as a number, the first one lowest."""
        kind = self.value.type
        if not isinstance(kind, ir.VectorType):
            return self.b.zext(self.value, LONG)
        return self.b.zext(self.b.bitcast(self.value, ir.IntType(kind.count)), LONG)


def _declared(b: Any, name: str, result: Any, taken: list[Any]) -> Any:
    return b.module.globals.get(name) or ir.Function(b.module, ir.FunctionType(result, taken), name)


def _wide(mode: Any) -> int:
    """How many words are done together."""
    return EIGHT if isinstance(mode, types.Boolean) else 1


class Part:
    """One or eight words of each of some lists, and numbers to spread."""

    def __init__(self, b: Any, lists: Any, n: int, lanes: int) -> None:
        self.b, self.lists, self.n, self.lanes = b, lists, n, lanes

    def _pointer(self, distance: Any) -> Any:
        place = self.b.add(self.lists, self.b.add(distance, ir.Constant(LONG, 8 * self.n)))
        return self.b.inttoptr(place, (LONG if self.lanes == 1 else ir.VectorType(LONG, self.lanes)).as_pointer())

    def load(self, distance: Any) -> Words:
        """The words that lie so many bytes further on."""
        return Words(self.b, self.b.load(self._pointer(_number(distance)), align=8))

    def store(self, distance: Any, words: Words) -> None:
        """Put words there."""
        self.b.store(words.value, self._pointer(_number(distance)), align=8)

    def all(self, value: Any) -> Words:
        """A number, as many times as there are words."""
        value = _number(value)
        if self.lanes == 1:
            return Words(self.b, value)
        kind, places = ir.VectorType(LONG, self.lanes), ir.VectorType(ir.IntType(32), self.lanes)
        first = self.b.insert_element(ir.Constant(kind, ir.Undefined), value, ir.Constant(ir.IntType(32), 0))
        same = self.b.shuffle_vector(first, ir.Constant(kind, ir.Undefined), ir.Constant(places, [0] * self.lanes))
        return Words(self.b, same)

    def places(self) -> Words:
        """Which of eight each word is."""
        if self.lanes == 1:
            return Words(self.b, ir.Constant(LONG, self.n))
        return Words(self.b, ir.Constant(ir.VectorType(LONG, self.lanes), list(range(self.lanes))))

    def six_bytes(self, address: Any) -> Words:
        """The integers of six bytes, the highest first, that begin at eight bytes side by side."""
        if self.lanes == 1:
            place = self.b.add(address, ir.Constant(LONG, self.n))
            word = self.b.load(self.b.inttoptr(place, LONG.as_pointer()), align=1)
            return Words(self.b, self.b.lshr(self.b.bswap(word), ir.Constant(LONG, 16)))
        half = ir.VectorType(ir.IntType(8), 16)
        some = self.b.load(self.b.inttoptr(address, half.as_pointer()), align=1)
        nothing = ir.Constant(half, [0] * 16)
        chosen = [n + 5 - m if m < 6 else 16 for n in range(EIGHT) for m in range(8)]
        spread = self.b.shuffle_vector(some, nothing, ir.Constant(ir.VectorType(ir.IntType(32), 64), chosen))
        return Words(self.b, self.b.bitcast(spread, ir.VectorType(LONG, self.lanes)))


def _number(value: Any) -> Any:
    return ir.Constant(LONG, value & ALL) if isinstance(value, int) else value


def parts(b: Any, lists: Any, mode: Any) -> Iterator[Part]:
    """Eight words of each list, in as many parts as it takes."""
    return (Part(b, lists, n, _wide(mode)) for n in range(0, EIGHT, _wide(mode)))


class Told:
    """What a pass knows, a named tuple in code that is being made, by name and spread over a part."""

    def __init__(self, part: Part, kind: Any, value: Any) -> None:
        self.part, self.kind, self.value = part, kind, value

    def __getattr__(self, name: str) -> Words:
        return self.part.all(self.part.b.extract_value(self.value, self.kind.fields.index(name)))

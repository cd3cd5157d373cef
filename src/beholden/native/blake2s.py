"""BLAKE2s (RFC 7693) written as machine code: one message, or as many at once as a vector has lanes.

`hashlib` says the same and is what every digest here is held to; this is for kernels that cannot stop to call it.
"""

from typing import Any, Final

from llvmlite import ir

BLOCK: Final = 64
"""Bytes that are compressed at once."""
START: Final = (
    0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19,
)  # fmt: skip
ORDER: Final = (
    (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15),
    (14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3),
    (11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4),
    (7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8),
    (9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13),
    (2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9),
    (12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11),
    (13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10),
    (6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5),
    (10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0),
)
MIXED: Final = (
    (0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15),
    (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14),
)  # fmt: skip


def parameters(key: bytes, digest_size: int, person: bytes = b"") -> list[int]:
    """The eight words that a state begins as: one leaf, a key, and up to eight bytes that keep uses apart."""
    words = list(START)
    words[0] ^= 0x01010000 ^ len(key) << 8 ^ digest_size
    told = person.ljust(8, b"\0")
    words[6] ^= int.from_bytes(told[:4], "little")
    words[7] ^= int.from_bytes(told[4:], "little")
    return words


def compressed(b: Any, state: list[Any], words: list[Any], count: Any, last: Any) -> list[Any]:
    """The eight words of a state after one block of 16 `words`, as code that the builder `b` writes.

    All are 32-bit integers, or vectors of them; `count` is how many bytes there were so far, `last` is all ones in the
    last block and nothing in the others.
    """
    kind = words[0].type

    def constant(value: int) -> Any:
        return ir.Constant(kind, [value] * kind.count if isinstance(kind, ir.VectorType) else value)

    def turned(word: Any, by: int) -> Any:
        return b.or_(b.lshr(word, constant(by)), b.shl(word, constant(32 - by)))

    v = [*state, *map(constant, START)]
    v[12] = b.xor(v[12], count)
    v[14] = b.xor(v[14], last)
    for order in ORDER:
        for g, (p, q, r, s) in enumerate(MIXED):
            for half, (first, second) in enumerate(((16, 12), (8, 7))):
                v[p] = b.add(b.add(v[p], v[q]), words[order[2 * g + half]])
                v[s] = turned(b.xor(v[s], v[p]), first)
                v[r] = b.add(v[r], v[s])
                v[q] = turned(b.xor(v[q], v[r]), second)
    return [b.xor(state[n], b.xor(v[n], v[n + 8])) for n in range(8)]

"""BLAKE2s with a key, 128 bits (RFC 7693), of many short messages: 16 at once in vector code, or one by one.

A message is the shape of a value and its spelling. `hashlib.blake2s(message, key=key, digest_size=16)` says the same:
an auditor needs nothing of ours to test a value.
"""

from typing import Any, Final

import numpy as np
from llvmlite import ir
from numba import types
from numpy.typing import NDArray

from beholden.forensics.kernel.machine import apart, compiled, inner, intrinsic

LANES: Final = 16
BLOCK: Final = 64
_START = (0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A, 0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19)
_ORDER = (
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
_MIXED = (
    (0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15),
    (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14),
)  # fmt: skip
_SIGMA = np.array(_ORDER, np.int64)
_PLACES = np.array(_MIXED, np.int64)
_IV = np.array(_START, np.uint32)


@inner
def _turned(word: Any, by: Any) -> Any:
    return np.uint32((word >> np.uint32(by)) | (word << np.uint32(32 - by)))


@apart
def compress(state: Any, block: Any, length: int, last: bool) -> None:  # noqa: FBT001
    """One block of 16 words into a state of eight; `length` counts all bytes so far."""
    v = np.empty(16, np.uint32)
    v[:8] = state
    v[8:] = _IV
    v[12] ^= np.uint32(length)
    if last:
        v[14] ^= np.uint32(0xFFFFFFFF)
    for turn in range(10):
        for g in range(8):
            a, b, c, d = _PLACES[g, 0], _PLACES[g, 1], _PLACES[g, 2], _PLACES[g, 3]
            v[a] = v[a] + v[b] + block[_SIGMA[turn, 2 * g]]
            v[d] = _turned(v[d] ^ v[a], 16)
            v[c] = v[c] + v[d]
            v[b] = _turned(v[b] ^ v[c], 12)
            v[a] = v[a] + v[b] + block[_SIGMA[turn, 2 * g + 1]]
            v[d] = _turned(v[d] ^ v[a], 8)
            v[c] = v[c] + v[d]
            v[b] = _turned(v[b] ^ v[c], 7)
    for n in range(8):
        state[n] ^= v[n] ^ v[n + 8]


@compiled("void(uint32[::1], uint32[::1])")
def _first_block(state: Any, block: Any) -> None:
    compress(state, block, BLOCK, False)


def started(key: bytes) -> NDArray[np.uint32]:
    """The state after the key's own block, from which every message goes on."""
    state = np.array(_START, np.uint32)
    state[0] ^= np.uint32(0x01010000 ^ (len(key) << 8) ^ 16)
    _first_block(state, np.array(np.frombuffer(key.ljust(BLOCK, b"\0"), np.uint32)))
    return state


def _rounds(b: Any, state: list[Any], words: list[Any], counts: Any, vector: Any) -> list[Any]:
    """The compression of a last block, as vector code."""

    def constant(value: int) -> Any:
        return ir.Constant(vector, [value] * LANES)

    def turned(word: Any, by: int) -> Any:
        return b.or_(b.lshr(word, constant(by)), b.shl(word, constant(32 - by)))

    v = [*state, *map(constant, _START)]
    v[12] = b.xor(v[12], counts)
    v[14] = b.xor(v[14], constant(0xFFFFFFFF))
    for order in _ORDER:
        for g, (p, q, r, s) in enumerate(_MIXED):
            for half, (first, second) in enumerate(((16, 12), (8, 7))):
                v[p] = b.add(b.add(v[p], v[q]), words[order[2 * g + half]])
                v[s] = turned(b.xor(v[s], v[p]), first)
                v[r] = b.add(v[r], v[s])
                v[q] = turned(b.xor(v[q], v[r]), second)
    return [b.xor(state[n], b.xor(v[n], v[n + 8])) for n in range(4)]


@apart
def _one_by_one(state_at: Any, words: Any, counts: Any, out: Any) -> None:
    block, state = np.empty(16, np.uint32), np.empty(8, np.uint32)
    for lane in range(LANES):
        for n in range(16):
            block[n] = words[n * LANES + lane]
        state[:] = state_at
        compress(state, block, np.int64(counts[lane]), True)
        for n in range(4):
            out[n * LANES + lane] = state[n]


@intrinsic
def sixteen(_: Any, mode: Any, state: Any, words: Any, counts: Any, out: Any) -> Any:
    """Finish 16 messages of one block each. Arrays of uint32: word n of message m is at `n * 16 + m`."""

    def vector(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        kind = ir.VectorType(ir.IntType(32), LANES)
        data = [
            context.make_array(one)(context, b, value).data
            for one, value in zip(signature.args[1:], arguments[1:], strict=True)
        ]

        def row(base: Any, n: int) -> Any:
            return b.bitcast(b.gep(base, [ir.Constant(ir.IntType(64), n * LANES)]), kind.as_pointer())

        first = [b.load(b.gep(data[0], [ir.Constant(ir.IntType(64), n)])) for n in range(8)]
        zeros = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
        undefined = ir.Constant(kind, ir.Undefined)
        states = [
            b.shuffle_vector(b.insert_element(undefined, one, ir.Constant(ir.IntType(32), 0)), undefined, zeros)
            for one in first
        ]
        loaded = [b.load(row(data[1], n), align=4) for n in range(16)]
        for n, one in enumerate(_rounds(b, states, loaded, b.load(row(data[2], 0), align=4), kind)):
            b.store(one, row(data[3], n), align=4)
        return context.get_dummy_value()

    def scalar(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        return context.compile_internal(b, _plain, types.void(*signature.args[1:]), arguments[1:])

    return types.void(mode, state, words, counts, out), (vector if isinstance(mode, types.Boolean) else scalar)


def _plain(state: Any, words: Any, counts: Any, out: Any) -> None:
    _one_by_one(state, words, counts, out)

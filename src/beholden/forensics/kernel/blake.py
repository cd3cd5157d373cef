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
from beholden.native.blake2s import BLOCK, MIXED, ORDER, START, compressed, parameters

LANES: Final = 16
DIGEST: Final = 16
"""Bytes of a digest."""
_SIGMA = np.array(ORDER, np.int64)
_PLACES = np.array(MIXED, np.int64)
_IV = np.array(START, np.uint32)


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
    state = np.array(parameters(key, DIGEST), np.uint32)
    _first_block(state, np.array(np.frombuffer(key.ljust(BLOCK, b"\0"), np.uint32)))
    return state


@apart
def _one_by_one(state_at: Any, words: Any, counts: Any, out: Any) -> None:
    block, state = np.empty(16, np.uint32), np.empty(8, np.uint32)
    for lane in range(LANES):
        for n in range(16):
            block[n] = words[n * LANES + lane]
        state[:] = state_at
        compress(state, block, np.int64(counts[lane]), True)
        for n in range(DIGEST // 4):
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
        counted, last = b.load(row(data[2], 0), align=4), ir.Constant(kind, [0xFFFFFFFF] * LANES)
        for n, one in enumerate(compressed(b, states, loaded, counted, last)[: DIGEST // 4]):
            b.store(one, row(data[3], n), align=4)
        return context.get_dummy_value()

    def scalar(context: Any, b: Any, signature: Any, arguments: Any) -> Any:
        return context.compile_internal(b, _plain, types.void(*signature.args[1:]), arguments[1:])

    return types.void(mode, state, words, counts, out), (vector if isinstance(mode, types.Boolean) else scalar)


def _plain(state: Any, words: Any, counts: Any, out: Any) -> None:
    _one_by_one(state, words, counts, out)

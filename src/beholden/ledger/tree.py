"""The Merkle tree of RFC 6962, section 2.1: hashes, roots, paths, and the checks of RFC 9162, sections 2.1.3 and 2.1.4.

A range of leaves is known by the hashes of its perfect subtrees, which a `Perfect` hands over: the hash over the
2**height leaves from `start` on, where `start` is a multiple of that.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence

HASH_SIZE = 32
EMPTY = hashlib.sha256(b"").digest()
"""The root of a tree without leaves."""

Perfect = Callable[[int, int], bytes]


def leaf_hash(entry: bytes) -> bytes:
    """RFC 6962, 2.1: the hash of a leaf."""
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """RFC 6962, 2.1: the hash of an inner node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def perfect_hash(hashes: Sequence[bytes]) -> bytes:
    """The hash over a power of two of equal subtrees."""
    level = list(hashes)
    assert level and len(level) & (len(level) - 1) == 0, "a perfect tree has a power of two of leaves"
    while len(level) > 1:
        level = [node_hash(level[i], level[i + 1]) for i in range(0, len(level), 2)]
    return level[0]


def joined(peaks: Iterable[bytes]) -> bytes:
    """The root over perfect subtrees from the largest, on the left, to the smallest."""
    root = b""
    for peak in reversed(list(peaks)):
        root = node_hash(peak, root) if root else peak
    return root or EMPTY


def split(count: int) -> int:
    """The largest power of two smaller than `count`, where a tree of that many leaves divides."""
    return 1 << ((count - 1).bit_length() - 1)


def range_hash(start: int, end: int, perfect: Perfect) -> bytes:
    """MTH(D[start:end]) for a range that is a subtree of some tree (RFC 6962, 2.1)."""
    count = end - start
    if count == 0:
        return EMPTY
    if count & (count - 1) == 0:
        return perfect(start, count.bit_length() - 1)
    middle = start + split(count)
    return node_hash(range_hash(start, middle, perfect), range_hash(middle, end, perfect))


def inclusion_path(index: int, size: int, perfect: Perfect) -> list[bytes]:
    """PATH(index, D[size]) of RFC 6962, 2.1.1: from the leaf's sibling up to the root's child."""
    assert 0 <= index < size, "a leaf of the tree"
    start, end, path = 0, size, list[bytes]()
    while end - start > 1:
        middle = start + split(end - start)
        if index < middle:
            path.append(range_hash(middle, end, perfect))
            end = middle
        else:
            path.append(range_hash(start, middle, perfect))
            start = middle
    return path[::-1]


def consistency_path(old: int, new: int, perfect: Perfect) -> list[bytes]:
    """PROOF(old, D[new]) of RFC 6962, 2.1.2; empty where there is nothing to prove."""
    assert 0 <= old <= new, "a tree only grows"
    if old in (0, new):
        return []
    start, end, path = 0, new, list[bytes]()
    while old != end:
        middle = start + split(end - start)
        if old <= middle:
            path.append(range_hash(middle, end, perfect))
            end = middle
        else:
            path.append(range_hash(start, middle, perfect))
            start = middle
    if start > 0:  # otherwise the verifier has this hash: it is the old root
        path.append(range_hash(start, end, perfect))
    return path[::-1]


def included(index: int, size: int, leaf: bytes, path: Sequence[bytes], root: bytes) -> bool:
    """RFC 9162, 2.1.3.2: whether the path leads from the leaf to the root."""
    if not 0 <= index < size:
        return False
    low, last, hash_ = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            return False
        if low & 1 or low == last:
            hash_ = node_hash(sibling, hash_)
            while low and not low & 1:
                low, last = low >> 1, last >> 1
        else:
            hash_ = node_hash(hash_, sibling)
        low, last = low >> 1, last >> 1
    return last == 0 and hash_ == root


def consistent(old: int, new: int, old_root: bytes, new_root: bytes, path: Sequence[bytes]) -> bool:
    """RFC 9162, 2.1.4.2: whether the tree of `new` leaves begins with the tree of `old` leaves."""
    if not 0 <= old <= new:
        return False
    if old == new:
        return not path and old_root == new_root
    if old == 0:
        return not path and old_root == EMPTY
    steps = list(path) if old & (old - 1) else [old_root, *path]
    if not steps:
        return False
    low, last = old - 1, new - 1
    while low & 1:
        low, last = low >> 1, last >> 1
    before = after = steps[0]
    for sibling in steps[1:]:
        if last == 0:
            return False
        if low & 1 or low == last:
            before, after = node_hash(sibling, before), node_hash(sibling, after)
            while low and not low & 1:
                low, last = low >> 1, last >> 1
        else:
            after = node_hash(after, sibling)
        low, last = low >> 1, last >> 1
    return last == 0 and before == old_root and after == new_root

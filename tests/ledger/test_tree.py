"""The tree against RFC 6962's own definition, its published vectors, and two other implementations."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sigstore._internal import merkle as sigstore_merkle
from tlog_scales.tlog import ConsistencyProof, InclusionProof

from beholden.ledger import tree
from tests.ledger.naive import mth, numbered, path, perfect, subproof

# The test data of Certificate Transparency's reference implementation (merkletree_test): leaves, and the root over
# the first n of them.
LEAVES = [
    bytes.fromhex(leaf)
    for leaf in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
FIRST_OF_EIGHT = [
    "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
    "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
    "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
]


@pytest.mark.parametrize("size", range(9))
def test_the_root_is_that_of_the_reference_vectors(size: int) -> None:
    assert tree.range_hash(0, size, perfect(LEAVES)).hex() == ROOTS[size]


def test_the_inclusion_path_is_that_of_the_reference_vectors() -> None:
    assert [h.hex() for h in tree.inclusion_path(0, 8, perfect(LEAVES))] == FIRST_OF_EIGHT


@settings(deadline=None)  # a busy machine is no failure
@given(st.integers(1, 70), st.data())
def test_an_inclusion_path_is_the_rfcs_and_is_accepted_by_us_sigstore_and_tlog_scales(
    size: int, data: st.DataObject
) -> None:
    index = data.draw(st.integers(0, size - 1))
    leaves = numbered(size)
    found = tree.inclusion_path(index, size, perfect(leaves))
    root, leaf = mth(leaves), tree.leaf_hash(leaves[index])
    assert found == path(index, leaves)
    assert tree.included(index, size, leaf, found, root)
    InclusionProof(index, size, found).check(leaf, root)
    inner, border = sigstore_merkle._decomp_inclusion_proof(index, size)
    assert len(found) == inner + border
    hashed = sigstore_merkle._chain_inner(leaf, found[:inner], index)
    assert sigstore_merkle._chain_border_right(hashed, found[inner:]) == root


@settings(deadline=None)  # a busy machine is no failure
@given(st.integers(0, 70), st.data())
def test_a_consistency_path_is_the_rfcs_and_is_accepted_by_us_and_tlog_scales(new: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(0, new))
    leaves = numbered(new)
    found = tree.consistency_path(old, new, perfect(leaves))
    before, after = mth(leaves[:old]), mth(leaves)
    assert found == ([] if old in (0, new) else subproof(old, leaves, True))
    assert tree.consistent(old, new, before, after, found)
    ConsistencyProof(old, new, found).check(before, after)


@settings(deadline=None)  # a busy machine is no failure
@given(st.integers(1, 40), st.data())
def test_a_path_that_was_changed_anywhere_proves_nothing(size: int, data: st.DataObject) -> None:
    leaves = numbered(size)
    index = data.draw(st.integers(0, size - 1))
    found, root = path(index, leaves), mth(leaves)
    leaf = tree.leaf_hash(leaves[index])
    other = data.draw(st.integers(0, size - 1).filter(lambda n: n != index)) if size > 1 else size
    assert not tree.included(other, size, leaf, found, root)
    assert not tree.included(index, size, tree.leaf_hash(b"another"), found, root)
    assert not tree.included(index, size, leaf, [*found, root], root)
    assert not tree.included(index, size, leaf, found, tree.EMPTY)
    for place in range(len(found)):
        flipped = bytes([found[place][0] ^ 1]) + found[place][1:]
        assert not tree.included(index, size, leaf, [*found[:place], flipped, *found[place + 1 :]], root)
        assert not tree.included(index, size, leaf, found[:place] + found[place + 1 :], root)


@settings(deadline=None)  # a busy machine is no failure
@given(st.integers(2, 40), st.data())
def test_a_forked_or_shrunk_tree_is_not_consistent(new: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(1, new - 1))
    leaves = numbered(new)
    forked = [b"forged", *leaves[1:]]
    found = tree.consistency_path(old, new, perfect(leaves))
    before, after = mth(leaves[:old]), mth(leaves)
    assert not tree.consistent(old, new, mth(forked[:old]), after, found)
    assert not tree.consistent(old, new, before, mth(forked), found)
    assert not tree.consistent(old, new, before, mth(forked), tree.consistency_path(old, new, perfect(forked)))
    assert not tree.consistent(new, old, after, before, found)
    assert not tree.consistent(old, new, before, after, found[:-1])


def test_an_empty_path_proves_only_a_tree_of_one_leaf() -> None:
    leaf = tree.leaf_hash(b"only")
    assert tree.included(0, 1, leaf, [], leaf)
    assert not tree.included(0, 2, leaf, [], leaf)
    assert not tree.included(1, 1, leaf, [], leaf)
    assert not tree.included(-1, 1, leaf, [], leaf)

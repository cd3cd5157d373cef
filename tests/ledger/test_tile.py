"""Tiles: paths and contents as C2SP tlog-tiles has them, and a right edge from which a log goes on."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from beholden.ledger import tile, tree
from beholden.model.errors import Damaged
from tests.ledger.naive import mth, numbered, path, perfect, subproof


def grown(*sizes: int) -> tuple[dict[str, bytes], tile.Edge]:
    """What a log publishes that grows to each of these sizes in turn."""
    published: dict[str, bytes] = {}
    edge = tile.Edge()
    leaves = numbered(sizes[-1])
    for size in sizes:
        published.update(edge.extend(leaves[edge.size : size]))
        published.update(edge.partial())
    return published, edge


def test_paths_are_those_of_the_specification() -> None:
    assert tile.path(0, 1234067) == "tile/0/x001/x234/067"
    assert tile.path(1, 0, 17) == "tile/1/000.p/17"
    assert tile.path(tile.ENTRIES, 5) == "tile/entries/005"


@settings(deadline=None)  # a busy machine is no failure
@given(st.sampled_from([tile.ENTRIES, *range(8)]), st.integers(0, 10**9), st.integers(1, 256))
def test_a_path_names_the_place_it_was_made_from(level: int, number: int, width: int) -> None:
    assert tile.place(tile.path(level, number, width)) == (level, number, width)


@pytest.mark.parametrize(
    "path_",
    [
        "tile/0/../../../etc/passwd",
        "tile/0/000/../001",
        "tile/0//000",
        "tile/0/x000/067",
        "tile/0/67",
        "tile/00/067",
        "tile/8/000",
        "tile/0/000.p/256",
        "tile/0/000.p/0",
        "tile/0/000.p/01",
        "tile/0/000.p/1\n",
        "tile/0/٠٠٠",
        "tile/entries/000.p/-1",
        "/tile/0/000",
        "tile/0/000/",
        "checkpoint",
        "",
    ],
)
def test_anything_else_is_no_path(path_: str) -> None:
    assert tile.place(path_) is None


def test_the_specifications_example_of_70000_leaves_has_its_tiles() -> None:
    size = 70_000
    assert tile.width(0, 272, size) == 256
    assert tile.width(0, 273, size) == 112
    assert tile.width(0, 274, size) == 0
    assert (tile.width(1, 0, size), tile.width(1, 1, size), tile.width(2, 0, size)) == (256, 17, 1)
    assert (tile.width(tile.ENTRIES, 273, size), tile.width(3, 0, size)) == (112, 0)


@pytest.mark.parametrize("size", [0, 1, 2, 255, 256, 257, 511, 512, 700])
def test_the_edge_has_the_root_and_the_tiles_of_the_rfc(size: int) -> None:
    published, edge = grown(size)
    leaves = numbered(size)
    assert edge.root() == mth(leaves)
    expected = {
        tile.path(level, n, tile.width(level, n, size))
        for level in (tile.ENTRIES, 0, 1)
        for n in range(4)
        if tile.width(level, n, size)
    }
    assert set(published) == expected
    for file, content in published.items():
        level, number, width = tile.place(file) or (0, 0, 0)
        if level == tile.ENTRIES:
            assert tile.unpack_bundle(content) == leaves[number * 256 : number * 256 + width]
        else:
            span = 256**level
            first = number * 256
            assert tile.hashes(content) == [mth(leaves[n * span : (n + 1) * span]) for n in range(first, first + width)]


@settings(deadline=None)  # a busy machine is no failure
@given(st.lists(st.integers(0, 600), min_size=1, max_size=5).map(sorted))
def test_a_log_that_grows_in_steps_is_the_one_that_grew_at_once(sizes: list[int]) -> None:
    published, edge = grown(*sizes)
    once, at_once = grown(sizes[-1])
    assert edge.root() == at_once.root()
    assert {p: c for p, c in published.items() if p in once} == once


@settings(deadline=None)  # a busy machine is no failure
@given(st.integers(0, 600))
def test_an_edge_read_back_from_its_files_goes_on_as_if_never_left(size: int) -> None:
    published, edge = grown(size)
    again = tile.edge(published.get, size)
    assert (again.size, again.entries, [bytes(t) for t in again.levels]) == (
        edge.size,
        edge.entries,
        [bytes(t) for t in edge.levels],
    )
    more = numbered(size + 300)[size:]
    assert list(again.extend(more)) == list(edge.extend(more))
    assert again.root() == edge.root()


@settings(deadline=None)  # a busy machine is no failure
@given(st.integers(1, 700), st.data())
def test_proofs_from_tiles_are_those_of_the_rfc(size: int, data: st.DataObject) -> None:
    published, _ = grown(size)
    index, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(0, size))
    leaves = numbered(size)
    subtrees = tile.subtrees(published.get, size)
    assert tree.inclusion_path(index, size, subtrees) == path(index, leaves)
    if 0 < old < size:
        assert tree.consistency_path(old, size, subtrees) == subproof(old, leaves, True)
    assert tree.range_hash(0, size, subtrees) == mth(leaves)


def test_a_tree_of_three_levels_is_rooted_right() -> None:
    # 65,536 + 300 leaves: a full tile on level 1, and a hash on level 2.
    published, edge = grown(65_836)
    leaves = numbered(65_836)
    assert "tile/2/000.p/1" in published
    assert edge.root() == tree.range_hash(0, 65_836, tile.subtrees(published.get, 65_836)) == mth(leaves)
    assert tree.inclusion_path(65_700, 65_836, tile.subtrees(published.get, 65_836)) == path(65_700, leaves)
    assert perfect(leaves)(0, 16) == published["tile/2/000.p/1"]


def test_a_partial_tile_that_is_gone_is_cut_from_the_full_one() -> None:
    published, _ = grown(100, 300)
    del published["tile/0/000.p/100"], published["tile/entries/000.p/100"]
    leaves = numbered(100)
    assert tree.range_hash(0, 100, tile.subtrees(published.get, 100)) == mth(leaves)
    assert tile.edge(published.get, 100).root() == mth(leaves)


@pytest.mark.parametrize("path_", ["tile/0/001.p/44", "tile/1/000.p/1", "tile/entries/001.p/44"])
def test_an_edge_with_a_file_missing_cut_or_changed_is_damage(path_: str) -> None:
    published, edge = grown(300)
    whole = published[path_]
    for bad in (None, whole[:-1], whole[:-40], whole + b"x", bytes([whole[5] ^ 1]) + whole[1:]):
        spoilt = {**published, path_: bad} if bad is not None else {k: v for k, v in published.items() if k != path_}
        try:
            assert tile.edge(spoilt.get, 300).root() != edge.root()
        except Damaged:
            continue


@pytest.mark.parametrize("data", [b"\x00", b"\x00\x05abcd", b"\x00\x01a\x00"])
def test_a_bundle_cut_short_is_damage(data: bytes) -> None:
    with pytest.raises(Damaged):
        tile.unpack_bundle(data)

"""The made-up world: computed, repeatable, symmetric; and edge lists read with care."""

import gzip
from collections import Counter
from pathlib import Path

import pytest

from examples.platform.world import (
    FIELDS,
    FRIENDS,
    GraphError,
    read_graph,
    world,
    world_of_graph,
)
from tests.shared_data import shared

SMALL = world(seed=11, people=2_000)


def test_everything_follows_from_the_seed() -> None:
    again, other = world(seed=11, people=2_000), world(seed=12, people=2_000)
    assert list(again.directory()) == list(SMALL.directory())
    assert [again.friends(n) for n in range(20)] == [SMALL.friends(n) for n in range(20)]
    assert [again.record(n) for n in range(20)] == [SMALL.record(n) for n in range(20)]
    assert again.sample(20, "installers") == SMALL.sample(20, "installers") != SMALL.sample(20, "others")
    assert list(other.directory()) != list(SMALL.directory()) and other.friends(0) != SMALL.friends(0)


def test_friendship_is_symmetric_and_nobody_is_their_own_friend() -> None:
    lists = {n: set(SMALL.friends(n)) for n in range(0, 2_000, 13)}
    for n, friends in lists.items():
        assert n not in friends and friends <= set(range(2_000))
        assert all(n in SMALL.friends(friend) for friend in list(friends)[:10])


def test_people_have_about_340_friends_each_drawn_from_all() -> None:
    large = world(seed=2018, people=200_000)
    counts = [len(large.friends(n)) for n in large.sample(40, "test")]
    assert abs(sum(counts) / len(counts) - FRIENDS) < 15  # five times the standard error of the mean
    assert min(counts) > 240 and max(counts) < 440
    spread = Counter(friend // 20_000 for n in range(20) for friend in large.friends(n))
    assert len(spread) == 10 and min(spread.values()) > 500


def test_ids_and_addresses_are_one_to_one() -> None:
    rows = list(SMALL.directory())
    assert len({outside for outside, _, _ in rows}) == len({email for _, _, email in rows}) == 2_000
    assert all(email.rpartition("@")[2] in {"example.com", "example.net", "example.org"} for _, _, email in rows)
    assert all(SMALL.number_of(outside) == n for n, (outside, _, _) in enumerate(rows))
    assert rows[7][1:] == (SMALL.name(7), SMALL.email(7)) and rows[7][0] == "u000007"


@pytest.mark.parametrize(
    "text", ["", "u", "u7", "u0000007", "u002000", "x000007", "u-00007", "u٠٠٠٠٠٧", "u" + "9" * 99]
)
def test_what_is_nobodys_id(text: str) -> None:
    assert SMALL.number_of(text) is None


def test_a_record_has_the_fields_that_were_asked_for() -> None:
    assert set(SMALL.record(3, ["name", "city"])) == {"name", "city"}
    records = [SMALL.record(n) for n in range(200)]
    filled = Counter(field for record in records for field in record)
    assert filled["name"] == filled["friends"] == 200
    assert 40 < filled["religion"] < 160 and 40 < filled["politics"] < 160, "not everybody says so"
    assert set(filled) == set(FIELDS)


@pytest.mark.parametrize("people", [1, 2, 3, 5])
def test_a_tiny_world_is_a_world(people: int) -> None:
    tiny = world(seed=1, people=people)
    assert len(list(tiny.directory())) == people
    assert all(n not in tiny.friends(n) for n in range(people))


@pytest.mark.parametrize(("seed", "people"), [(0, 0), (0, 100_000_001), (-1, 5), (1 << 64, 5)])
def test_a_world_that_cannot_be_is_refused(seed: int, people: int) -> None:
    with pytest.raises(ValueError, match="a world has 1 to"):
        world(seed, people)


@pytest.mark.parametrize("packed", [False, True])
def test_an_edge_list_is_read_as_it_stands(tmp_path: Path, packed: bool) -> None:
    text = "# a comment\n7 alice\n\nalice bob\nbob alice\nbob bob\n7\tbob\n"
    path = tmp_path / "edges.txt"
    path.write_bytes(gzip.compress(text.encode()) if packed else text.encode())
    here = world_of_graph(5, path)
    assert here.people == 3
    friends = {here.outside_id(n): {here.outside_id(f) for f in here.friends(n)} for n in range(3)}
    assert friends == {"7": {"alice", "bob"}, "alice": {"7", "bob"}, "bob": {"7", "alice"}}
    assert here.number_of("alice") == 1 and here.number_of("u000001") is None
    assert [outside for outside, _, _ in here.directory()] == ["7", "alice", "bob"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"1 2\n3\n", "line 2: two labels were expected, 1 found"),
        (b"1 2\n\n# x\n1 2 3\n", "line 4: two labels were expected, 3 found"),
        (b"1 " + b"2" * 300, "line 1 is longer"),
        (b"1 2\n\xff\xfe 3\n", "cannot be read"),
        (gzip.compress(b"1 2\n" * 5000, mtime=0)[:-20], "cannot be read"),
        (b"\x1f\x8bnothing", "cannot be read"),
        (b"", "no edge"),
        (b"# nothing\n", "no edge"),
    ],
)
def test_a_bad_edge_list_is_one_clear_error(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "edges.txt"
    path.write_bytes(content)
    with pytest.raises(GraphError, match=words):
        read_graph(path)


def test_a_missing_edge_list_is_one_clear_error(tmp_path: Path) -> None:
    with pytest.raises(GraphError, match="cannot be read"):
        read_graph(tmp_path / "none.txt")


def test_a_real_graph_is_the_one_that_is_published() -> None:
    here = world_of_graph(1, shared("graphs/facebook_combined.txt.gz"))
    assert here.people == 4039, "nodes of ego-Facebook, by its publisher (SNAP)"
    assert sum(len(here.friends(n)) for n in range(here.people)) == 2 * 88234, "and its edges"

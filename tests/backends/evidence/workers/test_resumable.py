"""A search that was stopped goes on where it stopped, and comes to the same."""

import errno
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from beholden.backends.evidence.workers import resumable
from beholden.backends.evidence.workers.resumable import ENDING, Resumable
from beholden.forensics.containers import Limits
from beholden.forensics.outcome import Outcome, encoded
from beholden.forensics.units import InProcess, Job, Searched, Unit
from beholden.model.errors import Unavailable
from tests.backends.evidence.workers.searching import Desk


@dataclass
class Counting:
    """A searcher that remembers whom it was asked about, and may be interrupted."""

    inner: InProcess
    asked: list[int] = field(default_factory=list)
    until: int = 1_000
    cage: str = "this"

    @property
    def protections(self) -> Mapping[str, object]:
        return {"cage": self.cage}

    def search(self, parts: Sequence[Unit], job: Job, searched: Searched) -> Iterator[tuple[int, Outcome]]:
        for unit in parts:
            if len(self.asked) == self.until:
                raise KeyboardInterrupt
            self.asked.append(unit.number)
            yield from self.inner.search([unit], job, searched)


@dataclass
class Study:
    """A desk, and searches of it that keep what they came to."""

    desk: Desk
    state: Path

    def search(self, desk: Desk | None = None, **options: object) -> tuple[bytes, list[int]]:
        """What a search comes to, and which units were really searched."""
        evidence, parts = (desk or self.desk).taken()
        counting = Counting(InProcess(evidence), **options)  # type: ignore[arg-type]
        found = (desk or self.desk).through(Resumable(counting, self.state), parts)
        return encoded(found.outcome), counting.asked

    def kept(self) -> list[Path]:
        """The results that lie in the folder."""
        return sorted(self.state.glob(f"*{ENDING}"))


@pytest.fixture
def study(tmp_path: Path) -> Study:
    (tmp_path / "evidence").mkdir()
    desk = Desk(tmp_path / "evidence")
    desk.planted(3)
    return Study(desk, tmp_path / "state")


def test_an_interrupted_search_goes_on_and_comes_to_the_same(study: Study) -> None:
    with pytest.raises(KeyboardInterrupt):
        study.search(until=4)
    assert len(study.kept()) == 4
    outcome, asked = study.search()
    assert asked == [5, 6, 7]
    assert outcome == encoded(study.desk.in_process().outcome)
    assert study.search() == (outcome, [])


def test_a_torn_or_altered_result_is_searched_again(study: Study) -> None:
    outcome, _ = study.search()
    first, second, third = study.kept()[:3]
    first.write_bytes(first.read_bytes()[:-5])
    second.write_bytes(b"")
    third.write_bytes(third.read_bytes().replace(b"[", b"{", 1))
    again, asked = study.search()
    assert again == outcome and len(asked) == 3
    assert study.search() == (outcome, [])


def test_a_result_with_a_right_digest_and_no_sense_is_searched_again(study: Study) -> None:
    import hashlib

    outcome, _ = study.search()
    for path, body in zip(study.kept(), (b"[]", encoded(Outcome()) + b"x"), strict=False):
        path.write_bytes(hashlib.sha256(body).hexdigest().encode() + b"\n" + body)
    again, asked = study.search()
    assert again == outcome and len(asked) == 2


@pytest.mark.parametrize("change", ["content", "limits", "people", "protections", "version"])
def test_a_result_is_used_for_the_same_question_only(
    study: Study, change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    study.search()
    desk, options = study.desk, {}
    if change == "content":
        (desk.folder / "0.csv").write_text("other")
    elif change == "limits":
        desk = replace(desk, limits=Limits(depth=3))
    elif change == "people":
        one = next(iter(study.desk.job.sought.people.values()))
        monkeypatch.setattr("tests.backends.evidence.workers.searching.PEOPLE", [replace(one, email="x@y.example")])
    elif change == "protections":
        options = {"cage": "another"}
    else:
        monkeypatch.setattr(resumable, "__version__", "next")
    _, asked = study.search(desk, **options)
    assert len(asked) == 7


def test_a_full_disk_stops_keeping_and_not_searching(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    evidence, parts = study.desk.taken()
    searcher = Resumable(InProcess(evidence), study.state)
    found = study.desk.through(searcher, parts)
    assert encoded(found.outcome) == encoded(study.desk.in_process().outcome)
    assert "No space left on device" in searcher.trouble
    assert list(study.state.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_one_clear_error(study: Study) -> None:
    study.state.write_text("a file")
    with pytest.raises(Unavailable, match="cannot be kept"):
        study.search()


def test_results_are_readable_by_their_owner_alone(study: Study) -> None:
    study.search()
    assert study.state.stat().st_mode & 0o077 == 0
    assert all(path.stat().st_mode & 0o077 == 0 for path in study.kept())

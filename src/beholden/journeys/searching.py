"""Searching: all of the evidence of an examination or a leak, divided among searchers and put together again."""

from dataclasses import dataclass, replace

from beholden.forensics.outcome import Outcome, merge
from beholden.forensics.ports import Hits, Intake, Progress
from beholden.forensics.units import Job, Searcher, units


@dataclass(slots=True)
class _Counted:
    """Tells progress in bytes searched. What is unpacked adds to the bytes that there are."""

    progress: Progress
    total: int
    done: int = 0

    def __call__(self, more: int) -> None:
        self.done += more
        self.progress("searching", self.done, max(self.total, self.done))


def search(searcher: Searcher, intake: Intake, job: Job, hits: Hits | None, progress: Progress) -> Outcome:
    """What all of the evidence comes to: the same however it is divided among searchers, and whoever is first. Single
    finds go to `hits` as they come, and are not held."""
    searched = _Counted(progress, sum(exhibit.size for exhibit in intake.exhibits))
    found = {0: _refused(intake)}
    for number, outcome in searcher.search(units(intake.exhibits), job, searched):
        if hits is not None:
            for find in outcome.finds:
                hits.add(find)
        found[number] = replace(outcome, finds=())
    return merge(found)


def _refused(intake: Intake) -> Outcome:
    """What was not taken in is not searched, and said to be."""
    outcome = Outcome()
    for refused in intake.not_taken:
        if refused.size:
            outcome.coverage.file(refused.size, unpacked=False)
        outcome.coverage.gap(refused.name, refused.reason, refused.size)
    return outcome

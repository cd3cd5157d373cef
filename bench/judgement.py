"""How often judgement errs, on synthetic worlds with fixed seeds: `python -m bench.judgement`.

Nothing here is timed. Each figure of docs/forensics-judgement.md is a line that this prints.
"""

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from beholden.forensics.attribution import CALLED, Attribution, attribute
from beholden.forensics.chance import clopper_pearson
from beholden.forensics.copies import copies
from beholden.forensics.derived import Link, Table, judged
from beholden.forensics.leak import Book, Seen, dump, held
from beholden.forensics.needles import Kind
from beholden.forensics.tally import Tally
from beholden.forensics.verdict import Facts, Verdict, decide
from beholden.model.disclosure import RecordedDisclosure
from beholden.model.ids import AppNumber, DeveloperNumber, PersonNumber

START = datetime(2026, 1, 1, tzinfo=UTC)
CROWD = 40
FIELDS = ("birthday", "town", "likes", "about")


# Attribution


@dataclass(frozen=True, slots=True)
class Habits:
    """How the sources of a world behave: the first as the model has it, the others worse than it thinks."""

    name: str
    unknown: float = 0.2
    alike: float = 0.1
    selected: float = 0.2
    strangers: float = 0.05
    shown: float = 0.5
    crowded: bool = False
    partner: bool = False


HABITS = (
    Habits("as the model assumes"),
    Habits("the unknown source has crowds, twice as often", unknown=0.4, crowded=True),
    Habits("half of the dumps are chosen, strangers are 20 %", selected=0.5, strangers=0.2),
    Habits("the unknown source is like an app three times as often", alike=0.3),
    Habits("all fields are left out", shown=0.0),
    Habits("the unknown source always has an app's people and fields", partner=True),
)


@dataclass(slots=True)
class World:
    """Apps and their people, who come in crowds; some apps have most of their people from another."""

    chance: random.Random
    population: int
    book: Book = field(default_factory=Book)
    fields: dict[AppNumber, tuple[str, ...]] = field(default_factory=dict)

    def crowd(self) -> list[int]:
        """People who belong together."""
        first = self.chance.randrange(self.population // CROWD) * CROWD
        return list(range(first + 1, first + CROWD + 1))

    def crowds(self, size: int) -> set[int]:
        """So many people, most of them in crowds."""
        people: set[int] = set()
        while len(people) < size:
            crowd = self.crowd()
            people.update(self.chance.sample(crowd, self.chance.randint(CROWD // 4, CROWD)))
        return people


def world(chance: random.Random) -> World:
    """A world of 3 to 10 apps over 4,000 people."""
    made = World(chance, 4_000)
    sets: list[set[int]] = []
    for number in range(1, chance.randint(3, 10) + 1):
        people = made.crowds(chance.choice((60, 200, 600, 1_500)))
        if sets and chance.random() < 0.3:  # an app that grew out of another
            older = sorted(chance.choice(sets))
            people |= set(chance.sample(older, int(len(older) * chance.uniform(0.5, 1))))
        sets.append(people)
        app = AppNumber(number)
        made.fields[app] = tuple(name for name in FIELDS if chance.random() < 0.5)
        order = sorted(people)
        chance.shuffle(order)
        for place, person in enumerate(order):
            made.book.add(_given(app, person, START + timedelta(hours=place), ("name", "email", *made.fields[app])))
    return made


def _given(app: AppNumber, person: int, at: datetime, fields: tuple[str, ...]) -> RecordedDisclosure:
    number = PersonNumber(person)
    digests = dict.fromkeys(fields[2:], "")
    return RecordedDisclosure(0, at, app, DeveloperNumber(1), number, number, fields, "", "", digests)


def leaked(made: World, habits: Habits) -> tuple[AppNumber | None, set[int], set[str]]:
    """A dump: where it came from (None: from none of the apps), whom it holds, which fields it shows."""
    chance = made.chance
    size = int(10 ** chance.uniform(0.5, 2.5))
    apps = sorted(made.book.apps)
    unknown = chance.random() < habits.unknown
    if unknown and habits.partner:
        partner = chance.choice(apps)
        had = ("name", "email", *made.fields[partner])
        source, pool, shown = None, set(map(int, made.book.apps[partner])), {f for f in had if chance.random() < 0.5}
    elif unknown:
        source, pool, shown = (
            None,
            _elsewhere(made, habits),
            {f for f in ("name", "email", *FIELDS) if chance.random() < 0.5},
        )
    else:
        source = chance.choice(apps)
        pool = _drawn_from(made, source, habits)
        had = ("name", "email", *made.fields[source])
        shown = {name for name in had if chance.random() < (habits.shown or (name == "email"))}
    people = set(chance.sample(sorted(pool), min(size, len(pool))))
    for person in sorted(people):
        if source is not None and chance.random() < habits.strangers:
            people.remove(person)
            people.add(chance.randint(1, made.population))
    return source, people, shown | {"email"}


def _elsewhere(made: World, habits: Habits) -> set[int]:
    if made.chance.random() < habits.alike:
        return {int(person) for person in made.book.apps[made.chance.choice(sorted(made.book.apps))]}
    return made.crowds(800) if habits.crowded else set(range(1, made.population + 1))


def _drawn_from(made: World, source: AppNumber, habits: Habits) -> set[int]:
    """What the app had at some time; where the dump is a chosen one, only its people of one sort."""
    own = made.book.apps[source]
    by_time = sorted(own, key=lambda person: made.book.givings[own[person]].first_at)
    pool = {int(person) for person in by_time[: max(1, int(len(by_time) * made.chance.uniform(0.1, 1)))]}
    if made.chance.random() < habits.selected:
        other = made.chance.choice(sorted(made.book.apps))
        chosen = pool & {int(person) for person in made.book.apps[other]}
        return chosen or pool
    return pool


def attributed(made: World, people: set[int], shown: set[str]) -> Attribution:
    """What is said of such a dump, by the product's own way from people found to a posterior."""
    known = made.book.people
    kinds = {{"email": Kind.EMAIL, "name": Kind.NAME}.get(name, name) for name in shown}
    found: dict[PersonNumber, Seen] = {}
    for person in sorted(known & {PersonNumber(number) for number in people}):
        values = {
            app: (shown & set(FIELDS)) & made.book.givings[own[person]].fields
            for app, own in made.book.apps.items()
            if person in own
        }
        seen_kinds = {str(kind) for kind in kinds if kind in set(Kind)}
        found[person] = Seen(certain=True, kinds=seen_kinds, values={app: got for app, got in values.items() if got})
    about = dump(made.book, found, Tally(), made.population)
    return attribute(about, held(made.book, found, {}))


@dataclass(frozen=True, slots=True)
class Calibration:
    """Of so many dumps, how many named an app, and how many of those named the right one."""

    name: str
    dumps: int
    called: int
    right: int
    promised: float


def calibration(habits: Habits, worlds: int, dumps: int = 10, seed: int = 1) -> Calibration:
    """Trace many dumps of many worlds."""
    called = right = 0
    promised = 0.0
    for number in range(worlds):
        made = world(random.Random(f"{seed}/{number}"))
        for _ in range(dumps):
            source, people, shown = leaked(made, habits)
            answer = attributed(made, people, shown)
            if answer.named:
                called += 1
                right += answer.named[0] == source
                promised += answer.origins[0].posterior
    return Calibration(habits.name, worlds * dumps, called, right, promised / max(1, called))


# The verdict


def wrongly_contradicted(expected: float, examinations: int = 200_000, seed: int = 1) -> int:
    """Of so many developers who kept nothing, how many are contradicted; the rate is wrong by the stated doubt."""
    chance = random.Random(f"verdict/{seed}/{expected}")
    threshold: dict[int, bool] = {}
    wrong = 0
    for _ in range(examinations):
        found = _poisson(chance, expected * chance.expovariate(1))
        if found not in threshold:
            threshold[found] = decide(_innocent(found, expected)).verdict is Verdict.CONTRADICTED
        wrong += threshold[found]
    return wrong


def _innocent(found: int, expected: float) -> Facts:
    return Facts(found, 0, 1_000, 0, 1, complete=True, changed=0, claimed_at=None, taken_at=START, expected=expected)


def _poisson(chance: random.Random, mean: float) -> int:
    count, left = 0, math.exp(-mean)
    product = chance.random()
    while product > left:
        count += 1
        product *= chance.random()
    return count


# Derived tables


def wrongly_derived(examinations: int, tables: int = 200, seed: int = 1) -> int:
    """Of so many examinations of tables whose people are drawn from all the platform's, how many call one derived."""
    chance = random.Random(f"derived/{seed}")
    population, own = 100_000, 20_000
    wrong = 0
    for _ in range(examinations):
        made = [_table(chance.choice((10, 100, 1_000)), own / population, chance) for _ in range(tables)]
        wrong += any(one.link is not Link.NONE for one in judged(made, population, own))
    return wrong


def missed_derived(records: int, share: float, examinations: int, seed: int = 1) -> int:
    """Of so many tables with this share of people of an app that has a fifth of the platform, how many are missed."""
    chance = random.Random(f"missed/{seed}/{records}/{share}")
    made = [_table(records, share, chance) for _ in range(examinations)]
    return sum(judged([one], 100_000, 20_000)[0].link is Link.NONE for one in made)


def _table(records: int, share: float, chance: random.Random) -> Table:
    people = sum(chance.random() < share for _ in range(records))
    return Table(1, "dump.db", "table scores", "live", records, people, 0)


# Near copies


def sentences(chance: random.Random, words: int) -> list[str]:
    """A made-up text: words as often as in a language (Zipf), from 3,000."""
    weights = [1 / (rank + 3) for rank in range(3_000)]
    return [f"w{n}" for n in chance.choices(range(3_000), weights, k=words)]


def changed(text: Sequence[str], share: float, chance: random.Random) -> list[str]:
    """The text with this share of its words replaced, left out or doubled."""
    made: list[str] = []
    for word in text:
        if chance.random() >= share:
            made.append(word)
        else:
            made += chance.choice(([f"n{chance.randrange(3_000)}"], [], [word, word]))
    return made


def copies_found(share: float, texts: int = 400, words: int = 40, seed: int = 1) -> tuple[int, int]:
    """Of so many changed texts, each within 400 other words, how many are found; and how many other texts wrongly."""
    chance = random.Random(f"copies/{seed}/{share}")
    known = [sentences(chance, words) for _ in range(texts)]
    index = copies((PersonNumber(n + 1), "about", " ".join(text)) for n, text in enumerate(known))
    found = wrong = 0
    for number, text in enumerate(known):
        around = sentences(chance, 200), sentences(chance, 200)
        met = {copy.person for copy in index.within(" ".join([*around[0], *changed(text, share, chance), *around[1]]))}
        found += number + 1 in met
        wrong += len(met - {number + 1})
    return found, wrong


def lines() -> Iterator[str]:
    """Everything that docs/forensics-judgement.md quotes."""
    yield f"Attribution: of the cases called at {CALLED:.0%} or more"
    for habits in HABITS:
        one = calibration(habits, 200)
        ends = clopper_pearson(one.right, one.called)
        yield (
            f"  {one.name}: {one.called:,} of {one.dumps:,} called, {one.right / max(1, one.called):.1%} right "
            f"({ends.low:.1%} to {ends.high:.1%}), {one.promised:.1%} promised"
        )
    yield "Verdict: people who kept nothing, contradicted"
    for expected in (0.001, 0.1, 1.0, 10.0):
        yield f"  {expected:g} expected by chance: {wrongly_contradicted(expected):,} of 200,000"
    yield f"Derived tables: {wrongly_derived(500):,} of 500 examinations of 200 chance tables called one"
    for records, share in ((10, 1.0), (30, 0.9), (100, 0.5), (1_000, 0.3), (1_000, 0.25)):
        yield f"  {records:,} records, {share:.0%} of the app: {missed_derived(records, share, 200):,} of 200 missed"
    yield "Near copies: of 400 texts of 40 words"
    for share in (0.0, 0.1, 0.2, 0.3, 0.4):
        found, wrong = copies_found(share)
        yield f"  {share:.0%} of words changed: {found:,} found, {wrong:,} others wrongly"


if __name__ == "__main__":
    for line in lines():
        print(line, flush=True)

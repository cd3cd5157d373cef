"""Beats 5 to 9: the examination, the letters, and today's rules."""

import json
import time
from typing import Any

import httpx

from beholden.journeys import enrol, expire, notify, policy, review, token
from beholden.model.act import Actor, ActorKind
from beholden.model.app import Ask
from beholden.model.ids import CaseId
from examples.mail_sink.count import tally
from examples.story.beats_harvest import Harvest
from examples.story.browser import Browser
from examples.story.processes import ROOT
from examples.story.quiz import App, Registration
from examples.story.stage import INES, OMAR, PASSWORD, Stage
from examples.story.tell import Bar, Teller

HAPPENED = (
    "A quiz read the data of people who connected it, and of their friends, and its developer did not answer when we "
    "asked what became of it."
)
KILLS = 2
NIGHTS = 100
CALENDAR = "reminders"


def examine(stage: Stage, teller: Teller, harvest: Harvest) -> None:
    """The seized folder is searched for everybody whom the ledger says the quiz received."""
    out = stage.plan.data / "examination"
    report: dict[str, Any] = stage.json_of(
        *("examine", str(harvest.hoard.folder.parent), "--app", "quiz", "--claim", harvest.certification),
        *("--case", harvest.case, "--operator", INES.id, "--out", str(out)),
        expect=(0, 1, 3),
    )
    found = report["numbers"]["found"]
    stage.figures["examination"] = {
        "verdict": report["verdict"],
        "people_found": found,
        "coverage": report["coverage"],
    }
    teller.say(f"Verdict: {report['verdict']}. {found:,} people are still on the disk. The report is in {out}.")


def notify_all(stage: Stage, teller: Teller, harvest: Harvest) -> None:
    """Everyone is told. The sender is killed twice on the way, without warning, and goes on each time."""
    engines = stage.engines
    numbers = [app.number for app in harvest.registered]
    campaign = notify.draft(engines, INES, numbers, HAPPENED, case=CaseId(harvest.case)).id
    frozen = notify.freeze(engines, campaign, actor=OMAR)
    due = frozen.due
    arrivals = _Arrivals(stage)
    with teller.progress("letters that arrived", due) as bar:
        for kill in range(1, KILLS + 2):
            _start_sender(stage, str(campaign))
            until = due * kill // (KILLS + 1) if kill <= KILLS else None
            _watch(stage, bar, arrivals, until)
            if until is not None:
                stage.processes.kill("sender")
                teller.say(f"SIGKILL to the sender after {arrivals.look():,} letters.")
    told = tally(stage.mail)
    status = notify.status(engines, campaign)
    addresses = {p.email for p in _addresses(stage, harvest)}
    stage.figures["notices"] = {
        "due": due,
        "delivered": len(told.delivered),
        "twice": len(told.twice),
        "missed": len(addresses - told.delivered),
        "doubtful": len(status.doubtful),
    }
    teller.say(
        f"{len(told.delivered):,} of {due:,} people have their letter; {len(told.twice)} have two different ones, "
        f"{len(status.doubtful)} got the same one again after a kill, and are listed."
    )


def _start_sender(stage: Stage, campaign: str) -> None:
    data = str(stage.plan.data.resolve())
    stage.processes.start("sender", ["-m", "beholden", "notice", "send", campaign, "--data", data])


class _Arrivals:
    """Counts the lines of the receiving server's log as it grows: one a letter."""

    def __init__(self, stage: Stage) -> None:
        self._path = stage.mail
        self._offset = self.count = 0

    def look(self) -> int:
        """Letters that have arrived by now."""
        if self._path.exists():
            with self._path.open("rb") as file:
                file.seek(self._offset)
                fresh = file.read()
            self._offset += len(fresh)
            self.count += fresh.count(b"\n")
        return self.count


def _watch(stage: Stage, bar: Bar, arrivals: _Arrivals, until: int | None) -> None:
    """Count what has arrived until there is enough of it, or the sender has ended."""
    while stage.processes.alive("sender"):
        bar.to(arrivals.look())
        if until is not None and arrivals.count >= until:
            return
        time.sleep(0.05)
    code = stage.processes.wait("sender", 10)
    if code != 0:
        raise RuntimeError(f"the sender ended with {code}:\n{stage.processes.log('sender')}")


def _addresses(stage: Stage, harvest: Harvest) -> list[Any]:
    """The people who must have been told, from the ledger and the directory and not from the campaign."""
    apps = [app.number for app in harvest.registered]
    numbers = {row.person for row in stage.engines.ledger.disclosures(apps=apps)}
    with stage.engines.store.read() as unit:
        return list(unit.directory.people(list(numbers)).values())


def go_quiet(stage: Stage, teller: Teller, transport: httpx.BaseTransport) -> App:
    """Today's rules: an honest app polls every night; the person stops coming; after 90 days it gets nothing."""
    engines = stage.engines
    rules = (ROOT / "examples" / "policy-today.yaml").read_text(encoding="utf-8")
    policy.put_in_force(engines, rules, OMAR)
    app = _register_calendar(stage, transport)
    person = _bystander(stage, 0)
    app.ask(person, PASSWORD, Browser(transport), agree=True)
    last_use = stage.clock.now()
    before = after = 0
    with teller.progress("nights of polling", NIGHTS) as bar:
        for night in range(1, NIGHTS + 1):
            stage.later(days=1)
            app.refresh(person)
            got = len(app.me(person, ("name", "birthday"), "reminders"))
            if (stage.clock.now() - last_use).days >= 90:
                after += got
            else:
                before += got > 0
            bar.to(night)
    ended = expire.sweep(engines).ended
    stage.figures["inactivity"] = {"polls_allowed_after_90_days": after}
    teller.say(f"{before} polls were answered, {after} of those past the 90 days; the sweep then ended {ended} grants.")
    return app


def _register_calendar(stage: Stage, transport: httpx.BaseTransport) -> App:
    engines = stage.engines
    developer = enrol.add_developer(engines, "Reminders Ltd (synthetic)", "hello@reminders.example", OMAR).developer
    redirect = "http://127.0.0.1:9/reminders/back"
    asks = [Ask("identity", CALENDAR, required=True), Ask("birthday", CALENDAR)]
    enrol.add_app(
        engines,
        developer.number,
        "Birthday Reminders",
        [redirect],
        asks,
        description="Reminds you. Synthetic.",
        category="calendar",
        client_id=CALENDAR,
        actor=OMAR,
    )
    owner = Actor(ActorKind.DEVELOPER, str(developer.number))
    asked = review.request(engines, owner, CALENDAR, "birthday", CALENDAR)
    review.decide(engines, INES, asked.id, approve=True, reason="It reminds people of birthdays.")
    review.sign(
        engines, owner, CALENDAR, "birthday", "R. Owner", "We use birthdays to remind you, and for nothing else."
    )
    secret = token.issue_secret(engines, OMAR, CALENDAR)
    registration = Registration(CALENDAR, secret, redirect, "identity birthday")
    return App(registration, stage.beholden, stage.platform, transport)


def _bystander(stage: Stage, position: int) -> str:
    """Somebody who has nothing to do with the quiz."""
    taken = set(stage.world.sample(stage.plan.installers, "installers"))
    rest = [n for n in stage.world.sample(min(stage.world.people, len(taken) + 10), "bystanders") if n not in taken]
    return stage.world.outside_id(rest[position])


def opt_out(stage: Stage, teller: Teller, app: App, transport: httpx.BaseTransport) -> None:
    """A person turns all sharing off on the privacy centre's page; the app's next request gets nothing."""
    person = _bystander(stage, 1)
    browser = Browser(transport)
    app.ask(person, PASSWORD, browser, agree=True)
    before = len(app.me(person, ("name",), CALENDAR))
    browser.open(f"{stage.beholden}/privacy")
    switch = next(f for f in browser.forms() if ("sharing", "off") in f.values + f.buttons + f.boxes)
    browser.submit(switch, press="off")
    after = len(app.me(person, ("name",), CALENDAR))
    stage.figures["opt_out"] = {"allowed_after": after}
    teller.say(f"Before the switch the app got {before} values, at the next request after it {after}.")


def verify(stage: Stage, teller: Teller) -> None:
    """The whole log is checked, leaf by leaf, as anyone with the public half could."""
    report = stage.json_of("ledger", "verify")
    stage.figures["ledger"] = {"size": report["size"], "root": report["root"], "verified": report["verified"]}
    teller.say(f"{report['size']:,} entries, root {report['root'][:24]}…: verified.")


def numbers(stage: Stage, seconds: dict[str, float]) -> str:
    """The one line of JSON."""
    figures = {"people": stage.world.people, "installers": stage.plan.installers, **stage.figures}
    return json.dumps(figures | {"seconds": seconds})

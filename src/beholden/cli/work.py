"""`beholden work`: do what is due. One process beside the server; it may be stopped and started at any moment."""

import time
import traceback
from collections.abc import Callable
from pathlib import Path

import click

from beholden import bootstrap, settings
from beholden.cli.acting import print_json
from beholden.cli.main import data_option, json_option
from beholden.journeys import audit, deliver_rfi, detect, erase, expire, follow, notify, review, seal, token, transmit
from beholden.journeys.ports import Engines
from beholden.model.act import SYSTEM
from beholden.model.errors import BeholdenError, Conflict, Unavailable
from beholden.settings import Settings

Duty = Callable[[Engines, Settings], str]
"""Does what is due of one kind and says what it did in a few words."""


@click.command()
@click.option("--once", is_flag=True, help="Do what is due now and end. Exit code 3: a duty failed.")
@click.option("--every", type=click.IntRange(1, 86_400), default=60, show_default=True, help="Seconds between rounds.")
@data_option
@json_option
def command(once: bool, every: int, data: Path, as_json: bool) -> None:  # noqa: FBT001
    """Do what is due: publish, deadlines, lapses, expiry, tokens, watch, notices. A duty that fails stops no other."""
    chosen = settings.read(data=data)
    engines = bootstrap.embedded(chosen)
    try:
        while True:
            failed = work_round(engines, chosen, as_json=as_json)
            if once:
                raise click.exceptions.Exit(3 if failed else 0)
            time.sleep(every)
    finally:
        bootstrap.close(engines)


def work_round(engines: Engines, chosen: Settings, *, as_json: bool = False) -> list[str]:
    """Every duty once, in order, a line each; the names of those that failed."""
    failed: list[str] = []
    for name, duty in DUTIES.items():
        try:
            said = duty(engines, chosen)
        except BeholdenError as error:
            failed.append(name)
            said = f"failed: {error}"
        except Exception as error:  # noqa: BLE001 - a fault in one duty must not keep another from banning or warning
            traceback.print_exc()
            failed.append(name)
            said = f"failed: {type(error).__name__}: {error}"
        if as_json:
            print_json({"duty": name, "said": said, "failed": name in failed})
        else:
            click.echo(f"{name:12} {said}")
    return failed


def _publish(engines: Engines, _: Settings) -> str:
    return f"checkpoint at {seal.publish(engines).splitlines()[1]} entries"


def _erasures(engines: Engines, _: Settings) -> str:
    return f"{len(erase.complete(engines, SYSTEM)):,} begun erasures completed"


def _cases(engines: Engines, _: Settings) -> str:
    return f"{len(audit.lapse_due(engines)):,} unanswered, their developers banned"


def _requests(engines: Engines, chosen: Settings) -> str:
    mailer = bootstrap.mailer(chosen)
    try:
        posted = deliver_rfi.deliver_due(engines, mailer)
    finally:
        mailer.close()
    waits = [one for one in posted if one.waits]
    if waits:
        raise Unavailable(f"{len(waits):,} requests for information wait to be mailed: {waits[0].reply}.")
    return f"{len(posted):,} requests for information mailed"


def _permissions(engines: Engines, _: Settings) -> str:
    return f"{len(review.lapse_unused(engines)):,} unused permissions lapsed"


def _warnings(engines: Engines, chosen: Settings) -> str:
    mailer = bootstrap.mailer(chosen)
    try:
        report = expire.warn_due(engines, mailer)
    finally:
        mailer.close()
    if report.stalled:
        raise expire.stalled(report)
    return f"{report.sent:,} sent, {report.waiting:,} wait"


def _expiry(engines: Engines, _: Settings) -> str:
    report = expire.sweep(engines)
    return f"{report.inactive:,} grants ended by disuse, {report.age:,} by age"


def _tokens(engines: Engines, _: Settings) -> str:
    return f"{token.sweep(engines):,} codes and tokens that were long over deleted"


def _changes(engines: Engines, _: Settings) -> str:
    return f"{follow.prune(engines.store):,} old epochs of the change feed forgotten"


def _watch(engines: Engines, _: Settings) -> str:
    report = detect.run(engines)
    return f"{report.rows_taken:,} new rows, {len(report.new):,} new findings"


def _notices(engines: Engines, chosen: Settings) -> str:
    mailer = bootstrap.mailer(chosen)
    try:
        reports = notify.send_due(engines, mailer)
    finally:
        mailer.close()
    return f"{sum(r.sent for r in reports):,} letters of {len(reports):,} campaigns sent"


def _signals(engines: Engines, chosen: Settings) -> str:
    try:
        sent = transmit.send_due(engines, bootstrap.poster(chosen))
    except Conflict:
        return "another process sends them"
    return f"{sent.pushed:,} tokens and {sent.called:,} calls taken, {sent.refused + sent.failed:,} not"


DUTIES: dict[str, Duty] = {
    "publish": _publish,
    "erasures": _erasures,
    "requests": _requests,  # first of all: whoever is banned for silence must have been written to
    "cases": _cases,
    "permissions": _permissions,
    "warnings": _warnings,  # before expiry, so that the last warning still comes before the end
    "expiry": _expiry,
    "tokens": _tokens,
    "changes": _changes,
    "watch": _watch,
    "notices": _notices,
    "signals": _signals,  # last: it waits for strangers' servers
}

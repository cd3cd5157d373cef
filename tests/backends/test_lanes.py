"""Letters over several connections: each once, outcomes in order, trouble with the server an outcome."""

from pathlib import Path

import pytest

from beholden.backends.mail.lanes import LEAST_EACH, Lanes
from beholden.backends.mail.smtp import Account, SmtpMailer
from beholden.notices.campaign import Outcome
from examples.mail_sink.count import tally
from tests.backends.test_smtp import letters
from tests.sinks import running


def lanes(port: int, count: int = 2) -> Lanes:
    return Lanes([SmtpMailer(Account("127.0.0.1", port, "notices@beholden.example")) for _ in range(count)])


@pytest.mark.parametrize("count", [0, 1, LEAST_EACH, 2 * LEAST_EACH + 1, 501])
def test_each_letter_arrives_once_and_the_outcomes_are_in_order(tmp_path: Path, count: int) -> None:
    some = letters(count)
    with running(tmp_path / "mail.log") as sink:
        mailer = lanes(sink.port)
        done = mailer.deliver(some)
        mailer.close()
    assert [d.person for d in done] == [letter.person for letter in some]
    assert all(d.outcome is Outcome.DELIVERED for d in done)
    told = tally(sink.out)
    assert (told.letters, len(told.delivered), told.again) == (count, count, frozenset())


def test_a_server_that_is_away_is_an_outcome_of_every_letter() -> None:
    mailer = lanes(1)
    done = mailer.deliver(letters(100))
    mailer.close()
    assert [d.outcome for d in done] == [Outcome.UNSENT] * 100

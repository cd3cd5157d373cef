"""The RFI's letter, handed to a real mail server."""

import socket
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from beholden import bootstrap, settings
from beholden.journeys import audit
from beholden.journeys.deliver_rfi import Delivered, deliver_due, deliver_rfi, letter_noted
from beholden.model.errors import Conflict
from tests.conftest import House
from tests.journeys.court import ANNA, Scene, scene


@dataclass
class Inbox:
    """Takes every letter but those to `full@…`."""

    letters: list[tuple[str, EmailMessage]] = field(default_factory=list)

    async def handle_RCPT(self, _s: SMTP, _n: Session, envelope: Envelope, address: str, _o: list[str]) -> str:
        if address.startswith("full@"):
            return "552 5.2.2 mailbox full"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        read = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(read, EmailMessage)
        self.letters.append((envelope.rcpt_tos[0], read))
        return "250 OK"


@pytest.fixture
def court(house: House) -> Scene:
    return scene(house)


@pytest.fixture
def inbox() -> Iterator[tuple[Inbox, settings.Settings]]:
    handler = Inbox()
    with socket.create_server(("127.0.0.1", 0)) as free:  # the controller cannot choose a port itself
        port = free.getsockname()[1]
    controller = Controller(handler, hostname="127.0.0.1", port=port)
    controller.start()
    yield handler, settings.read({"BEHOLDEN_SMTP_PORT": str(port)})
    controller.stop()


def deliver(court: Scene, chosen: settings.Settings, case: str) -> list[Delivered]:
    with closing(bootstrap.mailer(chosen)) as mailer:
        return deliver_rfi(court.engines, mailer, ANNA, case)


def asked(court: Scene, *recipients: str) -> str:
    case = audit.open_case(court.engines, ANNA, court.developer.number, ["quiz-1"], [], "harvest").case.id
    audit.send_rfi(court.engines, ANNA, case, ["What for?"], recipients)
    return case


def test_the_letter_says_what_is_asked_and_until_when(court: Scene, inbox: tuple[Inbox, settings.Settings]) -> None:
    handler, chosen = inbox
    case = asked(court)
    (done,) = deliver(court, chosen, case)
    assert done.taken
    ((to, letter),) = handler.letters
    body = letter.get_content()
    assert to == "legal@quizmill.example"
    for said in ("1. What for?", "before 2026-01-16T00:00:00Z", "Quiz 1", "refusal", f"/developer/cases/{case}"):
        assert said in body
    note = audit.case_view(court.engines, case).case.history[-1]
    assert note.reason == "Letter of RFI 1. legal@quizmill.example: taken by the mail server"


def test_sent_again_it_is_the_same_letter(court: Scene, inbox: tuple[Inbox, settings.Settings]) -> None:
    handler, chosen = inbox
    case = asked(court)
    for _ in range(2):
        deliver(court, chosen, case)
    (_, one), (_, two) = handler.letters
    assert one["Message-ID"] == two["Message-ID"] and one.as_bytes() == two.as_bytes()


def test_a_recipient_who_cannot_be_reached_is_named_and_the_others_are_written_to(
    court: Scene, inbox: tuple[Inbox, settings.Settings]
) -> None:
    handler, chosen = inbox
    case = asked(court, "full@quizmill.example", "a b@quizmill.example", "ceo@quizmill.example")
    done = deliver(court, chosen, case)
    assert [d.taken for d in done] == [False, False, True]
    assert [to for to, _ in handler.letters] == ["ceo@quizmill.example"]
    assert "mailbox full" in audit.case_view(court.engines, case).case.history[-1].reason


def test_a_mail_server_that_is_away_is_noted_and_the_request_stands(court: Scene) -> None:
    case = asked(court)
    chosen = settings.read({"BEHOLDEN_SMTP_PORT": "1"})
    (done,) = deliver(court, chosen, case)
    assert not done.taken and done.reply
    assert audit.case_view(court.engines, case).case.state == "rfi_sent"


def test_nothing_is_mailed_when_no_rfi_waits(court: Scene, inbox: tuple[Inbox, settings.Settings]) -> None:
    case = audit.open_case(court.engines, ANNA, court.developer.number, [], [], "x").case.id
    with pytest.raises(Conflict):
        deliver(court, inbox[1], case)
    assert inbox[0].letters == []


def due(court: Scene, chosen: settings.Settings) -> list[bool]:
    with closing(bootstrap.mailer(chosen)) as mailer:
        return [posted.waits for posted in deliver_due(court.engines, mailer)]


def test_what_was_sent_from_the_console_is_mailed_by_the_next_round_once(
    court: Scene, inbox: tuple[Inbox, settings.Settings]
) -> None:
    handler, chosen = inbox
    case = asked(court)
    assert not letter_noted(audit.case_view(court.engines, case).case)
    assert due(court, chosen) == [False]
    assert due(court, chosen) == []
    assert [to for to, _ in handler.letters] == ["legal@quizmill.example"]
    note = audit.case_view(court.engines, case).case.history[-1]
    assert (str(note.actor), note.reason) == (
        "system:beholden", "Letter of RFI 1. legal@quizmill.example: taken by the mail server"
    )  # fmt: skip


def test_a_further_request_is_mailed_too(court: Scene, inbox: tuple[Inbox, settings.Settings]) -> None:
    handler, chosen = inbox
    case = asked(court)
    assert due(court, chosen) == [False]
    audit.answer_rfi(court.engines, court.actor, case, {1: "For fun."})
    assert due(court, chosen) == []
    audit.send_rfi(court.engines, ANNA, case, ["Whose fun?"])
    assert due(court, chosen) == [False]
    assert len(handler.letters) == 2


def test_a_letter_waits_for_a_server_that_is_away_and_then_leaves(
    court: Scene, inbox: tuple[Inbox, settings.Settings]
) -> None:
    handler, chosen = inbox
    case = asked(court)
    assert due(court, settings.read({"BEHOLDEN_SMTP_PORT": "1"})) == [True]
    assert not letter_noted(audit.case_view(court.engines, case).case)
    assert due(court, chosen) == [False]
    assert len(handler.letters) == 1


def test_a_refused_letter_is_noted_and_not_tried_every_round(
    court: Scene, inbox: tuple[Inbox, settings.Settings]
) -> None:
    case = asked(court, "full@quizmill.example")
    assert due(court, inbox[1]) == [False]
    assert due(court, inbox[1]) == []
    assert "mailbox full" in audit.case_view(court.engines, case).case.history[-1].reason

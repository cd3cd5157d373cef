"""The SMTP mailer against an independent server (aiosmtpd), and against servers that refuse, put off, and hang up."""

import email
import email.policy
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest
from aiosmtpd.controller import Controller

from beholden.backends.mail.smtp import LOST_IN_A_ROW, Account, Security, SmtpMailer
from beholden.model.errors import BadInput
from beholden.model.ids import PersonNumber
from beholden.notices.address import Address, usable
from beholden.notices.campaign import Delivery, Outcome
from beholden.notices.letter import Letter, letter, message_id, mould

AT = datetime(2026, 1, 1, tzinfo=UTC)
MOULD = mould("notices@beholden.example", "Grüße über Äpfel", ".a line with a dot\n..two\nEnd: ü\n", AT)
BASIC = ("8BITMIME",)
PIPED = (*BASIC, "PIPELINING")


def a_letter(number: int, address: str | None = None) -> Letter:
    to = usable(address or f"p{number}@people.example")
    assert isinstance(to, Address)
    return letter(MOULD, PersonNumber(number), f"Person {number}", to, message_id(b"k" * 32, b"%d" % number, "h"))


def letters(count: int) -> list[Letter]:
    return [a_letter(number) for number in range(1, count + 1)]


def outcomes(found: list[Delivery]) -> list[Outcome]:
    return [delivery.outcome for delivery in found]


@contextmanager
def mailer(port: int, patience: float = 10) -> Iterator[SmtpMailer]:
    with closing(SmtpMailer(Account("127.0.0.1", port, "notices@beholden.example"), patience)) as made:
        yield made


@dataclass
class Script:
    """A server that says what a test wants. Hooks get the address and answer a reply, "" (hang up) or None (fine)."""

    extensions: tuple[str, ...] = PIPED
    greeting: str = "220 ready"
    on_mail: Callable[[str], str | None] = lambda _: None
    on_rcpt: Callable[[str], str | None] = lambda _: None
    on_data: Callable[[str], str | None] = lambda _: None
    on_end: Callable[[str], str | None] = lambda _: None
    taken: list[tuple[str, bytes]] = field(default_factory=list)
    connections: int = 0
    commands: list[str] = field(default_factory=list)

    def serve(self, connection: socket.socket) -> None:
        """One connection, line by line."""
        self.connections += 1
        lines = connection.makefile("rb")

        def say(reply: str | None, fine: str) -> bool:
            if reply == "":
                return False
            connection.sendall(f"{reply or fine}\r\n".encode())
            return True

        alive, to, good = say(None, self.greeting), "", False
        while alive and (line := lines.readline()):
            text = line.decode().strip()
            self.commands.append(text)
            verb = text[:4].upper()
            address = text.partition("<")[2].partition(">")[0]
            if verb == "EHLO":
                words = ["hello", *self.extensions]
                alive = say("\r\n".join(f"250{'-' if w is not words[-1] else ' '}{w}" for w in words), "")
            elif verb == "MAIL":
                alive = say(self.on_mail(text), "250 ok")
            elif verb == "RCPT":
                to, reply = address, self.on_rcpt(address)
                good = reply is None
                alive = say(reply, "250 ok")
            elif verb == "DATA":
                reply = self.on_data(to) if good else self.on_data(to) or "503 no recipient"
                alive = say(reply, "354 go on")
                if alive and (reply is None or reply.startswith("354")):
                    alive = self._take(lines, to, say)
            else:
                alive = say(None, "221 bye" if verb == "QUIT" else "250 ok") and verb != "QUIT"
        connection.shutdown(socket.SHUT_RDWR)

    def _take(self, lines: object, to: str, say: Callable[[str | None, str], bool]) -> bool:
        content = b""
        while (line := lines.readline()) not in (b".\r\n", b""):  # type: ignore[attr-defined]
            content += line[1:] if line.startswith(b".") else line
        reply = self.on_end(to) if line else ""
        if reply is None:
            self.taken.append((to, content))
        return say(reply, "250 taken")


@contextmanager
def server(script: Script) -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def accept() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                with connection, suppress(OSError):
                    script.serve(connection)

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)
    thread.join(10)


class _Keep:
    def __init__(self) -> None:
        self.envelopes: list[tuple[str, list[str], bytes]] = []

    async def handle_DATA(self, server: object, session: object, envelope: object) -> str:
        self.envelopes.append((envelope.mail_from, envelope.rcpt_tos, envelope.content))  # type: ignore[attr-defined]
        return "250 OK"


def test_an_independent_server_gets_every_letter_as_it_was_written() -> None:
    keep = _Keep()
    controller = Controller(keep, hostname="127.0.0.1", port=0, enable_SMTPUTF8=True, ready_timeout=10)
    with socket.socket() as probe:  # aiosmtpd wants to know its port beforehand
        probe.bind(("127.0.0.1", 0))
        controller.port = probe.getsockname()[1]
    controller.start()
    try:
        with mailer(controller.port) as ours:
            sent = [*letters(5), a_letter(6, "δοκιμή@people.example")]
            assert outcomes(list(ours.deliver(sent))) == [Outcome.DELIVERED] * 6
    finally:
        controller.stop()
    assert [to for _, (to,), _ in keep.envelopes] == [one.address for one in sent]
    for (sender, _, content), one in zip(keep.envelopes, sent, strict=True):
        assert sender == "notices@beholden.example"
        message = email.message_from_bytes(content, policy=email.policy.default)
        assert message["Message-ID"] == one.message_id
        assert message["Subject"] == "Grüße über Äpfel"
        text = message.get_content().replace("\r\n", "\n")  # type: ignore[attr-defined]
        assert text == f"Hello Person {one.person},\n\n.a line with a dot\n..two\nEnd: ü\n\n"


@pytest.mark.parametrize("extensions", [BASIC, PIPED])
def test_letters_arrive_with_and_without_pipelining_over_one_connection(extensions: tuple[str, ...]) -> None:
    script = Script(extensions)
    with server(script) as port, mailer(port) as ours:
        assert outcomes(list(ours.deliver(letters(7)))) == [Outcome.DELIVERED] * 7
        assert outcomes(list(ours.deliver(letters(2)))) == [Outcome.DELIVERED] * 2
    assert [to for to, _ in script.taken[:7]] == [one.address for one in letters(7)]
    assert script.taken[0][1] == letters(1)[0].data
    assert script.connections == 1


@pytest.mark.parametrize("extensions", [BASIC, PIPED])
@pytest.mark.parametrize(("code", "outcome"), [("550 no such user", Outcome.REFUSED), ("451 later", Outcome.LATER)])
@pytest.mark.parametrize("hook", ["on_rcpt", "on_data", "on_end"])
def test_one_refused_letter_costs_the_others_nothing(
    extensions: tuple[str, ...], code: str, outcome: Outcome, hook: str
) -> None:
    script = Script(extensions)
    setattr(script, hook, lambda to: code if to == "p3@people.example" else None)
    with server(script) as port, mailer(port) as ours:
        found = list(ours.deliver(letters(5)))
    delivered = Outcome.DELIVERED
    assert outcomes(found) == [delivered, delivered, outcome, delivered, delivered]
    assert found[2].reply == code
    assert [to for to, _ in script.taken] == [f"p{n}@people.example" for n in (1, 2, 4, 5)]


def test_a_server_that_goes_on_without_a_recipient_is_given_nothing() -> None:
    """RFC 2920 3.1: RCPT was refused, DATA is answered with 354 all the same."""
    script = Script(
        on_rcpt=lambda to: "550 no" if to.startswith("p2@") else None,
        on_data=lambda to: "354 go on" if to.startswith("p2@") else None,
        on_end=lambda to: "554 no recipients" if to.startswith("p2@") else None,
    )
    with server(script) as port, mailer(port) as ours:
        assert outcomes(list(ours.deliver(letters(3)))) == [Outcome.DELIVERED, Outcome.REFUSED, Outcome.DELIVERED]
    assert [to for to, _ in script.taken] == ["p1@people.example", "p3@people.example"]


def test_a_connection_lost_after_a_letter_was_sent_makes_that_one_doubtful_and_no_other() -> None:
    hung = iter([""])
    script = Script(on_end=lambda to: next(hung, None) if to.startswith("p3@") else None)
    with server(script) as port, mailer(port) as ours:
        found = list(ours.deliver(letters(5)))
    delivered = Outcome.DELIVERED
    assert outcomes(found) == [delivered, delivered, Outcome.DOUBTFUL, delivered, delivered]
    assert script.connections == 2


def test_a_connection_lost_before_a_letter_was_sent_costs_nothing() -> None:
    hung = iter([""])
    script = Script(on_rcpt=lambda to: next(hung, None) if to.startswith("p3@") else None)
    with server(script) as port, mailer(port) as ours:
        assert outcomes(list(ours.deliver(letters(5)))) == [Outcome.DELIVERED] * 5
    assert len(script.taken) == 5


def test_a_server_that_takes_a_few_letters_a_connection_gets_them_all() -> None:
    seen: list[str] = []

    def every_third(to: str) -> str | None:
        seen.append(to)
        return "421 enough for now" if len(seen) % 3 == 0 else None

    script = Script(on_rcpt=every_third)
    with server(script) as port, mailer(port) as ours:
        found = list(ours.deliver(letters(8)))
    assert outcomes(found) == [Outcome.DELIVERED] * 8
    assert sorted(to for to, _ in script.taken) == sorted(one.address for one in letters(8))


def test_one_letter_that_the_server_cannot_bear_waits_and_the_others_go() -> None:
    script = Script(on_rcpt=lambda to: "" if to.startswith("p1@") else None)
    with server(script) as port, mailer(port) as ours:
        assert outcomes(list(ours.deliver(letters(4)))) == [Outcome.LATER, *[Outcome.DELIVERED] * 3]


def test_a_server_that_always_hangs_up_is_left_alone_and_the_letters_stay_unsent() -> None:
    script = Script(on_mail=lambda _: "")
    with server(script) as port, mailer(port) as ours:
        found = list(ours.deliver(letters(50)))
    assert script.connections == LOST_IN_A_ROW
    assert outcomes(found) == [Outcome.LATER] * LOST_IN_A_ROW + [Outcome.UNSENT] * (50 - LOST_IN_A_ROW)
    assert [d.person for d in found] == list(range(1, 51))


def test_a_server_that_crashes_on_every_letter_is_left_alone() -> None:
    script = Script(on_end=lambda _: "")
    with server(script) as port, mailer(port) as ours:
        found = list(ours.deliver(letters(50)))
    assert outcomes(found).count(Outcome.DOUBTFUL) == LOST_IN_A_ROW
    assert outcomes(found).count(Outcome.UNSENT) == 50 - LOST_IN_A_ROW


@pytest.mark.parametrize("code", ["550 sender refused", "530 sign in first", "451 not now"])
def test_a_server_that_refuses_the_sender_refuses_no_person(code: str) -> None:
    script = Script(on_mail=lambda _: code)
    with server(script) as port, mailer(port) as ours:
        found = list(ours.deliver(letters(3)))
    assert outcomes(found) == [Outcome.UNSENT] * 3
    assert code in found[0].reply


def test_an_international_address_is_refused_by_us_where_the_server_takes_none_and_by_itself() -> None:
    script = Script()
    sent = [a_letter(1), a_letter(2, "δοκιμή@people.example"), a_letter(3)]
    with server(script) as port, mailer(port) as ours:
        found = list(ours.deliver(sent))
    assert outcomes(found) == [Outcome.DELIVERED, Outcome.REFUSED, Outcome.DELIVERED]
    assert "SMTPUTF8" in found[1].reply
    script = Script((*PIPED, "SMTPUTF8"), on_mail=lambda text: "553 not that one" if "SMTPUTF8" in text else None)
    with server(script) as port, mailer(port) as ours:
        assert outcomes(list(ours.deliver(sent))) == [Outcome.DELIVERED, Outcome.REFUSED, Outcome.DELIVERED]


@pytest.mark.parametrize("greeting", ["554 go away", "421 busy", "no code at all", ""])
def test_no_greeting_no_letter(greeting: str) -> None:
    with server(Script(greeting=greeting)) as port, mailer(port) as ours:
        assert outcomes(list(ours.deliver(letters(2)))) == [Outcome.UNSENT] * 2


def test_no_server_no_letter() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with mailer(port) as ours:
        found = list(ours.deliver(letters(2)))
    assert outcomes(found) == [Outcome.UNSENT] * 2
    assert "no connection" in found[0].reply


@pytest.mark.parametrize("reply", ["nonsense", "2x0 ok", "250" + "x" * 5000, "250-" + "\r\n250-".join("x" * 200)])
def test_a_reply_that_is_none_ends_the_connection_and_the_letter_is_doubtful(reply: str) -> None:
    said = iter([reply])
    with server(Script(on_end=lambda _: next(said, None))) as port, mailer(port) as ours:
        assert outcomes(list(ours.deliver(letters(2)))) == [Outcome.DOUBTFUL, Outcome.DELIVERED]


def test_a_server_that_never_answers_is_waited_for_no_longer_than_asked() -> None:
    hold = threading.Event()

    def hang(_: str) -> str | None:
        hold.wait(5)
        return ""

    with server(Script(on_end=hang)) as port, mailer(port, patience=0.2) as ours:
        found = list(ours.deliver(letters(1)))
        hold.set()
    assert outcomes(found) == [Outcome.DOUBTFUL]


@pytest.mark.parametrize("data", [b"Subject: x\r\n\r\nx\n.\nMAIL", b"x\r\n.\rMAIL FROM:<e@v.il>\r\n", b"no end"])
def test_a_letter_with_line_ends_that_are_none_never_leaves(data: bytes) -> None:
    script = Script()
    sent = [a_letter(1), replace(a_letter(2), data=data), a_letter(3)]
    with server(script) as port, mailer(port) as ours:
        assert outcomes(list(ours.deliver(sent))) == [Outcome.DELIVERED, Outcome.REFUSED, Outcome.DELIVERED]


def test_an_account_that_would_give_its_password_away_is_refused() -> None:
    with pytest.raises(BadInput):
        SmtpMailer(Account("mail.example.org", 25, "a@example.org", user="u", password="p"))
    SmtpMailer(Account("mail.example.org", 25, "a@example.org", Security.STARTTLS, "u", "p"))
    with pytest.raises(BadInput):
        SmtpMailer(Account("mail.example.org", 25, "a@example.org\r\nBcc: x@example.org"))


def test_starttls_that_the_server_does_not_offer_sends_nothing() -> None:
    script = Script()
    account = Account("127.0.0.1", 0, "notices@beholden.example", Security.STARTTLS)
    with server(script) as port, closing(SmtpMailer(replace(account, port=port))) as ours:
        assert outcomes(list(ours.deliver(letters(1)))) == [Outcome.UNSENT]
    assert not any(command.startswith("MAIL") for command in script.commands)

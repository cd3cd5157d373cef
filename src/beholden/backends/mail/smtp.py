"""A Mailer on SMTP (RFC 5321) with PIPELINING (RFC 2920).

The library's smtplib makes the connection: greeting, EHLO, TLS, sign-in. The letters then go over its socket in a small
exchange of our own, because smtplib waits four times a letter (measured: 1,300 letters/s against 4,000 with one wait,
examples/mail_sink on the same machine). With a server that does not offer PIPELINING the same code waits each time.
"""

import smtplib
import ssl
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from ipaddress import ip_address

from beholden.model.errors import BadInput
from beholden.notices.address import Unusable, usable
from beholden.notices.campaign import Delivery, Outcome
from beholden.notices.letter import Letter

CONNECT_SECONDS = 30
PATIENCE_SECONDS = 600
"""How long to wait for an answer. RFC 5321 4.5.3.2.6 asks for ten minutes after a letter: a sender that gives up
earlier sends letters twice."""
MAX_REPLY_LINE = 2048
MAX_REPLY_LINES = 100
LOST_IN_A_ROW = 3
"""Connections that may end before any letter on them was answered, until the server counts as being in trouble."""


class Security(StrEnum):
    """How the connection is protected."""

    NONE = "none"
    STARTTLS = "starttls"
    TLS = "tls"


@dataclass(frozen=True, slots=True)
class Account:
    """Which server, and who we are there. `sender` is the From and the envelope's address."""

    host: str
    port: int
    sender: str
    security: Security = Security.NONE
    user: str = ""
    password: str = ""


@dataclass(frozen=True, slots=True)
class _Reply:
    code: int
    text: str

    @property
    def good(self) -> bool:
        return 200 <= self.code < 300

    @property
    def words(self) -> str:
        return f"{self.code} {self.text}"[:400]


class _Lost(Exception):
    """The connection is of no more use."""


class SmtpMailer:
    """A Mailer that keeps one connection for as long as the server keeps it."""

    def __init__(self, account: Account, patience: float = PATIENCE_SECONDS) -> None:
        sender = usable(account.sender)
        if isinstance(sender, Unusable):
            raise BadInput(f"The sender's address cannot be used: {sender.reason}.", "Mend BEHOLDEN_SMTP_SENDER.")
        if sender.international:
            raise BadInput("The sender's address must be ASCII.", "Mend BEHOLDEN_SMTP_SENDER.")
        if account.user and account.security is Security.NONE and not _loopback(account.host):
            raise BadInput("A password would cross the network in the clear.", "Set BEHOLDEN_SMTP_SECURITY.")
        self._account = replace(account, sender=sender.text)
        self._patience = patience
        self._session: _Session | None = None

    @property
    def sender(self) -> str:
        """See Mailer."""
        return self._account.sender

    def deliver(self, letters: Sequence[Letter]) -> Sequence[Delivery]:
        """See Mailer. A lost connection is made anew as long as that gets letters answered."""
        waiting = deque(letters)
        found: list[Delivery] = []
        lost = 0
        trouble = ""
        while waiting and not trouble:
            try:
                session = self._connected()
            except (OSError, smtplib.SMTPException) as error:
                trouble = f"no connection to the mail server: {_said(error)}"
                continue
            before = session.answered
            try:
                session.run(waiting, found)
            except _Refused as error:
                trouble = str(error)
                self._drop()  # without goodbye: the server may be waiting for a letter
            except _Lost as error:
                self._drop()
                lost = 0 if session.answered > before else lost + 1
                if lost >= LOST_IN_A_ROW:
                    trouble = f"the mail server ends the connection: {error}"
        return [*found, *(Delivery(letter.person, Outcome.UNSENT, trouble) for letter in waiting)]

    def close(self) -> None:
        """See Mailer."""
        if self._session is not None:
            self._session.quit()
            self._session = None

    def _drop(self) -> None:
        if self._session is not None:
            self._session.drop()
            self._session = None

    def _connected(self) -> "_Session":
        if self._session is None:
            self._session = _Session(_connect(self._account), self._account.sender, self._patience)
        return self._session


class _Refused(Exception):
    """The server refuses us, not a letter: every letter would get this answer."""


class _Session:
    """One connection. Commands wait in a queue; asking for a reply sends what must be sent to get it."""

    def __init__(self, smtp: smtplib.SMTP, sender: str, patience: float) -> None:
        assert smtp.sock is not None
        self._smtp = smtp
        self._sock = smtp.sock
        self._sock.settimeout(patience)
        self._lines = smtp.file if smtp.file is not None else self._sock.makefile("rb")
        self._pipelining = smtp.has_extn("pipelining")
        self._international = smtp.has_extn("smtputf8")
        self._queue: deque[bytes] = deque()
        self._mail = b"MAIL FROM:<%s>" % sender.encode("ascii")
        self.answered = 0

    def run(self, waiting: deque[Letter], found: list[Delivery]) -> None:
        """Move letters from `waiting` to `found` as they are answered; raises _Lost or _Refused in between."""
        announced = False
        while waiting:
            letter = waiting[0]
            refusal = self._unsendable(letter)
            if refusal is not None:
                assert not announced
                found.append(Delivery(waiting.popleft().person, Outcome.REFUSED, refusal))
                continue
            if not announced:
                self._announce(letter)
            try:
                said = self._reply(), self._reply(), self._reply()
            except _Lost as error:
                self._blame(waiting, found, error)
                raise
            announced = self._transfer(waiting, found, *said)

    def _blame(self, waiting: deque[Letter], found: list[Delivery], error: _Lost) -> None:
        """Nothing of the first letter was sent. If it is the first of this connection, it may itself be what the
        server cannot bear: then it waits, so that one address never stops everybody's letters."""
        if self.answered == 0:
            found.append(Delivery(waiting.popleft().person, Outcome.LATER, str(error)))

    def _transfer(
        self, waiting: deque[Letter], found: list[Delivery], mail: _Reply, rcpt: _Reply, data: _Reply
    ) -> bool:
        """Send or give up the first letter, by the replies to its envelope; whether the next one is announced."""
        letter = waiting[0]
        refused = next((r for r in (mail, rcpt, data) if not (r.good or r.code == 354)), None)
        closing = next((r for r in (mail, rcpt, data) if r.code == 421), None)
        if closing is not None:
            lost = _Lost(closing.words)
            self._blame(waiting, found, lost)
            raise lost
        if refused is mail and not letter.international:
            raise _Refused(f"the mail server refuses our sender: {mail.words}")
        if data.code != 354:
            self._settle(waiting, found, refused or data)
            self._say(b"RSET")
            if not self._reply().good:
                raise _Lost("RSET was refused")
            return False
        # RFC 2920 3.1: a server that goes on although it took no recipient gets an empty letter, which it must refuse.
        self._queue.append(_stuffed(letter.data) if refused is None else b".\r\n")
        following = waiting[1] if len(waiting) > 1 and self._unsendable(waiting[1]) is None else None
        if following is not None:
            self._announce(following)
        try:
            end = self._reply()
        except _Lost as error:
            outcome = Outcome.DOUBTFUL if refused is None else _outcome(refused)
            found.append(Delivery(waiting.popleft().person, outcome, refused.words if refused else str(error)))
            raise
        self._settle(waiting, found, refused or end)
        return following is not None

    def _settle(self, waiting: deque[Letter], found: list[Delivery], reply: _Reply) -> None:
        self.answered += 1
        found.append(Delivery(waiting.popleft().person, _outcome(reply), reply.words))

    def _unsendable(self, letter: Letter) -> str | None:
        if letter.international and not self._international:
            return "the mail server takes no international addresses (SMTPUTF8)"
        ends = letter.data.count(b"\r\n")
        if not ends == letter.data.count(b"\r") == letter.data.count(b"\n") or not letter.data.endswith(b"\r\n"):
            return "the letter has line ends that are none (RFC 5321 2.3.8)"
        return None

    def _announce(self, letter: Letter) -> None:
        self._say(self._mail + (b" SMTPUTF8" if letter.international else b""))
        self._say(b"RCPT TO:<%s>" % letter.address.encode())
        self._say(b"DATA")

    def _say(self, command: bytes) -> None:
        assert b"\r" not in command and b"\n" not in command, "an address is checked before it comes here"
        self._queue.append(command + b"\r\n")

    def _reply(self) -> _Reply:
        """The next reply, after sending the queue: all of it where the server takes pipelining, else one command."""
        try:
            if self._queue:
                count = len(self._queue) if self._pipelining else 1
                self._sock.sendall(b"".join(self._queue.popleft() for _ in range(count)))
            return self._read()
        except (OSError, ValueError) as error:
            raise _Lost(_said(error)) from error

    def _read(self) -> _Reply:
        texts: list[str] = []
        for _ in range(MAX_REPLY_LINES):
            line: bytes = self._lines.readline(MAX_REPLY_LINE)
            if not line.endswith(b"\n"):
                raise _Lost("the connection was closed" if not line else "a reply was too long")
            code = line[:3]
            if not code.isdigit():
                raise _Lost("a reply without a code")
            texts.append(line[4:].strip().decode("utf-8", "replace"))
            if line[3:4] != b"-":
                return _Reply(int(code), " ".join(texts))
        raise _Lost("a reply without end")

    def quit(self) -> None:
        """End politely; whether the server hears it changes nothing."""
        try:
            self._queue.clear()
            self._say(b"QUIT")
            self._sock.settimeout(CONNECT_SECONDS)
            self._reply()
        except _Lost:
            pass
        finally:
            self.drop()

    def drop(self) -> None:
        """Close the socket."""
        self._smtp.close()


def _connect(account: Account) -> smtplib.SMTP:
    name = account.sender.rpartition("@")[2]
    context = ssl.create_default_context() if account.security is not Security.NONE else None
    smtp: smtplib.SMTP
    if account.security is Security.TLS:
        smtp = smtplib.SMTP_SSL(account.host, account.port, name, timeout=CONNECT_SECONDS, context=context)
    else:
        smtp = smtplib.SMTP(account.host, account.port, name, timeout=CONNECT_SECONDS)
    try:
        smtp.ehlo_or_helo_if_needed()
        if account.security is Security.STARTTLS:
            smtp.starttls(context=context)
            smtp.ehlo_or_helo_if_needed()
        if account.user:
            smtp.login(account.user, account.password)
    except (OSError, smtplib.SMTPException):
        smtp.close()
        raise
    return smtp


def _outcome(reply: _Reply) -> Outcome:
    if reply.good:
        return Outcome.DELIVERED
    return Outcome.REFUSED if 500 <= reply.code < 600 else Outcome.LATER


def _stuffed(data: bytes) -> bytes:
    """RFC 5321 4.5.2: a line that begins with a dot gets one more; then the end of the letter."""
    stuffed = data.replace(b"\r\n.", b"\r\n..")
    return (b"." if stuffed.startswith(b".") else b"") + stuffed + b".\r\n"


def _said(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        text = error.smtp_error.decode("utf-8", "replace") if isinstance(error.smtp_error, bytes) else error.smtp_error
        return f"{error.smtp_code} {text}"[:400]
    return (str(error) or type(error).__name__)[:400]


def _loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"

"""The receiving server that the demo counts by, driven by the library's own SMTP client, and by hand."""

import hashlib
import smtplib
import socket
from pathlib import Path

import pytest

from examples.mail_sink.count import tally
from examples.mail_sink.server import MAX_LETTER
from tests.sinks import Sink, running

LETTER = b"From: <a@example.org>\r\nMessage-ID: <one@example.org>\r\n\r\nHello.\r\n"


@pytest.fixture
def sink(tmp_path: Path):
    with running(tmp_path / "letters.jsonl") as started:
        yield started


def client(sink: Sink) -> smtplib.SMTP:
    return smtplib.SMTP("127.0.0.1", sink.port, timeout=10)


def spoken(sink: Sink, sent: bytes) -> list[bytes]:
    """What the server says to these bytes, up to its end of the connection."""
    with socket.create_connection(("127.0.0.1", sink.port), timeout=10) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        said = b""
        while data := connection.recv(65536):
            said += data
    return said.split(b"\r\n")[:-1]


def test_a_letter_is_counted_with_its_recipient_its_id_and_its_body(sink: Sink) -> None:
    with client(sink) as smtp:
        smtp.sendmail("a@example.org", ["ann@example.org"], LETTER)
    (entry,) = sink.entries()
    body = hashlib.sha256(b"Hello.\r\n").hexdigest()
    assert entry == {"to": "ann@example.org", "id": "<one@example.org>", "body": body}


def test_dots_are_unstuffed(sink: Sink) -> None:
    with client(sink) as smtp:
        smtp.sendmail("a@example.org", ["ann@example.org"], LETTER + b".\r\n..\r\n.end\r\n")
    assert sink.entries()[0]["body"] == hashlib.sha256(b"Hello.\r\n.\r\n..\r\n.end\r\n").hexdigest()


def test_twice_is_two_letters_and_again_is_one_letter_again(sink: Sink) -> None:
    other = LETTER.replace(b"<one@", b"<two@")
    with client(sink) as smtp:
        for to, letter in (("ann", LETTER), ("ann", other), ("bob", LETTER), ("bob", LETTER), ("cy", LETTER)):
            smtp.sendmail("a@example.org", [f"{to}@example.org"], letter)
    found = tally(sink.out)
    assert found.letters == 5
    assert found.delivered == {"ann@example.org", "bob@example.org", "cy@example.org"}
    assert found.twice == {"ann@example.org"}
    assert found.again == {"bob@example.org"}


def test_a_letter_whose_end_never_came_is_not_counted(sink: Sink) -> None:
    said = spoken(sink, b"EHLO x\r\nMAIL FROM:<a@b.c>\r\nRCPT TO:<d@e.f>\r\nDATA\r\n" + LETTER + b"half a li")
    assert said[-1].startswith(b"354")
    assert sink.entries() == []


def test_commands_in_one_packet_are_answered_in_order(sink: Sink) -> None:
    said = spoken(
        sink,
        b"EHLO x\r\nMAIL FROM:<a@b.c> SIZE=10 BODY=8BITMIME\r\nRCPT TO:<d@e.f>\r\nRCPT TO:<nobody>\r\nDATA\r\n"
        + LETTER
        + b".\r\nMAIL FROM:<a@b.c>\r\nRSET\r\nDATA\r\nNOOP\r\nWHAT\r\nQUIT\r\n",
    )
    codes = [line[:3] for line in said if line[3:4] == b" "]
    assert codes == [
        b"220",
        b"250",
        b"250",
        b"250",
        b"501",
        b"354",
        b"250",
        b"250",
        b"250",
        b"503",
        b"250",
        b"500",
        b"221",
    ]
    assert len(sink.entries()) == 1


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (b"MAIL FROM:<a@b.c>\r\n", b"503"),
        (b"EHLO x\r\nRCPT TO:<a@b.c>\r\n", b"503"),
        (b"EHLO x\r\nDATA\r\n", b"503"),
        (b"EHLO x\r\nMAIL FROM:a@b.c\r\n", b"501"),
        (b"EHLO x\r\nMAIL FROM:<a@b.c> SIZE=99999999\r\n", b"552"),
        (b"EHLO x\r\nMAIL FROM:<a@b.c>\r\nMAIL FROM:<a@b.c>\r\n", b"503"),
        (b"\xff\xfe\r\n", b"500"),
        (b"x" * 5000, b"500"),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_line(sink: Sink, sent: bytes, code: bytes) -> None:
    assert spoken(sink, sent)[-1][:3] == code


def test_a_letter_that_is_too_large_is_read_away_and_refused(sink: Sink) -> None:
    line = b"x" * 998 + b"\r\n"
    huge = LETTER + line * (MAX_LETTER // len(line) * 3)
    before = b"EHLO x\r\nMAIL FROM:<a@b.c>\r\nRCPT TO:<d@e.f>\r\nDATA\r\n"
    said = spoken(sink, before + huge + b".\r\nNOOP\r\n")
    assert [line[:3] for line in said[-2:]] == [b"552", b"250"]
    assert sink.entries() == []


def test_a_bare_line_end_does_not_end_a_letter(sink: Sink) -> None:
    """SMTP smuggling: only CR LF . CR LF does, or two servers would see two different letters."""
    before = b"EHLO x\r\nMAIL FROM:<a@b.c>\r\nRCPT TO:<d@e.f>\r\nDATA\r\n"
    smuggled = b"\n.\nMAIL FROM:<evil@b.c>\r\nRCPT TO:<victim@e.f>\r\nDATA\r\nMessage-ID: <evil>\r\n\r\nx\r\n.\r\n"
    spoken(sink, before + LETTER.rstrip() + smuggled)
    assert [entry["to"] for entry in sink.entries()] == ["d@e.f"]

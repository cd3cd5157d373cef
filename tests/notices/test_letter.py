"""Letters, read back by the standard library's own mail parser."""

import email
import email.policy
from datetime import UTC, datetime
from email.headerregistry import AddressHeader
from email.message import EmailMessage

from hypothesis import given
from hypothesis import strategies as st

from beholden.model.ids import PersonNumber
from beholden.notices.address import Address
from beholden.notices.letter import Letter, clean, domain_of, letter, message_id, mould, unlinked

AT = datetime(2018, 3, 21, 9, 30, tzinfo=UTC)
ADDRESS = Address("ann@example.org", international=False)
ID = message_id(b"k" * 32, b"1", "beholden.example")
HEADERS = [
    "From",
    "Subject",
    "Date",
    "Auto-Submitted",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
    "To",
    "Message-ID",
]


def written(name: str, subject: str = "A subject", body: str = "Words.\n") -> Letter:
    return letter(mould("notices@beholden.example", subject, body, AT), PersonNumber(1), name, ADDRESS, ID)


def read(one: Letter) -> EmailMessage:
    message = email.message_from_bytes(one.data, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


@given(st.text(max_size=200), st.text(max_size=400), st.text(max_size=2000))
def test_no_name_subject_or_body_can_add_a_header_a_recipient_or_a_part(name: str, subject: str, body: str) -> None:
    one = written(name, subject, body)
    message = read(one)
    assert message.keys() == HEADERS
    assert not message.defects
    to = message["To"]
    assert isinstance(to, AddressHeader)
    assert [a.addr_spec for a in to.addresses] == ["ann@example.org"]
    assert message["Message-ID"] == ID
    assert message.get_content_type() == "text/plain"
    lines = one.data.split(b"\r\n")
    assert all(b"\r" not in line and b"\n" not in line and len(line) <= 200 for line in lines)
    assert lines[-1] == b""


@given(st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=60))
def test_a_name_arrives_as_it_is_up_to_one_encoded_word(name: str) -> None:
    to = read(written(name))["To"]
    assert isinstance(to, AddressHeader)
    assert to.addresses[0].display_name == name.encode()[:45].decode(errors="ignore")


def test_a_subject_in_any_script_arrives_as_it_is() -> None:
    subject = "Твои данные получило приложение «Викторина» – " * 3
    assert str(read(written("Ann", subject))["Subject"]) == subject.strip()


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=3000))
def test_a_body_arrives_as_it_is(body: str) -> None:
    content = read(written("Ann", body=body)).get_content()
    sent = f"Hello Ann,\n\n{body}".replace("\r\n", "\n").replace("\r", "\n")
    assert content.replace("\r\n", "\n").rstrip("\n") == sent.rstrip("\n")


def test_the_same_letter_is_the_same_bytes_and_every_person_has_their_own_message_id() -> None:
    assert written("Ann").data == written("Ann").data
    ids = {message_id(secret, subject, "h") for secret in (b"a" * 32, b"b" * 32) for subject in (b"1", b"2")}
    assert len(ids) == 4


def test_a_name_of_a_developer_makes_no_link_and_turns_no_direction() -> None:
    assert unlinked("Sign in at https://evil.example/fix now") == "Sign in at https[:]//evil[.]example/fix now"
    assert unlinked("www.evil.example") == "www[.]evil[.]example"
    assert unlinked("Dr. Quiz") == "Dr. Quiz"
    assert clean("good\u202egnp.exe\r\nBcc: x\u0000") == "good gnp.exe Bcc: x"
    assert clean("x" * 500) == "x" * 79 + "…"


def test_a_message_id_gets_a_host_that_can_stand_in_it() -> None:
    assert domain_of("https://privacy.example.org:8443") == "privacy.example.org"
    assert domain_of("http://127.0.0.1:8400") == "127.0.0.1"
    assert domain_of("http://[::1]:8400") == "beholden.invalid"

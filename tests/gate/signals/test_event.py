"""What is told, to whom, in which claims."""

from datetime import UTC, datetime, timedelta

import pytest

from beholden.gate.signals import event
from beholden.gate.signals.event import Kind, Signal
from beholden.gate.signals.stream import Method, Status, Stream, hears
from beholden.model.grant import EndReason, Grant
from beholden.model.ids import AppNumber, GrantId, PersonNumber
from beholden.model.standing import Standing

NOW = datetime(2026, 3, 1, tzinfo=UTC)
QUIZ = AppNumber(7)


def grant(person: int = 1, id_: str = "grant_a") -> Grant:
    return Grant(
        GrantId(id_), PersonNumber(person), QUIZ, frozenset({"name"}), frozenset(), frozenset({"p"}), NOW, None
    )


def stream(app: AppNumber | None = QUIZ, status: Status = Status.ENABLED, requested: tuple[str, ...] = event.SUPPORTED):
    return Stream("s", "app:7", app, "quiz", Method.POLL, "", "", requested, "", status, "", NOW)


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        (EndReason.PERSON, "user"),
        (EndReason.ERASED, "user"),
        (EndReason.INACTIVE, "inactive"),
        (EndReason.APP, "api"),
        (EndReason.AGE, "issuer"),
        (EndReason.BAN, "issuer"),
        (EndReason.REFRESH_REUSE, "issuer"),
    ],
)
def test_the_end_of_a_grant_is_told_in_the_published_words(reason: EndReason, said: str) -> None:
    signal = event.grant_ended(grant(), reason, NOW)
    assert (signal.kind, signal.details) == (Kind.GRANT_REVOKED, {"reason": said})


def test_law_3_an_erased_person_and_one_who_left_are_told_in_the_same_words() -> None:
    assert event.grant_ended(grant(), EndReason.ERASED, NOW) == event.grant_ended(grant(), EndReason.PERSON, NOW)


def test_a_narrowing_of_nothing_is_no_signal() -> None:
    assert event.narrowed(grant(), [], [], NOW) is None


def test_the_same_signal_has_the_same_id_on_a_stream_and_another_elsewhere_and_at_another_time() -> None:
    one = event.grant_ended(grant(), EndReason.PERSON, NOW)
    assert one.jti("s") == event.grant_ended(grant(), EndReason.PERSON, NOW).jti("s")
    later = event.grant_ended(grant(), EndReason.PERSON, NOW + timedelta(microseconds=1))
    assert len({one.jti("s"), one.jti("t"), later.jti("s"), one.txn}) == 4


def test_law_3_the_id_of_a_token_is_made_of_no_persons_number() -> None:
    mine, other = grant(person=1), grant(person=2)
    assert event.grant_ended(mine, EndReason.PERSON, NOW).jti("s") == (
        event.grant_ended(other, EndReason.PERSON, NOW).jti("s")
    )


@pytest.mark.parametrize(
    ("before", "after", "kinds"),
    [
        (Standing.ACTIVE, Standing.BANNED, [Kind.CLIENT_DISABLED, Kind.TOKENS_REVOKED]),
        (Standing.ACTIVE, Standing.SUSPENDED, [Kind.CLIENT_DISABLED]),
        (Standing.SUSPENDED, Standing.BANNED, [Kind.TOKENS_REVOKED]),
        (Standing.BANNED, Standing.ACTIVE, [Kind.CLIENT_ENABLED]),
        (Standing.BANNED, Standing.SUSPENDED, []),
        (Standing.ACTIVE, Standing.RESTRICTED, [Kind.FIELDS_NARROWED]),
        (Standing.SUSPENDED, Standing.RESTRICTED, [Kind.CLIENT_ENABLED, Kind.FIELDS_NARROWED]),
        (Standing.RESTRICTED, Standing.ACTIVE, []),
        (Standing.ACTIVE, Standing.ACTIVE, []),
    ],
)
def test_a_change_of_standing_is_told_of_the_app_and_never_of_each_grant(
    before: Standing, after: Standing, kinds: list[Kind]
) -> None:
    told = event.standing_changed(QUIZ, before, after, ["likes"], NOW)
    assert [signal.kind for signal in told] == kinds
    assert all(signal.person is None for signal in told)


def test_law_3_a_stream_of_one_app_never_hears_of_another() -> None:
    signal = event.tokens_ended(AppNumber(8), NOW)
    assert not hears(stream(QUIZ), signal)
    assert hears(stream(None), signal)
    assert hears(stream(AppNumber(8)), signal)


def test_a_stream_hears_what_it_asked_for_while_it_is_not_disabled() -> None:
    signal = event.tokens_ended(QUIZ, NOW)
    assert hears(stream(status=Status.PAUSED), signal)
    assert not hears(stream(status=Status.DISABLED), signal)
    assert not hears(stream(requested=(Kind.CLIENT_DISABLED,)), signal)


def test_the_claims_are_those_of_a_security_event_token_with_one_event_and_neither_sub_nor_exp() -> None:
    claims = event.claims(
        issuer="https://t.example",
        audience="quiz",
        jti="set_x",
        txn="txn_x",
        at=NOW,
        subject=event.person_at_issuer("https://t.example", "abc"),
        kind=Kind.GRANT_REVOKED,
        event={"reason": "user"},
    )
    assert set(claims) == {"iss", "aud", "jti", "iat", "txn", "sub_id", "events"}
    assert claims["sub_id"] == {"format": "iss_sub", "iss": "https://t.example", "sub": "abc"}
    assert claims["events"] == {Kind.GRANT_REVOKED: {"event_timestamp": 1772323200, "reason": "user"}}


def test_whatever_concerns_a_person_names_a_grant() -> None:
    with pytest.raises(AssertionError):
        Signal(Kind.TOKEN_REVOKED, QUIZ, NOW, PersonNumber(1)).jti("s")

"""Who may come in, with what, and for how long."""

from datetime import timedelta
from pathlib import Path

import pytest

from beholden.journeys import access
from beholden.model.act import Actor, ActorKind
from beholden.model.errors import BadInput, Conflict, NotFound
from tests.certificates import Authority
from tests.conftest import House


@pytest.fixture
def ines(house: House) -> str:
    """An operator."""
    return access.add_operator(house.engines, "ines", "Ines", "ines@platform.example").id


def token_of(path: str) -> str:
    head, _, token = path.partition("?token=")
    assert head == "/sign-in/link"
    return token


def test_a_link_signs_in_once(house: House, ines: str) -> None:
    token = token_of(access.issue_link(house.engines, ActorKind.OPERATOR, ines))
    found = access.redeem_link(house.engines, token)
    assert found is not None
    assert (found.kind, found.id) == (ActorKind.OPERATOR, "ines")
    assert access.redeem_link(house.engines, token) is None


def test_a_link_lives_a_quarter_of_an_hour_or_as_long_as_it_was_given(house: House, ines: str) -> None:
    short = token_of(access.issue_link(house.engines, ActorKind.OPERATOR, ines))
    long = token_of(access.issue_link(house.engines, ActorKind.OPERATOR, ines, life=timedelta(days=7)))
    house.clock.advance(timedelta(minutes=15))
    assert access.redeem_link(house.engines, short) is None
    assert access.redeem_link(house.engines, long) is not None
    for life in (timedelta(), timedelta(days=-1), timedelta(days=7, seconds=1)):
        with pytest.raises(BadInput):
            access.issue_link(house.engines, ActorKind.OPERATOR, ines, life=life)


def test_developers_and_people_get_links_by_number_and_nobody_else_does(house: House, ines: str) -> None:
    developer, person = house.developer(), house.person("anna")
    for kind, id_ in [(ActorKind.DEVELOPER, developer.number), (ActorKind.PERSON, person)]:
        found = access.redeem_link(house.engines, token_of(access.issue_link(house.engines, kind, str(id_))))
        assert found is not None
        assert (found.kind, found.id) == (kind, str(id_))
    for kind, name in [
        (ActorKind.OPERATOR, "nobody"),
        (ActorKind.DEVELOPER, "99"),
        (ActorKind.DEVELOPER, "ines"),
        (ActorKind.PERSON, "-1"),
        (ActorKind.PERSON, "9" * 30),
        (ActorKind.PERSON, "²"),
        (ActorKind.SYSTEM, "beholden"),
        (ActorKind.PLATFORM, "1"),
    ]:
        with pytest.raises(NotFound):
            access.issue_link(house.engines, kind, name)


def test_a_session_holds_until_sign_out(house: House, ines: str) -> None:
    token = access.open_session(house.engines, ActorKind.OPERATOR, ines)
    found = access.session(house.engines, token)
    assert found is not None
    assert (found.kind, found.id) == (ActorKind.OPERATOR, "ines")
    access.end_session(house.engines, token)
    assert access.session(house.engines, token) is None
    access.end_session(house.engines, token)


def test_a_session_ends_by_itself(house: House, ines: str) -> None:
    token = access.open_session(house.engines, ActorKind.OPERATOR, ines)
    house.clock.advance(timedelta(seconds=access.SESSION_SECONDS) - timedelta(microseconds=1))
    assert access.session(house.engines, token) is not None
    house.clock.advance(timedelta(microseconds=1))
    assert access.session(house.engines, token) is None


def test_law_5_a_removed_operator_is_out_at_the_next_request(house: House, ines: str) -> None:
    token = access.open_session(house.engines, ActorKind.OPERATOR, ines)
    unused = token_of(access.issue_link(house.engines, ActorKind.OPERATOR, ines))
    access.remove_operator(house.engines, ines)
    assert access.session(house.engines, token) is None
    assert access.redeem_link(house.engines, unused) is None
    with pytest.raises(NotFound):
        access.open_session(house.engines, ActorKind.OPERATOR, ines)
    with pytest.raises(NotFound):
        access.acting_operator(house.engines, ines)
    with pytest.raises(Conflict):
        access.add_operator(house.engines, ines, "Another Ines", "i@platform.example")


def test_an_erased_persons_session_opens_nothing(house: House) -> None:
    person = house.person("anna")
    token = access.open_session(house.engines, ActorKind.PERSON, str(person))
    with house.engines.store.write() as unit:
        unit.directory.forget(person, house.clock.now())
    assert access.session(house.engines, token) is None


@pytest.mark.parametrize(
    "token", ["", "x", "é" * 43, "A" * 42, "A" * 43, "A" * 44, "A" * 100_000, "' OR 1=1 --", "\0" * 43]
)
def test_what_is_no_secret_of_ours_opens_nothing(house: House, token: str) -> None:
    assert access.session(house.engines, token) is None
    assert access.redeem_link(house.engines, token) is None
    assert access.check_platform_key(house.engines, token) is None
    assert access.check_platform_key(house.engines, f"bhk_{token}") is None
    access.end_session(house.engines, token)


def test_one_kind_of_secret_is_not_another(house: House, ines: str) -> None:
    key = access.add_platform_key(house.engines, "api").secret
    link = token_of(access.issue_link(house.engines, ActorKind.OPERATOR, ines))
    session = access.open_session(house.engines, ActorKind.OPERATOR, ines)
    assert access.session(house.engines, key) is None
    assert access.session(house.engines, link) is None
    assert access.redeem_link(house.engines, session) is None
    assert access.check_platform_key(house.engines, session) is None


def test_a_key_is_rotated_with_two_that_hold_at_once(house: House) -> None:
    old = access.add_platform_key(house.engines, "public api")
    new = access.add_platform_key(house.engines, "public api")
    assert old.secret != new.secret
    for key in (old, new):
        assert access.check_platform_key(house.engines, key.secret) == "public api"
    with pytest.raises(Conflict, match="Revoke the old one"):
        access.add_platform_key(house.engines, "public api")
    access.revoke_platform_key(house.engines, old.id)
    assert access.check_platform_key(house.engines, old.secret) is None
    assert access.check_platform_key(house.engines, new.secret) == "public api"
    with pytest.raises(NotFound):
        access.revoke_platform_key(house.engines, old.id)
    access.add_platform_key(house.engines, "public api")


def test_a_rotation_ends_the_old_key_by_itself(house: House) -> None:
    old = access.add_platform_key(house.engines, "gateway")
    new = access.rotate_platform_key(house.engines, "gateway", timedelta(hours=24))
    for key in (old, new):
        assert access.check_platform_key(house.engines, key.secret) == "gateway"
    with pytest.raises(Conflict, match="has 2 keys"):
        access.rotate_platform_key(house.engines, "gateway", timedelta(hours=1))
    house.clock.advance(timedelta(hours=24) - timedelta(seconds=1))
    assert access.check_platform_key(house.engines, old.secret) == "gateway"
    house.clock.advance(timedelta(seconds=1))
    assert access.check_platform_key(house.engines, old.secret) is None
    assert access.check_platform_key(house.engines, new.secret) == "gateway"
    newest = access.rotate_platform_key(house.engines, "gateway", timedelta())
    assert access.check_platform_key(house.engines, new.secret) is None, "no overlap: out at the next request"
    assert access.check_platform_key(house.engines, newest.secret) == "gateway"


def test_what_cannot_be_rotated_is_one_clear_error(house: House) -> None:
    with pytest.raises(NotFound, match="has no key that holds"):
        access.rotate_platform_key(house.engines, "gateway", timedelta(hours=1))
    access.add_platform_key(house.engines, "gateway")
    for overlap in (timedelta(seconds=-1), timedelta(days=31)):
        with pytest.raises(BadInput, match="at most 30 days"):
            access.rotate_platform_key(house.engines, "gateway", overlap)


def test_the_use_of_a_key_is_noted_at_most_once_a_day(house: House) -> None:
    key = access.add_platform_key(house.engines, "gateway")

    def noted() -> object:
        (found,) = access.platform_keys(house.engines)
        return found.last_used_at

    assert noted() is None
    first = house.clock.now()
    access.check_platform_key(house.engines, key.secret)
    assert noted() == first
    house.clock.advance(timedelta(hours=23))
    access.check_platform_key(house.engines, key.secret)
    assert noted() == first
    house.clock.advance(timedelta(hours=1))
    access.check_platform_key(house.engines, key.secret)
    assert noted() == first + timedelta(days=1)


def test_a_certificate_is_a_key_and_stays_one_when_it_is_renewed(house: House, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    given, stranger = authority.issue("gateway"), authority.issue("gateway")
    key = access.add_platform_certificate(house.engines, "gateway", given.certificate.read_bytes())
    assert key.kind == "certificate"
    renewed = authority.issue("gateway", given.key)
    for pair, caller in ((given, "gateway"), (renewed, "gateway"), (stranger, None)):
        assert access.check_platform_certificate(house.engines, pair.certificate.read_bytes()) == caller
    with pytest.raises(Conflict, match="added before"):
        access.add_platform_certificate(house.engines, "other", renewed.certificate.read_bytes())
    access.revoke_platform_key(house.engines, key.id)
    assert access.check_platform_certificate(house.engines, given.certificate.read_bytes()) is None


@pytest.mark.parametrize("text", [b"", b"x", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"])
def test_what_is_no_certificate_lets_nobody_in(house: House, text: bytes) -> None:
    assert access.check_platform_certificate(house.engines, text) is None
    with pytest.raises(BadInput, match="no certificate"):
        access.add_platform_certificate(house.engines, "gateway", text)


def test_law_12_a_rotation_is_in_the_ledger(house: House, ines: str) -> None:
    actor = access.acting_operator(house.engines, ines)
    old = access.add_platform_key(house.engines, "gateway", actor)
    new = access.rotate_platform_key(house.engines, "gateway", timedelta(hours=2), actor)
    act = list(house.engines.ledger.acts())[-1]
    assert (act.verb, act.actor, act.subject) == ("platform-key:rotate", "operator:ines", "platform:gateway")
    assert act.details == {"key": new.id, "old": old.id, "minutes": 120}


def test_no_secret_is_anywhere_in_the_data_folder(house: House, ines: str) -> None:
    secrets = [
        access.add_platform_key(house.engines, "api").secret,
        token_of(access.issue_link(house.engines, ActorKind.OPERATOR, ines)),
        access.open_session(house.engines, ActorKind.OPERATOR, ines),
    ]
    files = [path for path in house.data.rglob("*") if path.is_file()]
    assert Path(house.data / "store.db") in files
    held = b"".join(path.read_bytes() for path in files)
    assert b"ines" in held
    assert not any(secret.encode() in held for secret in secrets)


@pytest.mark.parametrize("id_", ["", "Ines", "1a", "a b", "x" * 41, "a/b", "ünal"])
def test_an_operator_id_is_plain(house: House, id_: str) -> None:
    with pytest.raises(BadInput):
        access.add_operator(house.engines, id_, "Name", "a@b.example")


@pytest.mark.parametrize("caller", ["", "API", " api", "api ", "x" * 41, "a\nb"])
def test_a_callers_name_is_plain(house: House, caller: str) -> None:
    with pytest.raises(BadInput):
        access.add_platform_key(house.engines, caller)


def test_law_12_who_was_let_in_is_in_the_ledger(house: House, ines: str) -> None:
    actor = access.acting_operator(house.engines, ines)
    access.issue_link(house.engines, ActorKind.OPERATOR, ines, actor=actor)
    key = access.add_platform_key(house.engines, "api", actor)
    access.revoke_platform_key(house.engines, key.id, actor)
    access.remove_operator(house.engines, ines, actor)
    acts = [(a.verb, a.actor, a.subject) for a in house.engines.ledger.acts()]
    assert acts == [
        ("operator:add", "system:beholden", "operator:ines"),
        ("operator:link", "operator:ines", "operator:ines"),
        ("platform-key:add", "operator:ines", "platform:api"),
        ("platform-key:revoke", "operator:ines", f"platform-key:{key.id}"),
        ("operator:remove", "operator:ines", "operator:ines"),
    ]
    assert actor == Actor(ActorKind.OPERATOR, "ines")

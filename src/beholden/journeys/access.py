"""Access: who may come in: operators, sign-in links, browser sessions, and the platform's keys to the gate.

Every secret is 256 random bits. The store has only its SHA-256, so a stolen database opens nothing, and finding a
secret by its digest takes the same time whether or not it is nearly right.
"""

import hashlib
import re
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from beholden.journeys.acts import record
from beholden.journeys.ports import Engines, Operator, Pass, PlatformKey, Unit
from beholden.journeys.wording import checked_email, checked_text
from beholden.model.act import SYSTEM, Act, Actor, ActorKind
from beholden.model.errors import BadInput, Conflict, NotFound, Unavailable
from beholden.model.ids import DeveloperNumber, OperatorId, PersonNumber
from beholden.model.time import DAY

__all__ = ["SESSION_SECONDS", "IssuedKey", "Operator", "Pass", "PlatformKey"]

SESSION_SECONDS = 12 * 3600
LINK_LIFE = timedelta(minutes=15)
LONGEST_LINK_LIFE = timedelta(days=7)
KEYS_AT_ONCE = 2
"""Keys of one caller that hold at the same time: the old one goes on until the new one is everywhere."""
LONGEST_OVERLAP = timedelta(days=30)
_KEY_PREFIX = "bhk_"  # so that a scanner of published code can tell what it found
_SECRET = re.compile(r"(bhk_)?[A-Za-z0-9_-]{43}")
_ID = re.compile(r"[a-z][a-z0-9._-]{0,39}")
_CALLER = re.compile(r"[a-z](?:[a-z0-9 ._-]{0,38}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A new platform key. `secret` is shown once and kept nowhere."""

    id: str
    caller: str
    secret: str


def add_operator(engines: Engines, id_: str, name: str, email: str, actor: Actor = SYSTEM) -> Operator:
    """A new operator; raises BadInput, and Conflict when the id was ever given."""
    if not _ID.fullmatch(id_):
        raise BadInput(f"The operator id {id_!r} cannot be used.", "Use 1 to 40 of a-z, 0-9, dot, _ and -.")
    now = engines.clock.now()
    operator = Operator(OperatorId(id_), checked_text(name, "name", 200), checked_email(email), now)
    with engines.store.write() as unit:
        if unit.access.operator(id_) is not None:
            raise Conflict(f"There is an operator {id_!r} already.", "Take another id; an old one is not given again.")
        unit.access.add_operator(operator)
        record(engines, Act(actor, "operator:add", f"operator:{id_}", now))
    return operator


def remove_operator(engines: Engines, id_: str, actor: Actor = SYSTEM) -> None:
    """End what an operator may do, their sessions included, from the next request on."""
    now = engines.clock.now()
    with engines.store.write() as unit:
        operator = known_operator(unit, id_)
        unit.access.remove_operator(operator.id, now)
        unit.access.end_passes(ActorKind.OPERATOR, operator.id)
        record(engines, Act(actor, "operator:remove", f"operator:{id_}", now))


def operators(engines: Engines) -> Sequence[Operator]:
    """All operators, removed ones too."""
    with engines.store.read() as unit:
        return unit.access.operators()


def known_operator(unit: Unit, id_: str) -> Operator:
    """The operator who acts now; raises NotFound for an unknown or removed one."""
    operator = unit.access.operator(id_)
    if operator is None or operator.removed_at is not None:
        raise NotFound(f"There is no operator {id_!r}.", "`beholden operator list` names them.")
    return operator


def acting_operator(engines: Engines, id_: str) -> Actor:
    """The operator as an actor; raises NotFound for an unknown or removed one."""
    with engines.store.read() as unit:
        return Actor(ActorKind.OPERATOR, known_operator(unit, id_).id)


def issue_link(
    engines: Engines, kind: ActorKind, id_: str, *, life: timedelta = LINK_LIFE, actor: Actor = SYSTEM
) -> str:
    """A path on this server that signs somebody in, once, within `life`; add `engines.url` before it.

    `id_` is an operator's id, or the number of a developer or person. Raises NotFound when there is nobody of that id.
    """
    if not timedelta() < life <= LONGEST_LINK_LIFE:
        raise BadInput("A sign-in link lives at most 7 days.", "Give it a shorter life.")
    now = engines.clock.now()
    secret = _new_secret(engines)
    with engines.store.write() as unit:
        _require(unit, kind, id_)
        unit.access.add_link(digest_of(secret), Pass(kind, id_, now, now + life))
        minutes = int(life.total_seconds() // 60)
        record(engines, Act(actor, f"{kind}:link", f"{kind}:{id_}", now, details={"minutes": minutes}))
    return f"/sign-in/link?token={secret}"


def redeem_link(engines: Engines, token: str) -> Pass | None:
    """Use a link up; None when it is unknown, used, past its end, or its owner is no longer one."""
    if not _SECRET.fullmatch(token):
        return None

    def take(unit: Unit) -> Pass | None:
        found = unit.access.take_link(digest_of(token), engines.clock.now())
        return found if found is not None and _exists(unit, found.kind, found.id) else None

    return engines.store.perform(take)


def open_session(engines: Engines, kind: ActorKind, id_: str) -> str:
    """A new session's token, for a cookie. Sessions and links that are past their end go at the same time."""
    now = engines.clock.now()
    secret = _new_secret(engines)

    def add(unit: Unit) -> None:
        _require(unit, kind, id_)
        unit.access.sweep(now)
        unit.access.add_session(digest_of(secret), Pass(kind, id_, now, now + timedelta(seconds=SESSION_SECONDS)))

    engines.store.perform(add)
    return secret


def session(engines: Engines, token: str) -> Pass | None:
    """Whose session it is; None when it is unknown, ended, past its end, or its owner is no longer one."""
    if not _SECRET.fullmatch(token):
        return None
    with engines.store.read() as unit:
        found = unit.access.session(digest_of(token), engines.clock.now())
        return found if found is not None and _exists(unit, found.kind, found.id) else None


def end_session(engines: Engines, token: str) -> None:
    """Sign out. A token that is no session's is let pass: it opens nothing anyway."""
    if _SECRET.fullmatch(token):
        engines.store.perform(lambda unit: unit.access.end_session(digest_of(token)))


def add_platform_key(engines: Engines, caller: str, actor: Actor = SYSTEM) -> IssuedKey:
    """A new key for a caller of the gate; the secret is in the answer and nowhere else.

    Raises Conflict when the caller has two already: a rotation ends by revoking the old one.
    """
    secret = _KEY_PREFIX + _new_secret(engines)
    key = _add_key(engines, caller, digest_of(secret), "secret", actor)
    return IssuedKey(key.id, caller, secret)


def add_platform_certificate(engines: Engines, caller: str, pem: bytes, actor: Actor = SYSTEM) -> PlatformKey:
    """Let a caller of the gate in by a client certificate of this public key, renewed certificates included.

    It counts as one of the caller's keys. Raises BadInput for what is no certificate.
    """
    return _add_key(engines, caller, _digest_of_certificate(pem), "certificate", actor)


def rotate_platform_key(engines: Engines, caller: str, overlap: timedelta, actor: Actor = SYSTEM) -> IssuedKey:
    """A new key for a caller; the one that it has now goes on for `overlap` and then ends by itself.

    Raises NotFound when the caller has no secret key, Conflict when a rotation is under way already.
    """
    if not timedelta() <= overlap <= LONGEST_OVERLAP:
        raise BadInput(f"Two keys overlap for at most {LONGEST_OVERLAP.days} days.", "Choose less.")
    now = engines.clock.now()
    secret = _KEY_PREFIX + _new_secret(engines)
    digest = digest_of(secret)
    with engines.store.write() as unit:
        holding = _holding(unit, caller, now)
        old = [key for key in holding if key.kind == "secret"]
        if not old:
            raise NotFound(f"{caller!r} has no key that holds.", "`beholden operator platform-key add` makes one.")
        if len(holding) >= KEYS_AT_ONCE:
            raise Conflict(f"{caller!r} has {KEYS_AT_ONCE} keys that hold already.", "Revoke the old one first.")
        key = PlatformKey(f"key_{digest[:12]}", caller, now)
        unit.access.add_platform_key(digest, key)
        unit.access.end_platform_key(old[0].id, now + overlap)
        details = {"key": key.id, "old": old[0].id, "minutes": int(overlap.total_seconds() // 60)}
        record(engines, Act(actor, "platform-key:rotate", f"platform:{caller}", now, details=details))
    return IssuedKey(key.id, caller, secret)


def revoke_platform_key(engines: Engines, id_: str, actor: Actor = SYSTEM) -> None:
    """End a key: the gate refuses it from the next request on. Raises NotFound when no such key holds."""
    now = engines.clock.now()
    with engines.store.write() as unit:
        if not unit.access.revoke_platform_key(id_, now):
            raise NotFound(f"No key {id_!r} holds.", "`beholden operator platform-key list` names them.")
        record(engines, Act(actor, "platform-key:revoke", f"platform-key:{id_}", now))


def platform_keys(engines: Engines) -> Sequence[PlatformKey]:
    """All keys, revoked ones too; never the secrets."""
    with engines.store.read() as unit:
        return unit.access.platform_keys()


def check_platform_key(engines: Engines, key: str) -> str | None:
    """Who calls with this key; None when it does not hold."""
    if not _SECRET.fullmatch(key) or not key.startswith(_KEY_PREFIX):
        return None
    return _caller_of(engines, digest_of(key))


def check_platform_certificate(engines: Engines, pem: bytes) -> str | None:
    """Who calls with this certificate, which the TLS handshake has proved to be theirs; None when it does not hold."""
    try:
        return _caller_of(engines, _digest_of_certificate(pem))
    except BadInput:
        return None


def _add_key(engines: Engines, caller: str, digest: str, kind: str, actor: Actor) -> PlatformKey:
    if not _CALLER.fullmatch(caller):
        raise BadInput(f"The caller {caller!r} cannot be used.", "Use 1 to 40 of a-z, 0-9, blank, dot, _ and -.")
    now = engines.clock.now()
    key = PlatformKey(f"key_{digest[:12]}", caller, now, kind=kind)
    with engines.store.write() as unit:
        if len(_holding(unit, caller, now)) >= KEYS_AT_ONCE:
            raise Conflict(f"{caller!r} has {KEYS_AT_ONCE} keys that hold already.", "Revoke the old one first.")
        if any(known.id == key.id for known in unit.access.platform_keys()):
            raise Conflict("This key was added before.", "A revoked certificate needs a new private key.")
        unit.access.add_platform_key(digest, key)
        record(engines, Act(actor, "platform-key:add", f"platform:{caller}", now, details={"key": key.id}))
    return key


def _holding(unit: Unit, caller: str, now: datetime) -> list[PlatformKey]:
    return [key for key in unit.access.platform_keys() if key.caller == caller and key.holds(now)]


def _caller_of(engines: Engines, digest: str) -> str | None:
    now = engines.clock.now()
    with engines.store.read() as unit:
        key = unit.access.platform_key(digest, now)
    if key is None:
        return None
    if key.last_used_at is None or now - key.last_used_at >= DAY:
        # A note for whoever asks which keys are idle. A request does not fail for it; the next one tries again.
        with suppress(Unavailable):
            engines.store.perform(lambda unit: unit.access.note_platform_key(key.id, now))
    return key.caller


def _digest_of_certificate(pem: bytes) -> str:
    """What the store knows of a certificate: the digest of its public key (RFC 7469, 2.4), told apart from secrets."""
    try:
        public = x509.load_pem_x509_certificate(pem).public_key()
        spki = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise BadInput("That is no certificate in PEM.", "Give the client's certificate, not its key.") from error
    return hashlib.sha256(b"certificate:" + spki).hexdigest()


def digest_of(secret: str) -> str:
    """What the store knows of a secret."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _new_secret(engines: Engines) -> str:
    return urlsafe_b64encode(engines.ids.secret(32)).decode().rstrip("=")


def _require(unit: Unit, kind: ActorKind, id_: str) -> None:
    if not _exists(unit, kind, id_):
        raise NotFound(
            f"There is no {kind} {id_!r}.", "`beholden operator list` and `beholden app developer list` name them."
        )


def _exists(unit: Unit, kind: ActorKind, id_: str) -> bool:
    """Whether somebody can sign in as this: an operator who was not removed, a developer, a person not erased."""
    if kind is ActorKind.OPERATOR:
        operator = unit.access.operator(id_)
        return operator is not None and operator.removed_at is None
    if not (id_.isascii() and id_.isdecimal() and len(id_) <= 18):
        return False
    if kind is ActorKind.DEVELOPER:
        return unit.directory.developer(DeveloperNumber(int(id_))) is not None
    return kind is ActorKind.PERSON and bool(unit.directory.people([PersonNumber(int(id_))]))

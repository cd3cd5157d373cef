"""Certify: a developer's statement of deletion comes in, is held against the ledger, and is kept with its defects."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from pyroaring import BitMap64

from beholden.cases.case import AddNote, Case, CaseState, advance
from beholden.cases.certification import (
    Certification,
    Defect,
    Signature,
    SignatureKind,
    SignatureState,
    Statement,
    canonical,
    check,
    digest,
    public_key,
    read,
)
from beholden.cases.linter import Given, lint
from beholden.journeys.acts import granted, operators_only, record
from beholden.journeys.ports import Engines, Unit
from beholden.model.act import Act, Actor, ActorKind
from beholden.model.app import App, Developer
from beholden.model.errors import NotAllowed, NotFound
from beholden.model.ids import AppNumber, CaseId, CertificationId, DeveloperNumber

__all__ = ["Certification", "CertificationView", "Defect", "Signature", "SignatureState", "Statement", "read"]


@dataclass(frozen=True, slots=True)
class CertificationView:
    """A certification, its developer, and the SHA-256 of the signed bytes, which the ledger has too."""

    certification: Certification
    developer: Developer
    sha256: str


def submit(
    engines: Engines,
    actor: Actor,
    document: str,
    *,
    developer: DeveloperNumber | int | None = None,
    case: str | None = None,
    typed: str | None = None,
) -> CertificationView:
    """Take in a certification document (YAML or JSON), from the developer themself or carried in by an operator.

    `typed` is the signatory's name, typed in the developer's session; it counts only there. What is malformed raises
    BadInput and is not kept; what is incomplete is kept, with its defects.
    """
    statement, signature = read(document)
    if typed is not None:
        signature = Signature(SignatureKind.TYPED, "", typed.strip()[:500])
    owner, about = _whose(engines, actor, developer, case)
    given = _given(engines, owner, about)
    with engines.store.write() as unit:
        now = engines.clock.now()
        in_session = actor.kind is ActorKind.DEVELOPER
        state = check(owner.number, statement, signature, unit.cases.keys(owner.number), in_session=in_session)
        kept = Certification(
            CertificationId(engines.ids.new("certification")),
            owner.number,
            about.id if about else None,
            statement,
            signature,
            state,
            lint(statement, state, given, now),
            now,
            str(actor),
            -1,
        )
        _keep(engines, unit, actor, kept)
    return view(engines, kept.id)


def _keep(engines: Engines, unit: Unit, actor: Actor, kept: Certification) -> None:
    """The act binds the words: whatever is kept here later, the ledger has the digest of what was signed."""
    details: dict[str, object] = {
        "sha256": digest(kept.developer, kept.statement),
        "signature": kept.signature_state.value,
        "defects": [defect.code for defect in kept.defects],
    }
    if kept.case is not None:
        details["case"] = kept.case
    act = Act(actor, "certification:receive", f"certification:{kept.id}", kept.received_at, None, details)
    entry = record(engines, act)
    unit.cases.add_certification(replace(kept, entry=entry))
    case = unit.cases.case(kept.case) if kept.case is not None else None
    if case is not None and case.state is not CaseState.CLOSED:  # a closed case still lists it, its history is over
        said = f"A certification of deletion came in, with {len(kept.defects)} defects."
        after = granted(advance(case, AddNote(actor, kept.received_at, said, [f"certification:{kept.id}"])))
        noted = replace(after.history[-1], entry=entry)
        unit.cases.save(case, replace(after, history=(*after.history[:-1], noted)))


def lint_document(
    engines: Engines,
    actor: Actor,
    document: str,
    *,
    developer: DeveloperNumber | int | None = None,
    case: str | None = None,
) -> tuple[Defect, ...]:
    """What the linter would say of a document; nothing is kept. A typed signature counts as one here."""
    statement, signature = read(document)
    owner, about = _whose(engines, actor, developer, case)
    with engines.store.read() as unit:
        state = check(owner.number, statement, signature, unit.cases.keys(owner.number), in_session=True)
    return lint(statement, state, _given(engines, owner, about), engines.clock.now())


def signed_bytes(document: str, developer: DeveloperNumber | int) -> bytes:
    """The bytes that a developer's Ed25519 key must sign for a document."""
    return canonical(DeveloperNumber(developer), read(document)[0])


def register_key(engines: Engines, actor: Actor, developer: DeveloperNumber | int, key: str) -> None:
    """Register a developer's Ed25519 public key (base64). By the developer, or by an operator who was shown it."""
    public_key(key)
    with engines.store.write() as unit:
        owner = _owner(unit, actor, developer)
        _keyed(engines, actor, "developer:add_key", owner, key)
        unit.cases.add_key(owner.number, key, engines.clock.now())


def end_key(engines: Engines, actor: Actor, developer: DeveloperNumber | int, key: str) -> None:
    """No longer accept a key; what it signed before stays signed. Raises NotFound."""
    with engines.store.write() as unit:
        owner = _owner(unit, actor, developer)
        if key not in unit.cases.keys(owner.number):
            raise NotFound("The developer has no such key in use.", "Give it as it was registered.")
        _keyed(engines, actor, "developer:end_key", owner, key)
        unit.cases.end_key(owner.number, key, engines.clock.now())


def _keyed(engines: Engines, actor: Actor, verb: str, owner: Developer, key: str) -> None:
    record(engines, Act(actor, verb, f"developer:{owner.number}", engines.clock.now(), None, {"key": key}))


def keys(engines: Engines, developer: DeveloperNumber | int) -> Sequence[str]:
    """The public keys that a developer may sign with now."""
    with engines.store.read() as unit:
        return unit.cases.keys(DeveloperNumber(developer))


def view(engines: Engines, certification_id: str) -> CertificationView:
    """One certification; raises NotFound."""
    with engines.store.read() as unit:
        found = unit.cases.certification(CertificationId(certification_id))
        if found is None:
            raise NotFound(f"There is no certification {certification_id[:80]!r}.", "The case lists them.")
        return _view(unit, found)


def list_certifications(engines: Engines, developer: DeveloperNumber | int | None = None) -> list[CertificationView]:
    """Certifications, newest first."""
    owner = DeveloperNumber(developer) if developer is not None else None
    with engines.store.read() as unit:
        return [_view(unit, c) for c in unit.cases.certifications(developer=owner)]


def _view(unit: Unit, found: Certification) -> CertificationView:
    developer = unit.directory.developer(found.developer)
    assert developer is not None, "a certification is of a developer who is known"
    return CertificationView(found, developer, digest(found.developer, found.statement))


def _whose(
    engines: Engines, actor: Actor, developer: DeveloperNumber | int | None, case: str | None
) -> tuple[Developer, Case | None]:
    """Whose statement it is: the signed-in developer's, or that of the developer or case that an operator names."""
    with engines.store.read() as unit:
        about = unit.cases.case(CaseId(case)) if case is not None else None
        if case is not None and about is None:
            raise NotFound(f"There is no case {case[:80]!r}.", "`beholden case list` names them.")
        if developer is None:
            developer = int(actor.id) if actor.kind is ActorKind.DEVELOPER else about.developer if about else 0
        owner = _owner(unit, actor, developer)
        if about is not None and about.developer != owner.number:
            raise NotFound(f"There is no case {case!r} about this developer.", "Name another, or none.")
        return owner, about


def _owner(unit: Unit, actor: Actor, developer: DeveloperNumber | int) -> Developer:
    if actor.kind is ActorKind.DEVELOPER and actor.id != str(developer):
        raise NotAllowed("A developer speaks for themself only.", "Sign in as that developer.")
    if actor.kind is not ActorKind.DEVELOPER:
        operators_only(unit, actor)
    found = unit.directory.developer(DeveloperNumber(developer))
    if found is None:
        raise NotFound(f"There is no developer {developer}.", "Name the developer or the case.")
    return found


def _given(engines: Engines, owner: Developer, about: Case | None) -> Given:
    """What the ledger says that the case's apps, or else all of the developer's, were given."""
    with engines.store.read() as unit:
        theirs = unit.directory.apps(owner.number)
    in_scope = [app for app in theirs if about is None or app.number in about.apps]
    return _count(engines, theirs, in_scope)


def _count(engines: Engines, theirs: Sequence[App], in_scope: Sequence[App]) -> Given:
    """One pass over the ledger, in bitmaps: 50 million people are a few megabytes."""
    direct, indirect = BitMap64(), BitMap64()
    exposed: set[AppNumber] = set()
    fields: set[str] = set()
    records, last_at = 0, None
    for row in engines.ledger.disclosures(apps=[app.number for app in in_scope]):
        (direct if row.direct else indirect).add(row.person)
        exposed.add(row.app)
        fields.update(row.fields)
        records += 1
        last_at = _later(last_at, row.at)
    return Given(
        frozenset(app.client_id for app in theirs),
        frozenset(app.client_id for app in in_scope if app.number in exposed),
        frozenset(cluster.name for cluster in engines.catalogue.clusters_of(frozenset(fields))),
        len(direct),
        len(indirect),
        records,
        last_at,
    )


def _later(one: datetime | None, other: datetime) -> datetime:
    return other if one is None or other > one else one

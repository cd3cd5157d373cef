"""What the platform holds one client to at the OAuth endpoints, and the keys by which it shows who it is."""

from dataclasses import dataclass, replace

from beholden.gate.oauth import assertion
from beholden.journeys.acts import record
from beholden.journeys.enrol import known_app
from beholden.journeys.ports import Engines
from beholden.model.act import SYSTEM, Act, Actor
from beholden.model.errors import BadInput


@dataclass(frozen=True, slots=True)
class TermsView:
    """The terms in force: may it only push its requests, must it prove a key, may it manage grants, how many keys."""

    push: bool
    dpop: bool
    manages: bool
    keys: int


def show(engines: Engines, client_id: str) -> TermsView:
    """The terms of one app; raises NotFound."""
    with engines.store.read() as unit:
        found = unit.oauth.terms(known_app(unit, client_id).number)
    return TermsView(found.push, found.dpop, found.manages, len(found.keys))


def change(
    engines: Engines,
    client_id: str,
    *,
    push: bool | None = None,
    dpop: bool | None = None,
    manages: bool | None = None,
    keys: str | None = None,
    actor: Actor = SYSTEM,
) -> TermsView:
    """Change what is given, leave what is None. `keys` is a JWK Set of public keys; empty text removes them all.

    From then on an app with keys signs, and its secrets open nothing. Raises NotFound, and BadInput for keys that
    cannot be used.
    """
    now = engines.clock.now()
    parsed = () if not keys else assertion.keys_of(keys)
    if parsed is None:
        raise BadInput(
            f"That is no JWK Set of 1 to {assertion.MOST_KEYS} public keys that can be used.",
            "Give EC (P-256, P-384), Ed25519 or RSA (2048 to 4096 bits) keys, without their private parts.",
        )
    with engines.store.write() as unit:
        app = known_app(unit, client_id)
        old = unit.oauth.terms(app.number)
        new = replace(
            old,
            push=old.push if push is None else push,
            dpop=old.dpop if dpop is None else dpop,
            manages=old.manages if manages is None else manages,
            keys=old.keys if keys is None else parsed,
        )
        unit.oauth.put_terms(app.number, new, now)
        details = {"push": new.push, "dpop": new.dpop, "manages": new.manages, "keys": len(new.keys)}
        record(engines, Act(actor, "app:oauth", f"app:{app.number}", now, app.number, details))
    return TermsView(new.push, new.dpop, new.manages, len(new.keys))

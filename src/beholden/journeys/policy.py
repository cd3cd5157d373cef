"""Policy: which numbers and switches are in force, and putting others in force."""

import hashlib
from dataclasses import replace

from beholden.journeys.acts import record
from beholden.journeys.ports import Engines
from beholden.model import policy as policies
from beholden.model.act import SYSTEM, Act, Actor
from beholden.model.policy import Policy


def in_force(engines: Engines) -> Policy:
    """The policy by which everything is decided now."""
    with engines.store.read() as unit:
        return unit.directory.policy()


def put_in_force(engines: Engines, text: str, actor: Actor = SYSTEM) -> Policy:
    """Put a policy document in force at the next request; raises BadInput. The act names it and has its SHA-256."""
    read = policies.read(text)
    now = engines.clock.now()
    details = {"name": read.name, "sha256": hashlib.sha256(text.encode()).hexdigest()}
    with engines.store.write() as unit:
        unit.directory.set_policy(text, now)
        record(engines, Act(actor, "policy:use", "policy", now, details=details))
    return read


def differences(one: Policy, other: Policy) -> dict[str, tuple[object, object]]:
    """What changes from one policy to another, by key; the name aside."""
    renamed = replace(other, name=one.name)
    return {
        key: (getattr(one, key), getattr(renamed, key))
        for key in Policy.__dataclass_fields__
        if getattr(one, key) != getattr(renamed, key)
    }

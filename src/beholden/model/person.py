"""The person whose data it is, and what they have chosen."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from beholden.model.ids import OutsideId, PersonNumber


@dataclass(frozen=True, slots=True)
class Person:
    """One person of the platform. `name` and `email` are held to write letters to them, nothing else."""

    number: PersonNumber
    outside_id: OutsideId
    name: str
    email: str
    joined_at: datetime
    erased_at: datetime | None = None


class Scope(StrEnum):
    """What a choice is about (R7): the four switches."""

    ALL = "all"  # sharing with any app
    APP = "app"  # one app; the target is its client id
    CLUSTER = "cluster"  # one kind of data; the target is the cluster's name
    INDIRECT = "indirect"  # what friends' apps may see


@dataclass(frozen=True, slots=True)
class Choice:
    """One position of one switch, kept after it was changed (law 7). `sharing` False is an opt-out."""

    person: PersonNumber
    scope: Scope
    target: str
    sharing: bool
    since: datetime
    ended_at: datetime | None = None
    origin: str = "person"

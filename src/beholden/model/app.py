"""Apps, the developers who own them, and what an app asks for."""

from dataclasses import dataclass
from datetime import datetime

from beholden.model.ids import AppNumber, ClientId, DeveloperNumber


@dataclass(frozen=True, slots=True)
class Developer:
    """The legal entity that owns apps; a ban falls on it, and so on all of them."""

    number: DeveloperNumber
    name: str
    email: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Ask:
    """One cluster that an app asks for, and why.

    `through` asks for the cluster of the granting person's contacts, not of the person.
    """

    cluster: str
    purpose: str
    required: bool = False
    through: bool = False


@dataclass(frozen=True, slots=True)
class App:
    """An OAuth client. `verified` lifts the limit on how many people may connect an unreviewed app."""

    number: AppNumber
    client_id: ClientId
    developer: DeveloperNumber
    name: str
    description: str
    category: str
    redirect_uris: tuple[str, ...]
    asks: tuple[Ask, ...]
    verified: bool
    created_at: datetime

"""Grants: what one person allowed one app; kept after their end (law 7)."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from beholden.model.ids import AppNumber, GrantId, PersonNumber


class GrantState(StrEnum):
    """The FDX states of a consent grant, in lower case."""

    ACTIVE = "active"
    EXPIRED = "expired"
    REVOKED = "revoked"


class EndReason(StrEnum):
    """Why a grant ended."""

    PERSON = "person"  # the person removed the app
    APP = "app"  # the app gave it back (RFC 7009)
    REPLACED = "replaced"  # the person granted anew, wider or narrower
    INACTIVE = "inactive"  # 90 days without the person's own use (R6)
    AGE = "age"  # the longest a grant may last
    BAN = "ban"  # the developer or the app was banned (R2)
    ERASED = "erased"  # the person was erased
    REFRESH_REUSE = "refresh_reuse"  # a refresh token came twice (RFC 9700, 4.14)


@dataclass(frozen=True, slots=True)
class Grant:
    """`fields` are the person's own; `through_fields` those of their contacts, where those allow it.

    `purposes` are the ones that the person was shown. `ends_at` is the end by age, None where a policy has none.
    """

    id: GrantId
    person: PersonNumber
    app: AppNumber
    fields: frozenset[str]
    through_fields: frozenset[str]
    purposes: frozenset[str]
    granted_at: datetime
    ends_at: datetime | None
    state: GrantState = GrantState.ACTIVE
    reason: EndReason | None = None
    ended_at: datetime | None = None

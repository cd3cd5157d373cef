"""What the gate answers: allowed fields, denied fields with a reason each, and until when."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from beholden.model.time import from_micros


class Reason(StrEnum):
    """Why a field was denied. For the platform's eyes; an app sees none of them (law 3)."""

    GATE_STALE = "gate_stale"  # the gate does not know the latest standing (law 4)
    RATE_LIMITED = "rate_limited"  # the app asks too often, in all or on this person's word
    APP_UNKNOWN = "app_unknown"
    DEVELOPER_BANNED = "developer_banned"
    DEVELOPER_SUSPENDED = "developer_suspended"
    APP_BANNED = "app_banned"
    APP_SUSPENDED = "app_suspended"
    PERSON_UNKNOWN = "person_unknown"
    NO_GRANT = "no_grant"
    GRANT_ENDED = "grant_ended"
    GRANT_EXPIRED = "grant_expired"
    INACTIVE = "inactive"  # the person did not use the app themself for 90 days
    GRANTER_INACTIVE = "granter_inactive"  # the person through whom it goes did not
    GRANTER_OPTED_OUT = "granter_opted_out"
    OPTED_OUT_ALL = "opted_out_all"
    OPTED_OUT_APP = "opted_out_app"
    INDIRECT_OFF = "indirect_off"
    FIELD_UNKNOWN = "field_unknown"
    FIELD_NOT_GRANTED = "field_not_granted"
    OPTED_OUT_CLUSTER = "opted_out_cluster"
    PURPOSE_NOT_GRANTED = "purpose_not_granted"
    RESTRICTED = "restricted"  # app or developer is held to basic fields
    NOT_APPROVED = "not_approved"  # no approved purpose for this cluster
    NO_CONTRACT = "no_contract"
    NO_RECEIPT = "no_receipt"  # it was allowed, but the ledger could not record it (law 1)


class Decision(NamedTuple):
    """The answer for one person's fields; `ends` is when a clock alone may first turn it into a no, in microseconds
    since 1970: most who ask never look, and an instant takes longer to make than the answer."""

    allowed: tuple[str, ...]
    denied: Mapping[str, Reason]
    ends: int | None = None

    @property
    def until(self) -> datetime | None:
        """`ends` as an instant."""
        return None if self.ends is None else from_micros(self.ends)

    @property
    def whole(self) -> bool:
        """Whether every field that was asked for is allowed, and there was one."""
        return bool(self.allowed) and not self.denied

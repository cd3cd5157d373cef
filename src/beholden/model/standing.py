"""Standing: what the gate reads of a sanction."""

from enum import StrEnum


class Standing(StrEnum):
    """How an app or a developer stands, from best to worst."""

    ACTIVE = "active"
    RESTRICTED = "restricted"  # basic fields only
    SUSPENDED = "suspended"  # nothing, until it is lifted
    BANNED = "banned"  # nothing, and its tokens and grants are ended


_ORDER = (Standing.ACTIVE, Standing.RESTRICTED, Standing.SUSPENDED, Standing.BANNED)


def worse(one: Standing, other: Standing) -> Standing:
    """The worse of two standings: an app is held to its developer's as well as its own."""
    return max(one, other, key=_ORDER.index)

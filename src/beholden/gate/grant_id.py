"""Grant ids that follow from what they name: a disclosure can name its grant without a look into the store.

An id is a keyed digest of person, app, and which of that person's grants for that app it is. Nobody without the
house's secret can tell whose it is, or make one.
"""

import hashlib
import struct
from collections.abc import Container

from beholden.model.ids import AppNumber, GrantId, PersonNumber

_PREFIX = "grant_"


def grant_id(secret: bytes, person: PersonNumber, app: AppNumber, nth: int) -> GrantId:
    """The id of the `nth` grant, counted from 1, that `person` gave to `app`."""
    said = struct.pack(">QQQ", person, app, nth)
    digest = hashlib.blake2s(said, key=secret, person=b"grant-id", digest_size=16).digest()
    return GrantId(_PREFIX + digest.hex())


def next_grant_id(
    secret: bytes, person: PersonNumber, app: AppNumber, given: int, taken: Container[GrantId]
) -> tuple[GrantId, int]:
    """The id for one more grant where `given` are on record with the ids `taken`; and which it is.

    Where grants were removed from the record, their numbers may be free again or may not; one that stands is skipped.
    """
    nth = given + 1
    while (found := grant_id(secret, person, app, nth)) in taken:
        nth += 1
    return found, nth


def nth_of(secret: bytes, person: PersonNumber, app: AppNumber, grant: GrantId, most: int) -> int:
    """Which of the pair's grants this is, tried from `most` downwards; 0 where its id was not made here."""
    return next((nth for nth in range(most, 0, -1) if grant_id(secret, person, app, nth) == grant), 0)

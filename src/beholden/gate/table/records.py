"""The few things beside the columns: shapes, sets of clusters, apps and the policy, as records of a log.

A record is its length, its CRC-32 and a JSON text. Records are appended and never changed; a word elsewhere says where
the one that counts stands.
"""

import json
import struct
import zlib
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from beholden.gate.facts import AppFacts
from beholden.gate.rows import AppRow, Shape
from beholden.model.errors import Damaged
from beholden.model.grant import GrantState
from beholden.model.ids import AppNumber, ClientId, DeveloperNumber
from beholden.model.policy import Indirect, Policy
from beholden.model.standing import Standing
from beholden.model.time import from_micros, to_micros

_HEAD = struct.Struct("<II")
STANDINGS = tuple(Standing)
_STANDING_NUMBER = {standing: number for number, standing in enumerate(STANDINGS)}
FIRST = 8
"""The log's first record stands here, so that 0 can mean none."""
_AWAY = 0xFFFF
"""Both standing bytes of an app of which the store told only the number."""


def framed(value: Any) -> bytes:
    """A record as it stands in the log."""
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":")).encode()
    return _HEAD.pack(len(text), zlib.crc32(text)) + text


def unframed(log: memoryview, at: int) -> Any:
    """The record at a place of the log. Raises Damaged where there is none."""
    try:
        length, total = _HEAD.unpack_from(log, at)
        text = bytes(log[at + _HEAD.size : at + _HEAD.size + length])
        if len(text) == length and zlib.crc32(text) == total:
            return json.loads(text)
    except (struct.error, ValueError):
        pass
    raise Damaged("The decision table has a damaged record.", "It is built anew from the store.")


def write_shape(shape: Shape) -> bytes:
    """A shape's record."""
    sets = [sorted(shape.fields), sorted(shape.through_fields), sorted(shape.purposes)]
    return framed([shape.state, *sets, shape.app_off, shape.had_grant])


def read_shape(log: memoryview, at: int) -> Shape:
    """The shape whose record stands at `at`."""
    state, fields, through, purposes, app_off, had_grant = unframed(log, at)
    return Shape(
        None if state is None else GrantState(state),
        frozenset(fields),
        frozenset(through),
        frozenset(purposes),
        app_off,
        had_grant,
    )


def write_set(clusters: frozenset[str]) -> bytes:
    """The record of a set of clusters."""
    return framed(sorted(clusters))


def read_set(log: memoryview, at: int) -> frozenset[str]:
    """The set of clusters whose record stands at `at`."""
    return frozenset(unframed(log, at))


def write_policy(policy: Policy) -> bytes:
    """The policy's record."""
    return framed(asdict(policy))


def read_policy(log: memoryview, at: int) -> Policy:
    """The policy whose record stands at `at`."""
    value = unframed(log, at)
    warnings = tuple(value["inactivity_warnings_days"])
    return replace(Policy(**value), indirect=Indirect(value["indirect"]), inactivity_warnings_days=warnings)


def write_app(row: AppRow | AppNumber) -> bytes:
    """An app's record without its standing, which changes by itself; the number alone where no more is known."""
    if not isinstance(row, AppRow):
        return framed([int(row)])
    facts = row.facts
    approvals = [[*asked, None if end is None else to_micros(end)] for asked, end in sorted(facts.approvals.items())]
    noted = [[*asked, to_micros(at)] for asked, at in sorted(facts.noted.items())]
    return framed([facts.number, facts.developer, row.client_id, approvals, sorted(facts.contracts), noted])


def app_word(at: int, facts: AppFacts | None) -> int:
    """The one word that says where an app's record stands, and how the app and its developer stand."""
    if facts is None:
        return at | _AWAY << 32
    return at | _STANDING_NUMBER[facts.standing] << 32 | _STANDING_NUMBER[facts.developer_standing] << 40


def read_app(log: memoryview, word: int) -> AppRow | AppNumber:
    """The app whose word this is, or only its number."""
    value = unframed(log, word & 0xFFFF_FFFF)
    if len(value) == 1 or word >> 32 & _AWAY == _AWAY:
        return AppNumber(value[0])
    number, developer, client, approvals, contracts, noted = value
    try:
        own, developers = STANDINGS[word >> 32 & 0xFF], STANDINGS[word >> 40 & 0xFF]
    except IndexError:
        raise Damaged("The decision table has a damaged standing.", "It is built anew from the store.") from None
    facts = AppFacts(
        AppNumber(number),
        DeveloperNumber(developer),
        own,
        developers,
        {(cluster, purpose): _instant(end) for cluster, purpose, end in approvals},
        frozenset(contracts),
        {(cluster, purpose): from_micros(at) for cluster, purpose, at in noted},
    )
    return AppRow(ClientId(client), facts)


def _instant(micros: int | None) -> datetime | None:
    return None if micros is None else from_micros(micros)

"""The policy: the numbers and switches by which the gate, the clocks and the cases go (design, section 7).

A policy is a document (YAML, docs/reference.md); one is in force at a time, and changing it is an act in the ledger.
None for a limit means that this policy has no such limit, as in 2014.
"""

from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any

from beholden.model.documents import only_keys, read_mapping, text_of
from beholden.model.errors import BadInput


class Indirect(StrEnum):
    """Whether friends' apps may see a person's data when that person has said nothing."""

    OPT_IN = "opt_in"  # only where that person turned it on (today)
    OPT_OUT = "opt_out"  # unless that person turned it off (2014)


@dataclass(frozen=True, slots=True)
class Policy:
    """Defaults are today's; lengths are in the unit that the name ends in."""

    name: str = "default"
    inactivity_days: int | None = 90
    inactivity_warnings_days: tuple[int, ...] = (14, 7, 1)
    grant_max_days: int | None = 365
    review_required: bool = True
    contract_required: bool = True
    indirect: Indirect = Indirect.OPT_IN
    unverified_people_max: int | None = 100
    permission_unused_days: int | None = 90
    rfi_days: int = 14
    renewal_days: int = 60
    renewal_every_days: int = 365
    gate_lag_limit_ms: int = 1000
    notice_hours: int = 24
    evidence_years: int = 3


_NONE_ALLOWED = {"inactivity_days", "grant_max_days", "unverified_people_max", "permission_unused_days"}
_LARGEST = 36_500


def read(text: str) -> Policy:
    """Read a policy document; a key that is left out has today's default. Raises BadInput."""
    document = read_mapping(text, "policy")
    only_keys(document, {f.name for f in fields(Policy)}, "policy")
    values: dict[str, Any] = {"name": text_of(document, "name", "policy", longest=60)}
    for key, value in document.items():
        if key != "name":
            values[key] = _value(key, value)
    return Policy(**values)


def _value(key: str, value: Any) -> Any:
    if key in {"review_required", "contract_required"}:
        if not isinstance(value, bool):
            raise BadInput(f"policy: {key!r} must be true or false.", "Mend it.")
        return value
    if key == "indirect":
        if value not in list(Indirect):
            raise BadInput(f"policy: indirect {value!r} is not known.", "Use opt_in or opt_out.")
        return Indirect(value)
    if key == "inactivity_warnings_days":
        if (
            not isinstance(value, list)
            or not all(_whole(v) for v in value)
            or sorted(set(value), reverse=True) != value
        ):
            raise BadInput(f"policy: {key!r} must be a list of days, longest first.", "For example [14, 7, 1].")
        return tuple(value)
    if value is None and key in _NONE_ALLOWED:
        return None
    if not _whole(value):
        raise BadInput(f"policy: {key!r} must be a whole number from 1 to {_LARGEST}.", "Mend it.")
    return value


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= _LARGEST

"""The facts that a decision rests on, as the gate's port hands them over."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from beholden.model.grant import Grant
from beholden.model.ids import AppNumber, DeveloperNumber, PersonNumber
from beholden.model.standing import Standing


@dataclass(frozen=True, slots=True)
class AppFacts:
    """The app and its developer as the rules see them.

    `approvals` are the reviews' yeses by (cluster, purpose), each with its lapse by disuse or age, None for never;
    `noted` is when each was last noted as used, where it ever was. `contracts` are the clusters for which terms are
    signed.
    """

    number: AppNumber
    developer: DeveloperNumber
    standing: Standing
    developer_standing: Standing
    approvals: Mapping[tuple[str, str], datetime | None] = field(default_factory=dict)
    contracts: frozenset[str] = frozenset()
    noted: Mapping[tuple[str, str], datetime] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PersonFacts:
    """One person beside one app.

    `last_use` is the person's own last use of this app (law 6), the granting counted as one. `had_grant` is true
    where the person has or ever had a grant for it. `indirect` is None where the person said nothing.
    """

    number: PersonNumber
    all_off: bool = False
    app_off: bool = False
    clusters_off: frozenset[str] = frozenset()
    indirect: bool | None = None
    had_grant: bool = False
    last_use: datetime | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """All that a request needs, read in one go, so that it is judged by one state of the world.

    `lag_ms` is how old the standing may be at most; `grant` is the granting person's latest for this app, ended or
    not; a person who is not in `persons` is unknown.
    """

    lag_ms: float
    app: AppFacts | None
    through: PersonFacts | None
    grant: Grant | None
    persons: Mapping[PersonNumber, PersonFacts]

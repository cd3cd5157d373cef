"""The decision table as a worker reads it: mapped, and changed over when another file takes over."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from beholden.backends.table.files import Mapped, map_file, pointed
from beholden.gate.compiled import CompiledGate, Who
from beholden.gate.compiled_many import Leaving, decide_row, leaving_row
from beholden.gate.compiled_request import judge_request, refuse_app
from beholden.gate.facts import AppFacts
from beholden.gate.judged import Judged, unknown_standing
from beholden.gate.ports import Questions
from beholden.gate.table.layout import Cell, identity_of
from beholden.model.catalogue import Catalogue
from beholden.model.decision import Decision, Reason
from beholden.model.errors import BeholdenError

_TRIES = 5
_EPOCH = int(Cell.EPOCH)


class TableReader:
    """One worker's eye on the table. Where there is no table to be trusted, it allows nothing (law 4).

    `clock` tells nanoseconds of the monotonic clock that the writer's `as_of_ns` is of.
    """

    def __init__(
        self, folder: Path, catalogue: Catalogue, secret: bytes, clock: Callable[[], int] = time.monotonic_ns
    ) -> None:
        self._folder = folder
        self._catalogue = catalogue
        self._secret = secret
        self._clock = clock
        self._identity = identity_of(catalogue, secret)
        self._mapped: Mapped | None = None
        self._gate: CompiledGate | None = None
        self.trouble = "there is none"

    def decide(
        self, client: str, person: Who, through: Who, fields: tuple[str, ...], purpose: str, now: int
    ) -> Decision:
        """See CompiledGate.decide; `now` is microseconds since 1970."""
        gate = self._gate
        if gate is not None:  # as nearly always: one attempt, from a table that stands still
            found = gate.attempt(client, person, through, fields, purpose, now, self._clock())
            if found is not None:
                return found
        gate = self.gate()
        if gate is None:
            return Decision((), dict.fromkeys(fields, Reason.GATE_STALE))
        return gate.decide(client, person, through, fields, purpose, now=now, clock=self._clock())

    def decide_row(self, row: Questions, now: int) -> list[Decision]:
        """See `compiled_many.decide_row`: questions of any kind, from one state of the table."""
        gate = self.gate()
        if gate is None:
            return [Decision((), dict.fromkeys(fields, Reason.GATE_STALE)) for fields in row.fields]
        return decide_row(gate, row, now=now, clock=self._clock())

    def leaving_row(self, row: Questions, now: int) -> list[Leaving]:
        """See `compiled_many.leaving_row`."""
        gate = self.gate()
        if gate is None:
            return [(Decision((), dict.fromkeys(fields, Reason.GATE_STALE)), None) for fields in row.fields]
        return leaving_row(gate, row, now=now, clock=self._clock())

    def judge(
        self,
        client: str,
        persons: Sequence[Who],
        through: Who,
        fields: Sequence[tuple[str, ...]],
        purpose: str,
        now: int,
    ) -> Judged:
        """See `compiled_request.judge_request`."""
        found = None
        for _ in range(2):  # the file may have been replaced in between: then the other one is asked
            gate, mapped = self.gate(), self._mapped
            if gate is None or mapped is None:
                break
            clock, file = self._clock(), mapped.generation
            found = judge_request(gate, client, persons, through, fields, purpose, now=now, clock=clock, file=file)
            if not found.stale:
                break
        return found or unknown_standing(fields)

    def stands(self, moment: tuple[int, int] | None) -> bool:
        """See SharedTable."""
        gate, mapped = self.gate(), self._mapped
        if moment is None or gate is None or mapped is None or gate.stale(self._clock()):
            return False
        return moment == (mapped.generation, gate.view.cells[Cell.SEQUENCE])

    def refuse_app(self, client: str) -> Reason | None:
        """See `compiled_request.refuse_app`."""
        gate = self.gate()
        return Reason.GATE_STALE if gate is None else refuse_app(gate, client, self._clock())

    def app(self, client: str) -> AppFacts | None:
        """The app as the table has it; None where it has none, or there is no table."""
        gate = self.gate()
        found = None if gate is None else gate.settled.app(client)
        return None if found is None else found.facts

    def epoch(self) -> int:
        """Which epoch of the feed is in the table; 0 where there is no table."""
        gate = self._gate or self.gate()
        return 0 if gate is None else gate.view.cells[_EPOCH]

    def stale(self) -> bool:
        """Whether nobody vouches for the table, so that nothing is allowed from it (law 4)."""
        gate = self.gate()
        return gate is None or gate.stale(self._clock())

    def gate(self) -> CompiledGate | None:
        """The gate over the file that counts, be it stale; None where there is no file to be read."""
        if self._gate is None or self._gate.stale(self._clock()):
            self._change_over()
        return self._gate

    def _change_over(self) -> None:
        """Map the file that the pointer names, if it is another one."""
        for _ in range(_TRIES):
            generation = pointed(self._folder)
            if generation is None or (self._mapped is not None and self._mapped.generation == generation):
                return
            mapped = map_file(self._folder, generation, self._identity)
            if isinstance(mapped, Mapped):
                try:
                    self._gate, self._mapped = CompiledGate(mapped.view, self._catalogue, self._secret), mapped
                except BeholdenError as error:
                    self.trouble = error.message
                return
            self.trouble = mapped  # it may have been replaced since the pointer was read: look again

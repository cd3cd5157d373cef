"""A Lake on Delta tables.

Delta commits are not fsynced, so nothing here is ever the record: rows come from the ledger, the place reached is
committed together with them (a Delta application transaction), and a table that cannot be read is built again.
"""

import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake
from deltalake.exceptions import DeltaError

from beholden.model.disclosure import RecordedDisclosure
from beholden.model.errors import Damaged
from beholden.model.ids import PersonNumber
from beholden.model.time import day_of
from beholden.watch.features import SCHEMAS

_APP_ID = "beholden-ledger"
_BATCH = 100_000

_TYPES: dict[str, pa.DataType] = {"int64": pa.int64(), "string": pa.string(), "date": pa.date32()}


def _schema(table: str) -> pa.Schema:
    return pa.schema([(name, _TYPES[kind]) for name, kind in SCHEMAS[table].items()])


class DeltaLake:
    """See watch.ports.Lake. One writer at a time: the worker that watches."""

    def __init__(self, folder: Path) -> None:
        self._table = folder / "disclosures"

    def reached(self) -> int:
        """See Lake."""
        table = self._open()
        return 0 if table is None else int(table.transaction_version(_APP_ID) or 0)

    def ingest(self, rows: Iterable[RecordedDisclosure], upto: int, sensitive: frozenset[str]) -> int:
        """See Lake. Every batch commits the place after its last row, so that a crash repeats nothing."""
        taken = 0
        iterator = iter(rows)
        while batch := list(islice(iterator, _BATCH)):
            self._append(batch, batch[-1].seq + 1, sensitive)
            taken += len(batch)
        if self.reached() < upto:
            self._append([], upto, sensitive)
        return taken

    def _append(self, batch: list[RecordedDisclosure], reached: int, sensitive: frozenset[str]) -> None:
        rows = pa.Table.from_pylist([_row(d, sensitive) for d in batch], schema=_schema("disclosures"))
        write_deltalake(
            str(self._table),
            rows,
            mode="append",
            commit_properties=CommitProperties(app_transactions=[Transaction(_APP_ID, reached)]),
        )

    def run(self, expression: Any, small: Mapping[str, Sequence[Mapping[str, object]]]) -> list[dict[str, Any]]:
        """See Lake."""
        import ibis  # half a second, and most commands never look into the lake

        connection = ibis.duckdb.connect()
        try:
            for name in SCHEMAS:
                if name == "disclosures":
                    self._attach(connection)
                else:
                    rows = pa.Table.from_pylist([dict(row) for row in small.get(name, ())], schema=_schema(name))
                    connection.con.register(name, rows)  # Ibis 12's own create_table does not parse on DuckDB 2
            return list(connection.to_pyarrow(expression).to_pylist())
        finally:
            connection.disconnect()

    def _attach(self, connection: Any) -> None:
        files = list(self._files())
        if files:
            connection.read_parquet(files, table_name="disclosures")
        else:
            connection.con.register("disclosures", _schema("disclosures").empty_table())

    def _files(self) -> Iterator[str]:
        table = self._open()
        if table is not None:
            yield from table.file_uris()

    def _open(self) -> DeltaTable | None:
        if not DeltaTable.is_deltatable(str(self._table)):
            return None
        try:
            return DeltaTable(str(self._table))
        except DeltaError as error:
            raise Damaged(f"The table {self._table} cannot be read.", "Run `beholden watch rebuild`.") from error

    def forget(self, person: PersonNumber) -> None:
        """See Lake. Old files are removed at once: they hold what is to be forgotten."""
        table = self._open()
        if table is not None:
            for column in ("person", "through"):
                table.update(predicate=f"{column} = {int(person)}", updates={column: "0"})
            table.vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)

    def rebuild(self) -> None:
        """See Lake."""
        shutil.rmtree(self._table, ignore_errors=True)


def _row(disclosure: RecordedDisclosure, sensitive: frozenset[str]) -> dict[str, object]:
    return {
        "seq": disclosure.seq,
        "day": day_of(disclosure.at),
        "app": disclosure.app,
        "developer": disclosure.developer,
        "person": disclosure.person,
        "through": disclosure.through,
        "fieldset": ",".join(disclosure.fields),
        "sensitive": sum(1 for field in disclosure.fields if field in sensitive),
    }

"""The platform's own values of people, handed in for one examination: CSV, JSON lines or Parquet.

Beholden keeps no phones, birthdays or towns. A platform that wants them looked for names a file with a column
`person` (its own id of the person) and a column for each field, under the name that the field has in disclosures.
The file is read and nothing of it is kept.
"""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from beholden.model.errors import BadInput

PERSON = "person"
LONGEST = 200
"""Characters of a value that is looked for; a longer one is a text, which nobody copies unchanged."""
_PARQUET = b"PAR1"


def read_values(path: Path) -> dict[str, dict[str, str]]:
    """The values by person and field; of several rows of one person the last value of a field counts.

    Raises BadInput for a file of another form, or without the column `person`.
    """
    found: dict[str, dict[str, str]] = {}
    for row in _rows(path):
        person = row.get(PERSON)
        if person is None or person == "":
            raise BadInput(f"{path.name} has a row without a `{PERSON}`.", "Name the platform's id of each person.")
        fields = found.setdefault(str(person), {})
        for name, value in row.items():
            text = _text(value)
            if name != PERSON and 0 < len(text) <= LONGEST:
                fields[name] = text
    return found


def _rows(path: Path) -> Iterator[Mapping[str, Any]]:
    with path.open("rb") as file:
        head = file.read(4)
    try:
        if head == _PARQUET:
            yield from _parquet(path)
            return
        with path.open(encoding="utf-8-sig", newline="") as text:
            first = text.read(1)
            text.seek(0)
            yield from _json(text) if first == "{" else csv.DictReader(text)
    except (UnicodeDecodeError, csv.Error, json.JSONDecodeError) as error:
        raise BadInput(f"{path.name} is no CSV, JSON lines or Parquet ({error}).", "Mend the file.") from error


def _json(lines: Iterable[str]) -> Iterator[Mapping[str, Any]]:
    for line in lines:
        if line.strip():
            row = json.loads(line)
            if not isinstance(row, dict):
                raise BadInput("A line of JSON is not an object.", "Write one object a line.")
            yield row


def _parquet(path: Path) -> Iterator[Mapping[str, Any]]:
    from pyarrow import ArrowException
    from pyarrow.parquet import ParquetFile

    try:
        with ParquetFile(path) as file:
            for batch in file.iter_batches():
                yield from batch.to_pylist()
    except ArrowException as error:
        raise BadInput(f"{path.name} cannot be read as Parquet ({error}).", "Mend the file.") from error


def _text(value: object) -> str:
    """A value as disclosures write it; days in ISO 8601."""
    if value is None or isinstance(value, list | dict):
        return ""
    return str(value).strip()

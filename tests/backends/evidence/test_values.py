"""The platform's own values, in each form of file."""

from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from beholden.backends.evidence.values import read_values
from beholden.model.errors import BadInput

WANTED = {"p1": {"phone": "+1 212 555 0123", "birthday": "1990-05-17"}, "p2": {"phone": "+49 30 901820"}}


def test_csv_json_lines_and_parquet_say_the_same(tmp_path: Path) -> None:
    files = [tmp_path / "v.csv", tmp_path / "v.jsonl", tmp_path / "v.parquet"]
    files[0].write_text("person,phone,birthday\np1,+1 212 555 0123,1990-05-17\np2,+49 30 901820,\n")
    files[1].write_text(
        '{"person": "p1", "phone": "+1 212 555 0123", "birthday": "1990-05-17"}\n'
        '{"person": "p2", "phone": "+49 30 901820"}\n'
    )
    table = {
        "person": ["p1", "p2"],
        "phone": [w["phone"] for w in WANTED.values()],
        "birthday": [date(1990, 5, 17), None],
    }
    pq.write_table(pa.table(table), files[2])
    assert [read_values(file) for file in files] == [WANTED] * 3


@pytest.mark.parametrize(
    "text", ["phone\n12345\n", "person,phone\n,12345\n", '{"phone": 1}\n', "{broken\n", "\xff\xfe"]
)
def test_a_file_that_names_nobody_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "values"
    file.write_bytes(text.encode("latin-1"))
    with pytest.raises(BadInput):
        read_values(file)


def test_a_broken_parquet_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "v").write_bytes(b"PAR1 and nothing else")
    with pytest.raises(BadInput):
        read_values(tmp_path / "v")

"""No evidence, however broken, crashes a parser, hangs it or takes memory without bounds.

The short form here is the same in every run. The long one takes BEHOLDEN_FUZZ_MINUTES (30), shared by all parsers,
each in a process of its own with bounded memory, and starts from new numbers each time, which it names.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.backends.evidence.fuzzing import PARSERS, Parser, mutant

MUTANTS = 12
MINUTES = float(os.environ.get("BEHOLDEN_FUZZ_MINUTES", "30"))


@pytest.mark.parametrize("parser", PARSERS, ids=lambda parser: parser.name)
def test_broken_files_neither_crash_a_parser_nor_escape_the_account_of_bytes(parser: Parser) -> None:
    seeds = parser.seeds()
    for number in range(MUTANTS):
        parser.parse(mutant(seeds, number))


@pytest.mark.evidence
@pytest.mark.parametrize("parser", PARSERS, ids=lambda parser: parser.name)
def test_a_parser_stands_a_long_time_of_broken_files(parser: Parser, tmp_path: Path) -> None:
    seconds = MINUTES * 60 / len(PARSERS)
    first = int(time.time()) << 20
    note = tmp_path / "present"
    command = [
        sys.executable,
        "-m",
        "tests.backends.evidence.fuzzing",
        parser.name,
        str(seconds),
        str(first),
        str(note),
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    present = note.read_text() if note.exists() else "nothing yet"
    assert done.returncode == 0, f"at {present}:\n{done.stderr[-4000:]}"

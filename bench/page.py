"""docs/benchmarks.md: each command that measures writes its own part, and leaves the others as they are."""

import os
import platform
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "benchmarks.md"


def write(part: str, text: str, page: Path = PAGE) -> None:
    """Replace the part between its two marks; a part that the page does not have yet comes last."""
    begin, end = f"<!-- begin {part} -->", f"<!-- end {part} -->"
    whole = page.read_text(encoding="utf-8") if page.exists() else "# Benchmarks\n"
    made = f"{begin}\n{text.strip()}\n{end}"
    if begin in whole:
        before, rest = whole.split(begin, 1)
        whole = before + made + rest.split(end, 1)[1]
    else:
        whole = f"{whole.rstrip()}\n\n{made}\n"
    page.write_text(whole, encoding="utf-8")


def circumstances() -> str:
    """The commit and the machine, as words in a sentence."""
    told = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.strip()
    return f"commit {told or 'unknown'}, Python {platform.python_version()}, {os.cpu_count()} processors"

"""What this host can give a cage: asked of a process that goes into one and reads nothing."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from beholden.backends.evidence.workers import cage

_LONGEST = 60


@cache
def probe() -> Mapping[str, object]:
    """The protections that readers on this host have."""
    environment = {"PYTHONPATH": os.pathsep.join(path or str(Path.cwd()) for path in sys.path)}
    code = "from beholden.backends.evidence.workers.probe import main; main()"
    with tempfile.TemporaryDirectory() as scratch:
        try:
            done = subprocess.run(
                [sys.executable, "-c", code, scratch],
                capture_output=True,
                timeout=_LONGEST,
                env=environment,
                check=True,
            )
            said = json.loads(done.stdout)
        except (OSError, subprocess.SubprocessError, ValueError):
            said = {"process": True}
    return said if isinstance(said, dict) else {"process": True}


def main() -> None:
    """Go into a cage and say how it is."""
    said = cage.enter(Path(sys.argv[1]), cage.Bounds(1 << 30, 1 << 20, 60))
    os.write(1, json.dumps(said).encode())

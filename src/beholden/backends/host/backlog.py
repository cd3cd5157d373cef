"""The follower's backlog in a file beside the table."""

import json
from collections.abc import Collection
from pathlib import Path

from beholden.model.errors import Damaged, Unavailable
from beholden.model.ids import AppNumber


class FileBacklog:
    """See gate.ports.Backlog. It outlives the process, not the host: after a restart of that the table is refused."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> Collection[AppNumber]:
        """See Backlog. Raises Damaged when it is no backlog."""
        try:
            said = json.loads(self._path.read_bytes())
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise Unavailable(f"{self._path} cannot be read ({error.strerror}).", "Check who owns it.") from error
        except ValueError as error:
            raise Damaged(f"{self._path} is damaged.", "Remove the folder of the table; it is built anew.") from error
        if not isinstance(said, list) or not all(isinstance(number, int) for number in said):
            raise Damaged(f"{self._path} is damaged.", "Remove the folder of the table; it is built anew.")
        return [AppNumber(number) for number in said]

    def save(self, apps: Collection[AppNumber]) -> None:
        """See Backlog."""
        scratch = self._path.with_suffix(".new")
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            scratch.write_text(json.dumps(sorted(apps)), encoding="ascii")
            scratch.replace(self._path)
        except OSError as error:
            raise Unavailable(f"{self._path} cannot be written ({error.strerror}).", "Make room for it.") from error

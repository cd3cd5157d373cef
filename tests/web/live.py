"""A server on a real socket, in a thread of the test or in a process of its own."""

import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp

from beholden.web.protocol import BoundedProtocol


@contextmanager
def serving(application: ASGIApp) -> Iterator[str]:
    """Its URL. The port listens before the server runs, so nothing needs to be waited for."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(application, lifespan="off", log_config=None, http=BoundedProtocol))
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
        listener.close()
    assert not thread.is_alive()


_SERVER = """
import socket, sys
from pathlib import Path
import uvicorn
from beholden import bootstrap, settings
from beholden.web import app
chosen = settings.read({}, data=Path(sys.argv[1]))
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
uvicorn.Server(uvicorn.Config(app.create(bootstrap.embedded(chosen), chosen), log_config=None)).run([listener])
"""


@contextmanager
def spawned(data: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The whole server on a data folder, as a process that can be killed, and its URL."""
    with subprocess.Popen([sys.executable, "-c", _SERVER, str(data)], stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            yield f"http://127.0.0.1:{server.stdout.readline().strip()}", server
        finally:
            server.kill()
            server.wait(10)

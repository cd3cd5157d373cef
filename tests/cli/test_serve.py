"""`beholden serve` as a real process."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from beholden.cli import app as app_commands
from beholden.cli import serve
from beholden.model.errors import BadInput, Unavailable

BEHOLDEN = [sys.executable, "-c", "from beholden.cli.main import main; main()"]


def start(house, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*BEHOLDEN, "serve", "--data", str(house.data), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def server(house):
    process = start(house, "--port", "0")
    line = process.stdout.readline()
    found = re.search(r"http://127\.0\.0\.1:\d+", line)
    assert found, line + process.stderr.read()
    yield process, found[0]
    process.kill()
    process.communicate()


def test_it_says_where_it_listens_answers_there_and_stops_when_told(server):
    process, url = server
    for _attempt in range(100):
        try:
            response = httpx.get(f"{url}/healthz")
            break
        except httpx.ConnectError:
            time.sleep(0.05)
    assert response.json()["status"] == "ok"
    assert "server" not in response.headers
    front = httpx.get(url, headers={"accept": "text/html"})
    assert front.status_code == 200
    assert "Simulated time" in front.text
    process.send_signal(signal.SIGTERM)
    rest, errors = process.communicate(timeout=20)
    assert process.returncode == 0, errors
    assert rest.endswith("Stopped.\n")
    assert errors == ""


def _answers(url: str) -> None:
    until = time.monotonic() + 20
    while True:
        try:
            assert httpx.get(f"{url}/healthz").json()["status"] == "ok"
            return
        except httpx.TransportError:
            assert time.monotonic() < until
            time.sleep(0.05)


def _children(pid: int, count: int) -> list[int]:
    """The children of a process, once there are so many."""
    until = time.monotonic() + 20
    while True:
        found = [int(n) for n in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
        if len(found) == count:
            return found
        assert time.monotonic() < until, found
        time.sleep(0.05)


def _gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except FileNotFoundError:
        return True


@pytest.fixture
def crew(house):
    process = start(house, "--port", "0", "--workers", "2")
    line = process.stdout.readline()
    found = re.search(r"http://127\.0\.0\.1:\d+", line)
    assert found, line + process.stderr.read()
    yield process, found[0]
    process.kill()
    process.communicate(timeout=30)


def test_a_worker_that_is_killed_is_replaced_and_nobody_is_turned_away(crew):
    process, url = crew
    first = _children(process.pid, 2)
    _answers(url)
    os.kill(first[0], signal.SIGKILL)
    for _ in range(20):
        _answers(url)
    until = time.monotonic() + 20
    while first[0] in _children(process.pid, 2):
        assert time.monotonic() < until
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    out, errors = process.communicate(timeout=30)
    assert process.returncode == 0 and out.endswith("Stopped.\n")
    assert "worker 1 ended (-9)" in errors


def test_workers_end_with_their_parent_however_it_ends(crew):
    process, url = crew
    children = _children(process.pid, 2)
    _answers(url)
    process.kill()
    until = time.monotonic() + 20
    while not all(map(_gone, children)):
        assert time.monotonic() < until
        time.sleep(0.05)


def test_a_taken_port_is_one_clear_error(house):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        result = CliRunner().invoke(serve.command, ["--data", str(house.data), "--port", str(taken.getsockname()[1])])
    assert isinstance(result.exception, Unavailable)
    assert "Cannot listen on 127.0.0.1" in str(result.exception)


@pytest.mark.parametrize("port", ["-1", "65536", "x"])
def test_a_port_that_is_none_is_wrong_use(house, port):
    result = CliRunner().invoke(serve.command, ["--data", str(house.data), "--port", port])
    assert result.exit_code == 2
    assert "--port" in result.output


def test_a_mistake_in_the_platforms_policies_stops_the_server_and_nothing_else(house, monkeypatch):
    monkeypatch.setenv("BEHOLDEN_CEDAR", str(house.data / "nix"))
    result = CliRunner().invoke(serve.command, ["--data", str(house.data), "--port", "0"])
    assert isinstance(result.exception, BadInput)
    assert "nix" in str(result.exception)
    assert CliRunner().invoke(app_commands.command, ["list", "--data", str(house.data)]).exit_code == 0

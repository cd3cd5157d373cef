"""`beholden serve` as a real process."""

import re
import signal
import socket
import subprocess
import sys
import time

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

"""`beholden serve-grpc` as a real process, asked by a real client; Envoy asks it in tests/gateways."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from click.testing import CliRunner

from beholden.cli import serve_grpc
from beholden.journeys import access, opt_out
from beholden.model.errors import Unavailable
from beholden.model.person import Scope
from tests.conftest import EXAMPLES
from tests.following import until
from tests.web.test_gateway import issue

grpc = pytest.importorskip("grpc", reason="NOT TESTED: gRPC is not here; the extra `grpc` brings it.")


@pytest.fixture(params=["store", "table"])
def server(house, request) -> Iterator[tuple[subprocess.Popen[str], str]]:
    (house.data / "routes.yaml").write_text((EXAMPLES / "gateways" / "routes.yaml").read_text())
    process = subprocess.Popen(
        [sys.executable, "-m", "beholden", "serve-grpc", "--data", str(house.data), "--listen", "127.0.0.1:0"],
        env={**os.environ, "BEHOLDEN_GATE": request.param},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        line = process.stdout.readline()
        found = re.search(r"127\.0\.0\.1:\d+", line)
        assert found, line + process.stderr.read()
        yield process, found[0]
    finally:
        process.terminate()  # its follower ends with it
        process.communicate(timeout=20)


def check(address: str, *metadata: tuple[str, str], path: str = "/status", **headers: str) -> Any:
    """The answer to one question."""
    from envoy.service.auth.v3 import external_auth_pb2, external_auth_pb2_grpc

    request = external_auth_pb2.CheckRequest()
    http = request.attributes.request.http
    http.method, http.path = "GET", path
    http.headers.update(headers)
    with grpc.insecure_channel(address) as channel:
        stub = external_auth_pb2_grpc.AuthorizationStub(channel)
        return stub.Check(request, metadata=metadata, timeout=30, wait_for_ready=True)


def test_it_answers_gateways_with_a_key_alone_and_stops_when_told(house, server) -> None:
    process, address = server
    key = ("x-beholden-key", access.add_platform_key(house.engines, "gateway").secret)
    passed = check(address, key)
    assert passed.status.code == 0
    told = {one.header.key: one.header.value for one in passed.ok_response.headers}
    assert set(told.values()) == {""}
    assert len(told) == 6
    for metadata in ([], [key, key], [("x-beholden-key", "bhk_" + "A" * 43)]):
        refused = check(address, *metadata, **{"x-beholden-key": key[1]})
        assert refused.denied_response.status.code == 403, "the app's own headers let no gateway in"
    refused = check(address, key, path="/profile", authorization="Bearer made-up")
    assert refused.denied_response.status.code == 401
    names = {one.header.key for one in refused.denied_response.headers}
    assert names == {"content-type", "www-authenticate"}
    ambiguous = check(address, key, path="/status/../profile")
    assert ambiguous.denied_response.status.code == 403
    assert ambiguous.dynamic_metadata["verdict"] == "no_route"
    quiz = house.app(client_id="quiz")
    ann = house.person("ann")
    token = issue(house.engines, house.grant(ann, quiz))
    until(lambda: check(address, key, path="/profile", authorization=f"Bearer {token}").status.code == 0)
    opt_out.choose(house.engines, ann, Scope.ALL, sharing=False)
    refused = check(address, key, path="/profile", authorization=f"Bearer {token}")
    assert refused.dynamic_metadata["verdict"] in {"denied", "unavailable"}
    process.send_signal(signal.SIGTERM)
    rest, _ = process.communicate(timeout=20)
    assert process.returncode == 0
    assert rest.endswith("Stopped.\n")


def test_an_address_that_cannot_be_had_is_one_clear_error(house) -> None:
    result = CliRunner().invoke(serve_grpc.command, ["--data", str(house.data), "--listen", "256.1.1.1:x"])
    assert isinstance(result.exception, Unavailable)
    assert "Cannot listen on 256.1.1.1:x" in str(result.exception)

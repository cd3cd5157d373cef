"""`beholden serve` over TLS: gateways that show a certificate, and who does not get in by one."""

import re
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from beholden.cli import serve
from beholden.journeys import access
from beholden.model.errors import BadInput
from beholden.web.gate_api import EVALUATION
from beholden.web.gateway import AUTH_REQUEST, EXT_AUTHZ
from tests.certificates import Authority, Pair
from tests.conftest import EXAMPLES


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    (tmp_path / "tls").mkdir()
    return Authority(tmp_path / "tls")


@pytest.fixture
def url(house, authority: Authority) -> Iterator[str]:
    """Real server processes that speak TLS, two workers of one."""
    (house.data / "routes.yaml").write_text((EXAMPLES / "gateways" / "routes.yaml").read_text())
    own = authority.issue("127.0.0.1")
    options = ["--tls-cert", own.certificate, "--tls-key", own.key, "--client-ca", authority.certificate]
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "beholden",
            "serve",
            "--data",
            str(house.data),
            "--port",
            "0",
            "--workers",
            "2",
            *map(str, options),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        line = process.stdout.readline()
        found = re.search(r"https://127\.0\.0\.1:\d+", line)
        assert found, line + process.stderr.read()
        yield found[0]
    finally:
        process.terminate()
        try:
            process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()  # its workers hang on a leash, and end with it
            process.communicate(timeout=20)


def ask(url: str, authority: Authority, pair: Pair | None, path: str = f"{EXT_AUTHZ}/status", **more) -> httpx.Response:
    """A request with this client certificate; a server that is still starting is waited for."""
    context = ssl.create_default_context(cafile=authority.certificate)
    if pair is not None:
        context.load_cert_chain(pair.certificate, pair.key)
    for _attempt in range(200):
        try:
            return httpx.request(more.pop("method", "GET"), url + path, verify=context, timeout=30, **more)
        except httpx.ConnectError as error:
            if "refused" not in str(error):
                raise
            time.sleep(0.05)
    raise AssertionError("the server did not start")


def test_a_registered_certificate_lets_a_gateway_in_and_nothing_else_does(house, authority, url) -> None:
    gateway, stranger = authority.issue("gateway"), authority.issue("gateway")
    key = access.add_platform_certificate(house.engines, "gateway", gateway.certificate.read_bytes())
    assert ask(url, authority, gateway).status_code == 200
    nginx = {"x-original-uri": "/status", "x-original-method": "GET"}
    assert ask(url, authority, gateway, AUTH_REQUEST, headers=nginx).status_code == 200
    assert ask(url, authority, None).status_code == 403
    assert ask(url, authority, stranger).status_code == 403, "signed by the same authority, but not registered"
    pem = gateway.certificate.read_text().replace("\n", "")
    for name in ("x-client-cert", "x-forwarded-client-cert", "x-ssl-cert", "client-cert", "x-beholden-key"):
        assert ask(url, authority, None, headers={name: pem}).status_code == 403, name
    wrong = {"x-beholden-key": "bhk_" + "A" * 43}
    assert ask(url, authority, gateway, headers=wrong).status_code == 403, "a key that is shown must be good"
    access.revoke_platform_key(house.engines, key.id)
    assert ask(url, authority, gateway).status_code == 403, "out at the next request"


def test_a_certificate_opens_the_other_doors_of_the_platform_as_well(house, authority, url) -> None:
    pair = authority.issue("api")
    access.add_platform_certificate(house.engines, "api", pair.certificate.read_bytes())
    question = {
        "subject": {"type": "app", "id": "quiz"},
        "action": {"name": "read"},
        "resource": {"type": "person", "id": "ann"},
    }
    assert ask(url, authority, pair, EVALUATION, method="POST", json=question).json()["decision"] is False
    assert ask(url, authority, None, EVALUATION, method="POST", json=question).status_code == 401
    headers = {"authorization": "Bearer nonsense"}
    assert ask(url, authority, pair, EVALUATION, method="POST", json=question, headers=headers).status_code == 401


def test_a_certificate_of_another_authority_does_not_come_through_the_handshake(
    house, authority, url, tmp_path
) -> None:
    (tmp_path / "other").mkdir()
    other = Authority(tmp_path / "other", "Another authority").issue("gateway")
    access.add_platform_certificate(house.engines, "gateway", other.certificate.read_bytes())
    assert ask(url, authority, None).status_code == 403
    with pytest.raises(httpx.TransportError):
        ask(url, authority, other)


def test_tls_files_that_are_no_good_are_one_clear_error(house, tmp_path: Path, authority: Authority) -> None:
    pair, other = authority.issue("127.0.0.1"), authority.issue("127.0.0.1")
    nothing = tmp_path / "nothing.pem"
    for options in (
        ["--tls-key", pair.key],
        ["--client-ca", authority.certificate],
        ["--tls-cert", nothing],
        ["--tls-cert", pair.certificate, "--tls-key", other.key],
        ["--tls-cert", pair.certificate, "--tls-key", pair.key, "--client-ca", nothing],
    ):
        arguments = ["--data", str(house.data), "--port", "0", *map(str, options)]
        result = CliRunner().invoke(serve.command, arguments)
        assert isinstance(result.exception, BadInput), options

"""Strangers' servers: whatever they do, they cannot send us elsewhere, hold us up, or fill our memory."""

import socket
import ssl
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from beholden.backends.webhooks import HttpPoster
from beholden.gate.signals.ports import Post, Reply
from tests.receiver import LOOPBACK, Answer, Receiver, receiving


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


def send(url: str, private: str = LOOPBACK, **options: float) -> Reply:
    ((reply,),) = HttpPoster(private, **options).post([[Post(url, b"token", {"X-Test": "1"})]])  # type: ignore[arg-type]
    return reply


def test_the_body_and_headers_arrive_and_the_answer_comes_back(receiver: Receiver) -> None:
    receiver.answer = lambda _: Answer(400, b'{"err":"x"}')
    assert send(receiver.url + "/in?x=1") == Reply(400, b'{"err":"x"}')
    (got,) = receiver.got
    assert (got.path, got.body, got.headers["x-test"]) == ("/in?x=1", b"token", "1")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1"])
def test_no_private_address_is_called_however_it_is_written(receiver: Receiver, host: str) -> None:
    reply = send(receiver.url.replace("127.0.0.1", host), private="")
    assert reply.status == 0 and reply.trouble
    assert receiver.got == []


def test_a_redirect_is_an_answer_and_is_not_followed(receiver: Receiver) -> None:
    receiver.answer = lambda _: Answer(307, headers={"location": receiver.url + "/elsewhere"})
    assert send(receiver.url).status == 307
    assert len(receiver.got) == 1


def test_a_server_that_drips_is_left_at_the_deadline(receiver: Receiver) -> None:
    receiver.answer = lambda _: Answer(200, b"x" * 1000, drip=0.05)
    begun = time.monotonic()
    reply = send(receiver.url, seconds=0.4)
    assert reply.status == 0 and "0.4 s" in reply.trouble
    assert time.monotonic() - begun < 5


def test_a_server_that_takes_the_call_and_says_nothing_is_left_at_the_deadline() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        reply = send(f"http://127.0.0.1:{silent.getsockname()[1]}/", seconds=0.3)
    assert reply.down and "no whole answer" in reply.trouble


def test_of_a_huge_answer_no_more_is_kept_than_the_bound_and_its_status_holds(receiver: Receiver) -> None:
    receiver.answer = lambda _: Answer(200, b"x" * 5_000_000)
    reply = send(receiver.url)
    assert (reply.status, reply.body) == (200, b"") and "larger" in reply.trouble


def test_a_server_that_is_not_there_or_speaks_no_http_is_down() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    assert send(f"http://127.0.0.1:{port}/").down
    assert send("https://no-such-host.invalid/").down


def test_no_proxy_of_the_environment_is_asked(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    with receiving() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        assert send(receiver.url).status == 202
        assert proxy.got == []


def test_a_lane_ends_where_the_server_is_down_and_another_lane_goes_on(receiver: Receiver) -> None:
    receiver.answer = lambda got: Answer(500 if got.path == "/bad" else 400 if got.path == "/no" else 202)
    post = {path: Post(receiver.url + path, b"", {}) for path in ("/ok", "/no", "/bad")}
    lanes = [[post["/ok"], post["/no"], post["/ok"], post["/bad"], post["/ok"]], [post["/ok"]] * 3]
    replies = HttpPoster(LOOPBACK).post(lanes)
    assert [[r.status for r in lane] for lane in replies] == [[202, 400, 202, 500], [202, 202, 202]]
    assert HttpPoster(LOOPBACK).post([]) == []


def certificate(folder: Path, name: str) -> Path:
    """A self-signed certificate and its key in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / f"{name}.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.mark.parametrize(("name", "taken"), [("localhost", True), ("other.example", False)])
def test_over_tls_the_certificate_must_be_trusted_and_be_for_the_name(tmp_path: Path, name: str, taken: bool) -> None:
    pem = certificate(tmp_path, name)
    with receiving() as receiver:
        port = int(receiver.url.rpartition(":")[2])
        untrusted = send(f"https://localhost:{port}/", seconds=2)
        assert untrusted.status == 0
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(pem)
    trust = ssl.create_default_context(cafile=str(pem))
    with receiving(tls=serving) as receiver:
        url = f"https://localhost:{receiver.url.rpartition(':')[2]}/"
        ((known,),) = HttpPoster(f"{LOOPBACK}, ::1/128", trust=trust, seconds=5).post([[Post(url, b"t", {})]])
        ((stranger,),) = HttpPoster(f"{LOOPBACK}, ::1/128", seconds=5).post([[Post(url, b"t", {})]])
    assert (known.status == 202) is taken
    assert stranger.status == 0 and "CERTIFICATE" in stranger.trouble.upper()

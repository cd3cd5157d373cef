"""A really started server with Cedar policies, behind TLS as it would be behind a balancer."""

import asyncio
import contextlib
import datetime
import shutil
import ssl
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

import httpx
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from beholden import bootstrap, settings
from beholden.journeys import access
from tests.conftest import EXAMPLES
from tests.town import free_port, started

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Pdp:
    """A running gate: where the world reaches it, where it listens, a client with a key, and one without."""

    url: str
    inside: str
    key: str
    client: httpx.Client
    stranger: httpx.Client

    def post(self, path: str, body: object, **headers: str) -> httpx.Response:
        """A body as JSON."""
        return self.client.post(path, json=body, headers=headers)


@contextlib.contextmanager
def running(
    folder: Path, blank_database: Path, cedar: Path, environment: Mapping[str, str] | None = None
) -> Iterator[Pdp]:
    """`beholden serve` on a fresh data folder, with the policies in `cedar` and what else `environment` sets."""
    data = folder / "data"
    data.mkdir(mode=0o700)
    shutil.copy(blank_database, data / "store.db")
    port = free_port()
    with _tls(folder, port) as (url, trusted):
        environment = {
            **(environment or {}),
            "BEHOLDEN_CATALOGUE": str(EXAMPLES / "catalogue.yaml"),
            "BEHOLDEN_CEDAR": str(cedar),
            "BEHOLDEN_PORT": str(port),
            "BEHOLDEN_URL": url,
        }
        engines = bootstrap.embedded(settings.read(environment, data=data))
        key = access.add_platform_key(engines, "tests").secret
        bootstrap.close(engines)
        command = [str(Path(sys.executable).parent / "beholden"), "serve", "--data", str(data)]
        process = started(command, port, environment, folder / "log")
        try:
            bearer = {"authorization": f"Bearer {key}"}
            with (
                httpx.Client(base_url=url, headers=bearer, verify=trusted, timeout=30) as client,
                httpx.Client(base_url=url, verify=trusted, timeout=30) as stranger,
            ):
                yield Pdp(url, f"http://127.0.0.1:{port}", key, client, stranger)
        finally:
            process.terminate()
            try:
                process.wait(20)
            except Exception:
                process.kill()
                raise


@contextlib.contextmanager
def _tls(folder: Path, port: int) -> Iterator[tuple[str, ssl.SSLContext]]:
    """An https address whose connections are handed on to a local port, and what to trust to reach it."""
    certificate = folder / "certificate.pem"
    _write_certificate(certificate)
    ours = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    ours.load_cert_chain(certificate)
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(asyncio.start_server(lambda r, w: _hand_on(r, w, port), "127.0.0.1", 0, ssl=ours))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield (
            f"https://localhost:{server.sockets[0].getsockname()[1]}",
            ssl.create_default_context(cafile=str(certificate)),
        )
    finally:
        loop.call_soon_threadsafe(server.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)


async def _hand_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
    inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port)
    with contextlib.suppress(OSError, ssl.SSLError):
        await asyncio.gather(_pour(reader, inner_writer), _pour(inner_reader, writer))


async def _pour(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError, ssl.SSLError):
        while chunk := await source.read(65536):
            sink.write(chunk)
            await sink.drain()
    with contextlib.suppress(OSError, ssl.SSLError):
        sink.close()


def _write_certificate(path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    alternatives = [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))

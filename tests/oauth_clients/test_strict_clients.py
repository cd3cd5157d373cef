"""The two strict JavaScript clients drive a really started server; the test is the person's browser.

They refuse what a standard does not allow an answer to be, and know nothing of ours.
"""

import hashlib
import json
import os
import queue
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from joserfc.jwk import ECKey

from beholden.journeys import client_terms, token
from beholden.model.act import SYSTEM
from tests.oauth_clients.serving import BACK, Place, opened

HERE = Path(__file__).parent
PATIENCE = 60


@pytest.fixture(scope="module")
def clients(request: pytest.FixtureRequest) -> Path:
    """The folder with the clients and what they import, installed once for each lock."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("the strict OAuth clients need node 20 and npm on the PATH")
    version = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=30).stdout
    if int(version.strip().lstrip("v").split(".")[0] or 0) < 20:
        pytest.skip(f"the strict OAuth clients need node 20; there is {version.strip()}")
    lock = hashlib.sha256((HERE / "package-lock.json").read_bytes()).hexdigest()[:16]
    folder = request.config.cache.mkdir("oauth_clients") / lock
    if not folder.exists():
        fresh = folder.with_name(f"{lock}.{os.getpid()}")
        fresh.mkdir()
        for name in ("package.json", "package-lock.json", ".npmrc"):
            shutil.copy(HERE / name, fresh)
        done = subprocess.run([npm, "ci"], cwd=fresh, capture_output=True, text=True, timeout=240)
        if done.returncode:
            shutil.rmtree(fresh)
            pytest.skip(f"npm could not install the strict OAuth clients: {done.stderr.strip()[-300:]}")
        try:
            fresh.rename(folder)
        except OSError:  # another worker was quicker
            shutil.rmtree(fresh)
    for script in HERE.glob("*.mjs"):
        shutil.copy(script, folder)
    return folder


@pytest.fixture(scope="module")
def place(clients: Path, tmp_path_factory: pytest.TempPathFactory, blank_database: Path) -> Iterator[Place]:
    """One server for both clients."""
    with opened(tmp_path_factory.mktemp("clients"), blank_database) as place:
        yield place


def driven(place: Place, script: Path, world: dict[str, object], acts: dict[str, Callable[[], None]]) -> dict[str, str]:
    """Run a client to its end, as the person's browser; what it found out."""
    process = subprocess.Popen(
        ["node", script.name],
        cwd=script.parent,
        env={**os.environ, "WORLD": json.dumps({"issuer": place.url, "redirect_uri": BACK, **world})},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    said: queue.Queue[str] = queue.Queue()
    complaints: list[str] = []
    readers = [
        threading.Thread(target=lambda: ([said.put(line) for line in process.stdout] and None) or said.put("")),
        threading.Thread(target=lambda: complaints.extend(process.stderr)),
    ]
    for reader in readers:
        reader.start()
    try:
        while line := said.get(timeout=PATIENCE):
            value = json.loads(line)
            if "done" in value:
                return value["done"]
            if "act" in value:
                acts[value["act"]]()
                answer = "done"
            else:
                answer = place.visit(value["visit"], value["answer"], value["ticked"])
            process.stdin.write(answer + "\n")
            process.stdin.flush()
    finally:
        process.kill()
        process.wait(20)
        for reader in readers:
            reader.join(20)
        for pipe in (process.stdin, process.stdout, process.stderr):
            with suppress(BrokenPipeError):  # what was not read by then, nobody reads
                pipe.close()
    raise AssertionError("the client gave up:\n" + "".join(complaints))


def test_oauth4webapi_pushes_binds_refreshes_manages_and_revokes(place: Place, clients: Path) -> None:
    app = place.app("quiz")
    client_terms.change(place.engines, "quiz", manages=True, push=True, dpop=True)
    world = {"client_id": "quiz", "secret": token.issue_secret(place.engines, SYSTEM, "quiz"), "person": "u000001"}
    acts = {"opt_out": lambda: place.share(sharing=False), "opt_in": lambda: place.share(sharing=True)}
    found = driven(place, clients / "oauth4webapi.mjs", world, acts)
    assert found == {"sub": place.sub(app)}


def test_openid_client_signs_and_a_public_app_keeps_to_the_rules(place: Place, clients: Path) -> None:
    signing, public = place.app("signing"), place.app("public")
    key = ECKey.generate_key("P-256", {"kid": "one"})
    client_terms.change(place.engines, "signing", keys=json.dumps({"keys": [key.as_dict(private=False)]}))
    world = {"signing_id": "signing", "public_id": "public", "key": key.as_dict(private=True)}
    found = driven(place, clients / "openid-client.mjs", world, {"ban": lambda: place.ban(public)})
    assert found == {"signingSub": place.sub(signing), "publicSub": place.sub(public)}
    assert found["signingSub"] != found["publicSub"]

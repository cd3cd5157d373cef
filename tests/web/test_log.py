"""The log over HTTP: a public verifier reads it, and nothing but the log's own files is there."""

import shutil
from pathlib import Path

import pytest
from tlog_scales.backend import LocalBackend
from tlog_scales.reader import TilesReader
from tlog_scales.signing import Vkey

from beholden.journeys import seal
from tests.journeys.shared import share
from tests.web.conftest import Web


@pytest.fixture
def published(web: Web) -> Web:
    app = web.house.app()
    web.house.people([f"person-{n}" for n in range(300)])
    share(web.house, *(f"person-{n}" for n in range(300)), app=app)
    seal.publish(web.house.engines)
    return web


class OverHttp(LocalBackend):
    """tlog-scales' backend, over our client."""

    def __init__(self, web: Web) -> None:
        self._client = web.visitor()

    def get(self, *path: str) -> bytes | None:
        answer = self._client.get("/log/" + "/".join(path))
        return answer.content if answer.status_code == 200 else None


def test_tlog_scales_verifies_the_log_from_its_addresses(published: Web) -> None:
    reader = TilesReader(OverHttp(published))
    head = reader.get_checkpoint()
    head.verify(Vkey.from_string(seal.key(published.house.engines)))
    assert head.size == 300
    assert reader.calculate_root_hash() == head.root_hash
    assert len(reader.get_entry(299)) == 45


def test_types_and_caching_are_those_of_the_specification(published: Web) -> None:
    client = published.visitor()
    checkpoint = client.get("/log/checkpoint")
    assert checkpoint.headers["content-type"] == "text/plain; charset=utf-8"
    assert checkpoint.headers["cache-control"] == "public, max-age=1"
    for path in ("0/000", "0/001.p/44", "1/000.p/1", "entries/000", "entries/001.p/44"):
        tile = client.get(f"/log/tile/{path}")
        assert tile.status_code == 200
        assert tile.headers["content-type"] == "application/octet-stream"
        assert "immutable" in tile.headers["cache-control"]
        assert tile.headers["access-control-allow-origin"] == "*"
    assert client.head("/log/tile/0/000").headers["content-length"] == "8192"


@pytest.mark.parametrize(
    "path",
    [
        "/log/tile/0/002",
        "/log/tile/0/001.p/45",
        "/log/tile/%2e%2e/checkpoint",
        "/log/tile/%2e%2e/%2e%2e/%2e%2e/keys/pairwise",
        "/log/tile/0/..%2f..%2f..%2fhead",
        "/log/tile/0/000%00",
        "/log/tile//etc/passwd",
        "/log/tile/entries/000/",
        "/log/head",
        "/log/segments/0000000000000000.seg",
    ],
)
def test_everything_else_is_not_there(published: Web, path: str) -> None:
    answer = published.visitor().get(path, headers={"accept": "application/json"})
    assert answer.status_code == 404
    assert b"disclosure" not in answer.content
    assert answer.headers.get("cache-control") == "no-store"


def test_the_log_is_read_and_not_written(published: Web) -> None:
    assert published.visitor().post("/log/checkpoint").status_code == 405
    assert published.visitor().put("/log/tile/0/000").status_code == 405


def test_a_log_without_a_checkpoint_has_none(web: Web) -> None:
    assert web.visitor().get("/log/checkpoint").status_code == 404


def test_what_is_published_names_nobody(published: Web, tmp_path: Path) -> None:
    shutil.copytree(published.house.data / "ledger" / "public", tmp_path / "copy")
    public = b"".join(path.read_bytes() for path in (tmp_path / "copy").rglob("*") if path.is_file())
    for secret in (b"person-1", b"disclosure", b"service", b'"person"'):
        assert secret not in public

"""The gate's benchmark on a small world: it runs whole, agrees with the oracle, and says what it promises to say."""

import json

from bench import page
from bench.gate import Size, figures, report

SMALL = Size(
    people=500, queries=500, checked=500, http_people=500, requests=400, rounds=1, acts=4, peer_people=400,
    peer_questions=300,
    whole=False,
)  # fmt: skip


def test_the_benchmark_of_the_gate_says_every_figure_of_a_small_world(tmp_path) -> None:
    found = figures(SMALL)
    told = json.loads(found.line())
    assert list(told) == [
        "grants", "table_mb", "inproc_per_s", "vs_cedarpy", "vs_casbin", "http_vs_trivial", "durable_vs_trivial",
        "boxcar_gain", "oracle_agreement", "ban_last_wrong_allow_ms",
    ]  # fmt: skip
    assert told["oracle_agreement"] == 1.0 and found.allow.wrong == 0
    assert all(row.agreement == 1 for row in found.peers.rows), found.peers.rows
    # So few requests take less than the kernel's clock can tell: the rates are there, what they say is not looked at.
    http = found.http
    assert min(found.inproc_per_s, http.trivial, http.single, http.boxcar, http.durable, *http.alone.values()) > 0
    page.write("gate", report(found), tmp_path / "page.md")
    assert "In process" in (tmp_path / "page.md").read_text(encoding="utf-8")


def test_a_part_of_the_page_is_replaced_and_the_others_stay(tmp_path) -> None:
    here = tmp_path / "page.md"
    for part, text in (("core", "old"), ("gate", "kept"), ("core", "new")):
        page.write(part, text, here)
    assert here.read_text(encoding="utf-8") == (
        "# Benchmarks\n\n<!-- begin core -->\nnew\n<!-- end core -->\n\n<!-- begin gate -->\nkept\n<!-- end gate -->\n"
    )

"""What it takes to look for people is measured of tables that hold them all."""

from bench.people import measure


def test_everybody_is_counted() -> None:
    found = measure(300)
    assert found.people == 300 and found.cpu_s > 0 and found.peak_bytes >= found.all_bytes

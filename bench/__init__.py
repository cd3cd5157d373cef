"""Measurements, each a ratio against a plain baseline in the same run. `make bench` writes docs/benchmarks.md."""

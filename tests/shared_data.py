"""Test data by others, which is no part of the product: where it is, and a skip that everybody sees where it is not."""

import os
import warnings
from pathlib import Path

import pytest

_DATA = Path(os.environ.get("BEHOLDEN_SHARED", Path(__file__).parents[2] / "shared")) / "data"


def skipped(why: str) -> None:
    """Skip, and say so where everybody sees it."""
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn(f"TEST SKIPPED: {why}", stacklevel=2)
    pytest.skip(why)


def has_shared(name: str) -> bool:
    """Whether the file or folder of that name is there."""
    return (_DATA / name).exists()


def shared(name: str) -> Path:
    """The file or folder of that name under `data/`; without it the test is skipped."""
    path = _DATA / name
    if not path.exists():
        skipped(f"{path} is missing (BEHOLDEN_SHARED names the folder of test data)")
    return path

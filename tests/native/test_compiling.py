"""Machine code that processes keep for each other is the code that was meant."""

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from beholden.native.compiling import Kept

KERNELS = """
from pathlib import Path
import sys
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types

from beholden.forensics.kernel.machine import intrinsic, load1
from beholden.native.compiling import compiler

compiled = compiler(Path(__file__).parent, nogil=True, error_model="numpy")


def mask_of(table):
    def plain(address):
        found: Any = 0
        for n in range(64):
            if table[load1(address + n)]:
                found |= 1 << n
        return found

    @intrinsic
    def mask(_, address):
        def code(context, b, _signature, arguments):
            found = context.compile_internal(b, plain, types.uint64(types.int64), arguments)
            for one in (one for block in b.function.blocks for one in block.instructions):
                if isinstance(one, ir.CallInstr):
                    one.attributes.add("noinline")  # else it depends on the processor
            return found

        return types.uint64(types.int64), code

    return mask


lowest = mask_of(tuple(n < 8 for n in range(256)))
highest = mask_of(tuple(n >= 56 for n in range(256)))


@compiled()
def low(sample):
    return lowest(sample.ctypes.data)


@compiled()
def high(sample):
    return highest(sample.ctypes.data)


if __name__ == "__main__":
    import kernels

    if sys.argv[1] == "counted":
        from itertools import count

        from numba.core.bytecode import FunctionIdentity

        FunctionIdentity._unique_ids = count(10**6)
    for name in sys.argv[2:]:
        print(name, hex(getattr(kernels, name)(np.arange(64, dtype=np.uint8))))
"""
LOW, HIGH = "low 0xff\n", "high 0xff00000000000000\n"
Run = Callable[..., str]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Call kernels of one file, in a process of their own."""
    (tmp_path / "kernels.py").write_text(KERNELS)

    def called(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "kernels.py", *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return called


def test_parts_of_the_same_name_in_kept_and_in_new_code_are_not_taken_for_one_another(run: Run) -> None:
    assert run("named", "low") == LOW
    assert run("named", "high", "low") == HIGH + LOW
    assert run("named", "low", "high") == LOW + HIGH


def test_numba_alone_takes_one_part_for_another(run: Run) -> None:
    """What is mended here: once this fails, numba has mended it, and our own mending may go."""
    assert run("counted", "low") == LOW
    assert run("counted", "high", "low") != HIGH + LOW


@pytest.mark.parametrize("kind", ["nbi", "nbc"])
def test_kept_code_that_is_cut_short_is_made_again(run: Run, tmp_path: Path, kind: str) -> None:
    assert run("named", "low") == LOW
    for left in (0, 200):
        for file in (tmp_path / "__pycache__").glob(f"*.{kind}"):
            file.write_bytes(file.read_bytes()[:left])
        assert run("named", "low") == LOW


def test_what_many_keep_at_once_is_kept_under_its_own_key(tmp_path: Path) -> None:
    together = Barrier(8)

    def keep(key: int) -> None:
        kept = Kept(str(tmp_path), "kernel", (("kernel.py", 1, 1),))
        together.wait()
        kept.save(key, f"code of {key}")

    with ThreadPoolExecutor(8) as threads:
        for first in range(0, 32, 8):
            list(threads.map(keep, range(first, first + 8)))
    kept = Kept(str(tmp_path), "kernel", (("kernel.py", 1, 1),))
    assert [kept.load(key) for key in range(32)] == [f"code of {key}" for key in range(32)]


def test_code_of_other_sources_is_not_used_and_goes(tmp_path: Path) -> None:
    before, after = (Kept(str(tmp_path), "kernel", (("kernel.py", 1, size),)) for size in (1, 2))
    before.save("key", "old")
    assert after.load("key") is None
    after.save("key", "new")
    assert after.load("key") == "new"
    assert len(list(tmp_path.glob("*.nbc"))) == 1


def test_where_nothing_can_be_kept_nothing_fails(tmp_path: Path) -> None:
    kept = Kept(str(tmp_path / "gone"), "kernel", (("kernel.py", 1, 1),))
    kept.save("key", "code")
    assert kept.load("key") is None

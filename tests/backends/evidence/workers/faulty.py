"""Readers of evidence that fail as the name in a gzip's header, or of a member, tells them to."""

import ctypes
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path

import numba

from beholden.backends.evidence import files
from beholden.forensics.containers import Form, Limits, Stop
from beholden.forensics.ports import Entry, Open, Unpacked
from beholden.forensics.source import Held, Source


def segfault() -> None:
    """What a C library does with a broken file."""
    ctypes.string_at(0)


def hang() -> None:
    """A parser that goes in circles without using the processor."""
    while True:
        time.sleep(1)


def spin() -> None:
    """One that uses the processor."""
    while True:
        pass


def eat() -> None:
    """One that believes a length field."""
    held = []
    while True:
        held.append(bytearray(16 << 20))


def fail() -> None:
    """One that did not expect this."""
    raise RecursionError("too deep")


def slow() -> None:
    """One that takes its time."""
    time.sleep(0.1)


FAULTS: dict[bytes, Callable[[], None]] = {
    name.encode(): fault
    for name, fault in {
        "segfault": segfault, "hang": hang, "spin": spin, "eat": eat, "fail": fail, "slow": slow,
    }.items()
}  # fmt: skip


def opener(limits: Limits) -> Open:
    """Opens containers as the product does, but for the faults."""
    inner = files.opener(limits)

    def entries(form: Form, source: Source) -> Iterator[Entry]:
        head = source.read(0, 64)
        if form is Form.GZIP:
            _do(next((fault for name, fault in FAULTS.items() if name in head), None))
        for entry in inner(form, source):
            yield replace(entry, open=partial(_member, entry))

    return entries


@contextmanager
def _member(entry: Entry) -> Iterator[Unpacked]:
    _do(FAULTS.get(entry.name.encode("utf-8", "replace")))
    with entry.open() as unpacked:
        yield unpacked


def _do(fault: Callable[[], None] | None) -> None:
    if fault is not None:
        fault()


def escapee(limits: Limits) -> Open:
    """A parser that was taken over: it tries to get out of the cage and puts what it managed into a member.

    The exhibit says where to: a port that listens, a file to write, a file to read, a process to end.
    """

    def entries(form: Form, source: Source) -> Iterator[Entry]:
        if form is not Form.GZIP:
            return
        _, port, written, read, process = source.read(0, source.size).decode("latin-1").split("\n")
        attempts: dict[str, Callable[[], object]] = {
            "connect": lambda: socket.create_connection(("127.0.0.1", int(port)), 2),
            "listen": socket.socketpair,
            "write": lambda: Path(written).write_text("out"),
            "read": lambda: Path(read).read_text(),
            "list": lambda: os.listdir(Path(read).parent),  # noqa: PTH208
            "chmod": lambda: os.chmod(written, 0o777),  # noqa: PTH101
            "exec": lambda: os.execv("/bin/true", ["true"]),
            "fork": os.fork,
            "kill": lambda: os.kill(int(process), 9),
            "trace": lambda: _called(ctypes.CDLL(None).ptrace(16, int(process), None, None)),
            "mount": lambda: _called(ctypes.CDLL(None).mount(b"none", b"/mnt", b"tmpfs", 0, None)),
            "environment": lambda: Path(f"/proc/{process}/environ").read_bytes(),
            "own scratch": lambda: Path("note").write_text("in"),
            "library": lambda: Path(os.__file__).read_bytes(),
        }
        done = {name: _tried(attempt) for name, attempt in attempts.items()}
        said = " ".join(sorted(name.replace(" ", "-") for name, worked in done.items() if worked))
        yield Entry(said, ((0, source.size),), lambda: nullcontext(Unpacked(Held(b""), 0, Stop.CORRUPT)))

    return entries


def _called(result: int) -> None:
    if result != 0:
        raise OSError("refused")


def _tried(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except Exception:
        return False
    return True


def lying(limits: Limits) -> Open:
    """A parser that was taken over and answers in its reader's place."""

    def entries(form: Form, source: Source) -> Iterator[Entry]:
        if form is Form.GZIP:
            os.write(3, source.read(3, source.size))
            os._exit(0)
        return iter(())

    return entries


@numba.njit(cache=True)  # type: ignore[untyped-decorator,unused-ignore]
def _twice(number: int) -> int:
    return number * 2


def compiling(limits: Limits) -> Open:
    """A parser whose machine code is made at its first call, and would be kept on disk."""

    def entries(form: Form, source: Source) -> Iterator[Entry]:
        if form is Form.GZIP and source.size < 100:
            yield Entry(str(_twice(21)), ((0, source.size),), lambda: nullcontext(Unpacked(Held(b""), 0, Stop.CORRUPT)))

    return entries

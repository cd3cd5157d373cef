"""What parent and readers say to one another arrives whole, and open files with it."""

import os
import socket
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beholden.backends.evidence.files import OpenFile
from beholden.backends.evidence.workers import wire
from beholden.backends.evidence.workers.reader import _open
from beholden.forensics.ports import Exhibit
from beholden.model.errors import Unavailable


def test_open_files_arrive_however_many_there_are(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"evidence")
    ours, theirs = socket.socketpair()
    opened = [OpenFile(os.open(tmp_path / "a", os.O_RDONLY), number) for number in range(1, 451)]
    try:
        with ours, theirs:
            sending = threading.Thread(target=wire.send, args=(ours, {"files": opened, "text": "x" * 1_000_000}))
            sending.start()
            came = wire.receive(theirs)
            sending.join()
        assert [one.size for one in came["files"]] == list(range(1, 451)) and len(came["text"]) == 1_000_000
        assert came["files"][7].read(0, 8) == b"evidence"
        assert len({one.descriptor for one in came["files"]}) == 450
    finally:
        for one in [*opened, *came["files"]]:
            os.close(one.descriptor)


def test_the_end_of_the_other_side_is_noticed() -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        ours.close()
        with pytest.raises(EOFError):
            wire.receive(theirs)


@given(st.lists(st.tuples(st.sampled_from([b"H", b"O", b"F", b"A"]), st.binary(max_size=50))), st.integers(1, 7))
def test_answers_are_put_together_from_any_pieces(answers: list[tuple[bytes, bytes]], step: int) -> None:
    stream = b"".join(wire._FRAME.pack(kind, len(body)) + body for kind, body in answers)
    inbox, whole = wire.Inbox(), []
    for start in range(0, len(stream), step):
        whole += inbox.take(stream[start : start + step])
    assert whole == answers


def test_a_reader_asks_its_parent_for_what_it_was_not_given(tmp_path: Path) -> None:
    exhibit = Exhibit(7, "/beside", "/beside", 3, "0" * 64)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        wire.send(ours, "it is gone")
        with pytest.raises(Unavailable, match="it is gone"):
            _open(theirs, {}, exhibit)
        assert wire.Inbox().take(ours.recv(100)) == [(wire.ASKED, b"7")]

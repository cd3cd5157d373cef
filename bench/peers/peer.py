"""What every peer gives, so that all are measured by one hand."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from bench.gate_table import Query


@dataclass(frozen=True)
class InProcess:
    """An engine in this process. `ways` are the ways of asking it that its documentation knows: questions to answers.

    `few` is set where an engine is so slow that it gets this many of the questions only.
    """

    name: str
    version: str
    load_s: float
    memory_mb: float
    ways: dict[str, Callable[[Sequence[Query]], list[bool]]]
    few: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Way:
    """One way of asking a server: a question as the bytes of a request, and what the answer's body says.

    `fetched` names what the caller looks up in a store of its own to ask; that work is in `request`.
    """

    name: str
    request: Callable[[Query], bytes]
    said: Callable[[bytes], bool]
    fetched: str = ""


@dataclass(frozen=True)
class Server:
    """A peer's server that listens on localhost with the world loaded; `pids` are the processes whose CPU counts.

    `beside` are processes that it cannot do without, shown apart: its database.
    """

    name: str
    version: str
    port: int
    pids: tuple[int, ...]
    ways: tuple[Way, ...]
    load_s: float = 0.0
    beside: tuple[int, ...] = ()

"""The one place that wires backends to journeys."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from beholden.backends import cedar
from beholden.backends.evidence.seal import FileSeal
from beholden.backends.host.backlog import FileBacklog
from beholden.backends.host.clock import FileClock, SystemClock
from beholden.backends.host.ids import RandomIds
from beholden.backends.host.keys import secret_file
from beholden.backends.host.limiter import MemoryLimiter, Rate
from beholden.backends.host.locks import FileLocks
from beholden.backends.jose import FileSigner
from beholden.backends.lake.delta import DeltaLake
from beholden.backends.mail.lanes import Lanes
from beholden.backends.mail.smtp import Account, Security, SmtpMailer
from beholden.backends.parquet import ParquetTable
from beholden.backends.segments import SegmentLedger, folder_reader
from beholden.backends.sql.pulse import SqlPulse
from beholden.backends.sql.store import SqlStore
from beholden.backends.table.applied import TableApplied
from beholden.backends.table.reader import TableReader
from beholden.backends.table.shared import SharedReader
from beholden.backends.table.writer import TableWriter
from beholden.backends.webhooks import HttpPoster
from beholden.journeys import gateway
from beholden.journeys.evaluate import ResourceTypes
from beholden.journeys.follow import Follower, Say
from beholden.journeys.ports import Clock, Engines
from beholden.journeys.quick import QuickGate
from beholden.journeys.seal import Published
from beholden.journeys.trace import TableFile
from beholden.model import catalogue as catalogues
from beholden.model.errors import BadInput, Damaged, Unavailable
from beholden.model.ids import PersonNumber
from beholden.settings import Settings

TABLE = "table"
"""The folder of the decision table within the data folder."""
FOLLOWER_WAIT_SECONDS = 5
"""How long the store may take for one answer to the follower; a host that is cut off asks anew after that."""
CONNECTIONS = 2
"""To the mail server; more would only wait for this process."""


def clock(settings: Settings) -> Clock:
    """The system's clock, or the simulated one where a file is named."""
    return FileClock(Path(settings.clock)) if settings.clock else SystemClock()


def catalogue(settings: Settings) -> catalogues.Catalogue:
    """The platform's catalogue; raises BadInput when the file is missing or wrong."""
    try:
        text = settings.catalogue_file.read_text(encoding="utf-8")
    except OSError as error:
        raise BadInput(
            f"The catalogue {settings.catalogue_file} cannot be read ({error.strerror}).",
            "Write one; `beholden policy example` prints a start.",
        ) from error
    except UnicodeDecodeError as error:
        raise BadInput(f"The catalogue {settings.catalogue_file} is not UTF-8.", "Save it as UTF-8.") from error
    return catalogues.read(text)


def routes(settings: Settings, of: catalogues.Catalogue) -> gateway.Routes:
    """The routes that gateways ask about, none where there is no such file; raises BadInput when it is wrong."""
    try:
        text = settings.routes_file.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        if not settings.routes:
            return gateway.Routes()
        raise BadInput(f"The route catalogue {settings.routes_file} is not there.", "See docs/gateways.md.") from error
    except OSError as error:
        raise BadInput(
            f"The route catalogue {settings.routes_file} cannot be read ({error.strerror}).", "See docs/gateways.md."
        ) from error
    except UnicodeDecodeError as error:
        raise BadInput(f"The route catalogue {settings.routes_file} is not UTF-8.", "Save it as UTF-8.") from error
    return gateway.read_routes(text, of)


def embedded(settings: Settings) -> Engines:
    """All engines on one host, everything kept in the data folder, which is made when it is not there.

    The database is brought to the present schema. Raises BadInput, Unavailable or Damaged; nothing is open then.
    """
    try:
        settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise Unavailable(f"The data folder {settings.data} cannot be made ({error.strerror}).") from error
    read_catalogue = catalogue(settings)
    read_routes = routes(settings, read_catalogue)
    pairwise = secret_file(settings.data / "keys" / "pairwise")
    store = SqlStore(settings.database_url, applied=TableApplied(settings.data / TABLE, read_catalogue, pairwise))
    ledger = _ledger(settings, store)
    if ledger.size() and store.is_new():
        # An empty database beside a full ledger would give person numbers a second time: history would change hands.
        raise Damaged(
            f"The ledger in {settings.data} has entries, but its database has nothing.",
            "Restore the database from a backup, or choose another data folder.",
        )
    store.prepare()
    return Engines(
        clock=clock(settings),
        ids=RandomIds(),
        store=store,
        ledger=ledger,
        lake=DeltaLake(settings.data / "lake"),
        catalogue=read_catalogue,
        pairwise=pairwise,
        url=settings.public_url,
        locks=FileLocks(settings.data / "locks"),
        contact=settings.contact,
        limiter=MemoryLimiter(
            Rate(settings.app_per_second, settings.app_burst), Rate(settings.grant_per_second, settings.grant_burst)
        ),
        routes=read_routes,
        signer=signer(settings),
        seal=seal(settings),
    )


def quick_gate(settings: Settings, engines: Engines) -> QuickGate | None:
    """One worker's gate over this host's decision table; None where the gate answers from the store."""
    if settings.gate != "table":
        return None
    return QuickGate(engines, _table(settings, engines))


def doors(settings: Settings) -> Engines:
    """`embedded`, with this host's decision table where that is what the gate answers from."""
    engines = embedded(settings)
    return engines if settings.gate != "table" else replace(engines, table=SharedReader(_table(settings, engines)))


def gate(settings: Settings) -> Engines:
    """`doors`, and the platform's own resource types: for whatever answers the gate's callers.

    Apart from `embedded`, so that a mistake in a Cedar policy never keeps an operator from banning an app.
    """
    types = resource_types(settings)
    return replace(doors(settings), resource_types=types)


def _table(settings: Settings, engines: Engines) -> TableReader:
    """A reader of its own for each caller: it serves one at a time."""
    return TableReader(settings.data / TABLE, engines.catalogue, engines.pairwise)


def resource_types(settings: Settings) -> ResourceTypes:
    """The platform's own resource types, decided by its Cedar policies; raises BadInput where those are wrong."""
    return ResourceTypes([cedar.read_folder(Path(settings.cedar))] if settings.cedar else ())


@contextmanager
def follower(settings: Settings, say: Say) -> Iterator[tuple[Follower, float]]:
    """The follower of this host's table, and how many seconds it rests between idle polls.

    Raises Conflict when another process is it. The data folder was made by `embedded` before, on this host or, with a
    database of several, by copying keys and catalogue.
    """
    store, folder = SqlStore(settings.database_url, wait=FOLLOWER_WAIT_SECONDS), settings.data / TABLE
    pulse = SqlPulse(settings.database_url)
    pairwise = secret_file(settings.data / "keys" / "pairwise")
    table = TableWriter(folder, catalogue(settings), pairwise)
    try:
        backlog = FileBacklog(folder / "backlog.json")
        embedded_store = settings.database_url.startswith("sqlite")
        yield Follower(store, pulse, table, backlog, pairwise, say=say), 0.005 if embedded_store else 0.02
    finally:
        table.close()
        pulse.close()
        store.close()


def mailer(settings: Settings) -> Lanes:
    """The mail server that takes letters; nothing is opened until there is one. Raises BadInput."""
    if settings.smtp_security not in list(Security):
        raise BadInput(f"BEHOLDEN_SMTP_SECURITY={settings.smtp_security!r} is not known.", "Use none, starttls or tls.")
    account = Account(
        settings.smtp_host,
        settings.smtp_port,
        settings.smtp_sender,
        Security(settings.smtp_security),
        settings.smtp_user,
        settings.smtp_password,
    )
    return Lanes([SmtpMailer(account) for _ in range(CONNECTIONS)])


def signer(settings: Settings) -> FileSigner:
    """The keys that sign what goes out, which this alone may rotate."""
    return FileSigner(settings.data / "keys" / "signals", clock(settings).now)


def seal(settings: Settings) -> FileSeal:
    """The key that signs reports of examinations."""
    return FileSeal(settings.data / "keys" / "examinations", clock(settings).now)


def poster(settings: Settings) -> HttpPoster:
    """What calls receivers and apps; nothing is opened until there is something to send. Raises BadInput."""
    return HttpPoster(settings.receiver_networks)


def _ledger(settings: Settings, store: SqlStore) -> SegmentLedger:
    def keys(numbers: Sequence[PersonNumber]) -> Mapping[PersonNumber, bytes]:
        with store.read() as unit:
            return unit.directory.keys(numbers)

    folder, key_folder = settings.data / "ledger", settings.data / "keys"
    return SegmentLedger(folder, settings.ledger_origin, key_folder, keys, clock(settings).now)


def published(folder: Path) -> Published:
    """A copy of the ledger's published half, to be verified without anything else of ours."""
    return folder_reader(folder)


def table_file(path: Path, *, with_ids: bool) -> TableFile:
    """The Parquet file that an export of the ledger is written to."""
    return ParquetTable(path, with_ids=with_ids)


def close(engines: Engines) -> None:
    """Give back what `embedded` opened. A process that just ends loses nothing either."""
    engines.store.close()

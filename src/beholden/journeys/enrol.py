"""Enrol: people from the platform's export, developers, and their apps.

An import is read twice: once to find every line that cannot be used, and only when there is none, once more to write
it, in batches. A crash in between leaves some batches written; the same import again finishes, since a person is known
by their outside id.
"""

import csv
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO

from beholden.gate.oauth.redirect import refuse_uri
from beholden.journeys.acts import record
from beholden.journeys.enforce import refuse_if_stopped, reregistration_warning
from beholden.journeys.ports import Contract, Engines, NewPerson, Review, Unit
from beholden.journeys.wording import checked_email, checked_text
from beholden.model.act import SYSTEM, Act, Actor
from beholden.model.app import App, Ask, Developer
from beholden.model.errors import BadInput, Conflict, NotFound
from beholden.model.ids import AppNumber, ClientId, DeveloperNumber, OutsideId
from beholden.model.standing import Standing

BATCH = 20_000
MAX_LINE = 4_096
"""Bytes of one line of an import."""
SHOWN_BAD_LINES = 20
MAX_REDIRECT_URIS = 10
MAX_ASKS = 100
COLUMNS = ("outside_id", "name", "email")
_NO_HEADER = f"The header must be {','.join(COLUMNS)}."
_LONGEST = {"outside_id": 200, "name": 200, "email": 320}
_VISIBLE = "!#-+\\--~"  # printable ASCII without the blank, the quote and the comma
_CLIENT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,78}[A-Za-z0-9]")


class BadLines(BadInput):
    """An import that was refused whole. `lines` are the first bad ones, each with its number and what is wrong."""

    def __init__(self, lines: Sequence[tuple[int, str]], bad: int) -> None:
        first, why = lines[0]
        super().__init__(
            f"{bad:,} lines cannot be used, the first is line {first}: {why} Nothing was written.", "Mend them all."
        )
        self.lines = tuple(lines)
        self.bad = bad


@dataclass(frozen=True, slots=True)
class ImportReport:
    """How many people were read, and how many of them were new."""

    people: int
    added: int


@dataclass(frozen=True, slots=True)
class Registration:
    """A new developer; `warning` says whom they resemble, where that is for an operator to look at."""

    developer: Developer
    warning: str = ""


@dataclass(frozen=True, slots=True)
class AppView:
    """An app with all that decides what it may be given."""

    app: App
    developer: Developer
    standing: Standing
    developer_standing: Standing
    people: int
    reviews: Sequence[Review]
    contracts: Sequence[Contract]


def import_people(
    engines: Engines,
    file: BinaryIO,
    form: str,
    actor: Actor = SYSTEM,
    progress: Callable[[int], None] = lambda _count: None,
) -> ImportReport:
    """Enrol everybody in a file; `form` is `csv` (UTF-8, with a header) or `jsonl`. The file must be seekable.

    Columns or keys are outside_id, name and email; email may be empty. Where an id stands twice, the last line counts.
    Those who are known get the name and address of the file. `progress` is told how many people are written so far.
    Raises BadLines, and then nothing was written.
    """
    total = _check(file, form)
    record(engines, Act(actor, "people:enrol", "people", engines.clock.now(), details={"lines": total}))
    file.seek(0)
    people, added, written = _people(file, form), 0, 0
    while batch := list(islice(people, BATCH)):
        added += _enrol(engines, batch)
        written += len(batch)
        progress(written)
    return ImportReport(written, added)


def _enrol(engines: Engines, batch: Sequence[NewPerson]) -> int:
    random = engines.ids.secret(32 * len(batch))
    keys = [random[n : n + 32] for n in range(0, len(random), 32)]
    now = engines.clock.now()
    return engines.store.perform(lambda unit: unit.directory.enrol(batch, now, keys))


def _check(file: BinaryIO, form: str) -> int:
    """Read everything without keeping it; how many people there are."""
    bad: list[tuple[int, str]] = []
    counted = bad_count = 0
    for number, found in _lines(file, form):
        if isinstance(found, NewPerson):
            counted += 1
            continue
        bad_count += 1
        if len(bad) < SHOWN_BAD_LINES:
            bad.append((number, found))
    if bad:
        raise BadLines(bad, bad_count)
    return counted


def _people(file: BinaryIO, form: str) -> Iterator[NewPerson]:
    for number, found in _lines(file, form):
        if not isinstance(found, NewPerson):
            raise Conflict(f"The file changed while it was read (line {number}: {found})", "Import it again.")
        yield found


def _lines(file: BinaryIO, form: str) -> Iterator[tuple[int, NewPerson | str]]:
    """Each line's person, or what is wrong with it in one sentence; empty lines are passed over."""
    if form not in {"csv", "jsonl"}:
        raise BadInput(f"The form {form!r} is not known.", "Use csv or jsonl.")
    columns: list[str] | None = None
    plain: re.Pattern[str] | None = None
    number = 0
    while line := file.readline(MAX_LINE + 1):
        number += 1
        try:
            text = _text(line, file, first=number == 1)
            if plain is not None and (found := plain.fullmatch(text)):
                yield number, NewPerson(OutsideId(found["outside_id"]), found["name"], found["email"])
                continue
            if not text.strip():
                continue
            if form == "csv" and columns is None:
                columns = _header(text)
                plain = _plain(columns)
                continue
            yield number, _person(_from_csv(text, columns) if columns else _from_json(text))
        except BadInput as error:
            yield number, f"{error.message} {error.remedy}".strip()
            if form == "csv" and columns is None:
                return  # without its header no line can be read
    if form == "csv" and columns is None:
        yield 1, _NO_HEADER


def _text(line: bytes, file: BinaryIO, *, first: bool) -> str:
    if len(line) > MAX_LINE:
        while line and not line.endswith(b"\n"):
            line = file.readline(MAX_LINE)
        raise BadInput(f"It is longer than {MAX_LINE} bytes.")
    try:
        return line.decode("utf-8-sig" if first else "utf-8").rstrip("\r\n")
    except UnicodeDecodeError:
        raise BadInput("It is not UTF-8.") from None


def _header(text: str) -> list[str]:
    columns = [column.strip() for column in _split(text)]
    if sorted(columns) != sorted(COLUMNS):
        raise BadInput(_NO_HEADER)
    return columns


def _plain(columns: Sequence[str]) -> re.Pattern[str]:
    """A line that needs no closer look, as nearly all: the same verdict as the long way, in a fifth of the time."""
    field = "(?P<{0}>[{1}](?:[ {1}]{{0,{2}}}[{1}])?)"
    return re.compile(",".join(field.format(name, _VISIBLE, _LONGEST[name] - 2) for name in columns))


def _from_csv(text: str, columns: list[str]) -> dict[str, object]:
    values = _split(text)
    if len(values) != len(columns):
        raise BadInput(f"It has {len(values)} columns instead of {len(columns)}.")
    return dict(zip(columns, values, strict=True))


def _split(text: str) -> list[str]:
    if '"' not in text:  # then a comma is a comma; a reader for each line costs as much as everything else
        return text.split(",")
    try:
        return next(csv.reader([text], strict=True), [])
    except csv.Error as error:
        raise BadInput(f"It is not CSV ({error}).") from None


def _from_json(text: str) -> dict[str, object]:
    def once(pairs: list[tuple[str, object]]) -> dict[str, object]:
        if len(dict(pairs)) != len(pairs):
            raise BadInput("A key stands twice.")
        return dict(pairs)

    try:
        value = json.loads(text, object_pairs_hook=once)
    except (ValueError, RecursionError):
        raise BadInput("It is not JSON.") from None
    if not isinstance(value, dict) or set(value) != set(COLUMNS):
        raise BadInput(f"It must be an object with the keys {', '.join(COLUMNS)}.")
    return value


def _person(values: dict[str, object]) -> NewPerson:
    words = {}
    for key in COLUMNS:
        value = values[key]
        if not isinstance(value, str):
            raise BadInput(f"{key} is not a text.")
        words[key] = value
    return NewPerson(
        OutsideId(checked_text(words["outside_id"], "outside_id", _LONGEST["outside_id"])),
        checked_text(words["name"], "name", _LONGEST["name"]),
        checked_text(
            words["email"], "email", _LONGEST["email"], empty=True
        ),  # an odd address is a matter for the notices
    )


def add_developer(engines: Engines, name: str, email: str, actor: Actor = SYSTEM) -> Registration:
    """A new developer. Raises Conflict where it is a banned one again, by address or domain."""
    name, email = checked_text(name, "name", 200), checked_email(email)
    likeness = reregistration_warning(engines, name, email)
    if likeness is not None and likeness.refuse:
        raise Conflict(likeness.sentence, "A banned developer is not let in under another name; they may appeal.")
    now = engines.clock.now()
    with engines.store.write() as unit:
        developer = unit.directory.add_developer(name, email, now)
        record(engines, Act(actor, "developer:add", f"developer:{developer.number}", now))
    return Registration(developer, likeness.sentence if likeness else "")


def add_app(
    engines: Engines,
    developer: int,
    name: str,
    redirect_uris: Sequence[str],
    asks: Sequence[Ask],
    *,
    description: str = "",
    category: str = "other",
    client_id: str | None = None,
    actor: Actor = SYSTEM,
) -> App:
    """A new app, unverified. It may ask for anything in the catalogue; what it gets beyond basic needs a review.

    Raises BadInput for what cannot be registered, NotFound for an unknown developer, Conflict for a stopped one and for
    a client id that is taken.
    """
    client_id = engines.ids.new("app") if client_id is None else client_id
    if not _CLIENT_ID.fullmatch(client_id):
        raise BadInput(f"The client id {client_id!r} cannot be used.", "Use 3 to 80 letters, digits, dots, _ and -.")
    name = checked_text(name, "name", 200)
    description = checked_text(description, "description", 2_000, lines=True, empty=True)
    category = checked_text(category, "category", 80)
    _check_redirects(redirect_uris)
    asks = checked_asks(engines, asks)
    now = engines.clock.now()
    with engines.store.write() as unit:
        owner = known_developer(unit, developer)
        refuse_if_stopped(unit, owner.number)
        if unit.directory.app(client_id) is not None:
            raise Conflict(f"There is an app {client_id!r} already.", "Take another client id.")
        app = unit.directory.add_app(
            ClientId(client_id), owner.number, name, description, category, redirect_uris, asks, now
        )
        record(engines, Act(actor, "app:add", f"app:{app.number}", now, app.number))
    return app


def _check_redirects(uris: Sequence[str]) -> None:
    if not 1 <= len(uris) <= MAX_REDIRECT_URIS or len(set(uris)) != len(uris):
        raise BadInput(f"An app has 1 to {MAX_REDIRECT_URIS} different redirect URIs.", "Register those it uses.")
    for uri in uris:
        why = refuse_uri(uri)
        if why is not None:
            raise BadInput(f"The redirect URI {uri[:200]!r} cannot be registered. {why}", "Register another one.")


def checked_asks(engines: Engines, asks: Sequence[Ask]) -> tuple[Ask, ...]:
    """The asks with tidy purposes; raises BadInput for an unknown cluster, an empty purpose, or one asked twice."""
    if not 1 <= len(asks) <= MAX_ASKS:
        raise BadInput(f"An app asks for 1 to {MAX_ASKS} clusters.", "Name what it needs.")
    checked: dict[tuple[str, str, bool], Ask] = {}
    for ask in asks:
        if ask.cluster not in engines.catalogue.by_name:
            known = ", ".join(engines.catalogue.by_name)
            raise BadInput(f"The catalogue has no cluster {ask.cluster[:80]!r}.", f"There are: {known}.")
        purpose = checked_text(ask.purpose, "purpose", 200)
        key = (ask.cluster, purpose, ask.through)
        if key in checked:
            raise BadInput(f"{ask.cluster!r} is asked for twice for {purpose!r}.", "Keep one of them.")
        checked[key] = Ask(ask.cluster, purpose, ask.required, ask.through)
    return tuple(checked.values())


def known_developer(unit: Unit, number: int) -> Developer:
    """A developer by number; raises NotFound."""
    developer = unit.directory.developer(DeveloperNumber(number)) if 0 < number < 2**63 else None
    if developer is None:
        raise NotFound(f"There is no developer {number}.", "`beholden app developer list` names them.")
    return developer


def known_app(unit: Unit, client_id: str) -> App:
    """An app by its client id; raises NotFound."""
    app = unit.directory.app(client_id)
    if app is None:
        raise NotFound(f"There is no app {client_id!r}.", "`beholden app list` names them.")
    return app


def developers(engines: Engines) -> Sequence[Developer]:
    """All developers, by number."""
    with engines.store.read() as unit:
        return unit.directory.developers()


def apps(engines: Engines, developer: int | None = None) -> list[AppView]:
    """All apps, or those of one developer."""
    with engines.store.read() as unit:
        of = None if developer is None else known_developer(unit, developer).number
        return [_view(unit, app) for app in unit.directory.apps(of)]


def show_app(engines: Engines, client_id: str) -> AppView:
    """One app; raises NotFound."""
    with engines.store.read() as unit:
        return _view(unit, known_app(unit, client_id))


def _view(unit: Unit, app: App) -> AppView:
    developer = unit.directory.developer(app.developer)
    assert developer is not None, "an app belongs to a developer"
    standing, developer_standing = unit.directory.standing(app)
    return AppView(
        app,
        developer,
        standing,
        developer_standing,
        unit.directory.granted_people(AppNumber(app.number)),
        unit.directory.reviews(app.number),
        unit.directory.contracts(app.number),
    )

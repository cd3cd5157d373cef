"""A relation's file and the data directory around it, where there is one (manual, "Database File Layout")."""

import re
from collections.abc import Callable

from beholden.forensics.beside import NOTHING, Beside
from beholden.forensics.postgres.catalog import Catalog, Relation, read_catalog
from beholden.forensics.postgres.heap import Context, Heap
from beholden.forensics.postgres.index import Index
from beholden.forensics.postgres.layout import Fetch, not_here
from beholden.forensics.postgres.page import Kind, page_size, parse_page
from beholden.forensics.postgres.toast import Toast, looks_toasted
from beholden.forensics.postgres.varlena import Pointer, Unreadable
from beholden.forensics.postgres.xact import Transactions
from beholden.forensics.source import Source

HEAD = 512
_PLACE = re.compile(r"(?:^|/)(?P<folder>base/\d+|global)/(?P<number>\d+)(?:\.\d+)?$")
MAX_CATALOGS = 64


class Catalogs:
    """Catalogs that were read, so that the files of one database read theirs once."""

    def __init__(self) -> None:
        self._read: dict[tuple[str, str], Catalog] = {}

    def of(self, beside: Beside, folder: str, known: Transactions) -> Catalog:
        """The catalog of the database whose folder lies on this way."""
        key = beside.within, beside.full(folder)
        if key not in self._read:
            if len(self._read) >= MAX_CATALOGS:
                self._read.clear()
            self._read[key] = read_catalog(lambda name: beside.at(f"{folder}/{name}"), known)
        return self._read[key]


def transactions(beside: Beside, root: str) -> Transactions:
    """What pg_xact of a data directory says."""
    return Transactions(lambda name: beside.at(f"{root}/pg_xact/{name}"))


def read_relation(
    source: Source, beside: Beside = NOTHING, catalogs: Catalogs | None = None
) -> "Heap | Index | Toast | None":
    """The relation that a file is; None where its first page is no page."""
    size = page_size(source.read(0, HEAD))
    if size is None:
        return None
    context, relation = _context(beside, catalogs or Catalogs())
    page = parse_page(source.read(0, size))
    if page is not None and page.kind is not Kind.HEAP:
        return Index(source, size, context)
    if relation is not None and relation.kind == "t":
        return Toast(source, size, context)
    if relation is None and looks_toasted(Heap(source, size).samples(), size):
        return Toast(source, size, context)
    return Heap(source, size, context)


def _context(beside: Beside, catalogs: Catalogs) -> tuple[Context, Relation | None]:
    place = _PLACE.search(beside.path)
    if place is None:
        return Context(), None
    root = ".." if place["folder"] == "global" else "../.."
    known = transactions(beside, root)
    catalog = catalogs.of(beside, ".", known)
    relation = catalog.relations.get(int(place["number"]))
    if relation is None:
        return Context(transactions=known), None
    toast = catalog.files.get(relation.toast)
    name = f"index {relation.name}" if relation.kind == "i" else relation.name
    return Context(name, relation.columns, known, _fetch(beside, toast, known)), relation


def _fetch(beside: Beside, number: int | None, known: Transactions) -> Fetch:
    """Gets long values from the table's TOAST table, which is opened when the first is asked for."""
    if number is None:
        return not_here
    opened: list[Callable[[Pointer], bytes] | None] = []

    def fetch(pointer: Pointer) -> bytes:
        if not opened:
            opened.append(_values(beside.at(str(number)), known))
        if opened[0] is None:
            raise Unreadable("the TOAST table is not there")
        return opened[0](pointer)

    return fetch


def _values(source: Source | None, known: Transactions) -> Callable[[Pointer], bytes] | None:
    size = page_size(source.read(0, HEAD)) if source is not None else None
    return Toast(source, size, Context(transactions=known)).value if source is not None and size else None

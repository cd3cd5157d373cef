"""Every container that is opened here, within one budget for all that one examination unpacks."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import partial
from itertools import islice

from beholden.backends.evidence.archives.fragments import fragments
from beholden.backends.evidence.archives.sevenzip import sevenzip
from beholden.backends.evidence.archives.small import ar, cpio
from beholden.backends.evidence.archives.streams import stream
from beholden.backends.evidence.archives.tars import tar
from beholden.backends.evidence.archives.zips import Zips
from beholden.backends.evidence.documents_mail import mail
from beholden.backends.evidence.documents_office import office
from beholden.backends.evidence.documents_ole import ole
from beholden.backends.evidence.documents_pdf import pdf
from beholden.backends.evidence.documents_rtf import rtf
from beholden.backends.evidence.tables import arrow, orc, parquet
from beholden.backends.evidence.tables_avro import avro
from beholden.forensics.containers import STREAMS, Budget, Form, Limits
from beholden.forensics.ports import Entry, Unpacked
from beholden.forensics.source import Held, Source


def _zip(budget: Budget, source: Source) -> Iterator[Entry]:
    """The members of a zip, and what they say together where they are a document."""
    members = list(islice(Zips(budget).entries(source), budget.limits.members + 1))
    yield from members
    yield from office(budget, members)


Reader = Callable[[Budget, Source], Iterator[Entry]]

_READERS: dict[Form, Reader] = {
    Form.ZIP: _zip,
    Form.TAR: tar,
    Form.CPIO: lambda _, source: cpio(source),
    Form.AR: lambda _, source: ar(source),
    Form.FRAGMENTS: fragments,
    Form.SEVENZIP: sevenzip,
    Form.MAIL: mail,
    Form.OLE: ole,
    Form.PDF: pdf,
    Form.RTF: rtf,
    Form.PARQUET: parquet,
    Form.ARROW: arrow,
    Form.ORC: orc,
    Form.AVRO: avro,
}


class Unpacker:
    """Opens containers. A member's name is only ever shown."""

    def __init__(self, limits: Limits) -> None:
        self.budget = Budget(limits)

    def entries(self, form: Form, source: Source) -> Iterator[Entry]:
        """The members of a container. Raises BadInput where there is no readable list of them."""
        found = stream(self.budget, form, source) if form in STREAMS else _READERS[form](self.budget, source)
        for entry in found:
            yield replace(entry, open=partial(self._counted, entry))

    def _counted(self, entry: Entry) -> AbstractContextManager[Unpacked]:
        """Open a member, if the budget still allows any."""
        stop = self.budget.allows(0, 1, 0)
        if stop is not None:
            return nullcontext(Unpacked(Held(b""), 0, stop))
        self.budget.opened()
        return entry.open()

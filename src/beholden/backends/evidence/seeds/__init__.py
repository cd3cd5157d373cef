"""Files that made-up people are planted in: one for each format and spelling that an examination says it reads."""

from collections.abc import Iterator, Mapping, Sequence

from beholden.backends.evidence.seeds.databases import DATABASES
from beholden.backends.evidence.seeds.disk import DISKS
from beholden.backends.evidence.seeds.documents import DOCUMENTS
from beholden.backends.evidence.seeds.packed import PACKED
from beholden.backends.evidence.seeds.texts import TEXTS, Format
from beholden.forensics.needles import Sought

_FORMATS: Mapping[str, Format] = {**TEXTS, **PACKED, **DOCUMENTS, **DATABASES, **DISKS}


class FormatSeeds:
    """The formats that the examiner knows. See Seeds."""

    def planted(self, people: Sequence[Sought]) -> Iterator[tuple[str, bytes]]:
        """See Seeds."""
        for name, make in _FORMATS.items():
            yield name, make(people)

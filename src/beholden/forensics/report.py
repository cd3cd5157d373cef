"""The report: everything that the verdict rests on, as one value that is the same for the same evidence.

People appear by their number and by the id that the app itself uses for them; never by name or address.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, astuple, dataclass
from datetime import datetime
from urllib.parse import quote

from beholden.forensics.coverage import Statement
from beholden.forensics.needles import Needles, only_whole
from beholden.forensics.ports import Exhibit
from beholden.forensics.spelling import Kind
from beholden.forensics.tally import PersonFound, Tally
from beholden.forensics.verdict import Decision
from beholden.model.ids import PersonNumber
from beholden.model.time import text

FORMAT = "beholden examination 2"
MANIFEST_FORMAT = "beholden manifest 1"
MAX_ALONE = 1_000

SEARCHED = (
    "app-scoped ids, e-mail addresses and long platform ids, compared exactly (upper and lower case alike); phones and "
    "other values, where the platform handed them in; digests of addresses, where asked for (--hashed)",
    "text in UTF-8, ASCII, Windows-1252 and UTF-16 of both orders, at any place of a file; base64, hexadecimal, "
    "quoted-printable, percent, backslash and entity escapes, one within the other",
    "disk images, partitions and file systems: live and deleted files, slack and unallocated space",
    "archives and compressed streams, one in another; mails, office and PDF documents; Parquet, Arrow, ORC and Avro",
    "SQLite and PostgreSQL: live and deleted rows, free space of pages, logs; InnoDB pages",
    "unknown files and database pages byte by byte, also where values touch without anything between them",
)
_UNUSABLE = {
    Kind.SCOPED_ID: "app-scoped ids that are none",
    Kind.OUTSIDE_ID: "platform ids that are too short, or of a shape so common that any would be somebody's",
    Kind.EMAIL: "e-mail addresses that are missing, or none",
    Kind.PHONE: "phones that are none",
    Kind.DIGEST: "digests that are none",
}
"""What was left out of what is looked for, since nothing could be recognised by it."""
NOT_SEARCHED = (
    "what is encrypted, and formats that are named among what could not be read",
    "pictures of text, speech",
    "values that were changed: misspelt, cut, translated, averaged into models or scores",
)


@dataclass(frozen=True, slots=True)
class Custody:
    """An exhibit's digest before and after; `after` is None where it could not be read again."""

    number: int
    name: str
    size: int
    sha256: str
    after: str | None

    @property
    def unchanged(self) -> bool:
        """Whether nothing happened to it meanwhile."""
        return self.sha256 == self.after


@dataclass(frozen=True, slots=True)
class Header:
    """Who examined what, when, and against which claim.

    `ledger_size` is how many entries the ledger had up to the last disclosure to this app: what came after says nothing
    here, and the same examination done again has the same report.

    `worker` is what stood between the readers of evidence and everything else.
    """

    id: str
    client_id: str
    app_name: str
    developer: str
    operator: str
    case: str | None
    paths: tuple[str, ...]
    claim: Mapping[str, object] | None
    began_at: datetime
    ended_at: datetime
    taken_at: datetime
    ledger_size: int
    software: str
    worker: Mapping[str, object]


def numbers(tally: Tally, sought: Needles, against: int, only_after: int, unsought: int) -> dict[str, int]:
    """The counts of a report: people, each counted once."""
    found = [one for one in tally.people.values() if one.corroborated]
    return {
        "sought": len(sought.people),
        "unsought": unsought,
        "found": len(found),
        "found_live": sum(1 for one in found if one.live),
        "found_deleted_only": sum(1 for one in found if not one.live),
        "found_attributed": sum(1 for one in found if one.attributed),
        "found_uncorroborated": len(tally.people) - len(found),
        "against_claim": against,
        "received_again_since": only_after,
    }


def document(
    header: Header,
    decision: Decision,
    counts: Mapping[str, int],
    custody: Sequence[Custody],
    coverage: Statement,
    coincidences: float,
    sought: Needles,
    tally: Tally,
    more: Mapping[str, object],
) -> dict[str, object]:
    """The report as plain values, in a fixed order. `more` are further sections, in theirs."""
    odd = only_whole(sought)
    return {
        "format": FORMAT,
        "examination": _header(header),
        "verdict": decision.verdict.value,
        "because": list(decision.because),
        "numbers": dict(counts),
        "places": _places(tally),
        "coverage": _coverage(coverage),
        "exhibits": [asdict(one) | {"unchanged": one.unchanged} for one in custody],
        "coincidences": {"expected_people": coincidences, "sentence": _chance(coincidences)},
        "unusable": {kind.value: count for kind, count in sorted(sought.unusable.items())},
        "only_whole": odd,
        "searched": list(SEARCHED),
        "not_searched": [*_left_out(sought, odd), *NOT_SEARCHED],
        "people": _people(tally, sought, corroborated=True),
        "uncorroborated": _people(tally, sought, corroborated=False)[:MAX_ALONE],
        **more,
    }


def _left_out(sought: Needles, odd: int) -> Iterator[str]:
    """Which of the people's own values were not looked for, or not everywhere; `odd` addresses, see `only_whole`."""
    for kind, count in sorted(sought.unusable.items()):
        yield f"{count:,} {_UNUSABLE[kind]}"
    if odd:
        yield (
            f"e-mail addresses of unusual spelling in the midst of texts (of {odd:,} people; found where "
            "they are a value of their own in a table)"
        )


def _header(header: Header) -> dict[str, object]:
    written = asdict(header)
    return {key: text(value) if isinstance(value, datetime) else value for key, value in written.items()}


def _places(tally: Tally) -> list[dict[str, object]]:
    sites = sorted(tally.sites.items(), key=lambda item: astuple(item[0]))
    return [
        {
            "exhibit": site.exhibit,
            "path": site.path,
            "where": site.where,
            "state": site.state.value,
            "modified": None if count.modified is None else text(count.modified),
            "people": len(count.corroborated),
            "uncorroborated": len(count.alone - count.corroborated),
        }
        for site, count in sites
    ]


def _coverage(statement: Statement) -> dict[str, object]:
    return asdict(statement) | {"share": round(statement.share, 6)}


def _chance(expected: float) -> str:
    if expected < 1e-9:
        return "By chance alone, fewer than one person in a billion such examinations would be expected."
    return f"By chance alone, {expected:.2g} people would be expected, found by two fields."


def _people(tally: Tally, sought: Needles, *, corroborated: bool) -> list[dict[str, object]]:
    return [
        _person(number, one, sought) for number, one in sorted(tally.people.items()) if one.corroborated is corroborated
    ]


def _person(number: PersonNumber, one: PersonFound, sought: Needles) -> dict[str, object]:
    return {
        "person": int(number),
        "app_scoped_id": sought.people[number].scoped_id,
        "fields": sorted(one.fields),
        "state": "live" if one.live or not one.corroborated else "deleted",
        "attributed": one.attributed,
        "exhibit": one.first.exhibit,
        "path": one.first.path,
        "where": one.first.where,
        "offset": one.offset,
    }


def encoded(report: Mapping[str, object]) -> bytes:
    """The report as JSON, the bytes that are hashed and written."""
    return json.dumps(report, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode() + b"\n"


def sha256(data: bytes) -> str:
    """The digest under which the ledger knows a report or a manifest."""
    return hashlib.sha256(data).hexdigest()


def manifest(exhibits: Sequence[Exhibit]) -> bytes:
    """One line an exhibit: digest, size, name. Its digest in the ledger pins all exhibits, however many.

    Canonical: the name is the system's own, byte for byte, with everything but plain characters as %XX, so that two
    names never look the same; the order is that of the exhibits' numbers.
    """
    lines = (f"{one.sha256}  {one.size}  {quote(one.path, '/', 'utf-8', 'surrogateescape')}\n" for one in exhibits)
    return f"{MANIFEST_FORMAT}\n{''.join(lines)}".encode()


def exhibits_in(manifest: bytes) -> list[tuple[str, int]] | None:
    """The digests and sizes that a manifest lists; None for what is none."""
    found: list[tuple[str, int]] = []
    try:
        head, *lines = manifest.decode("ascii").removesuffix("\n").split("\n")
        for line in lines:
            digest, size, _name = line.split("  ", 2)
            found.append((digest, int(size)))
    except ValueError:
        return None
    return found if head == MANIFEST_FORMAT else None

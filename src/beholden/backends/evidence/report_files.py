"""The folder of a report: `report.json`, byte for byte what was hashed, and the same for people and for other tools."""

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import BinaryIO

from beholden.backends.evidence import dfxml
from beholden.backends.evidence.case import case
from beholden.backends.evidence.hits import ParquetHits, read
from beholden.backends.evidence.page import page
from beholden.backends.evidence.pdf import pdf
from beholden.forensics.hits import Find
from beholden.forensics.seal import KEY, MANIFEST, MANIFEST_SIGNATURE, SIGNATURE, SUMS, Signed, sums
from beholden.journeys.examine import Examination
from beholden.model.errors import BadInput, Unavailable

JSON, HTML, PDF = "report.json", "report.html", "report.pdf"
HITS, CASE, DFXML = "hits.parquet", "case.jsonld", "report.dfxml"
NAMES = frozenset({JSON, HTML, PDF, HITS, CASE, DFXML, MANIFEST, MANIFEST_SIGNATURE, KEY, SUMS, SIGNATURE})

Sign = Callable[[bytes], Signed]


def prepare(folder: Path, evidence: Sequence[str]) -> ParquetHits:
    """Make the folder, before anything is examined; where its finds go.

    Raises BadInput for a folder with a report or other things in it, or one that lies in the evidence, which is only
    read. What an examination that was broken off left there is written over.
    """
    inside = folder.resolve()
    for path in map(Path, evidence):
        if inside.is_relative_to(path.resolve()):
            raise BadInput(f"The folder {folder} lies within the evidence {path}.", "Name one elsewhere.")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        names = {entry.name for entry in folder.iterdir()}
    except OSError as error:
        raise _unwritable(folder, error) from error
    if SIGNATURE in names:
        raise BadInput(f"The folder {folder} holds a report already.", "Name a new one.")
    if not all(name in NAMES or name.startswith((".report-", f".{HITS}.")) for name in names):
        raise BadInput(f"The folder {folder} holds other things than a report.", "Name a new one.")
    return ParquetHits(folder / HITS)


def write(folder: Path, done: Examination, sign: Sign) -> tuple[Path, ...]:
    """Write all files and close them under one signature; a file that was there is replaced as a whole.

    Raises Unavailable; what stands there then is no report, since its signature is written last.
    """
    digest = done.record.report_sha256
    whole = {
        JSON: done.encoded,
        HTML: page(done.report, digest),
        PDF: pdf(done.report, digest),
        CASE: case(done.report, digest),
        MANIFEST: done.manifest,
        MANIFEST_SIGNATURE: done.manifest_signed.signature,
    }
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name, data in whole.items():
            _replace(folder / name, lambda file, data=data: file.write(data))  # type: ignore[misc]
        finds: Iterable[Find] = read(folder / HITS) if done.report["hits"] else ()
        _replace(folder / DFXML, lambda file: dfxml.write(file, done.report, finds))
        made = [*whole, DFXML, *([HITS] if done.report["hits"] else [])]
        listed = sums({name: _sha256(folder / name) for name in made})
        signed = sign(listed)
        keys = dict.fromkeys((signed.key.pem, done.manifest_signed.key.pem))
        _replace(folder / KEY, lambda file: file.write("".join(keys).encode()))
        _replace(folder / SUMS, lambda file: file.write(listed))
        _replace(folder / SIGNATURE, lambda file: file.write(signed.signature))
        _sync(folder)
    except OSError as error:
        raise _unwritable(folder, error) from error
    return tuple(folder / name for name in (*made, KEY, SUMS, SIGNATURE))


def _unwritable(folder: Path, error: OSError) -> Unavailable:
    return Unavailable(f"The report cannot be written to {folder} ({error.strerror}).", "Name another.")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _replace(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Under its name stands the old file or the new one, never half of it. Readable by its owner alone."""
    descriptor, scratch = tempfile.mkstemp(dir=path.parent, prefix=".report-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        Path(scratch).replace(path)
    except BaseException:
        Path(scratch).unlink(missing_ok=True)
        raise


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

"""Vouch: close a report under a signature, and check one that somebody shows.

The act of signing is in the ledger before the signature is there (law 12). Checking needs nothing but the folder and a
public key that the checker had from elsewhere: the key that lies beside a report says only who claims to have signed.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from beholden.forensics import report as reports
from beholden.forensics.containers import shown
from beholden.forensics.ports import ExaminationRecord, ReportFolder
from beholden.forensics.seal import (
    KEY,
    MANIFEST,
    MANIFEST_SIGNATURE,
    SIGNATURE,
    SUMS,
    PublicKey,
    Signed,
    read_keys,
    read_sums,
    signer,
)
from beholden.journeys.acts import operators_only, record
from beholden.journeys.ports import Engines
from beholden.model.act import Act, Actor, ActorKind
from beholden.model.ids import ExaminationId

__all__ = [
    "PublicKey",
    "Verification",
    "compare",
    "public_keys",
    "read_keys",
    "record_check",
    "rotate",
    "sign",
    "verify",
]

REPORT, HITS = "report.json", "hits.parquet"
MAX_SUMS = 10_000
MAX_REPORT = 1 << 30
MAX_MANIFEST = 1 << 30


@dataclass(frozen=True, slots=True)
class Verification:
    """What a check found. It verifies where there is no defect. `key` is whose signature it is, if one is right."""

    examination: str | None
    verdict: str | None
    report_sha256: str | None
    key: PublicKey | None
    files: int
    defects: tuple[str, ...]

    @property
    def verified(self) -> bool:
        """Whether everything holds."""
        return not self.defects


def sign(engines: Engines, actor: Actor, examination: ExaminationRecord, sums: bytes) -> Signed:
    """Close a report: its list of digests goes under the examination key, the act before it."""
    key = engines.seal.public()[0]
    details = {"sums_sha256": reports.sha256(sums), "report_sha256": examination.report_sha256, "key": key.fingerprint}
    subject = f"examination:{examination.id}"
    record(engines, Act(actor, "examination:sign", subject, engines.clock.now(), examination.app, details))
    return engines.seal.sign(sums)


def public_keys(engines: Engines) -> Sequence[PublicKey]:
    """The key that signs reports and all earlier ones, the newest first."""
    return engines.seal.public()


def rotate(engines: Engines, actor: Actor) -> PublicKey:
    """Sign with a new key from now on. Raises NotAllowed for anybody but an operator or the house itself."""
    if actor.kind not in (ActorKind.PLATFORM, ActorKind.SYSTEM):
        with engines.store.read() as unit:
            operators_only(unit, actor)
    old = engines.seal.public()[0]
    details = {"replaced": old.fingerprint}
    record(engines, Act(actor, "examination:rotate", f"key:{old.fingerprint}", engines.clock.now(), None, details))
    return engines.seal.rotate()


def verify(folder: ReportFolder, keys: Sequence[PublicKey]) -> Verification:
    """Check a report against keys that are trusted. Raises Unavailable where the folder cannot be read."""
    data, signature = folder.read(SUMS, MAX_SUMS), folder.read(SIGNATURE, 64)
    if data is None or signature is None:
        return _nothing(f"{SUMS if data is None else SIGNATURE} is missing or too long: this is no signed report.")
    key = signer(data, signature, keys)
    if key is None:
        return _nothing(f"{SIGNATURE} is not the signature of {SUMS} by a trusted key.")
    sums = read_sums(data)
    if sums is None:
        return _nothing(f"{SUMS} is signed, but is no list of digests.", key)
    defects = [*_files(folder, sums)]
    report = _report(folder, sums, defects)
    if report is not None:
        defects.extend(_within(folder, report, sums, keys))
    about = report["examination"] if report is not None else {}
    verdict = report["verdict"] if report is not None else None
    return Verification(about.get("id"), verdict, sums.get(REPORT), key, len(sums), tuple(defects))


def _nothing(defect: str, key: PublicKey | None = None) -> Verification:
    return Verification(None, None, None, key, 0, (defect,))


def _files(folder: ReportFolder, sums: Mapping[str, str]) -> Iterator[str]:
    for name, digest in sorted(sums.items()):
        found = folder.sha256(name)
        if found is None:
            yield f"{name} is missing, or is no file."
        elif found != digest:
            yield f"{name} is not the file that was signed."
    for name in folder.names():
        if name not in sums and name not in (SUMS, SIGNATURE, KEY):
            yield f"{shown(name)} lies beside the report, but was not signed with it."


def _report(folder: ReportFolder, sums: Mapping[str, str], defects: list[str]) -> Mapping[str, Any] | None:
    """The report itself, where it is what was signed and can be read."""
    if REPORT not in sums:
        defects.append(f"{REPORT} was not signed with the rest.")
        return None
    raw = folder.read(REPORT, MAX_REPORT)
    if raw is None or reports.sha256(raw) != sums[REPORT]:
        return None  # said already
    try:
        read = json.loads(raw)
    except (ValueError, RecursionError):
        read = None
    if not isinstance(read, dict) or read.get("format") != reports.FORMAT:
        defects.append(f"{REPORT} is not in the format {reports.FORMAT!r}.")
        return None
    return read


def _within(
    folder: ReportFolder, report: Mapping[str, Any], sums: Mapping[str, str], keys: Sequence[PublicKey]
) -> Iterator[str]:
    """What the files say of one another."""
    manifest = folder.read(MANIFEST, MAX_MANIFEST)
    signature = folder.read(MANIFEST_SIGNATURE, 64)
    if manifest is None or reports.sha256(manifest) != report["manifest"]["sha256"]:
        yield f"{MANIFEST} is not the list of exhibits that {REPORT} rests on."
    else:
        if signature is None or signer(manifest, signature, keys) is None:
            yield f"{MANIFEST_SIGNATURE} is not the signature of {MANIFEST} by a trusted key."
        if reports.exhibits_in(manifest) != [(one["sha256"], one["size"]) for one in report["exhibits"]]:
            yield f"{MANIFEST} lists other exhibits than {REPORT}."
    if report["hits"] is not None and report["hits"]["sha256"] != sums.get(HITS):
        yield f"{HITS} is not the list of finds that {REPORT} was counted from."


def compare(engines: Engines, found: Verification) -> str | None:
    """What the house's own record of the examination has against a report that verifies; None when nothing."""
    if found.examination is None:
        return "The report names no examination."
    with engines.store.read() as unit:
        kept = unit.examinations.get(ExaminationId(found.examination))
    if kept is None:
        return "There is no such examination on record here."
    return None if kept.report_sha256 == found.report_sha256 else "The record here has another report's digest."


def record_check(engines: Engines, actor: Actor, found: Verification) -> None:
    """That an operator checked a report, and what came out. Raises NotAllowed for anybody else."""
    with engines.store.read() as unit:
        operators_only(unit, actor)
    details = {"verified": found.verified, "report_sha256": found.report_sha256 or "", "defects": len(found.defects)}
    subject = f"examination:{found.examination or 'unknown'}"
    record(engines, Act(actor, "examination:verify", subject, engines.clock.now(), None, details))

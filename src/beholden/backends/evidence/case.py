"""The examination in the community's own words: CASE/UCO as JSON-LD, which other forensic tools read.

Every step is an InvestigativeAction that knows what informed it, and each leaves a ProvenanceRecord of what it handled.
Exhibits are files with their digests, places with finds are files within them, the verdict and the counts are
assertions. The graph stays small: single finds are in hits.parquet, whose digest stands here.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from beholden.forensics.containers import shown

MAX_FILES = 1_000
"""Exhibits and places, each; the manifest and report.json have them all."""
CONTEXT = {
    "kb": "urn:beholden:",
    "case-investigation": "https://ontology.caseontology.org/case/investigation/",
    "uco-action": "https://ontology.unifiedcyberontology.org/uco/action/",
    "uco-core": "https://ontology.unifiedcyberontology.org/uco/core/",
    "uco-identity": "https://ontology.unifiedcyberontology.org/uco/identity/",
    "uco-observable": "https://ontology.unifiedcyberontology.org/uco/observable/",
    "uco-tool": "https://ontology.unifiedcyberontology.org/uco/tool/",
    "uco-types": "https://ontology.unifiedcyberontology.org/uco/types/",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}

Node = dict[str, Any]


def case(report: Mapping[str, Any], sha256: str) -> bytes:
    """The graph. `sha256` is the digest of report.json."""
    graph = _Graph(report["examination"]["id"])
    tool, examiner = _who(graph, report)
    exhibits = [_exhibit(graph, one) for one in report["exhibits"][:MAX_FILES]]
    places = [_place(graph, number, one) for number, one in enumerate(report["places"][:MAX_FILES], 1)]
    files = [_file(graph, "report.json", None, sha256)]
    if report["hits"]:
        files.append(_file(graph, "hits.parquet", None, report["hits"]["sha256"]))
    said = [_assertion(graph, "verdict", [f"Verdict: {report['verdict']}.", *report["because"]])]
    said.append(_assertion(graph, "numbers", [f"{name}: {count}" for name, count in report["numbers"].items()]))
    said.append(_assertion(graph, "coincidences", [report["coincidences"]["sentence"]]))
    about = report["examination"]
    steps: tuple[tuple[str, str, list[str], list[str], dict[str, str]], ...] = (
        ("intake", "Exhibits listed and hashed; the list signed.", [], exhibits, {"startTime": about["began_at"]}),
        ("search", "Exhibits searched for the people of whom the app received data.", exhibits, places, {}),
        ("check", "Exhibits hashed again.", exhibits, exhibits, {}),
        (
            "judgement",
            "Finds and coverage weighed; report written.",
            places,
            said + files,
            {"endTime": about["ended_at"]},
        ),
    )
    before: str | None = None
    for name, what, handled, result, times in steps:
        before = _step(graph, name, what, before, handled, result, times, (tool, examiner))
    return graph.encoded()


class _Graph:
    """Nodes with ids that are the same for the same examination."""

    def __init__(self, examination: str) -> None:
        self._examination = examination
        self._nodes: list[Node] = []

    def id(self, name: str) -> str:
        return f"kb:{name.partition(' ')[0]}-{uuid5(NAMESPACE_URL, f'urn:beholden:{self._examination}:{name}')}"

    def add(self, name: str, kind: str, content: Mapping[str, Any]) -> str:
        """A node; what is empty is left out."""
        id_ = self.id(name)
        filled = {key: value for key, value in content.items() if value not in (None, [], "")}
        self._nodes.append({"@id": id_, "@type": kind, **filled})
        return id_

    def encoded(self) -> bytes:
        whole = {"@context": CONTEXT, "@graph": self._nodes}
        return json.dumps(whole, ensure_ascii=True, indent=1).encode() + b"\n"


def _refer(ids: Sequence[str]) -> list[Node]:
    return [{"@id": id_} for id_ in ids]


def _who(graph: _Graph, report: Mapping[str, Any]) -> tuple[str, str]:
    about = report["examination"]
    tool = graph.add("tool", "uco-tool:Tool", {"uco-core:name": "Beholden", "uco-tool:version": about["software"]})
    return tool, graph.add("examiner", "uco-identity:Identity", {"uco-core:name": shown(about["operator"])})


def _step(
    graph: _Graph,
    name: str,
    what: str,
    before: str | None,
    handled: Sequence[str],
    result: Sequence[str],
    times: Mapping[str, str],
    who: tuple[str, str],
) -> str:
    """An action, and the record of what it left."""
    record = graph.add(
        f"provenance {name}",
        "case-investigation:ProvenanceRecord",
        {
            "uco-core:description": f"After: {what}",
            "case-investigation:exhibitNumber": f"{name}-1",
            "uco-core:object": _refer(result),
        },
    )
    tool, examiner = who
    return graph.add(
        f"action {name}",
        "case-investigation:InvestigativeAction",
        {
            "uco-core:name": name,
            "uco-core:description": what,
            **{f"uco-action:{when}": _typed("dateTime", at) for when, at in times.items()},
            "uco-action:performer": {"@id": examiner},
            "uco-action:instrument": {"@id": tool},
            "uco-action:object": _refer(handled),
            "uco-action:result": _refer([record, *result]),
            "case-investigation:wasInformedBy": None if before is None else {"@id": before},
        },
    )


def _exhibit(graph: _Graph, exhibit: Mapping[str, Any]) -> str:
    changed = "Unchanged afterwards." if exhibit["unchanged"] else "CHANGED or gone afterwards."
    name = f"exhibit {exhibit['number']}"
    return _file(graph, exhibit["name"], exhibit["size"], exhibit["sha256"], name=name, says=changed)


def _place(graph: _Graph, number: int, place: Mapping[str, Any]) -> str:
    counts = f"{place['people']} people found, {place['uncorroborated']} by one field only"
    says = shown(f"{place['where']} ({place['state']}): {counts}.", 1 << 16)
    return _file(graph, place["path"], None, None, name=f"place {number}", says=says, modified=place["modified"])


def _file(
    graph: _Graph,
    path: str,
    size: int | None,
    sha256: str | None,
    *,
    name: str | None = None,
    says: str = "",
    modified: str | None = None,
) -> str:
    own = name or f"file {path}"
    facet = {
        "uco-observable:filePath": shown(path, 1 << 16),
        "uco-observable:sizeInBytes": None if size is None else _typed("integer", f"{size}"),
        "uco-observable:modifiedTime": None if modified is None else _typed("dateTime", modified),
    }
    facets = [graph.add(f"facet {own}", "uco-observable:FileFacet", facet)]
    if sha256 is not None:
        digest = {"uco-types:hashMethod": "SHA256", "uco-types:hashValue": _typed("hexBinary", sha256)}
        hash_ = graph.add(f"hash {own}", "uco-types:Hash", digest)
        content = {"uco-observable:hash": {"@id": hash_}}
        facets.append(graph.add(f"content {own}", "uco-observable:ContentDataFacet", content))
    return graph.add(own, "uco-observable:File", {"uco-core:description": says, "uco-core:hasFacet": _refer(facets)})


def _assertion(graph: _Graph, name: str, statements: Sequence[str]) -> str:
    return graph.add(
        f"assertion {name}",
        "uco-core:Assertion",
        {"uco-core:name": name, "uco-core:statement": [shown(one, 1 << 16) for one in statements]},
    )


def _typed(kind: str, value: str) -> Node:
    return {"@type": f"xsd:{kind}", "@value": value}

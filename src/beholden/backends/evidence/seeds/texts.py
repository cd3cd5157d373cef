"""Made-up people in texts, in the spellings that texts have."""

import base64
import json
from collections.abc import Callable, Mapping, Sequence

from beholden.forensics.needles import Sought

Format = Callable[[Sequence[Sought]], bytes]
"""Writes people into a file of one format."""


def csv(people: Sequence[Sought]) -> str:
    """A table of them, as many formats hold it."""
    return "id,email,name,city\n" + "".join(f"{p.scoped_id},{p.email},{p.name},Rome\n" for p in people)


def _json(people: Sequence[Sought]) -> str:
    return "\n".join(json.dumps({"id": p.scoped_id, "email": p.email, "name": p.name}) for p in people)


def _sql(people: Sequence[Sought]) -> str:
    rows = ",".join(f"({int(p.person)},'{p.email}','{p.name}',NULL)" for p in people)
    return f"INSERT INTO `people` VALUES {rows};\n"  # noqa: S608 - a text, never run


def _log(people: Sequence[Sought]) -> str:
    line = '10.0.0.1 - - [01/Jan/2026:00:00:00 +0000] "GET /u/{}?mail={} HTTP/1.1" 200 512\n'
    return "".join(line.format(p.scoped_id, p.email.replace("@", "%40")) for p in people)


TEXTS: Mapping[str, Format] = {
    "CSV in UTF-8": lambda people: csv(people).encode(),
    "CSV in UTF-16": lambda people: csv(people).encode("utf-16"),
    "CSV in UTF-16, big end first": lambda people: csv(people).encode("utf-16-be"),
    "CSV in base64": lambda people: base64.b64encode(csv(people).encode()),
    "CSV in base64, in lines": lambda people: base64.encodebytes(csv(people).encode()),
    "CSV in hexadecimal": lambda people: csv(people).encode().hex().encode(),
    "JSON": lambda people: _json(people).encode(),
    "JSON, signs escaped": lambda people: _json(people).replace("@", "\\u0040").encode(),
    "SQL dump": lambda people: _sql(people).encode(),
    "web log, signs escaped": lambda people: _log(people).encode(),
}

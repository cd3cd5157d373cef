"""The data catalogue: which fields the platform holds, in which clusters, of which class.

The document (YAML) and its schema are in docs/reference.md; `read` refuses anything else.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any

from beholden.model.documents import list_of, only_keys, read_mapping, text_of
from beholden.model.errors import BadInput

_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
MAX_FIELDS = 1000


class FieldClass(StrEnum):
    """How much an unlawful disclosure would hurt; every class beyond basic needs review and contract (R8)."""

    BASIC = "basic"
    SENSITIVE = "sensitive"
    RESTRICTED = "restricted"


@dataclass(frozen=True, slots=True)
class Field:
    """One datum, with the words a person would use for it."""

    name: str
    label: str


@dataclass(frozen=True, slots=True)
class Cluster:
    """Fields that are asked for together (FDX "data cluster"); `explains` tells a person what they reveal."""

    name: str
    label: str
    explains: str
    field_class: FieldClass
    fields: tuple[Field, ...]


@dataclass(frozen=True)
class Catalogue:
    """All clusters of a platform, in the order in which pages show them."""

    clusters: tuple[Cluster, ...]

    @cached_property
    def by_name(self) -> Mapping[str, Cluster]:
        """Clusters by their name."""
        return {cluster.name: cluster for cluster in self.clusters}

    @cached_property
    def by_field(self) -> Mapping[str, Cluster]:
        """The one cluster of each field."""
        return {field.name: cluster for cluster in self.clusters for field in cluster.fields}

    @cached_property
    def labels(self) -> Mapping[str, str]:
        """A field's words, by its name."""
        return {field.name: field.label for cluster in self.clusters for field in cluster.fields}

    def fields_of(self, cluster: str) -> frozenset[str]:
        """The names of a cluster's fields; empty for an unknown cluster."""
        found = self.by_name.get(cluster)
        return frozenset(field.name for field in found.fields) if found else frozenset()

    def clusters_of(self, fields: frozenset[str] | tuple[str, ...]) -> tuple[Cluster, ...]:
        """The clusters that have at least one of the fields, in catalogue order."""
        return tuple(c for c in self.clusters if any(f.name in fields for f in c.fields))


def read(text: str) -> Catalogue:
    """Read a catalogue document; raises BadInput naming the place and the remedy."""
    document = read_mapping(text, "catalogue")
    only_keys(document, {"clusters"}, "catalogue")
    clusters: list[Cluster] = []
    owner: dict[str, str] = {}
    for position, entry in enumerate(list_of(document, "clusters", "catalogue"), 1):
        cluster = _cluster(entry, f"cluster {position}")
        if any(cluster.name == other.name for other in clusters):
            raise BadInput(f"cluster {position}: the name {cluster.name!r} stands twice.", "Give it another name.")
        for field in cluster.fields:
            if field.name in owner:
                raise BadInput(
                    f"cluster {cluster.name!r}: the field {field.name!r} is also in {owner[field.name]!r}.",
                    "A field belongs to one cluster.",
                )
            owner[field.name] = cluster.name
        clusters.append(cluster)
    if len(owner) > MAX_FIELDS:
        raise BadInput(f"catalogue: {len(owner)} fields, more than {MAX_FIELDS}.", "Bundle them.")
    if not any(c.field_class is FieldClass.BASIC for c in clusters):
        raise BadInput("catalogue: no cluster has the class basic.", "Mark name, photo and e-mail as basic.")
    return Catalogue(tuple(clusters))


def _cluster(entry: Any, where: str) -> Cluster:
    if not isinstance(entry, dict):
        raise BadInput(f"{where}: must be a mapping.", "Give it name, label, explains, class and fields.")
    only_keys(entry, {"name", "label", "explains", "class", "fields"}, where)
    name = _name(entry, where)
    where = f"cluster {name!r}"
    word = entry.get("class")
    if word not in list(FieldClass):
        raise BadInput(f"{where}: class {word!r} is not known.", "Use basic, sensitive or restricted.")
    fields = tuple(_field(item, f"{where}, field {n}") for n, item in enumerate(list_of(entry, "fields", where), 1))
    return Cluster(name, text_of(entry, "label", where), text_of(entry, "explains", where), FieldClass(word), fields)


def _field(entry: Any, where: str) -> Field:
    if not isinstance(entry, dict):
        raise BadInput(f"{where}: must be a mapping.", "Give it name and label.")
    only_keys(entry, {"name", "label"}, where)
    return Field(_name(entry, where), text_of(entry, "label", where))


def _name(entry: dict[str, Any], where: str) -> str:
    name = text_of(entry, "name", where, longest=63)
    if not _NAME.fullmatch(name):
        raise BadInput(f"{where}: the name {name!r} is not usable.", "Use a-z, 0-9 and _, a letter first.")
    return name

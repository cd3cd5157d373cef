"""Evaluation requests of the commonest form, read by their shape and nothing else.

What is not exactly of this shape is not refused here: it is for the readers behind (`strict_json`, `authzen`), which
take everything that AuthZEN allows and word every refusal. So whatever a reader by shape could take in another sense
than a strict one is left to those: escaped characters, a key that stands twice, members that are not known.
"""

from collections.abc import Iterable, Sequence
from typing import Annotated, Any, Generic, Literal, NamedTuple, TypeVar

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from beholden.journeys.disclose import MAX_FIELDS, MAX_QUESTIONS, Stop
from beholden.journeys.quick import Item, Questions

Name = TypeVar("Name", bound=str)
Id = Annotated[str, Meta(min_length=1, max_length=200)]


class _App(Struct, forbid_unknown_fields=True, gc=False):
    type: Literal["app"]
    id: Id


class _Action(Struct, forbid_unknown_fields=True, gc=False):
    name: Literal["read"]


class _Fields(Struct, Generic[Name], forbid_unknown_fields=True, gc=False):
    fields: Annotated[tuple[Name, ...], Meta(min_length=1, max_length=MAX_FIELDS)]


class _Person(Struct, Generic[Name], forbid_unknown_fields=True, gc=False):
    type: Literal["person"]
    id: Id
    properties: _Fields[Name]


class _Context(Struct, forbid_unknown_fields=True, gc=False):
    purpose: Annotated[str, Meta(max_length=200)]
    through: Id | UnsetType = UNSET
    disclose: bool | UnsetType = UNSET


class _Evaluation(Struct, Generic[Name], forbid_unknown_fields=True, gc=False):
    subject: _App
    action: _Action
    resource: _Person[Name]
    context: _Context


class _Item(Struct, Generic[Name], forbid_unknown_fields=True, gc=False):
    subject: _App | UnsetType = UNSET
    action: _Action | UnsetType = UNSET
    resource: _Person[Name] | UnsetType = UNSET
    context: _Context | UnsetType = UNSET


class _Options(Struct, forbid_unknown_fields=True, gc=False):
    evaluations_semantic: Stop


class _Row(Struct, Generic[Name], forbid_unknown_fields=True, gc=False):
    evaluations: Annotated[list[_Item[Name]], Meta(min_length=1, max_length=MAX_QUESTIONS)]
    subject: _App | UnsetType = UNSET
    action: _Action | UnsetType = UNSET
    resource: _Person[Name] | UnsetType = UNSET
    context: _Context | UnsetType = UNSET
    options: _Options | UnsetType = UNSET


class Row(NamedTuple):
    """Questions of one request, the places of those that disclose, and when the row ends early."""

    questions: Questions
    disclosing: list[int]
    stop: Stop


class One(NamedTuple):
    """One question, and whether it discloses."""

    item: Item
    disclose: bool


_SUBJECT, _ACTION, _RESOURCE, _CONTEXT = 1 + 2, 1 + 1, 1 + 3 + 1, 1 + 1
"""How many keys a member brings, its own name and those within, without what may be left out."""
_ALL = _SUBJECT + _ACTION + _RESOURCE + _CONTEXT


class PlainReader:
    """Reads requests about these fields; one about any other is not of the plain form.

    Names of fields come out as the very texts that were given here, so that nobody has to look at their letters again.
    """

    def __init__(self, fields: Iterable[str]) -> None:
        names = Literal[tuple(fields)]  # type: ignore[valid-type]
        self._one = msgspec.json.Decoder(_Evaluation[names]).decode  # type: ignore[valid-type]
        self._row = msgspec.json.Decoder(_Row[names]).decode  # type: ignore[valid-type]

    def one(self, body: bytes) -> One | None:
        """The question of an evaluation; None where it is not of the plain form."""
        try:
            asked = self._one(body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None
        context, resource = asked.context, asked.resource
        keys = _ALL if context.through is UNSET and context.disclose is UNSET else _ALL + _optional(context)
        if b"\\" in body or (body.count(b":") != keys and not _unique(body, keys, [asked])):
            return None
        person = resource.id
        through = person if context.through is UNSET else context.through
        item = Item(asked.subject.id, person, through, resource.properties.fields, context.purpose)
        return One(item, context.disclose is True)

    def row(self, body: bytes) -> Row | None:
        """The questions of a row, each with the members that it shares; None where one is not of the plain form."""
        try:
            row = self._row(body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None
        items = row.evaluations
        keys = 1 + _given(row) + (0 if row.options is UNSET else 2) + sum(map(_given, items))
        if b"\\" in body or (body.count(b":") != keys and not _unique(body, keys, [row, *items])):
            return None
        subjects: list[Any] = [row.subject if one.subject is UNSET else one.subject for one in items]
        resources: list[Any] = [row.resource if one.resource is UNSET else one.resource for one in items]
        contexts: list[Any] = [row.context if one.context is UNSET else one.context for one in items]
        actions = row.action is not UNSET or all(one.action is not UNSET for one in items)
        if not actions or UNSET in subjects or UNSET in resources or UNSET in contexts:
            return None
        disclosing = [place for place, context in enumerate(contexts) if context.disclose is True]
        stop = Stop.NEVER if row.options is UNSET else row.options.evaluations_semantic
        return Row(_questions(subjects, resources, contexts), disclosing, stop)


def _questions(subjects: Sequence[_App], resources: Sequence[_Person[str]], contexts: Sequence[_Context]) -> Questions:
    persons: list[str | int | None] = [resource.id for resource in resources]
    throughs = persons
    if any(context.through is not UNSET for context in contexts):
        throughs = [
            person if context.through is UNSET else context.through
            for person, context in zip(persons, contexts, strict=True)
        ]
    return Questions(
        [subject.id for subject in subjects],
        persons,
        throughs,
        [resource.properties.fields for resource in resources],
        [context.purpose for context in contexts],
    )


def _given(part: _Item[str] | _Row[str]) -> int:
    """How many keys the members have that are given here."""
    keys = 0
    if part.subject is not UNSET:
        keys += _SUBJECT
    if part.action is not UNSET:
        keys += _ACTION
    if part.resource is not UNSET:
        keys += _RESOURCE
    if part.context is not UNSET:
        keys += _CONTEXT + _optional(part.context)
    return keys


def _optional(context: _Context) -> int:
    return (context.through is not UNSET) + (context.disclose is not UNSET)


def _unique(body: bytes, keys: int, parts: Sequence[_Item[str] | _Row[str] | _Evaluation[str]]) -> bool:
    """Whether no key stands twice. Each key has one colon, and the others are those within the texts."""
    within = 0
    for part in parts:
        if part.subject is not UNSET:
            within += part.subject.id.count(":")
        if part.resource is not UNSET:
            within += part.resource.id.count(":") + sum(name.count(":") for name in part.resource.properties.fields)
        if part.context is not UNSET:
            within += part.context.purpose.count(":")
            within += 0 if part.context.through is UNSET else part.context.through.count(":")
    return body.count(b":") == keys + within

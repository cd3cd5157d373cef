"""AuthZEN Authorization API 1.0: its messages read as questions, and decisions written as its answers.

    subject   {type: "app", id: client id}
    action    {name: "read"}
    resource  {type: "person", id: the platform's id}, or "scoped_person" with the id that this app has of the person;
              properties.fields: which fields, all of the catalogue when left out
    context   purpose; through: whose word it goes by, the person's own when left out (a platform id, or {type, id});
              disclose: true when what is allowed is about to leave

A resource of a type that the platform's own policies are for is theirs to decide, with its subject, action, properties
and context as they stand. A search is the same with one member open, and `page`.

`decision` is true only when every field that was asked for is allowed; `context` says which are. Unknown members are
ignored, as the standard has it; a `time` in the context too, since only the server's clock rules.
"""

import hashlib
from collections.abc import Container, Mapping
from typing import Any

from beholden.journeys.disclose import PersonRef, Question
from beholden.journeys.search import READ, Found, Page, PersonSearch, ResourceSearch, Sought
from beholden.model.decision import Decision, Reason
from beholden.model.errors import BadInput
from beholden.model.resource import Action, Entity, ResourceDecision, ResourceQuestion, ResourceReason
from beholden.model.time import text
from beholden.web import strict_json

_PERSON_TYPES = {"person": False, "scoped_person": True}
_APP = "app"
_LONGEST_NAME = 1000


def read_question(
    request: Mapping[str, Any], resource_types: Container[str] = ()
) -> Question | ResourceQuestion | ResourceReason:
    """The question in an evaluation request; a reason where it is about what this gate does not decide.

    `resource_types` are the platform's own. Raises BadInput, naming the member, where a required one is missing or one
    has the wrong type.
    """
    asked = _read(request, None)
    resource = asked.resource
    if resource.type not in _PERSON_TYPES:
        return asked if resource.type in resource_types else ResourceReason.RESOURCE_TYPE_UNKNOWN
    fields = _fields(resource.properties)
    purpose, through, disclose = _purpose(asked.context), _through(asked.context), _disclose(asked.context)
    if asked.subject.type != _APP:
        return ResourceReason.SUBJECT_TYPE_UNKNOWN
    if asked.action.name != READ:
        return ResourceReason.ACTION_UNKNOWN
    person = PersonRef(resource.id, _PERSON_TYPES[resource.type])
    return Question(asked.subject.id, person, fields, purpose, through, disclose)


def read_search(
    request: Mapping[str, Any], sought: Sought, resource_types: Container[str] = ()
) -> PersonSearch | ResourceSearch | None:
    """What a search request looks for; None where this gate knows nothing of the kind, so that nothing is found.

    The id of what is looked for is ignored where it is given (AuthZEN 1.0, search). Raises BadInput.
    """
    asked = _read(request, sought)
    subject, resource = asked.subject, asked.resource
    if resource.type not in _PERSON_TYPES:
        return ResourceSearch(sought, asked) if resource.type in resource_types else None
    fields, purpose, through = _fields(resource.properties), _purpose(asked.context), _through(asked.context)
    if _disclose(asked.context):  # law 1: nobody may take what was found for recorded
        raise BadInput("context: a search discloses nothing.", "Evaluate what is about to leave, with 'disclose'.")
    person = PersonRef(resource.id, _PERSON_TYPES[resource.type])
    wanted = PersonSearch(sought, subject.id, person, fields, purpose, through)
    known = subject.type == _APP and asked.action.name in {READ, ""}
    return wanted if known else None


def read_page(request: Mapping[str, Any], sought: Sought) -> Page:
    """Which page of a search is wanted; raises BadInput."""
    page = _optional(request, "page", "the request")
    token, limit = page.get("token"), page.get("limit")
    if token is not None and not isinstance(token, str):
        raise BadInput("page: 'token' must be a text.", "Send the one that came with the page before.")
    if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 1):
        raise BadInput("page: 'limit' must be a whole number from 1 on.", "Mend it or leave it out.")
    return Page(_digest(request, sought), token or None, limit)


def write_search(found: Found, request: Mapping[str, Any], sought: Sought) -> dict[str, Any]:
    """The answer to a search; `page` comes first, and only where there are pages or the caller spoke of them."""
    answer: dict[str, Any] = {}
    if found.next_token or request.get("page") is not None:
        answer["page"] = {"next_token": found.next_token, "count": len(found.ids)}
    if sought is Sought.ACTION:
        answer["results"] = [{"name": name} for name in found.ids]
    else:
        type_ = request[sought]["type"]
        answer["results"] = [{"type": type_, "id": id_} for id_ in found.ids]
    return answer


def write_answer(answer: Decision | ResourceDecision) -> dict[str, Any]:
    """The answer to one question of either kind."""
    return write_decision(answer) if isinstance(answer, Decision) else _write_resource(answer)


def write_decision(decision: Decision) -> dict[str, Any]:
    """The answer to one question."""
    reasons = set(decision.denied.values())
    context: dict[str, Any] = {
        "reason": "allowed" if decision.whole else _reason(reasons),
        "allowed_fields": list(decision.allowed),
        "denied_fields": dict(decision.denied),
    }
    if decision.until is not None:
        context["valid_until"] = text(decision.until)
    return {"decision": decision.whole, "context": context}


def _write_resource(decision: ResourceDecision) -> dict[str, Any]:
    context: dict[str, Any] = {"reason": decision.reason}
    if decision.policies:
        context["policies"] = list(decision.policies)
    if decision.errors:
        context["errors"] = list(decision.errors)
    return {"decision": decision.whole, "context": context}


def write_no(reason: str) -> dict[str, Any]:
    """A no for a reason of its own."""
    return {"decision": False, "context": {"reason": reason}}


def write_error(status: int, message: str) -> dict[str, Any]:
    """A no for one item of a row that could not be read."""
    return {"decision": False, "context": {"error": {"status": status, "message": message}}}


def _reason(reasons: set[Reason]) -> str:
    """The one reason, where there is one; each field's own stands in `denied_fields`."""
    return next(iter(reasons)) if len(reasons) == 1 else "several"


def _read(request: Mapping[str, Any], sought: Sought | None) -> ResourceQuestion:
    """The information model of any request (section 5); what is sought has no id, an action sought is not read."""
    subject, resource = _member(request, "subject", sought), _member(request, "resource", sought)
    action = Action("")
    if sought is not Sought.ACTION:
        given = _entity(request, "action")
        action = Action(_text(given, "name", "action"), _optional(given, "properties", "action"))
    return ResourceQuestion(subject, action, resource, _optional(request, "context", "the request"))


def _member(request: Mapping[str, Any], name: str, sought: Sought | None) -> Entity:
    given = _entity(request, name)
    id_ = "" if sought is not None and sought == name else _text(given, "id", name)
    return Entity(_text(given, "type", name), id_, _optional(given, "properties", name))


def _digest(request: Mapping[str, Any], sought: Sought) -> bytes:
    """Of everything that a search's token is bound to: all but the page and what is ignored."""
    bound = {name: request.get(name) for name in ("subject", "action", "resource", "context")}
    if sought is Sought.ACTION:
        del bound["action"]
    else:
        bound[sought] = {key: value for key, value in _entity(request, sought).items() if key != "id"}
    return hashlib.sha256(strict_json.write_sorted([sought, bound])).digest()


def _entity(request: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = request.get(name)
    if not isinstance(found, dict):
        raise BadInput(f"{name!r} must be an object.", "See AuthZEN 1.0, section 5.")
    return found


def _text(entity: Mapping[str, Any], key: str, where: str) -> str:
    found = entity.get(key)
    if not isinstance(found, str) or not 0 < len(found) <= _LONGEST_NAME:
        raise BadInput(f"{where}: {key!r} must be a text of 1 to {_LONGEST_NAME} characters.", "Add or mend it.")
    return found


def _optional(holder: Mapping[str, Any], key: str, where: str) -> Mapping[str, Any]:
    """An object that may be left out; null stands for that, since many writers put it there."""
    found = holder.get(key)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise BadInput(f"{where}: {key!r} must be an object.", "Mend it or leave it out.")
    return found


def _fields(properties: Mapping[str, Any]) -> tuple[str, ...] | None:
    found = properties.get("fields")
    if found is None:
        return None
    if not isinstance(found, list) or not found or not all(isinstance(field, str) for field in found):
        raise BadInput("resource: 'fields' must be a list of at least one text.", "Leave it out to ask about all.")
    return tuple(found)


def _purpose(context: Mapping[str, Any]) -> str:
    found = context.get("purpose", "")
    if not isinstance(found, str):
        raise BadInput("context: 'purpose' must be a text.", "Name the one that was granted.")
    return found


def _through(context: Mapping[str, Any]) -> PersonRef | None:
    found = context.get("through")
    return None if found is None else read_person(found, "context: 'through'")


def read_person(value: Any, where: str) -> PersonRef:
    """A person as text (the platform's id) or as {type, id}."""
    if isinstance(value, str):
        return PersonRef(value)
    if isinstance(value, dict):
        type_, id_ = value.get("type"), value.get("id")
        if isinstance(type_, str) and isinstance(id_, str) and type_ in _PERSON_TYPES:
            return PersonRef(id_, _PERSON_TYPES[type_])
    raise BadInput(f"{where} must be a person.", 'Send an id, or {"type": "scoped_person", "id": …}.')


def _disclose(context: Mapping[str, Any]) -> bool:
    found = context.get("disclose", False)
    if not isinstance(found, bool):  # "yes" taken for a no would be a release without a receipt
        raise BadInput("context: 'disclose' must be true or false.", "Mend it.")
    return found

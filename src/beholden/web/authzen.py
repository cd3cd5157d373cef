"""AuthZEN Authorization API 1.0: its messages read as questions, and decisions written as its answers.

    subject   {type: "app", id: client id}
    action    {name: "read"}
    resource  {type: "person", id: the platform's id}, or "scoped_person" with the id that this app has of the person;
              properties.fields: which fields, all of the catalogue when left out
    context   purpose; through: whose word it goes by, the person's own when left out (a platform id, or {type, id});
              disclose: true when what is allowed is about to leave

`decision` is true only when every field that was asked for is allowed; `context` says which are. Unknown members are
ignored, as the standard has it; a `time` in the context too, since only the server's clock rules.
"""

from collections.abc import Mapping
from typing import Any

from beholden.journeys.disclose import PersonRef, Question
from beholden.model.decision import Decision, Reason
from beholden.model.errors import BadInput
from beholden.model.time import text

_PERSON_TYPES = {"person": False, "scoped_person": True}
_LONGEST_NAME = 1000
_PLAIN_MEMBERS = 2 + 1 + 3
"""Of subject, action and resource together, where they have what they need and nothing else."""


def read_question(request: Mapping[str, Any]) -> Question | str:
    """The question in an evaluation request; a reason code where it is about what this gate does not decide.

    Raises BadInput, naming the member, where a required one is missing or one has the wrong type.
    """
    plain = _plain_question(request)
    return plain if plain is not None else _read_with_care(request)


def _plain_question(request: Mapping[str, Any]) -> Question | None:
    """The question, where it is of the commonest form and all as it should be; None for everything else."""
    try:
        subject, action, resource, context = (
            request["subject"],
            request["action"],
            request["resource"],
            request["context"],
        )
        app, person, fields, purpose = (
            subject["id"],
            resource["id"],
            resource["properties"]["fields"],
            context["purpose"],
        )
        through, disclose = context.get("through"), context.get("disclose", False)
        if (
            subject["type"] != "app"
            or action["name"] != "read"
            or resource["type"] != "person"
            or len(subject) + len(action) + len(resource) != _PLAIN_MEMBERS
            or disclose.__class__ is not bool
        ):
            return None
        texts = [app, person, purpose, *fields] if through is None else [app, person, purpose, through, *fields]
        if not fields or fields.__class__ is not list or not 0 < len(app) <= _LONGEST_NAME >= len(person) > 0:
            return None
    except (KeyError, TypeError, AttributeError):
        return None
    for text_ in texts:
        if text_.__class__ is not str:
            return None
    granting = None if through is None else PersonRef(through)
    return Question(app, PersonRef(person), tuple(fields), purpose, granting, disclose)


def _read_with_care(request: Mapping[str, Any]) -> Question | str:
    subject, action, resource = (_entity(request, name) for name in ("subject", "action", "resource"))
    subject_type, app = _text(subject, "type", "subject"), _text(subject, "id", "subject")
    verb = _text(action, "name", "action")
    resource_type, person = _text(resource, "type", "resource"), _text(resource, "id", "resource")
    context = _optional(request, "context", "the request")
    for entity, name in ((subject, "subject"), (action, "action")):
        _optional(entity, "properties", name)
    fields = _fields(_optional(resource, "properties", "resource"))
    purpose, through, disclose = _purpose(context), _through(context), _disclose(context)
    if subject_type != "app":
        return "subject_type_unknown"
    if verb != "read":
        return "action_unknown"
    if resource_type not in _PERSON_TYPES:
        return "resource_type_unknown"
    return Question(app, PersonRef(person, _PERSON_TYPES[resource_type]), fields, purpose, through, disclose)


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


def write_no(reason: str) -> dict[str, Any]:
    """A no for a reason of its own."""
    return {"decision": False, "context": {"reason": reason}}


def write_error(status: int, message: str) -> dict[str, Any]:
    """A no for one item of a row that could not be read."""
    return {"decision": False, "context": {"error": {"status": status, "message": message}}}


def _reason(reasons: set[Reason]) -> str:
    """The one reason, where there is one; each field's own stands in `denied_fields`."""
    return next(iter(reasons)) if len(reasons) == 1 else "several"


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
    if isinstance(value, dict) and isinstance(value.get("id"), str) and value.get("type") in _PERSON_TYPES:
        return PersonRef(value["id"], _PERSON_TYPES[value["type"]])
    raise BadInput(f"{where} must be a person.", 'Send an id, or {"type": "scoped_person", "id": …}.')


def _disclose(context: Mapping[str, Any]) -> bool:
    found = context.get("disclose", False)
    if not isinstance(found, bool):  # "yes" taken for a no would be a release without a receipt
        raise BadInput("context: 'disclose' must be true or false.", "Mend it.")
    return found

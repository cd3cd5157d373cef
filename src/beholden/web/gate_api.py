"""The gate over HTTP: AuthZEN 1.0, the record filter, and what the platform tells it. Callers are the platform's own.

The filter's answer has two parts: `records` may go to the app; `report` is for the platform only, since it says who is
unknown and who opted out (law 3).
"""

from functools import partial
from io import BytesIO
from typing import Any

from starlette.routing import Route
from starlette.types import ASGIApp

from beholden.journeys import disclose, enrol, gpc, search
from beholden.journeys.disclose import Question, Stop
from beholden.journeys.evaluate import evaluate_row
from beholden.journeys.ports import Engines
from beholden.journeys.search import Found, Sought
from beholden.model import time
from beholden.model.act import Actor, ActorKind
from beholden.model.decision import Decision, Reason
from beholden.model.errors import BadInput
from beholden.model.resource import ResourceDecision, ResourceQuestion
from beholden.web import pdp_metadata, strict_json
from beholden.web.authzen import (
    read_page,
    read_question,
    read_search,
    write_answer,
    write_error,
    write_no,
    write_search,
)
from beholden.web.door import Door
from beholden.web.records import read_filter
from beholden.web.records import write_answer as write_filtered
from beholden.web.stream import Streamed

EVALUATION = "/access/v1/evaluation"
EVALUATIONS = "/access/v1/evaluations"
SEARCHES = {sought: f"/access/v1/search/{sought}" for sought in Sought}
FILTER = "/gate/v1/filter"
USE = "/gate/v1/use"
GPC = "/gate/v1/gpc"
PEOPLE = "/platform/v1/people"
LARGEST = 16 * strict_json.MEBIBYTE
"""Of a filter call or an enrolment; a question is at most one MiB."""
_ANY_SIZE = 1 << 62  # to Starlette: each door counts for itself, and refuses in its own words


def routes(engines: Engines) -> list[Route]:
    """All of it, to be mounted at the root."""
    doors: dict[str, ASGIApp] = {
        EVALUATION: Door(engines, evaluation, closed=_evaluation_closed),
        EVALUATIONS: Door(engines, evaluations, closed=_evaluations_closed),
        FILTER: Streamed(engines, Door(engines, filter_, LARGEST)),
        USE: Door(engines, use),
        GPC: Door(engines, gpc_),
        PEOPLE: Door(engines, people, LARGEST, ("application/x-ndjson",)),
    }
    for sought, path in SEARCHES.items():
        doors[path] = Door(engines, partial(_search, sought))
    found = [Route(path, door, max_body_size=_ANY_SIZE) for path, door in doors.items()]
    endpoints = {"access_evaluation_endpoint": EVALUATION, "access_evaluations_endpoint": EVALUATIONS}
    endpoints |= {f"search_{sought}_endpoint": path for sought, path in SEARCHES.items()}
    return [*found, *pdp_metadata.routes(engines.url, endpoints)]


def evaluation(engines: Engines, _caller: str, body: bytes) -> Any:
    """`POST /access/v1/evaluation` (AuthZEN 1.0, section 6)."""
    return _evaluate_one(engines, strict_json.read_object(body))


def evaluations(engines: Engines, _caller: str, body: bytes) -> Any:
    """`POST /access/v1/evaluations` (AuthZEN 1.0, section 7): many questions, their shared parts said once."""
    request = strict_json.read_object(body)
    stop, items = read_stop(request), read_items(request)
    if not items:
        return _evaluate_one(engines, request)
    read = [_read_item(engines, request, item) for item in items]
    answers = evaluate_row(engines, [None if isinstance(one, dict) else one for one in read], stop)
    written = []
    for one, answer in zip(read, answers, strict=False):  # shorter where `stop` ended the row early
        written.append(one if isinstance(one, dict) else write_answer(_answered(answer)))
    return {"evaluations": written}


def _search(sought: Sought, engines: Engines, _caller: str, body: bytes) -> Any:
    """`POST /access/v1/search/{subject,resource,action}` (AuthZEN 1.0, search): what may be found, page by page."""
    request = strict_json.read_object(body)
    wanted = read_search(request, sought, engines.resource_types)
    page = read_page(request, sought)
    found = Found((), "") if wanted is None else search.search(engines, wanted, page)
    return write_search(found, request, sought)


def filter_(engines: Engines, _caller: str, body: bytes) -> Any:
    """`POST /gate/v1/filter`: records in, what may leave comes out; every disclosure is recorded before the answer."""
    request = strict_json.read_object(body, largest=LARGEST)
    return write_filtered(disclose.filter_document(engines, read_filter(request)), whole="document" in request)


def use(engines: Engines, caller: str, body: bytes) -> Any:
    """`POST /gate/v1/use`: the person themself used the app. `counted` says whether the 90 days began anew."""
    request = strict_json.read_object(body)
    refusal = disclose.record_use(engines, _text(request, "app"), _text(request, "person"), _platform(caller))
    return {"counted": True} if refusal is None else {"counted": False, "reason": refusal}


def gpc_(engines: Engines, caller: str, body: bytes) -> Any:
    """`POST /gate/v1/gpc`: the person's browser sent `Sec-GPC: 1` to the platform. Which switches that turned off."""
    request = strict_json.read_object(body)
    heard = gpc.heard_of(engines, _text(request, "person"), _platform(caller))
    return {"turned_off": list(heard.turned_off), "since": time.text(heard.since)}


def people(engines: Engines, caller: str, body: bytes) -> Any:
    """`POST /platform/v1/people`: a line of JSON for each person (outside_id, name, email); all of them, or none."""
    report = enrol.import_people(engines, BytesIO(body), "jsonl", _platform(caller))
    return {"people": report.people, "added": report.added}


def _evaluate_one(engines: Engines, request: dict[str, Any]) -> dict[str, Any]:
    question = read_question(request, engines.resource_types)
    if isinstance(question, str):
        return write_no(question)
    (answer,) = evaluate_row(engines, [question])
    return write_answer(_answered(answer))


def _evaluation_closed(_engines: Engines, _caller: str, body: bytes) -> dict[str, Any]:
    """Law 4, when not even the caller's key can be looked up."""
    strict_json.read_object(body)
    return write_no(Reason.GATE_STALE)


def _evaluations_closed(_engines: Engines, _caller: str, body: bytes) -> dict[str, Any]:
    items = read_items(strict_json.read_object(body))
    stale = write_no(Reason.GATE_STALE)
    return {"evaluations": [stale] * len(items)} if items else stale


def _platform(caller: str) -> Actor:
    """The platform, as which of its keys' holders."""
    return Actor(ActorKind.PLATFORM, caller)


def read_stop(request: dict[str, Any]) -> Stop:
    options = request.get("options")
    if options is None:
        return Stop.NEVER
    semantic = options.get("evaluations_semantic", Stop.NEVER) if isinstance(options, dict) else None
    if semantic not in list(Stop):
        raise BadInput("options: 'evaluations_semantic' is not known.", f"Use {', '.join(Stop)}.")
    return Stop(semantic)


def read_items(request: dict[str, Any]) -> list[Any]:
    items = request.get("evaluations")
    if items is None:
        return []
    if not isinstance(items, list):
        raise BadInput("'evaluations' must be a list.", "Mend it or leave it out.")
    if len(items) > disclose.MAX_QUESTIONS:
        raise BadInput(f"More than {disclose.MAX_QUESTIONS} evaluations.", "Ask in parts.")
    return items


def _read_item(engines: Engines, defaults: dict[str, Any], item: Any) -> Question | ResourceQuestion | dict[str, Any]:
    """One item's question; its answer at once where it cannot be asked.

    A member of its own replaces the shared one whole.
    """
    try:
        if not isinstance(item, dict):
            raise BadInput("An evaluation must be an object.", "Mend it.")
        members = ("subject", "action", "resource", "context")
        whole = {name: item.get(name, defaults.get(name)) for name in members}
        question = read_question(whole, engines.resource_types)
    except BadInput as error:
        return write_error(400, str(error))
    return write_no(question) if isinstance(question, str) else question


def _answered(answer: Decision | ResourceDecision | None) -> Decision | ResourceDecision:
    assert answer is not None, "only what could not be asked has no answer"
    return answer


def _text(request: dict[str, Any], key: str) -> str:
    found = request.get(key)
    if not isinstance(found, str) or not found:
        raise BadInput(f"{key!r} must be a text.", "Add or mend it.")
    return found

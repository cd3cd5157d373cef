"""Cases about the developer: what was asked, until when, and their answer."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from beholden.journeys import audit, portal
from beholden.model.errors import BadInput
from beholden.web import pages
from beholden.web.developer_portal import counter
from beholden.web.session import engines_of, form

MAX_ANSWER = 20_000


def routes() -> list[BaseRoute]:
    """The list, one case, the answer, the refusal."""
    return [
        counter.view("/cases", list_),
        counter.view("/cases/{id}", one),
        counter.act("/cases/{id}/answer", answer, long=True),
        counter.act("/cases/{id}/refuse", refuse),
    ]


def list_(request: Request) -> Response:
    """All cases about them."""
    found = portal.cases(engines_of(request), counter.developer(request))
    return pages.render(request, "developer_portal/cases.html", cases=found)


def one(request: Request) -> Response:
    """One case."""
    return _case(request)


def answer(request: Request) -> Response:
    """Answer every question. What was typed is shown again beside what is wrong with it, so that it is not lost."""
    engines = engines_of(request)
    case = portal.case(engines, counter.developer(request), counter.place(request))
    numbers = [question.number for rfi in case.rfis[-1:] for question in rfi.questions]
    given = {n: form(request).one(f"answer-{n}", longest=2 * MAX_ANSWER, default="") for n in numbers}
    try:
        audit.answer_rfi(engines, counter.actor(request), case.id, {n: a for n, a in given.items() if a.strip()})
    except BadInput as error:
        return _case(request, 400, error=error, typed=given)
    return pages.redirect(f"/developer/cases/{case.id}?done=answered")


def refuse(request: Request) -> Response:
    """Say that there will be no answer."""
    engines = engines_of(request)
    case = portal.case(engines, counter.developer(request), counter.place(request))
    reason = form(request).one("reason", longest=5_000, default="").strip()
    if not reason or not form(request).ticked("sure"):
        raise BadInput("A refusal needs your explanation and the ticked box.", "Go back; you can still answer instead.")
    audit.refuse_rfi(engines, counter.actor(request), case.id, reason)
    return pages.redirect(f"/developer/cases/{case.id}?done=refused")


def _case(
    request: Request, status: int = 200, *, error: BadInput | None = None, typed: dict[int, str] | None = None
) -> Response:
    engines, developer = engines_of(request), counter.developer(request)
    case = portal.case(engines, developer, counter.place(request))
    late = bool(case.rfis) and engines.clock.now() >= case.rfis[-1].due
    return pages.render(
        request,
        "developer_portal/case.html",
        status,
        case=case,
        may_answer=case.due is not None or (late and case.state in {"overdue", "refused"}),
        may_refuse=case.due is not None and not late,
        certifications=portal.certifications(engines, developer, case.id),
        error=error,
        typed=typed or {},
        done=request.query_params.get("done", ""),
    )

"""Cases: what happened so far, and the next step."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from beholden.journeys import audit, deliver_rfi, detect, docket, enforce, examine
from beholden.journeys.ports import Engines
from beholden.web import pages
from beholden.web.console import desk
from beholden.web.session import engines_of, form


def routes() -> list[BaseRoute]:
    """The list, one case, and each thing that can be done with it."""
    return [
        desk.view("/cases", list_),
        desk.view("/cases/{id}", one),
        desk.act("/cases/{id}/rfi", rfi, long=True),
        desk.act("/cases/{id}/note", note),
        desk.act("/cases/{id}/evades", evades),
        desk.act("/cases/{id}/verdict", verdict),
        desk.act("/cases/{id}/sanction", sanction),
    ]


def list_(request: Request) -> Response:
    """All cases, running ones first."""
    found = sorted(docket.list_cases(engines_of(request)), key=lambda case: case.state == "closed")
    return pages.render(request, "console/cases.html", cases=found)


def one(request: Request) -> Response:
    """One case."""
    engines = engines_of(request)
    view = docket.case_view(engines, desk.place(request))
    done = [e for e in examine.examinations(engines) if e.case == view.case.id]
    return pages.render(
        request,
        "console/case.html",
        view=view,
        case=view.case,
        examinations=done,
        unmailed=view.case.due is not None and not deliver_rfi.letter_noted(view.case),
        suggested=_suggested(engines, view) if not view.case.rfis else [],
    )


def _suggested(engines: Engines, view: docket.CaseView) -> list[str]:
    """What the rules behind the case's findings would ask a developer, as a start."""
    return list(dict.fromkeys(detect.show(engines, finding).rule.ask_developer for finding in view.case.findings))


def rfi(request: Request) -> Response:
    """Send a request for information. The portal shows it from now on; `beholden work` mails the letter."""
    questions = desk.lines(request, "questions", "A question")
    audit.send_rfi(engines_of(request), desk.operator(request), desk.place(request), questions)
    return _back(request)


def note(request: Request) -> Response:
    """Put down an observation."""
    words = desk.text(request, "note", "The note")
    audit.add_note(engines_of(request), desk.operator(request), desk.place(request), words)
    return _back(request)


def evades(request: Request) -> Response:
    """What came back does not answer."""
    reason = desk.text(request, "reason", "The reason")
    audit.say_answers_evade(engines_of(request), desk.operator(request), desk.place(request), reason)
    return _back(request)


def verdict(request: Request) -> Response:
    """Close the case."""
    given = form(request)
    reason = desk.text(request, "reason", "The reason")
    evidence = given.one("evidence", longest=desk.MAX_REASON, default="").split()
    audit.decide_verdict(
        engines_of(request),
        desk.operator(request),
        desk.place(request),
        given.one("outcome", default=""),
        reason,
        evidence,
        given.one("severity", default="") or None,
        deceit=given.ticked("deceit"),
    )
    return _back(request)


def sanction(request: Request) -> Response:
    """Propose a sanction on the developer; a second operator confirms it on the sanctions page (law 10)."""
    engines = engines_of(request)
    view = docket.case_view(engines, desk.place(request))
    kind = form(request).one("kind", default="")
    reason = desk.text(request, "reason", "The reason")
    enforce.propose(engines, desk.operator(request), kind, reason, developer=view.developer.number, case=view.case.id)
    return pages.redirect("/console/sanctions")


def _back(request: Request) -> Response:
    return pages.redirect(f"/console/cases/{desk.place(request)}")

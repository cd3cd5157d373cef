"""Certifications of deletion: a form for each part of the statement, or a whole document, and what is missing in it.

Of a defect a developer is shown what to do, never what the ledger counts: whoever is told the count can copy it. For
the same reason nothing is checked without being kept.
"""

import json
from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from beholden.journeys import certify, portal
from beholden.model.errors import BadInput
from beholden.web import pages
from beholden.web.developer_portal import counter
from beholden.web.session import Form, engines_of, form

MAX_DOCUMENT = 50_000
MAX_TEXT = 10_000
TEXTS = ("statement", "raw", "derived", "backups", "recipients", "signatory", "role")
COUNTS = ("people_direct", "people_indirect", "records")
DATES = ("deleted_on", "signed_on")


def routes() -> list[BaseRoute]:
    """The list, the form, one certification."""
    return [
        counter.view("/certifications", list_),
        counter.view("/certifications/new", blank),
        counter.act("/certifications/new", submit, long=True),
        counter.view("/certifications/{id}", one),
    ]


def list_(request: Request) -> Response:
    """All of theirs, newest first."""
    found = portal.certifications(engines_of(request), counter.developer(request))
    return pages.render(request, "developer_portal/certifications.html", certifications=found)


def one(request: Request) -> Response:
    """One as it was received, and what is to be mended in a new one."""
    found = portal.certification(engines_of(request), counter.developer(request), counter.place(request))
    return pages.render(request, "developer_portal/certification.html", view=found, kept=found.certification)


def blank(request: Request) -> Response:
    """The empty form."""
    return _page(request, Form((("case", request.query_params.get("case", "")[:80]),)))


def submit(request: Request) -> Response:
    """Take it in. What cannot be read is not kept, and stands in the form again beside what is wrong with it."""
    given = form(request)
    try:
        whole = given.one("document", longest=MAX_DOCUMENT, default="").strip()
        kept = certify.submit(
            engines_of(request),
            counter.actor(request),
            whole or document(given),
            case=given.one("case", default="") or None,
            typed=given.one("typed", longest=500, default="").strip() or None,
        )
    except BadInput as error:
        return _page(request, given, 400, error)
    return pages.redirect(f"/developer/certifications/{kept.certification.id}")


def document(given: Form) -> str:
    """The form's fields as the document that `journeys.certify` reads; raises BadInput.

    A field that was left empty is left out: it is for the linter to miss it.
    """
    said: dict[str, object] = {name: list(given.all(name)) for name in ("apps", "categories")}
    said |= _filled({name: given.one(name, longest=MAX_TEXT, default="").strip() for name in TEXTS})
    said |= _filled({name: given.one(name, longest=40, default="").strip() for name in DATES})
    counts = _filled({name: given.one(name, longest=40, default="").strip() for name in COUNTS})
    for name, value in counts.items():
        if not (value.isascii() and value.isdecimal() and len(value) <= 13):
            raise BadInput(f"{name.replace('_', ' ').capitalize()}: {value[:40]!r} is no number.", "Write digits only.")
    return json.dumps(said | {name: int(value) for name, value in counts.items()})


def _filled(values: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in values.items() if value}


def _page(request: Request, given: Form, status: int = 200, error: BadInput | None = None) -> Response:
    engines, developer = engines_of(request), counter.developer(request)
    return pages.render(
        request,
        "developer_portal/certify.html",
        status,
        desk=portal.desk(engines, developer),
        cases=portal.cases(engines, developer),
        clusters=engines.catalogue.clusters,
        given=dict(given.fields),
        ticked={name: set(given.all(name, longest=MAX_TEXT)) for name in ("apps", "categories")},
        error=error,
    )

"""One app: what it asks for and how far that has come, its secret, the deletions that people asked it for."""

from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from beholden.journeys import callbacks, portal
from beholden.model.errors import BadInput
from beholden.web import pages
from beholden.web.developer_portal import counter
from beholden.web.session import engines_of, form


def routes() -> list[BaseRoute]:
    """One app, and each thing that can be done with it."""
    return [
        counter.view("/apps/{id}", one),
        counter.act("/apps/{id}/review", ask_for_review),
        counter.view("/apps/{id}/terms/{cluster}", terms),
        counter.act("/apps/{id}/terms/{cluster}", sign),
        counter.act("/apps/{id}/secret", rotate_secret),
        counter.act("/apps/{id}/callbacks", set_callbacks),
    ]


def one(request: Request) -> Response:
    """One app."""
    own = portal.app(engines_of(request), counter.developer(request), counter.place(request))
    done = request.query_params.get("done", "")
    called = callbacks.of_app(engines_of(request), own.view.app.client_id)
    return pages.render(request, "developer_portal/app.html", own=own, called=called, done=done)


def ask_for_review(request: Request) -> Response:
    """Ask that a purpose be approved."""
    given = form(request)
    portal.ask_for_review(
        engines_of(request), counter.actor(request), counter.place(request), given.one("cluster"), given.one("purpose")
    )
    return _back(request, "asked")


def terms(request: Request) -> Response:
    """The terms for one cluster, to be read and signed."""
    engines, developer = engines_of(request), counter.developer(request)
    own = portal.app(engines, developer, counter.place(request))
    found = portal.terms_of(engines, developer, counter.place(request), counter.place(request, "cluster"))
    (contract,) = {wish.contract for wish in own.wishes if wish.ask.cluster == found.cluster}
    return pages.render(request, "developer_portal/terms.html", own=own, terms=found, contract=contract)


def sign(request: Request) -> Response:
    """Sign the terms that were shown, by name."""
    given = form(request)
    if not given.one("signatory", default="").strip():
        raise BadInput("The name of whoever signs is missing.", "Go back and type it.")
    portal.sign(
        engines_of(request),
        counter.actor(request),
        counter.place(request),
        counter.place(request, "cluster"),
        given.one("signatory"),
        given.one("terms_sha256"),
    )
    return _back(request, "signed")


def rotate_secret(request: Request) -> Response:
    """A new secret, shown in this answer and never again. A box keeps a stray click from cutting an app off."""
    if not form(request).ticked("sure"):
        raise BadInput("The box is not ticked.", "Go back and say that the old secret may stop working at once.")
    engines, developer = engines_of(request), counter.developer(request)
    own = portal.app(engines, developer, counter.place(request))
    secret = portal.rotate_secret(engines, counter.actor(request), counter.place(request))
    return pages.render(request, "developer_portal/secret.html", own=own, secret=secret)


def set_callbacks(request: Request) -> Response:
    """Where the app wants to be called when somebody removes it, or wishes their data deleted."""
    given = form(request)
    portal.set_callbacks(
        engines_of(request),
        counter.actor(request),
        counter.place(request),
        deauthorize=given.one("deauthorize", longest=500, default="").strip(),
        deletion=given.one("deletion", longest=500, default="").strip(),
    )
    return _back(request, "callbacks")


def _back(request: Request, done: str) -> Response:
    return pages.redirect(f"/developer/apps/{quote(counter.place(request), safe='')}?done={done}")

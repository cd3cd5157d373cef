"""Sanctions on the developer or their apps, with the reason, and the appeal against them."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from beholden.journeys import enforce, portal
from beholden.model.errors import BadInput
from beholden.web import pages
from beholden.web.developer_portal import counter
from beholden.web.session import engines_of, form

MAX_GROUNDS = 20_000


def routes() -> list[BaseRoute]:
    """The list, and the appeal against one."""
    return [counter.view("/sanctions", list_), counter.act("/sanctions/{id}/appeal", appeal, long=True)]


def list_(request: Request) -> Response:
    """All that are or were in force."""
    return _page(request)


def appeal(request: Request) -> Response:
    """Speak against one. What was typed is shown again beside what is wrong with it, so that it is not lost."""
    engines = engines_of(request)
    against = portal.sanction(engines, counter.developer(request), counter.place(request))
    grounds = form(request).one("grounds", longest=2 * MAX_GROUNDS, default="")
    try:
        enforce.appeal(engines, counter.actor(request), against.sanction.id, grounds)
    except BadInput as error:
        return _page(request, 400, error=error, typed={against.sanction.id: grounds})
    return pages.redirect("/developer/sanctions?done=appealed")


def _page(
    request: Request, status: int = 200, *, error: BadInput | None = None, typed: dict[str, str] | None = None
) -> Response:
    return pages.render(
        request,
        "developer_portal/sanctions.html",
        status,
        sanctions=portal.sanctions(engines_of(request), counter.developer(request)),
        error=error,
        typed=typed or {},
        done=request.query_params.get("done", ""),
    )

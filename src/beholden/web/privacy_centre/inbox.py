"""The inbox: what we have told the person about apps that misused data. A notice stays after it was read."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from beholden.journeys import notify
from beholden.model.act import ActorKind
from beholden.web import pages
from beholden.web.session import engines_of, page, require


def routes() -> list[BaseRoute]:
    """The list, and one notice."""
    return [
        page("/privacy/inbox", list_, kinds={ActorKind.PERSON}),
        page("/privacy/inbox/{campaign}", one, kinds={ActorKind.PERSON}),
    ]


def list_(request: Request) -> Response:
    """Every notice, newest first."""
    session = require(request, ActorKind.PERSON)
    return pages.render(request, "privacy_centre/inbox.html", notices=notify.inbox(engines_of(request), session.person))


def one(request: Request) -> Response:
    """One notice, in the words of the letter. That it was opened is noted, and changes nothing else."""
    session = require(request, ActorKind.PERSON)
    engines, campaign = engines_of(request), request.path_params["campaign"]
    notice = notify.notice(engines, session.person, campaign)
    if notice.seen_at is None:
        notify.mark_seen(engines, session.person, campaign)
    return pages.render(request, "privacy_centre/notice.html", notice=notice)

"""Was I affected? The self-check: one of three answers, field by field, as often as anybody asks."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from beholden.journeys import affected as journey
from beholden.journeys import notify
from beholden.journeys.ports import Engines
from beholden.model.act import ActorKind
from beholden.model.errors import BadInput, NotFound
from beholden.model.ids import PersonNumber
from beholden.web import pages
from beholden.web.session import engines_of, page, require

MAX_TOLD = 20
_LONGEST = 200


def routes() -> list[BaseRoute]:
    """The self-check."""
    return [page("/privacy/affected", affected, kinds={ActorKind.PERSON})]


def affected(request: Request) -> Response:
    """Answer for a campaign (`campaign`) or an app (`app`); else search for an app (`q`) and list the campaigns."""
    person = require(request, ActorKind.PERSON).person
    engines = engines_of(request)
    campaign, client_id, words = _text(request, "campaign"), _text(request, "app"), _text(request, "q")
    if campaign:
        return _by_campaign(request, engines, person, campaign)
    if client_id:
        answer = journey.by_app(engines, person, client_id)
        return pages.render(request, "privacy_centre/affected_app.html", answer=answer)
    told = [c for c in notify.campaigns(engines) if c.sending_at is not None]
    return pages.render(
        request,
        "privacy_centre/affected.html",
        words=words,
        found=journey.search(engines, words) if words else (),
        told=[(c, notify.self_check(engines, person, c.id).outcome) for c in told[:MAX_TOLD]],
    )


def _by_campaign(request: Request, engines: Engines, person: PersonNumber, campaign: str) -> Response:
    about = next((c for c in notify.campaigns(engines) if c.id == campaign and c.sending_at is not None), None)
    if about is None:
        raise NotFound("There is no such notice.", "Choose one from the list.")
    check = notify.self_check(engines, person, campaign)
    return pages.render(request, "privacy_centre/affected_campaign.html", about=about, check=check)


def _text(request: Request, name: str) -> str:
    text = request.query_params.get(name, "").strip()
    if len(text) > _LONGEST or not text.isprintable():
        raise BadInput("That is no app's name.", "Shorten it.")
    return text

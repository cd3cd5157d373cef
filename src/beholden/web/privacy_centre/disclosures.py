"""What was shared: every disclosure of the person's data, and a receipt for each that can be checked elsewhere."""

from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from beholden.journeys import account, trace
from beholden.model.act import ActorKind
from beholden.model.errors import BadInput, NotFound
from beholden.web import pages
from beholden.web.session import engines_of, page, require

_LARGEST = 2**53


def routes() -> list[BaseRoute]:
    """The list and the receipts."""
    return [
        page("/privacy/disclosures", list_, kinds={ActorKind.PERSON}),
        page("/privacy/disclosures/{seq}/receipt", receipt, kinds={ActorKind.PERSON}),
    ]


def list_(request: Request) -> Response:
    """A page of disclosures, of all apps or of one."""
    session = require(request, ActorKind.PERSON)
    client_id = request.query_params.get("app") or None
    before = _number(request.query_params["before"]) if "before" in request.query_params else None
    found = account.disclosures(engines_of(request), session.person, client_id=client_id, before=before)
    only = {"app": client_id} if client_id else {}
    earlier = None if found.earlier is None else f"?{urlencode({**only, 'before': found.earlier})}"
    latest = None if found.first else f"?{urlencode(only)}"
    return pages.render(
        request, "privacy_centre/disclosures.html", shared=found, only=client_id, earlier=earlier, latest=latest
    )


def receipt(request: Request) -> Response:
    """The receipt of one disclosure, as a file; only of the person's own."""
    session = require(request, ActorKind.PERSON)
    seq = _number(request.path_params["seq"])
    engines = engines_of(request)
    if not account.owns(engines, session.person, seq):
        raise NotFound("There is no such disclosure of your data.", "Choose one from the list.")
    headers = pages.security_headers()
    headers["content-disposition"] = f'attachment; filename="beholden-receipt-{seq}.txt"'
    return Response(trace.prove(engines, seq), 200, headers, "text/plain; charset=utf-8")


def _number(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or len(text) > 16 or int(text) > _LARGEST:
        raise BadInput("That is not a place in the ledger.", "Choose a disclosure from the list.")
    return int(text)

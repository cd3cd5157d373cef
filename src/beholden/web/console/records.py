"""The ledger as an operator sees it: its head, and who did what (law 12)."""

from itertools import takewhile

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from beholden.web import pages
from beholden.web.console import desk
from beholden.web.session import engines_of

SHOWN = 100
WINDOW = 5_000
"""How many entries back a page of acts looks; disclosures stand between them."""


def routes() -> list[BaseRoute]:
    """One page."""
    return [desk.view("/ledger", ledger)]


def ledger(request: Request) -> Response:
    """The latest acts, and further back window by window."""
    book = engines_of(request).ledger
    size = book.size()
    before = min(desk.number(request, "before", size), size)
    start = max(before - WINDOW, 0)
    acts = list(takewhile(lambda act: act.seq < before, book.acts(start=start)))
    shown = list(reversed(acts))[:SHOWN]
    further = shown[-1].seq if len(acts) > SHOWN else start
    return pages.render(
        request, "console/ledger.html", size=size, acts=shown, start=start, further=further if further > 0 else None
    )

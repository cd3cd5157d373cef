"""The console: what operators look at and decide. One file a page; every act goes through a journey and the ledger."""

from starlette.routing import BaseRoute

from beholden.web.console import (
    apps,
    cases,
    examinations,
    findings,
    notices,
    overview,
    records,
    reviews,
    sanctions,
    signals,
)


def routes() -> list[BaseRoute]:
    """All pages of the console, under /console; each is for a signed-in operator."""
    pages = (overview, findings, cases, sanctions, reviews, apps, notices, examinations, signals, records)
    return [route for page_ in pages for route in page_.routes()]

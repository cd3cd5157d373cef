"""The privacy centre: what apps have of a person, and what the person says to that. One file a page."""

from starlette.routing import BaseRoute

from beholden.web.privacy_centre import affected, apps, choices, deletions, disclosures, inbox, overview


def routes() -> list[BaseRoute]:
    """All pages of the privacy centre, under /privacy; each is for a signed-in person."""
    return [
        route
        for page_ in (overview, apps, choices, disclosures, deletions, inbox, affected)
        for route in page_.routes()
    ]

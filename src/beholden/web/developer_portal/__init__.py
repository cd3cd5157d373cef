"""The developer portal: what developers owe, own and may do. One file a page; nothing of another's exists here."""

from starlette.routing import BaseRoute

from beholden.web.developer_portal import apps, cases, certifications, overview, sanctions


def routes() -> list[BaseRoute]:
    """All pages of the portal, under /developer; each is for a signed-in developer."""
    pages = (overview, apps, cases, certifications, sanctions)
    return [route for page_ in pages for route in page_.routes()]

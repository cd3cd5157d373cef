"""The log in public: checkpoint, tiles and bundles as C2SP tlog-tiles describes them. Anyone may read and keep them.

There is no personal data in them; see docs/ledger.md for what they do tell.
"""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from beholden.journeys import seal
from beholden.web.session import engines_of

_CHECKPOINT = {"content-type": "text/plain; charset=utf-8", "cache-control": "public, max-age=1"}
_TILE = {"content-type": "application/octet-stream", "cache-control": "public, max-age=31536000, immutable"}
_ALWAYS = {"access-control-allow-origin": "*", "x-content-type-options": "nosniff"}


def routes() -> list[BaseRoute]:
    """`/log/checkpoint` and everything under `/log/tile/`."""
    return [
        Route("/log/checkpoint", _checkpoint, name="log-checkpoint"),
        Route("/log/tile/{path:path}", _tile, name="log-tile"),
    ]


def _checkpoint(request: Request) -> Response:
    """The latest tree head. It changes, so nobody keeps it for longer than a second."""
    return Response(seal.published(engines_of(request), "checkpoint"), headers=_CHECKPOINT | _ALWAYS)


def _tile(request: Request) -> Response:
    """A tile or bundle. It never changes. A path that is not exactly one of the log's is not found."""
    data = seal.published(engines_of(request), f"tile/{request.path_params['path']}")
    return Response(data, headers=_TILE | _ALWAYS)

"""Reading what comes in, bounded; and saying no in one sentence."""

from collections.abc import Mapping
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

MAX_BYTES = 16 * 1024


class Bad(ValueError):
    """What came in cannot be read; the text says why."""


def query_of(request: Request) -> dict[str, str]:
    """The query's parameters, each at most once."""
    return _once(request.url.query)


async def form_of(request: Request) -> dict[str, str]:
    """The form's fields, each at most once."""
    if not request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        raise Bad("Send application/x-www-form-urlencoded.")
    return _once((await request.body()).decode("latin-1"))


def _once(text: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=50)
    except ValueError:
        raise Bad("The parameters cannot be read.") from None
    if len(dict(pairs)) != len(pairs):
        raise Bad("A parameter stands twice.")
    return dict(pairs)


def refusal(error: str, sentence: str, status: int = 400, headers: Mapping[str, str] | None = None) -> Response:
    """An error in the form of OAuth 2.0 (RFC 6749, 5.2)."""
    body = {"error": error, "error_description": sentence}
    return JSONResponse(body, status, {"cache-control": "no-store", **(headers or {})})

"""OAuth 2.0 over HTTP: the consent page for people, the token, introspection and revocation endpoints for programs.

Errors of the program endpoints have the form of RFC 6749, 5.2, whatever went wrong: a client library reads no other.
"""

import logging
from collections.abc import Callable, Sequence
from typing import Protocol
from urllib.parse import parse_qsl, urlencode

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from beholden.journeys import caller, consent, grants, introspect, push, token
from beholden.journeys.asking import REQUEST_NAMES, Refusal
from beholden.journeys.caller import Document, Pairs, TokenRefusal
from beholden.journeys.consent import ConsentView, Sent
from beholden.journeys.ports import Engines
from beholden.model.act import ActorKind
from beholden.model.errors import BadInput, BeholdenError, Unavailable
from beholden.web import pages, session

MAX_BODY_BYTES = 32 * 1024
"""Twice what the longest parameters have, since a form writes three characters for many a one."""
MAX_PAIRS = 50
_FORM = "application/x-www-form-urlencoded"
_NEVER_KEPT = {"cache-control": "no-store", "pragma": "no-cache", "x-content-type-options": "nosniff"}
_LOG = logging.getLogger("beholden.web.oauth")

Answer = Document | TokenRefusal | None


class Call(Protocol):
    """What answers an endpoint for programs: who calls, the form, and the `DPoP` headers as they came."""

    def __call__(
        self, engines: Engines, authorization: str | None, pairs: Pairs, /, *, proofs: Sequence[str] = ()
    ) -> Answer:
        """The answer's document, a refusal, or None for an empty 200."""
        ...


def routes() -> list[Route]:
    """Authorization, token, introspection and revocation endpoints, and the metadata that names them."""
    return [
        session.page("/oauth/authorize", authorize, methods=("GET", "POST")),
        _endpoint(caller.TOKEN, token.redeem),
        _endpoint(caller.PAR, push.push, status=201),
        _endpoint(caller.INTROSPECT, _without_proof(introspect.introspect)),
        _endpoint(caller.REVOKE, _without_proof(token.revoke)),
        Route("/oauth/grants/{grant_id}", grant, methods=["GET", "DELETE"], max_body_size=MAX_BODY_BYTES),
        Route("/.well-known/oauth-authorization-server", metadata, methods=["GET"]),
    ]


def authorize(request: Request) -> Response:
    """The authorization endpoint (RFC 6749, 3.1): a page for the person, then their answer to the app.

    A link that is no good is refused before anybody is asked to sign in for it.
    """
    return _answer(request) if request.method == "POST" else _ask(request)


def _ask(request: Request) -> Response:
    engines, pairs = session.engines_of(request), _query(request)
    refusal = consent.check(engines, pairs)
    if refusal is not None:
        return _refused(request, refusal)
    person = session.require(request, ActorKind.PERSON).person
    return _shown(request, consent.begin(engines, person, pairs))


def _answer(request: Request) -> Response:
    person = session.require(request, ActorKind.PERSON).person
    form = session.form(request)
    word = form.one("answer")
    if word not in {"allow", "decline"}:
        raise BadInput("The form says neither allow nor decline.", "Go back and choose one of the two buttons.")
    return _shown(
        request,
        consent.decide(
            session.engines_of(request),
            person,
            [(key, value) for key, value in form.fields if key in REQUEST_NAMES],
            allow=word == "allow",
            ticked=form.all("allowed"),
            continuing=form.ticked("continuing"),
        ),
    )


def _shown(request: Request, outcome: ConsentView | Refusal | Sent) -> Response:
    if isinstance(outcome, Refusal):
        return _refused(request, outcome)
    if isinstance(outcome, Sent):
        return _sent(outcome.redirect)
    afresh = urlencode([*((k, v) for k, v in outcome.request if k != "prompt"), ("prompt", "consent")])
    return pages.render(
        request,
        "consent.html",
        form_targets=[outcome.redirect_uri],
        view=outcome,
        afresh=f"/oauth/authorize?{afresh}",
    )


def _refused(request: Request, refusal: Refusal) -> Response:
    if refusal.redirect is not None:
        return _sent(refusal.redirect)
    return pages.render(
        request,
        "error.html",
        title="This cannot be connected",
        sentence=refusal.sentence,
        remedy="Nothing was shared. Close this page, or ask the makers of the app.",
        request_id=getattr(request.state, "request_id", "none"),
        status=400,
    )


def _sent(address: str) -> Response:
    """See Other, so that a form is not sent on to the app with its fields (RFC 9700, 4.12)."""
    headers = {**pages.security_headers(), "location": address, "referrer-policy": "no-referrer"}
    return Response(status_code=303, headers=headers)


def _query(request: Request) -> Pairs:
    try:
        return parse_qsl(request.url.query, keep_blank_values=True, errors="strict", max_num_fields=MAX_PAIRS)
    except ValueError:
        raise BadInput("The link that brought you here cannot be read.", "Ask the makers of the app.") from None


def _endpoint(path: str, call: Call, *, status: int = 200) -> Route:
    """A POST endpoint for programs: one form in, one JSON object out."""

    async def endpoint(request: Request) -> Response:
        engines = session.engines_of(request)
        try:
            pairs = await _form(request)
            authorization, proofs = _authorization(request), request.headers.getlist("dpop")
            answer = await run_in_threadpool(call, engines, authorization, pairs, proofs=proofs)
        except BadInput as error:
            answer = TokenRefusal("invalid_request", str(error), unauthenticated=False)
        except BeholdenError as error:
            return _failed(request, error)
        return _json(answer, status)

    return Route(path, endpoint, methods=["POST"], max_body_size=MAX_BODY_BYTES)


def _without_proof(call: Callable[[Engines, str | None, Pairs], Answer]) -> Call:
    """An endpoint that issues nothing, so that there is nothing to bind to a key."""

    def answer(
        engines: Engines,
        authorization: str | None,
        pairs: Pairs,
        /,
        *,
        proofs: Sequence[str] = (),  # noqa: ARG001 - as for every endpoint
    ) -> Answer:
        return call(engines, authorization, pairs)

    return answer


async def _form(request: Request) -> Pairs:
    if request.headers.get("content-type", "").split(";")[0].strip().lower() != _FORM:
        raise BadInput(f"The body must be {_FORM}.", "Set the content type and send a form.")
    if request.url.query:
        # Secrets and tokens in an address end up in logs (RFC 6749, 2.3.1; RFC 6750, 5.3).
        raise BadInput("Parameters belong in the body, not in the address.", "Send them as the form.")
    try:
        text = (await request.body()).decode("ascii")
        return parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MAX_PAIRS)
    except ValueError:
        raise BadInput(
            f"The form is not UTF-8, or has more than {MAX_PAIRS} fields.", "Send it percent-encoded."
        ) from None


def _authorization(request: Request) -> str | None:
    """The one Authorization header; of two, which one would a proxy have looked at?"""
    given = request.headers.getlist("authorization")
    if len(given) > 1:
        raise BadInput("The request has two Authorization headers.", "Send one.")
    return given[0] if given else None


def _json(answer: Answer, status: int) -> Response:
    if answer is None:
        return Response(status_code=200, headers=_NEVER_KEPT)
    if not isinstance(answer, TokenRefusal):
        return JSONResponse(answer, status, _NEVER_KEPT)
    headers = dict(_NEVER_KEPT)
    if answer.unauthenticated:
        headers["www-authenticate"] = 'Basic realm="beholden"'
    body = {"error": answer.error, "error_description": answer.description}
    return JSONResponse(body, 401 if answer.unauthenticated else 400, headers)


def _failed(request: Request, error: BeholdenError) -> Response:
    """The store or the ledger did not answer: nothing was issued and nothing is said to be active."""
    _LOG.error("%s: %s", request.url.path, error)
    word = "temporarily_unavailable" if isinstance(error, Unavailable) else "server_error"
    body = {"error": word, "error_description": "It could not be done now. Try again."}
    return JSONResponse(body, 503 if isinstance(error, Unavailable) else 500, _NEVER_KEPT)


async def grant(request: Request) -> Response:
    """One grant, for the app that holds a token of it: look at it, or end it (Grant Management, 6)."""
    engines, grant_id = session.engines_of(request), request.path_params["grant_id"]
    act = grants.end if request.method == "DELETE" else grants.show
    try:
        proofs = request.headers.getlist("dpop")
        answer = await run_in_threadpool(act, engines, _authorization(request), grant_id, proofs=proofs)
    except BadInput as error:
        return JSONResponse({"error": "invalid_request", "error_description": str(error)}, 400, _NEVER_KEPT)
    except BeholdenError as error:
        return _failed(request, error)
    if answer is None:
        return Response(status_code=204, headers=_NEVER_KEPT)
    if not isinstance(answer, grants.Barred):
        return JSONResponse(answer, 200, _NEVER_KEPT)
    body = {"error": answer.error, "error_description": answer.description}
    response = JSONResponse(body, answer.status, _NEVER_KEPT)
    for challenge in answer.challenges:
        response.headers.append("www-authenticate", challenge)
    return response


async def metadata(request: Request) -> Response:
    """The metadata document (RFC 8414, 3)."""
    return JSONResponse(token.metadata(session.engines_of(request)), 200, {"cache-control": "max-age=300"})

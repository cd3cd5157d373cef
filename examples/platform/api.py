"""The platform's data API for apps. It holds the data; Beholden says who calls, and what of it may leave.

Every call: the bearer token is introspected (RFC 7662), the records go through the record filter, and what comes out
of it is what leaves. Nothing of either answer is kept: a cached yes outlives a ban. When Beholden does not answer,
nothing leaves.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from examples.platform.forms import Bad, query_of, refusal
from examples.platform.world import FIELDS, World

PAGE = 200
MAX_PAGE = 1000
_FIELDS_OF_FRIENDS = tuple(name for name in FIELDS if name != "friends")
_LONGEST_TOKEN = 200


class NoAnswer(Exception):
    """Beholden did not answer, or not as it should."""


class InvalidToken(Exception):
    """The caller's token is worth nothing now."""


@dataclass(frozen=True)
class Caller:
    """An app that shows a good token: for whom it acts, and for which purposes it was allowed to."""

    app: str
    person: str
    purposes: tuple[str, ...]


class Beholden:
    """The two questions that this platform asks, over one set of kept-alive connections."""

    def __init__(self, url: str, key: str) -> None:
        self._client = httpx.AsyncClient(
            base_url=url,
            headers={"authorization": f"Bearer {key}"},
            timeout=httpx.Timeout(30, connect=5),
            limits=httpx.Limits(max_connections=32, max_keepalive_connections=32),
        )

    async def close(self) -> None:
        """Give back the connections."""
        await self._client.aclose()

    async def caller(self, token: str) -> Caller:
        """Who shows this token; raises InvalidToken, or NoAnswer."""
        answer = await self._ask("/oauth/introspect", data={"token": token})
        if answer.get("active") is not True or "cnf" in answer:
            # A token that is bound to a key opens nothing without the key's proof (RFC 9449, 7.2), and this platform
            # takes bearer tokens alone.
            raise InvalidToken
        try:
            return Caller(str(answer["client_id"]), str(answer["person"]), tuple(answer["purposes"]))
        except (KeyError, TypeError, ValueError) as error:
            raise NoAnswer("Beholden's introspection answer cannot be understood.") from error

    async def release(
        self, caller: Caller, purpose: str, records: Sequence[Mapping[str, Any]], fields: Sequence[str]
    ) -> list[dict[str, Any]]:
        """What of these records may leave; the ledger has it by the time this returns."""
        question = {
            "app": caller.app,
            "through": caller.person,
            "purpose": purpose,
            "records": records,
            "fields": list(fields),
        }
        answer = await self._ask("/gate/v1/filter", json=question)
        released = answer.get("records")
        if not isinstance(released, list):
            raise NoAnswer("Beholden's filter answer cannot be understood.")
        return released

    async def _ask(self, path: str, **what: Any) -> dict[str, Any]:
        try:
            response = await self._client.post(path, **what)
            answer = response.json() if response.status_code == 200 else None
        except (httpx.HTTPError, ValueError) as error:
            raise NoAnswer("Beholden does not answer.") from error
        if not isinstance(answer, dict):
            raise NoAnswer(f"Beholden answered {path} with {response.status_code}.")
        return answer


class Api:
    """`GET /api/me` and `GET /api/friends`, for the person who gave the token's grant."""

    def __init__(self, world: World, beholden: Beholden) -> None:
        self._world = world
        self._beholden = beholden

    def routes(self) -> list[Route]:
        """The two addresses."""
        return [Route("/api/me", self.me), Route("/api/friends", self.friends)]

    async def me(self, request: Request) -> Response:
        """The person's own fields (`fields=name,birthday`, for `purpose`)."""
        return await self._answered(request, self._me)

    async def friends(self, request: Request) -> Response:
        """Fields of the person's friends, a page of them (`offset`, `limit`).

        Who the friends are is itself a field of the person, `friends`; an app that may not have it gets nobody.
        """
        return await self._answered(request, self._friends)

    async def _me(self, caller: Caller, number: int, query: Mapping[str, str]) -> dict[str, Any]:
        fields = _fields(query, FIELDS)
        record = {"id": caller.person, **self._world.record(number, fields)}
        released = await self._beholden.release(caller, _purpose(query, caller), [record], fields)
        return released[0] if released else {}

    async def _friends(self, caller: Caller, number: int, query: Mapping[str, str]) -> dict[str, Any]:
        fields, purpose = _fields(query, _FIELDS_OF_FRIENDS), _purpose(query, caller)
        offset, limit = _whole(query, "offset", 0, 10**9), _whole(query, "limit", PAGE, MAX_PAGE)
        own = {"id": caller.person, **self._world.record(number, ["friends"])}
        listed = await self._beholden.release(caller, purpose, [own], ["friends"])
        if not listed or "friends" not in listed[0]:
            return {"friends": [], "next": None}
        everybody = self._world.friends(number)
        some = everybody[offset : offset + limit]
        records = [{"id": self._world.outside_id(n), **self._world.record(n, fields)} for n in some]
        released = await self._beholden.release(caller, purpose, records, fields) if records else []
        return {"friends": released, "next": offset + limit if offset + limit < len(everybody) else None}

    async def _answered(self, request: Request, answer: Any) -> Response:
        """One way through for both: token, query, answer; each fault one clear error."""
        try:
            query = query_of(request)
            caller = await self._beholden.caller(_token(request))
            number = self._world.number_of(caller.person)
            if number is None:
                raise InvalidToken
            return JSONResponse(await answer(caller, number, query), 200, {"cache-control": "no-store"})
        except Bad as error:
            return refusal("invalid_request", str(error))
        except InvalidToken:
            challenge = {"www-authenticate": 'Bearer realm="platform", error="invalid_token"'}
            return refusal("invalid_token", "The token is missing, unknown or has ended.", 401, challenge)
        except NoAnswer as error:
            return refusal("temporarily_unavailable", f"{error} Nothing was released.", 503)


def _token(request: Request) -> str:
    """The bearer token in the header; in the address it is not looked for (RFC 6750, 2.3)."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not 0 < len(token) <= _LONGEST_TOKEN or not token.isascii():
        raise InvalidToken
    return token


def _fields(query: Mapping[str, str], known: Sequence[str]) -> list[str]:
    wanted = list(dict.fromkeys(query.get("fields", "name,photo").split(",")))
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise Bad(f"There is no field {unknown[0][:40]!r} here. There are: {', '.join(known)}.")
    return wanted


def _purpose(query: Mapping[str, str], caller: Caller) -> str:
    """The purpose that the app names; it need not where it was allowed only one."""
    named = query.get("purpose")
    if named:
        return named
    if len(caller.purposes) != 1:
        raise Bad("Name the purpose: the person allowed more than one, or none.")
    return caller.purposes[0]


def _whole(query: Mapping[str, str], name: str, default: int, most: int) -> int:
    text = query.get(name, str(default))
    if not (text.isascii() and text.isdecimal() and len(text) <= 10 and int(text) <= most):
        raise Bad(f"{name} must be a whole number up to {most}.")
    return int(text)

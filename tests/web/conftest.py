"""The whole server on a house: real engines, real pages, a client that keeps cookies and follows nothing by itself."""

import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from html import unescape

import httpx
import pytest
from starlette.applications import Starlette

from beholden.journeys import access
from beholden.model.act import ActorKind
from beholden.model.ids import PersonNumber
from beholden.web import app, session

URL = "http://beholden.test"
_CSRF = re.compile(r'name="csrf" value="([^"]+)"')
PAGE = {"accept": "text/html"}


class InProcess(httpx.BaseTransport):
    """Calls the application without a socket, a fresh event loop for each request."""

    def __init__(self, application: Starlette) -> None:
        self._transport = httpx.ASGITransport(application, raise_app_exceptions=False)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()

        async def call() -> httpx.Response:
            response = await self._transport.handle_async_request(request)
            return httpx.Response(response.status_code, headers=response.headers, content=await response.aread())

        return asyncio.run(call())


@dataclass
class Web:
    """The server, and browsers to visit it with."""

    house: object
    app: Starlette

    def visitor(self) -> httpx.Client:
        """A browser that nobody is signed in with."""
        return httpx.Client(transport=InProcess(self.app), base_url=URL, headers=PAGE)

    def signed_in(self, kind: ActorKind, id_: str) -> httpx.Client:
        """A browser with a session of its own."""
        client = self.visitor()
        client.cookies.set(session.COOKIE, access.open_session(self.house.engines, kind, id_), domain="beholden.test")
        return client

    def person(self, number: PersonNumber) -> httpx.Client:
        """A person's browser."""
        return self.signed_in(ActorKind.PERSON, str(number))


def send(client: httpx.Client, page: str, action: str, **fields: str) -> httpx.Response:
    """Open a page and send a form of it to `action`, with the page's CSRF value and the browser's Origin."""
    found = _CSRF.search(client.get(page).text)
    assert found is not None, f"{page} has no form"
    return client.post(action, data={"csrf": unescape(found[1]), **fields}, headers={"origin": URL})


@pytest.fixture
def web(house) -> Iterator[Web]:
    """A server at http://beholden.test."""
    house.engines = replace(house.engines, url=URL)
    yield Web(house, app.create(house.engines, house.settings))

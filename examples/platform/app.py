"""The platform as one ASGI application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from examples.platform.api import Api, Beholden
from examples.platform.oidc import Provider
from examples.platform.world import World


def create(world: World, provider: Provider, beholden: Beholden) -> Starlette:
    """Sign-in and data API on one world."""

    async def front(_request: Request) -> Response:
        return PlainTextResponse(
            f"An example platform with {world.people} made-up people. Data: /api/me and /api/friends, with a token.\n"
        )

    @asynccontextmanager
    async def running(_app: Starlette) -> AsyncIterator[None]:
        yield
        await beholden.close()

    routes = [Route("/", front), *provider.routes(), *Api(world, beholden).routes()]
    return Starlette(routes=routes, lifespan=running)

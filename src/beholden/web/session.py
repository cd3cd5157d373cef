"""Sessions and forms: who is visiting, and whether a form really came from a page of ours.

The browser holds one random token; all else is in the store (journeys/access). The CSRF value of a session is derived
from its token, so a page can be drawn without a further secret, and a form is checked without a look-up.

A page is declared with `page(path, handler, ...)`. The handler is a plain function in a worker thread: it may read
the store. Before it runs, the visitor is known, and a form is read, bounded and checked.
"""

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, quote, urlsplit

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from beholden.journeys import access, gpc
from beholden.journeys.ports import Engines
from beholden.model.act import Actor, ActorKind
from beholden.model.errors import BadInput, NotAllowed
from beholden.model.ids import DeveloperNumber, OperatorId, PersonNumber

COOKIE = "beholden_session"
MAX_FORM_BYTES = 64 * 1024
LONG_FORM_BYTES = 2 * 1024 * 1024
"""For forms in which somebody answers at length; percent-encoding makes nine bytes of one character."""
MAX_FORM_FIELDS = 500
MAX_TOKEN = 200

Handler = Callable[[Request], Response]


@dataclass(frozen=True, slots=True)
class Session:
    """One signed-in visitor. `id` is a person's or developer's number as text, or an operator's id."""

    kind: ActorKind
    id: str
    csrf: str
    token: str = field(repr=False)

    @property
    def actor(self) -> Actor:
        """The visitor as the ledger names them."""
        return Actor(self.kind, self.id)

    @property
    def person(self) -> PersonNumber:
        """The person's number; only for a person's session."""
        assert self.kind is ActorKind.PERSON
        return PersonNumber(int(self.id))

    @property
    def developer(self) -> DeveloperNumber:
        """The developer's number; only for a developer's session."""
        assert self.kind is ActorKind.DEVELOPER
        return DeveloperNumber(int(self.id))

    @property
    def operator(self) -> OperatorId:
        """The operator's id; only for an operator's session."""
        assert self.kind is ActorKind.OPERATOR
        return OperatorId(self.id)


@dataclass(frozen=True, slots=True)
class Form:
    """The fields of a form as they came, in order. Reading one checks its length."""

    fields: tuple[tuple[str, str], ...] = ()

    def one(self, name: str, *, longest: int = 200, default: str | None = None) -> str:
        """The value of a field that stands once; raises BadInput when it is missing, repeated or too long."""
        values = [value for key, value in self.fields if key == name]
        if not values and default is not None:
            return default
        if len(values) != 1:
            raise BadInput(f"The form must have the field {name!r} once.", "Go back and send it again.")
        if len(values[0]) > longest:
            raise BadInput(f"The field {name!r} is longer than {longest} characters.", "Shorten it.")
        return values[0]

    def all(self, name: str, *, longest: int = 200) -> tuple[str, ...]:
        """All values of a field, for boxes of which several may be ticked."""
        values = tuple(value for key, value in self.fields if key == name)
        if any(len(value) > longest for value in values):
            raise BadInput(f"A value of {name!r} is longer than {longest} characters.", "Shorten it.")
        return values

    def ticked(self, name: str) -> bool:
        """Whether a single box was ticked."""
        return any(key == name for key, _ in self.fields)


class SignInNeeded(NotAllowed):
    """A page for somebody whom we know was asked for by somebody whom we do not."""

    def __init__(self, kind: ActorKind, path: str) -> None:
        super().__init__("This page is for people who are signed in.", "Sign in first.")
        self.kind = kind
        self.path = path


def engines_of(request: Request) -> Engines:
    """The engines that this server runs on."""
    engines: Engines = request.app.state.engines
    return engines


def is_secure(request: Request) -> bool:
    """Whether people reach this server by https; then cookies are for https alone."""
    return engines_of(request).url.startswith("https://")


def current(request: Request) -> Session | None:
    """The visitor's session, or None. Reads the store once a request; call it in a worker thread."""
    if not hasattr(request.state, "session"):
        request.state.session = _look_up(request)
    session: Session | None = request.state.session
    return session


def require(request: Request, *kinds: ActorKind) -> Session:
    """The session of a visitor of one of these kinds.

    Raises SignInNeeded, which becomes a redirect to sign-in and back, and NotAllowed for a visitor of another kind.
    """
    session = current(request)
    if session is None:
        raise SignInNeeded(kinds[0], _here(request))
    if session.kind not in kinds:
        wanted = " or ".join(f"{kind}s" for kind in kinds)
        raise NotAllowed(f"This page is for {wanted}; you are signed in as {_a(session.kind)}.", "Sign out first.")
    return session


def form(request: Request) -> Form:
    """The form that came with this request; empty for a GET."""
    return getattr(request.state, "form", Form())


def page(
    path: str,
    handler: Handler,
    *,
    methods: Collection[str] = ("GET",),
    kinds: Collection[ActorKind] = (),
    name: str | None = None,
    form_bytes: int = MAX_FORM_BYTES,
) -> Route:
    """A route to a page. `kinds` are those who may see it (nobody in particular when empty).

    A POST is refused unless it comes from a page of this origin and, where there is a session, carries its CSRF value.
    """

    def enter(request: Request) -> Response:
        current(request)
        if kinds:
            require(request, *kinds)
        if request.method == "POST":
            check_form(request)
        hear_gpc(request)
        return handler(request)

    async def endpoint(request: Request) -> Response:
        if request.method == "POST":
            request.state.form = await read_form(request)
        return await run_in_threadpool(enter, request)

    return Route(path, endpoint, methods=list(methods), name=name or path, max_body_size=form_bytes)


def hear_gpc(request: Request) -> None:
    """Take a person's browser at its word (`Sec-GPC: 1`, GPC section 3.2), before the page is made that shows it.

    No other value means anything.
    """
    if request.headers.get("sec-gpc") != "1":
        return
    visitor = current(request)
    if visitor is not None and visitor.kind is ActorKind.PERSON:
        gpc.heard(engines_of(request), visitor.person)


async def read_form(request: Request) -> Form:
    """Read an urlencoded form of bounded size; raises BadInput."""
    media_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if media_type != "application/x-www-form-urlencoded":
        raise BadInput("A form was expected, as application/x-www-form-urlencoded.", "Send it from the page.")
    try:
        text = (await request.body()).decode("ascii")
        fields = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MAX_FORM_FIELDS)
    except ValueError:
        raise BadInput(
            f"The form is not UTF-8, or has more than {MAX_FORM_FIELDS} fields.", "Send it from the page."
        ) from None
    if any("\0" in key or "\0" in value for key, value in fields):
        raise BadInput("The form has a NUL character in it.", "Leave it out.")
    # A browser sends every line end as CR LF, whatever was typed (HTML, "multipart and urlencoded form data").
    return Form(tuple((key, value.replace("\r\n", "\n")) for key, value in fields))


def check_form(request: Request) -> None:
    """Refuse a form that did not come from a page of ours.

    The browser's own word (Origin, else Sec-Fetch-Site) is taken where it gives one; a session's form must carry the
    session's CSRF value besides.
    """
    origin = request.headers.get("origin")
    site = request.headers.get("sec-fetch-site")
    foreign = origin not in origins_of(request) if origin is not None else site not in {None, "same-origin", "none"}
    if foreign:
        raise NotAllowed("The form came from another site.", "Open the page here and send it again.")
    session = current(request)
    if session is not None and not hmac.compare_digest(
        form(request).one("csrf", default="").encode(), session.csrf.encode()
    ):
        raise NotAllowed("The form is not from your present session.", "Reload the page and send it again.")


def origins_of(request: Request) -> frozenset[str]:
    """The one origin at which people reach us."""
    parts = urlsplit(engines_of(request).url)
    return frozenset({f"{parts.scheme}://{parts.netloc}".lower()})


def begin(request: Request, response: Response, kind: ActorKind, id_: str) -> Response:
    """Sign a visitor in: a new token each time, so that one planted beforehand is worth nothing."""
    engines = engines_of(request)
    before = request.cookies.get(COOKIE)
    if before:
        access.end_session(engines, before)
    token = access.open_session(engines, kind, id_)
    response.set_cookie(
        COOKIE,
        token,
        max_age=access.SESSION_SECONDS,
        path="/",
        secure=is_secure(request),
        httponly=True,
        samesite="lax",
    )
    return response


def end(request: Request, response: Response) -> Response:
    """Sign the visitor out: the session ends in the store, whatever the browser does with its cookie."""
    token = request.cookies.get(COOKIE)
    if token:
        access.end_session(engines_of(request), token)
    response.delete_cookie(COOKIE, path="/", secure=is_secure(request), httponly=True, samesite="lax")
    return response


def csrf_of(token: str) -> str:
    """The CSRF value of a session token: a MAC that does not give the token away."""
    return urlsafe_b64encode(hmac.digest(token.encode(), b"beholden csrf", "sha256")).decode().rstrip("=")


def _look_up(request: Request) -> Session | None:
    token = request.cookies.get(COOKIE, "")
    if not token or len(token) > MAX_TOKEN or not token.isascii():
        return None
    found = access.session(engines_of(request), token)
    return Session(found.kind, found.id, csrf_of(token), token) if found else None


def _here(request: Request) -> str:
    """Where to come back to after sign-in; a form is not sent again by itself."""
    if request.method != "GET":
        return ""
    query = request.url.query
    return quote(request.url.path, safe="/") + (f"?{query}" if query else "")


def _a(kind: ActorKind) -> str:
    return f"an {kind}" if kind.value[0] in "aeio" else f"a {kind}"

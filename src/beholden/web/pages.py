"""Pages: one Jinja2 environment that escapes everything, and one way to answer with it.

No page has a script, and no style but the one stylesheet's; the headers below make a browser hold us to that.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import urlsplit

import jinja2
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from beholden.model.act import ActorKind
from beholden.web.session import Session


@dataclass(frozen=True, slots=True)
class NavItem:
    """One entry of the main navigation."""

    path: str
    label: str


NAVIGATION: dict[ActorKind | None, tuple[NavItem, ...]] = {
    None: (),
    ActorKind.PERSON: (
        NavItem("/privacy", "Overview"),
        NavItem("/privacy/apps", "Apps"),
        NavItem("/privacy/choices", "Choices"),
        NavItem("/privacy/disclosures", "What was shared"),
        NavItem("/privacy/inbox", "Inbox"),
        NavItem("/privacy/affected", "Was I affected?"),
    ),
    ActorKind.DEVELOPER: (
        NavItem("/developer", "Overview"),
        NavItem("/developer/cases", "Cases"),
        NavItem("/developer/certifications", "Certifications"),
        NavItem("/developer/sanctions", "Sanctions"),
    ),
    ActorKind.OPERATOR: (
        NavItem("/console", "Overview"),
        NavItem("/console/findings", "Findings"),
        NavItem("/console/cases", "Cases"),
        NavItem("/console/sanctions", "Sanctions"),
        NavItem("/console/reviews", "Reviews"),
        NavItem("/console/apps", "Apps"),
        NavItem("/console/notices", "Notices"),
        NavItem("/console/examinations", "Examinations"),
        NavItem("/console/signals", "Signals"),
        NavItem("/console/ledger", "Ledger"),
    ),
}
FACES = {
    ActorKind.PERSON: NavItem("/privacy", "Privacy centre"),
    ActorKind.DEVELOPER: NavItem("/developer", "Developer portal"),
    ActorKind.OPERATOR: NavItem("/console", "Console"),
}


def day(value: datetime | date | None) -> str:
    """A date for reading, in UTC: `5 March 2026`; an em dash where there is none."""
    if value is None:
        return "—"
    if isinstance(value, datetime):
        value = value.astimezone(UTC).date()
    return f"{value.day} {value:%B %Y}"


def moment(value: datetime | None) -> str:
    """A date and time for reading: `5 March 2026, 14:03 UTC`."""
    return "—" if value is None else f"{day(value)}, {value.astimezone(UTC):%H:%M} UTC"


def listed(words: Iterable[object]) -> str:
    """`name, photo and e-mail`."""
    texts = [str(word) for word in words]
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} and {texts[-1]}" if texts else "nothing"


def counted(number: int, one: str, many: str = "") -> str:
    """`1 app`, `1,204 apps`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("beholden.web", "templates"),
        autoescape=True,  # for every template, whatever its name: no page is exempt
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(day=day, moment=moment, listed=listed, counted=counted)
    return environment


ENVIRONMENT = _environment()


def render(
    request: Request,
    template: str,
    status: int = 200,
    *,
    form_targets: Sequence[str] = (),
    session: Session | None = None,
    **context: Any,
) -> Response:
    """Answer with a template.

    `form_targets` are further addresses to which a form of this page may lead: browsers hold a redirect that follows
    a form to `form-action` as well, so that a consent page names the app's redirect URI here. `session` overrides the
    visitor's own, for the page that ends it or cannot look it up.
    """
    state = request.app.state
    visitor = session if session is not None else getattr(request.state, "session", None)
    kind = visitor.kind if visitor else None
    simulated = state.engines.clock.now() if state.settings.clock else None
    body = ENVIRONMENT.get_template(template).render(
        **context,
        session=visitor,
        csrf=visitor.csrf if visitor else "",
        face=FACES.get(kind) if kind else None,
        navigation=NAVIGATION.get(kind, ()),
        path=request.url.path,
        simulated_time=simulated,
    )
    return Response(body, status, security_headers(form_targets), "text/html")


def redirect(path: str) -> Response:
    """See Other: the answer to a form that was taken. `path` is ours, never a visitor's text."""
    return RedirectResponse(path, 303, {"cache-control": "no-store"})


def security_headers(form_targets: Sequence[str] = ()) -> dict[str, str]:
    """What a browser may do with a page of ours: show it, style it from us, send forms to us, and nothing else.

    The referrer stays `same-origin` (not `no-referrer`): under that a browser sends `Origin: null` with our own forms,
    and the origin is what a form is checked by.
    """
    targets = " ".join(["'self'", *(form_source(target) for target in form_targets)])
    return {
        "content-security-policy": (
            "default-src 'none'; style-src 'self'; img-src 'self' data:; "
            f"form-action {targets}; base-uri 'none'; frame-ancestors 'none'"
        ),
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "referrer-policy": "same-origin",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=()",
        "cache-control": "no-store",
    }


def form_source(address: str) -> str:
    """The CSP source of an address: its origin, or its bare scheme for an app's own (RFC 8252, 7.1)."""
    parts = urlsplit(address)
    if parts.scheme in {"http", "https"} and parts.hostname:
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        origin = f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port else "")
    else:
        origin = f"{parts.scheme}:"
    if not origin.isascii() or any(c in origin for c in " ;,'\"\r\n\t") or origin == ":":
        raise ValueError(f"not an address that a form may lead to: {address!r}")
    return origin

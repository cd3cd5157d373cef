"""The authorization request (RFC 6749, 4.1.1; RFC 7636, 4.3), judged in the order in which it may be answered.

Until client and redirect URI are known to be good nothing may be sent to that URI (RFC 6749, 4.1.2.1; RFC 9700,
4.11): the person gets a page. After that every no goes to the app.
"""

from dataclasses import dataclass
from enum import StrEnum

from beholden.gate.oauth import details, dpop, pkce, redirect
from beholden.gate.oauth.details import Requested
from beholden.gate.oauth.parameters import Parameters
from beholden.gate.oauth.refusal import OAuthError, Refused
from beholden.model.app import App

NAMES = (
    "response_type",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "code_challenge",
    "code_challenge_method",
    "prompt",
    "response_mode",
    "request_uri",
    "authorization_details",
    "dpop_jkt",
    "grant_management_action",
    "grant_id",
)
"""What the consent page carries on from the request to the answer."""


class Action(StrEnum):
    """What is to become of the grant that there is (Grant Management, 5.1)."""

    CREATE = "create"
    MERGE = "merge"
    REPLACE = "replace"


@dataclass(frozen=True, slots=True)
class Change:
    """`grant` names the one to merge with or to replace; None for a new one."""

    action: Action
    grant: str | None


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """A request whose form is right. `afresh` asks that the person be shown everything again.

    `details` are None where the request has no `authorization_details`; `jkt` is the key to which the code is bound.
    """

    client_id: str
    redirect_uri: str
    scope: str | None
    state: str | None
    challenge: str
    afresh: bool
    details: tuple[Requested, ...] | None = None
    jkt: str | None = None
    change: Change | None = None


def refuse_sender(parameters: Parameters, app: App | None) -> str | None:
    """Why nothing may be sent to the redirect URI, in words for the person; None when it is known to be the app's.

    Each of `client_id` and `redirect_uri` must stand exactly once: of two, which one was registered?
    """
    if parameters.one("client_id") is None:
        return "The link does not say which app sent you."
    if app is None:
        return "The app that sent you is not known here."
    uri = parameters.one("redirect_uri")
    if uri is None:
        return "The link does not say where the app waits for the answer."
    if not redirect.matches(uri, app.redirect_uris):
        return "The app that sent you wants the answer at an address that it has not registered."
    return None


def read(parameters: Parameters) -> AuthorizationRequest | Refused:
    """The request, or why the app gets a no. Client and redirect URI were judged before."""
    unusable = parameters.refuse()
    if unusable is not None:
        return unusable
    client_id, uri = parameters.one("client_id"), parameters.one("redirect_uri")
    assert client_id is not None and uri is not None
    if parameters.one("response_type") is None:
        return Refused(OAuthError.INVALID_REQUEST, "response_type is missing; use code.")
    if parameters.one("response_type") != "code":
        return Refused(OAuthError.UNSUPPORTED_RESPONSE_TYPE, "Only response_type code is supported.")
    if parameters.one("response_mode") not in {None, "query"}:
        return Refused(OAuthError.INVALID_REQUEST, "Only response_mode query is supported.")
    if parameters.one("request") or parameters.one("request_uri"):
        return Refused(OAuthError.INVALID_REQUEST, "Request objects are not supported; push the parameters instead.")
    challenge = _challenge(parameters)
    if isinstance(challenge, Refused):
        return challenge
    if parameters.one("prompt") not in {None, "consent"}:
        return Refused(OAuthError.INVALID_REQUEST, "Only prompt consent is supported: the person decides, always.")
    text, jkt, change = parameters.one("authorization_details"), parameters.one("dpop_jkt"), _change(parameters)
    requested = None if text is None else details.read(text)
    if isinstance(requested, Refused):
        return requested
    if isinstance(change, Refused):
        return change
    if jkt is not None and not dpop.is_thumbprint(jkt):
        return Refused(OAuthError.INVALID_REQUEST, "dpop_jkt is not the base64url of a SHA-256 thumbprint.")
    return AuthorizationRequest(
        client_id,
        uri,
        parameters.one("scope"),
        parameters.one("state"),
        challenge,
        parameters.one("prompt") == "consent",
        requested,
        jkt,
        change,
    )


def _change(parameters: Parameters) -> Change | Refused | None:
    """What is to become of the grant there is; the server may leave this out, a client may not have it half."""
    action, grant = parameters.one("grant_management_action"), parameters.one("grant_id")
    if action is None:
        missing = Refused(OAuthError.INVALID_REQUEST, "grant_id is of no use without grant_management_action.")
        return None if grant is None else missing
    if action not in list(Action):
        return Refused(OAuthError.INVALID_REQUEST, "grant_management_action must be create, merge or replace.")
    if (action == Action.CREATE) != (grant is None):
        return Refused(OAuthError.INVALID_REQUEST, "Name grant_id to merge or to replace, and not to create.")
    return Change(Action(action), grant)


def _challenge(parameters: Parameters) -> str | Refused:
    """A missing method means `plain` (RFC 7636, 4.3), which we do not take: it is named, never assumed."""
    challenge = parameters.one("code_challenge")
    if challenge is None:
        return Refused(OAuthError.INVALID_REQUEST, "code_challenge is missing; PKCE is required of every app.")
    if parameters.one("code_challenge_method") != pkce.METHOD:
        return Refused(OAuthError.INVALID_REQUEST, "code_challenge_method must be S256.")
    if not pkce.is_challenge(challenge):
        return Refused(OAuthError.INVALID_REQUEST, "code_challenge is not the base64url of a SHA-256 digest.")
    return challenge

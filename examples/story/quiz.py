"""The app's side: it sends people to consent, pulls what it may, and keeps a database of it.

Nothing here knows Beholden from inside; it speaks OAuth 2.0 and the platform's API over HTTP, like any app.
"""

import base64
import hashlib
import secrets
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx

from examples.story.browser import Browser

FRIEND_FIELDS = ("name", "email", "birthday", "city", "likes", "religion", "politics")


@dataclass(frozen=True)
class Registration:
    """What the developer was given when the app was registered."""

    client_id: str
    secret: str
    redirect_uri: str
    scope: str


class Declined(Exception):
    """The person said no."""


class App:
    """One registered app and the tokens it has."""

    def __init__(
        self, registration: Registration, beholden: str, platform: str, transport: httpx.BaseTransport
    ) -> None:
        self.registration = registration
        self._beholden = beholden
        self._platform = platform
        self._client = httpx.Client(transport=transport, timeout=60)
        self.tokens: dict[str, str] = {}
        self.refresh_tokens: dict[str, str] = {}

    def ask(self, person: str, password: str, browser: Browser, *, agree: bool, optional: bool = True) -> None:
        """Send a person through sign-in and consent, as their browser would; raises Declined when they say no."""
        verifier = secrets.token_urlsafe(48)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
        state = secrets.token_urlsafe(16)
        query = {
            "response_type": "code",
            "client_id": self.registration.client_id,
            "redirect_uri": self.registration.redirect_uri,
            "scope": self.registration.scope,
            "state": state,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        back = self.registration.redirect_uri
        ended = browser.open(f"{self._beholden}/oauth/authorize?{urlencode(query)}", stop_at=back)
        if urlsplit(ended).path == "/authorize":  # the platform's sign-in page
            ended = browser.submit(browser.forms()[-1], {"username": person, "password": password}, stop_at=back)
        if not ended.startswith(back):
            form = next(f for f in browser.forms() if any(value in {"allow", "decline"} for _, value in f.buttons))
            boxes = form.boxes if agree and optional else []
            ended = browser.submit(form, tick=boxes, press="allow" if agree else "decline", stop_at=back)
        self._finish(person, ended, verifier, state)

    def _finish(self, person: str, ended: str, verifier: str, state: str) -> None:
        answer = {name: values[0] for name, values in parse_qs(urlsplit(ended).query).items()}
        if answer.get("state") != state:
            raise RuntimeError(f"the consent ended at {ended}")
        if "code" not in answer:
            raise Declined(answer.get("error", "no code"))
        tokens = self._client.post(
            f"{self._beholden}/oauth/token",
            data={
                "grant_type": "authorization_code",
                "code": answer["code"],
                "redirect_uri": self.registration.redirect_uri,
                "code_verifier": verifier,
            },
            auth=(self.registration.client_id, self.registration.secret),
        )
        tokens.raise_for_status()
        self.tokens[person] = tokens.json()["access_token"]
        self.refresh_tokens[person] = tokens.json().get("refresh_token", "")

    def refresh(self, person: str) -> bool:
        """Trade the refresh token for a new pair; False when it is worth nothing any more."""
        answer = self._client.post(
            f"{self._beholden}/oauth/token",
            data={"grant_type": "refresh_token", "refresh_token": self.refresh_tokens[person]},
            auth=(self.registration.client_id, self.registration.secret),
        )
        if answer.status_code != 200:
            return False
        self.tokens[person] = answer.json()["access_token"]
        self.refresh_tokens[person] = answer.json()["refresh_token"]
        return True

    def me(self, person: str, fields: Sequence[str], purpose: str = "") -> dict[str, Any]:
        """The person's own record, as much of it as comes; nothing when the platform refuses."""
        answer = self._get("/api/me", person, {"fields": ",".join(fields), "purpose": purpose})
        return answer if isinstance(answer, dict) else {}

    def friends(self, person: str, fields: Sequence[str], purpose: str = "") -> list[dict[str, Any]]:
        """The records of the person's friends, page by page; none when the platform refuses."""
        found: list[dict[str, Any]] = []
        offset: int | None = 0
        while offset is not None:
            query = {"fields": ",".join(fields), "purpose": purpose, "offset": str(offset), "limit": "1000"}
            answer = self._get("/api/friends", person, query)
            found.extend(answer.get("friends", []))
            offset = answer.get("next")
        return found

    def _get(self, path: str, person: str, query: dict[str, str]) -> Any:
        answer = self._client.get(
            f"{self._platform}{path}",
            params={name: value for name, value in query.items() if value},
            headers={"authorization": f"Bearer {self.tokens[person]}"},
        )
        if answer.status_code == 401:
            return {}
        answer.raise_for_status()
        return answer.json()


class Hoard:
    """The database that the developer keeps, and what becomes of it."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.file = folder / "people.db"
        self._connection = sqlite3.connect(self.file)
        columns = ", ".join(f"{name} TEXT" for name in FRIEND_FIELDS)
        self._connection.execute(f"CREATE TABLE IF NOT EXISTS people (id TEXT, through TEXT, {columns}, score REAL)")

    def keep(self, through: str, records: Iterable[dict[str, Any]]) -> None:
        """Keep records, with a made-up personality score beside each: the derived data of the story."""
        rows = [
            (r["id"], through, *(_text(r.get(name)) for name in FRIEND_FIELDS), int(r["id"][:2], 36) / 1296)
            for r in records
            if "id" in r
        ]
        marks = ",".join("?" * (len(FRIEND_FIELDS) + 3))
        self._connection.executemany(f"INSERT INTO people VALUES ({marks})", rows)  # noqa: S608 - only question marks
        self._connection.commit()

    def delete(self) -> None:
        """What the developer calls deleting: the rows are gone for SQL, and still on the disk."""
        # Debian builds SQLite to overwrite what is deleted; most of the world does not, and neither does this server.
        self._connection.execute("PRAGMA secure_delete = OFF")
        self._connection.execute("DELETE FROM people")
        self._connection.commit()
        self._connection.close()


def _text(value: Any) -> str | None:
    if value is None:
        return None
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)

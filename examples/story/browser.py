"""A person's browser, as far as the story needs one: cookies, redirects, and forms that are read off the page."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import httpx


@dataclass
class Form:
    """One form of a page: where it goes, what it sends by itself, and its boxes and buttons by name."""

    action: str
    method: str
    values: list[tuple[str, str]] = field(default_factory=list)
    boxes: list[tuple[str, str]] = field(default_factory=list)
    buttons: list[tuple[str, str]] = field(default_factory=list)


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._open: Form | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._open = Form(given.get("action", ""), given.get("method", "get").lower())
            self.forms.append(self._open)
        elif self._open is not None and tag in {"input", "button"} and given.get("name"):
            self._take(tag, given)

    def _take(self, tag: str, given: dict[str, str]) -> None:
        assert self._open is not None
        pair = (given["name"], given.get("value", "on"))
        kind = given.get("type", "submit" if tag == "button" else "text")
        if kind == "submit":
            self._open.buttons.append(pair)
        elif kind in {"checkbox", "radio"}:
            self._open.boxes.append(pair)
            if "checked" in given:
                self._open.values.append(pair)
        else:
            self._open.values.append((given["name"], given.get("value", "")))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = None


class Browser:
    """Follows redirects until a page, or until an address that it was told to stop at."""

    def __init__(self, transport: httpx.BaseTransport) -> None:
        self._client = httpx.Client(transport=_Shared(transport), timeout=30)
        self.url = ""
        self.page: httpx.Response | None = None

    def open(self, url: str, *, stop_at: str = "") -> str:
        """Open an address; the address where it ended (a page, or the first one that begins with `stop_at`)."""
        return self._follow(self._client.build_request("GET", url), stop_at)

    def forms(self) -> list[Form]:
        """The forms of the page that is open."""
        assert self.page is not None
        parser = _Forms()
        parser.feed(self.page.text)
        return parser.forms

    def submit(
        self,
        form: Form,
        fill: dict[str, str] | None = None,
        *,
        tick: list[tuple[str, str]] | None = None,
        press: str = "",
        stop_at: str = "",
    ) -> str:
        """Send a form with these texts filled in, boxes ticked, and the button whose value is `press`."""
        fill = fill or {}
        pairs = [(name, fill.get(name, value)) for name, value in form.values] + (tick or [])
        if press:
            pairs += [next(button for button in form.buttons if button[1] == press)]
        target = urljoin(self.url, form.action)
        data: dict[str, list[str]] = {}
        for name, value in pairs:
            data.setdefault(name, []).append(value)
        if form.method == "post":
            request = self._client.build_request("POST", target, data=data, headers={"Origin": _origin(self.url)})
        else:
            request = self._client.build_request("GET", target, params=data)
        return self._follow(request, stop_at)

    def _follow(self, request: httpx.Request, stop_at: str) -> str:
        for _ in range(20):
            response = self._client.send(request)
            self.url = str(request.url)
            if response.next_request is None:
                self.page = response
                return self.url
            request = response.next_request
            if stop_at and str(request.url).startswith(stop_at):
                return str(request.url)
        raise RuntimeError(f"too many redirects at {self.url}")

    def close(self) -> None:
        """Forget the cookies; the connections are shared and stay."""
        self._client.cookies.clear()


class _Shared(httpx.BaseTransport):
    """Many browsers on one pool of connections: closing one must not close the others'."""

    def __init__(self, transport: httpx.BaseTransport) -> None:
        self._transport = transport

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self._transport.handle_request(request)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"

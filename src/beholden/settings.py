"""Settings: one frozen, typed value, read once.

Every setting is a variable `BEHOLDEN_<NAME>`: in the environment, or as a `NAME=VALUE` line of the file
`beholden.env` in the data folder, so that every command on that folder agrees; the environment wins. The table in
docs/reference.md is checked against this class by a test.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from urllib.parse import urlsplit

from beholden.model.errors import BadInput

_LARGEST_PORT = 65535


@dataclass(frozen=True)
class Settings:
    """How this installation is set up. `data` holds everything that must be kept."""

    data: Path = field(default=Path("beholden-data"), metadata={"help": "folder of the store, ledger and keys"})
    database: str = field(default="", metadata={"help": "database URL; empty is SQLite in the data folder"})
    host: str = field(default="127.0.0.1", metadata={"help": "address that `serve` listens on"})
    port: int = field(default=8400, metadata={"help": "port that `serve` listens on"})
    url: str = field(default="", metadata={"help": "where people reach the pages; empty is http://HOST:PORT"})
    catalogue: str = field(default="", metadata={"help": "catalogue file; empty is catalogue.yaml in the data folder"})
    routes: str = field(default="", metadata={"help": "route catalogue; empty is routes.yaml in the data folder"})
    tls_cert: str = field(default="", metadata={"help": "certificate chain (PEM) with which `serve` speaks TLS"})
    tls_key: str = field(default="", metadata={"help": "its private key (PEM)"})
    client_ca: str = field(default="", metadata={"help": "CA certificates (PEM) of callers that show a certificate"})
    app_per_second: int = field(
        default=10_000, metadata={"help": "questions of one app a second, each worker; 0: no limit", "most": 10**9}
    )
    app_burst: int = field(default=50_000, metadata={"help": "and how many at once", "most": 10**9})
    grant_per_second: int = field(
        default=500,
        metadata={
            "help": "questions of one app on one person's word a second, each worker; 0: no limit",
            "most": 10**9,
        },
    )
    grant_burst: int = field(default=5_000, metadata={"help": "and how many of these at once", "most": 10**9})
    smtp_host: str = field(default="127.0.0.1", metadata={"help": "mail server for notices"})
    smtp_port: int = field(default=25, metadata={"help": "its port"})
    smtp_sender: str = field(default="notices@beholden.example", metadata={"help": "From address of letters"})
    smtp_security: str = field(default="none", metadata={"help": "none, starttls or tls, to the mail server"})
    smtp_user: str = field(default="", metadata={"help": "our name at the mail server; empty is no sign-in"})
    smtp_password: str = field(default="", metadata={"help": "our password there"})
    contact: str = field(default="privacy@beholden.example", metadata={"help": "address for questions, in letters"})
    oidc_issuer: str = field(default="", metadata={"help": "the platform's OpenID Connect issuer, for sign-in"})
    oidc_client_id: str = field(default="", metadata={"help": "our client id at that issuer"})
    oidc_client_secret: str = field(default="", metadata={"help": "our client secret there"})
    ledger_origin: str = field(default="beholden.example/ledger", metadata={"help": "name in every checkpoint"})
    gate: str = field(default="store", metadata={"help": "what evaluations are answered from: store, or table"})
    cedar: str = field(default="", metadata={"help": "folder with Cedar policies for your own resource types"})
    receiver_networks: str = field(
        default="", metadata={"help": "private networks in which receivers of signals may stand, as 10.0.0.0/8"}
    )
    clock: str = field(default="", metadata={"help": "a file that holds simulated time, for demo and tests only"})

    @property
    def database_url(self) -> str:
        """The database, the embedded one by default."""
        return self.database or f"sqlite:///{self.data / 'store.db'}"

    @property
    def public_url(self) -> str:
        """Where people reach the pages, without a slash at the end."""
        scheme = "https" if self.tls_cert else "http"
        return (self.url or f"{scheme}://{self.host}:{self.port}").rstrip("/")

    @property
    def routes_file(self) -> Path:
        """The route catalogue, which an installation without gateways does not have."""
        return Path(self.routes) if self.routes else self.data / "routes.yaml"

    @property
    def catalogue_file(self) -> Path:
        """The catalogue document."""
        return Path(self.catalogue) if self.catalogue else self.data / "catalogue.yaml"


def read(environment: Mapping[str, str] | None = None, *, data: Path | None = None) -> Settings:
    """Settings from the data folder's file and the environment; `data` from the command line wins.

    Raises BadInput naming the variable.
    """
    given = dict(os.environ if environment is None else environment)
    folder = data or Path(given.get("BEHOLDEN_DATA", "beholden-data"))
    values = {s.name: _value(s, text) for s, text in _texts(_file(folder) | given)}
    values["data"] = folder
    settings = Settings(**values)  # type: ignore[arg-type]
    if settings.gate not in {"store", "table"}:
        raise BadInput(f"BEHOLDEN_GATE={settings.gate!r} is not known.", "Use store or table.")
    for name in ("url", "oidc_issuer"):
        address = getattr(settings, name)
        if address and urlsplit(address).scheme not in {"http", "https"}:
            raise BadInput(f"BEHOLDEN_{name.upper()}={address!r} is not an http(s) address.", "Mend it.")
        if "?" in address or "#" in address:  # every address we give out is this one with a path behind it
            raise BadInput(f"BEHOLDEN_{name.upper()}={address!r} has a query or a fragment.", "Leave it out.")
    return settings


def _texts(variables: Mapping[str, str]) -> Iterator[tuple[Field[object], str]]:
    for setting in fields(Settings):
        text = variables.get(f"BEHOLDEN_{setting.name.upper()}")
        if text is not None:
            yield setting, text


def _value(setting: Field[object], text: str) -> object:
    if isinstance(setting.default, int):
        most = setting.metadata.get("most", _LARGEST_PORT)
        if most != _LARGEST_PORT and not (text.isascii() and text.isdecimal() and int(text[:20]) <= most):
            raise BadInput(f"BEHOLDEN_{setting.name.upper()}={text!r} is not a number.", f"Use 0 to {most}.")
        if not text.isdecimal() or not 0 <= int(text) <= most:
            raise BadInput(f"BEHOLDEN_{setting.name.upper()}={text!r} is not a port number.", "Use 0 to 65535.")
        return int(text)
    return text


def _file(folder: Path) -> dict[str, str]:
    """The variables of `beholden.env`; none where there is no such file."""
    path = folder / "beholden.env"
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{path} cannot be read ({error}).", "Mend or remove it.") from error
    known = {f"BEHOLDEN_{f.name.upper()}" for f in fields(Settings)} - {"BEHOLDEN_DATA"}
    variables: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        name, equals, value = line.partition("=")
        if not line.strip() or line.startswith("#"):
            continue
        if not equals or name.strip() not in known:
            raise BadInput(f"{path}, line {number}: {name.strip()!r} is not a setting.", "See docs/reference.md.")
        variables[name.strip()] = value.strip()
    return variables

"""Settings: one frozen, typed value, read once from the environment and the command line.

Every setting is an environment variable `BEHOLDEN_<NAME>`; the table in docs/reference.md is checked against this
class by a test.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from urllib.parse import urlsplit

from beholden.model.errors import BadInput


@dataclass(frozen=True)
class Settings:
    """How this installation is set up. `data` holds everything that must be kept."""

    data: Path = field(default=Path("beholden-data"), metadata={"help": "folder of the store, ledger and keys"})
    database: str = field(default="", metadata={"help": "database URL; empty is SQLite in the data folder"})
    host: str = field(default="127.0.0.1", metadata={"help": "address that `serve` listens on"})
    port: int = field(default=8400, metadata={"help": "port that `serve` listens on"})
    url: str = field(default="", metadata={"help": "where people reach the pages; empty is http://HOST:PORT"})
    catalogue: str = field(default="", metadata={"help": "catalogue file; empty is catalogue.yaml in the data folder"})
    smtp_host: str = field(default="127.0.0.1", metadata={"help": "mail server for notices"})
    smtp_port: int = field(default=25, metadata={"help": "its port"})
    smtp_sender: str = field(default="notices@beholden.example", metadata={"help": "From address of letters"})
    oidc_issuer: str = field(default="", metadata={"help": "the platform's OpenID Connect issuer, for sign-in"})
    oidc_client_id: str = field(default="", metadata={"help": "our client id at that issuer"})
    oidc_client_secret: str = field(default="", metadata={"help": "our client secret there"})
    ledger_origin: str = field(default="beholden.example/ledger", metadata={"help": "name in every checkpoint"})
    clock: str = field(default="", metadata={"help": "a file that holds simulated time, for demo and tests only"})

    @property
    def database_url(self) -> str:
        """The database, the embedded one by default."""
        return self.database or f"sqlite:///{self.data / 'store.db'}"

    @property
    def public_url(self) -> str:
        """Where people reach the pages, without a slash at the end."""
        return (self.url or f"http://{self.host}:{self.port}").rstrip("/")

    @property
    def catalogue_file(self) -> Path:
        """The catalogue document."""
        return Path(self.catalogue) if self.catalogue else self.data / "catalogue.yaml"


def read(environment: Mapping[str, str] | None = None, *, data: Path | None = None) -> Settings:
    """Settings from the environment; `data` from the command line wins. Raises BadInput naming the variable."""
    environment = os.environ if environment is None else environment
    known = {f"BEHOLDEN_{f.name.upper()}": f for f in fields(Settings)}
    values: dict[str, object] = {}
    for variable, setting in known.items():
        text = environment.get(variable)
        if text is None:
            continue
        if setting.type is int or setting.type == "int":
            if not text.isdecimal() or not 0 <= int(text) <= 65535:
                raise BadInput(f"{variable}={text!r} is not a port number.", "Use 0 to 65535.")
            values[setting.name] = int(text)
        elif setting.name == "data":
            values["data"] = Path(text)
        else:
            values[setting.name] = text
    settings = Settings(**values)  # type: ignore[arg-type]
    if data is not None:
        settings = replace(settings, data=data)
    for name in ("url", "oidc_issuer"):
        address = getattr(settings, name)
        if address and urlsplit(address).scheme not in {"http", "https"}:
            raise BadInput(f"BEHOLDEN_{name.upper()}={address!r} is not an http(s) address.", "Mend it.")
    return settings

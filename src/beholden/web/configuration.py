"""What the pages need to know of the installation; `settings.Settings` fulfils it without being known here."""

from typing import Protocol


class Configuration(Protocol):
    """`clock` names a file of simulated time, empty for the real one. The rest is the platform's sign-in."""

    @property
    def clock(self) -> str: ...

    @property
    def oidc_issuer(self) -> str: ...

    @property
    def oidc_client_id(self) -> str: ...

    @property
    def oidc_client_secret(self) -> str: ...

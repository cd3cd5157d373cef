"""Request parameters (RFC 6749, 3.1 and 3.2): each at most once, and one without a value counts as left out."""

from collections.abc import Sequence
from dataclasses import dataclass

from beholden.gate.oauth.refusal import OAuthError, Refused, describable

LONGEST = 2000
"""Characters of one value. A state that is longer carries somebody's data, not a nonce."""
_LONGER = {"authorization_details": 8000, "client_assertion": 4000, "dpop_proof": 4000}


@dataclass(frozen=True)
class Parameters:
    """The pairs of a query or of a form, as they came."""

    pairs: tuple[tuple[str, str], ...]

    def one(self, name: str) -> str | None:
        """The value of a parameter; None when it is left out, empty, unusable, or stands more than once."""
        values = [value for key, value in self.pairs if key == name]
        return values[0] or None if len(values) == 1 and is_value(values[0], longest_of(name)) else None

    def refuse(self) -> Refused | None:
        """What is wrong with the parameters as such, whatever they say."""
        seen: set[str] = set()
        for key, value in self.pairs:
            if key in seen:
                return _invalid(f"The parameter {key} stands more than once.")
            if not is_value(value, longest_of(key)):
                return _invalid(f"The parameter {key} has more than {longest_of(key)} characters, or a NUL in it.")
            seen.add(key)
        return None


def is_value(text: str, longest: int = LONGEST) -> bool:
    """Whether the text can be a parameter's value here."""
    return len(text) <= longest and "\0" not in text


def longest_of(name: str) -> int:
    """How many characters the value of a parameter may have."""
    return _LONGER.get(name, LONGEST)


def of(pairs: Sequence[tuple[str, str]]) -> Parameters:
    """Parameters from pairs in their order."""
    return Parameters(tuple(pairs))


def _invalid(sentence: str) -> Refused:
    return Refused(OAuthError.INVALID_REQUEST, describable(sentence))

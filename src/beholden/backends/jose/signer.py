"""The keys that sign what we tell the outside: RSA in files, made on first use, changed without a gap.

A new key is published first and signs an hour later, so that receivers who keep our key set for a while have it by
then. The old one stays published for a month after. Each file's name begins with when its key was made, in
microseconds.
"""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from beholden.model.errors import Damaged, Unavailable
from beholden.model.time import from_micros, to_micros

BITS = 3072
"""RSA of at least 2048 bits is asked for (CAEP interoperability profile, 2.6)."""
PUBLISHED_BEFORE_USE = timedelta(hours=1)
KEPT_AFTER_USE = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class _Held:
    """One key and when it was made."""

    made_at: datetime
    key: RSAKey = field(repr=False)
    path: Path


class FileSigner:
    """A Signer on a folder of PEM files. Every process of the host reads the same; a rotation is seen at once."""

    def __init__(self, folder: Path, now: Callable[[], datetime]) -> None:
        self._folder = folder
        self._now = now
        self._read: dict[Path, _Held] = {}

    def sign(self, claims: Mapping[str, object], typ: str) -> str:
        """See Signer. The same claims under the same key are the same token: the signature has nothing random."""
        key = self._signing(self._keys())
        header = {"alg": "RS256", "typ": typ, "kid": key.key.kid}
        body = json.dumps(claims, ensure_ascii=False, separators=(",", ":")).encode()
        return jws.serialize_compact(header, body, key.key, algorithms=["RS256"])

    def jwks(self) -> Mapping[str, object]:
        """See Signer."""
        return {"keys": [_public(held.key) for held in self._keys()]}

    def rotate(self) -> str:
        """Make the next key, and remove those that have not signed for a month; the new key's id."""
        self._keys()
        made = self._make()
        held = self._keys()
        signing = self._signing(held)
        for one, following in pairwise(held):
            over = following.made_at + PUBLISHED_BEFORE_USE + KEPT_AFTER_USE <= self._now()
            if over and one is not signing:
                one.path.unlink(missing_ok=True)
        return str(made.key.kid)

    def _signing(self, held: list[_Held]) -> _Held:
        """The newest that was published long enough; of a first key nobody can have kept an older set."""
        ripe = [one for one in held if one.made_at + PUBLISHED_BEFORE_USE <= self._now()]
        return ripe[-1] if ripe else held[0]

    def _keys(self) -> list[_Held]:
        """All keys, oldest first; the first is made when there is none."""
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            paths = sorted(self._folder.glob("*.pem"))
            if not paths:
                return [self._make(first=True)]
            found = [self._load(path) for path in paths]
        except OSError as error:
            raise Unavailable(f"The signing keys in {self._folder} cannot be used.", "Check who owns them.") from error
        return [held for held in found if held is not None]

    def _load(self, path: Path) -> _Held | None:
        if path not in self._read:
            try:
                made_at = from_micros(int(path.stem.partition("-")[0]))
                self._read[path] = _Held(made_at, _named(RSAKey.import_key(path.read_bytes())), path)
            except FileNotFoundError:
                return None  # a rotation removed it just now
            except (ValueError, JoseError) as error:
                raise Damaged(f"The signing key {path} cannot be read.", "Restore it from a backup.") from error
        return self._read[path]

    def _make(self, *, first: bool = False) -> _Held:
        """Write a new key. Of two processes that make a first one, the one that is first in order signs for both."""
        key = _named(RSAKey.generate_key(BITS, private=True))
        path = self._folder / f"{to_micros(self._now()):020}-{key.kid}.pem"
        scratch = path.with_suffix(f".{os.getpid()}")
        descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.write(descriptor, key.as_pem(private=True))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        scratch.rename(path)
        held = self._read[path] = _Held(from_micros(to_micros(self._now())), key, path)
        return self._keys()[0] if first else held


def _named(key: RSAKey) -> RSAKey:
    """With its RFC 7638 thumbprint as its id."""
    return RSAKey.import_key(key.as_dict(private=True), {"kid": key.thumbprint()[:24], "use": "sig", "alg": "RS256"})


def _public(key: RSAKey) -> dict[str, object]:
    return dict(key.as_dict(private=False))

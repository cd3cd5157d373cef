"""A certificate authority for tests."""

import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class Pair:
    """Files, as PEM."""

    certificate: Path
    key: Path


class Authority:
    """Issues certificates into a folder."""

    def __init__(self, folder: Path, name: str = "Test authority") -> None:
        self._folder = folder
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.certificate = folder / f"{name}.pem"
        self._write(self.certificate, self._signed(self._name, self._key.public_key(), []))

    def issue(self, name: str, key: Path | None = None) -> Pair:
        """A certificate for a name or address; with the private key in `key` where it is a renewal."""
        private = (
            ec.generate_private_key(ec.SECP256R1())
            if key is None
            else serialization.load_pem_private_key(key.read_bytes(), None)
        )
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        try:
            other: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(name))
        except ValueError:
            other = x509.DNSName(name)
        number = len(list(self._folder.iterdir()))
        pair = Pair(self._folder / f"{number}.pem", self._folder / f"{number}.key")
        self._write(pair.certificate, self._signed(subject, private.public_key(), [other]))
        encryption = serialization.NoEncryption()
        pair.key.write_bytes(
            private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption)
        )
        return pair

    def _signed(self, subject: x509.Name, public: object, names: list[x509.GeneralName]) -> x509.Certificate:
        now = datetime.now(UTC)
        made = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=not names, path_length=None), critical=True)
        )
        if names:
            made = made.add_extension(x509.SubjectAlternativeName(names), critical=False)
        return made.sign(self._key, hashes.SHA256())

    def _write(self, path: Path, certificate: x509.Certificate) -> None:
        path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))

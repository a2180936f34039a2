"""Certificates as a city's own authority would make them, by openssl: good ones, expired ones, revoked ones."""

from __future__ import annotations

import subprocess
from pathlib import Path

CONFIGURATION = """
[ca]
default_ca = here
[here]
database = index.txt
serial = serial
new_certs_dir = .
certificate = ca.pem
private_key = ca.key
default_md = sha256
default_crl_days = 2
policy = anything
copy_extensions = copy
unique_subject = no
[anything]
commonName = supplied
"""
KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")  # quickly made
LONG_AGO = ("-startdate", "20200101000000Z", "-enddate", "20200201000000Z")


class Authority:
    """In a folder, for one test: `ca.pem`, and `NAME.pem` and `NAME.key` of each certificate."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        (directory / "ca.cnf").write_text(CONFIGURATION)
        (directory / "index.txt").touch()
        (directory / "serial").write_text("01\n")
        self._openssl("req", "-x509", *KEY, "-nodes", "-keyout", "ca.key", "-out", "ca.pem",
                      "-subj", "/CN=authority", "-days", "2")  # fmt: skip
        self._readable()

    def certificate(self, name: str, alternative: str, expired: bool = False) -> None:
        """Of that common name, for `alternative` (`DNS:…`, `IP:…`)."""
        self._openssl("req", *KEY, "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr",
                      "-subj", f"/CN={name}", "-addext", f"subjectAltName={alternative}")  # fmt: skip
        when = LONG_AGO if expired else ("-days", "2")
        self._openssl(
            "ca", "-batch", "-notext", "-config", "ca.cnf", "-in", f"{name}.csr", "-out", f"{name}.pem", *when
        )
        self._readable()

    def revoke(self, name: str) -> Path:
        """The list of revoked certificates, with that one on it."""
        self._openssl("ca", "-config", "ca.cnf", "-revoke", f"{name}.pem")
        return self.revoked()

    def revoked(self) -> Path:
        """The list of revoked certificates."""
        self._openssl("ca", "-config", "ca.cnf", "-gencrl", "-out", "crl.pem")
        self._readable()
        return self.directory / "crl.pem"

    def of(self, name: str) -> dict[str, str]:
        """The settings of a certificate's owner."""
        return {"certificate": str(self.directory / f"{name}.pem"), "key": str(self.directory / f"{name}.key")}

    def listener(self, name: str, revoked: bool = False) -> str:
        """Lines of mosquitto.conf(5): `name` is the broker's own, and whoever calls needs one; `revoked`: not those."""
        at = self.directory
        lines = [f"cafile {at}/ca.pem", f"certfile {at}/{name}.pem", f"keyfile {at}/{name}.key"]
        lines += ["require_certificate true", "use_identity_as_username true", "allow_anonymous true"]
        return "\n".join([*lines, *([f"crlfile {at}/crl.pem"] if revoked else []), ""])

    def _openssl(self, *arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=self.directory, check=True, capture_output=True)

    def _readable(self) -> None:
        for file in self.directory.iterdir():  # the broker is another user
            file.chmod(0o644)

"""Signatures as anybody can check them: CMS (RFC 5652), by openssl, with the certificate that the device has anyway."""

from __future__ import annotations

import re
import subprocess
import tempfile
from pathlib import Path

from agent.errors import FidamiaError
from agent.i18n import _

TIMEOUT = 60.0  # seconds
BEGIN = b"-----BEGIN CERTIFICATE-----"
LONGEST = 200  # characters of a complaint that is not understood
# As openssl complains: thread, "error", number, library, function, reason, file, line, and what it says more.
FAILURE = re.compile(r":error:[0-9A-F]+:[^:]*:[^:]*:([^:]+):")
DISTRUST = re.compile(r"Verify error: ?(.+)")
COMMON_NAME = re.compile(rb"^ *CN=(.+)$", re.MULTILINE)


class SignatureFault(FidamiaError):
    """It can not be made, or does not hold; the message says why."""


def sign(content: bytes, certificate: Path, key: Path) -> bytes:
    """A detached signature, DER. Raises SignatureFault."""
    with tempfile.TemporaryDirectory() as folder:
        given = Path(folder) / "content"
        given.write_bytes(content)
        _read(key)  # openssl would not name the file
        who: list[str | Path] = ["-signer", certificate, "-inkey", key]
        if chain := _above(certificate):  # the centre may know the topmost one only
            (Path(folder) / "chain").write_bytes(chain)
            who += ["-certfile", Path(folder) / "chain"]
        return _openssl("cms", "-sign", "-binary", "-md", "sha256", "-outform", "DER", "-in", given, *who)


def verify(content: bytes, signature: bytes, authority: Path, revoked: Path | None = None) -> str:
    """Who signed it: the common name of a certificate that the authority vouches for, and that is not `revoked`.

    Raises SignatureFault.
    """
    with tempfile.TemporaryDirectory() as folder:
        given, signed, signer, trusted = (Path(folder) / name for name in ("content", "signature", "signer", "trusted"))
        trusted.write_bytes(b"\n".join(_read(path) for path in (authority, revoked) if path is not None))
        given.write_bytes(content)
        signed.write_bytes(signature)
        # As a client: that is what the certificates of devices are for.
        how: list[str | Path] = ["-purpose", "sslclient", "-CAfile", trusted, "-no-CApath", "-no-CAstore"]
        how += ["-crl_check"] if revoked is not None else []
        files: list[str | Path] = ["-in", signed, "-content", given, "-signer", signer, "-out", Path(folder) / "out"]
        _openssl("cms", "-verify", "-binary", "-inform", "DER", *how, *files)
        subject = _openssl("x509", "-in", signer, "-noout", "-subject", "-nameopt", "sep_multiline,utf8,esc_ctrl")
    names = COMMON_NAME.findall(subject)
    if len(names) != 1:
        raise SignatureFault(_("the certificate that signed it names no device"))
    return str(names[0].decode(errors="replace"))


def _above(certificate: Path) -> bytes:
    """The certificates of a file behind its first one. Raises SignatureFault."""
    try:
        _first, *above = _read(certificate).split(BEGIN)[1:]
    except ValueError as error:
        raise SignatureFault(_("{path}: no certificate").format(path=certificate)) from error
    return b"".join(BEGIN + one for one in above)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SignatureFault(f"{path}: {error.strerror}") from error


def _openssl(*arguments: str | Path) -> bytes:
    command = ["openssl", *map(str, arguments)]
    try:
        return subprocess.run(
            command, check=True, capture_output=True, timeout=TIMEOUT, stdin=subprocess.DEVNULL
        ).stdout
    except FileNotFoundError as error:
        raise SignatureFault(_("openssl is not there; install the package openssl")) from error
    except subprocess.TimeoutExpired as error:
        raise SignatureFault(_("openssl does not answer")) from error
    except subprocess.CalledProcessError as error:
        complaint = error.stderr.decode(errors="replace")
        said = DISTRUST.search(complaint) or FAILURE.search(complaint)
        raise SignatureFault(said[1].strip() if said else complaint.strip()[-LONGEST:]) from error

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
        who: list[str | Path] = ["-signer", certificate, "-inkey", key]
        if chain := _above(certificate):  # the centre may know the topmost one only
            (Path(folder) / "chain").write_bytes(chain)
            who += ["-certfile", Path(folder) / "chain"]
        return _openssl("cms", "-sign", "-binary", "-md", "sha256", "-outform", "DER", "-in", given, *who)


def verify(content: bytes, signature: bytes, authority: Path) -> str:
    """Who signed it: the common name of a certificate that the authority vouches for. Raises SignatureFault."""
    with tempfile.TemporaryDirectory() as folder:
        given, signed, signer = (Path(folder) / name for name in ("content", "signature", "signer"))
        given.write_bytes(content)
        signed.write_bytes(signature)
        # As a client: that is what the certificates of devices are for.
        how: list[str | Path] = ["-purpose", "sslclient", "-CAfile", authority, "-no-CApath", "-no-CAstore"]
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
        _first, *above = certificate.read_bytes().split(BEGIN)[1:]
    except OSError as error:
        raise SignatureFault(f"{certificate}: {error.strerror}") from error
    except ValueError as error:
        raise SignatureFault(_("{path}: no certificate").format(path=certificate)) from error
    return b"".join(BEGIN + one for one in above)


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

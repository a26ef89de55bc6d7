"""Certificates as openssl makes them."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import NamedTuple

from tests.rig.broker import tool
from tests.rig.waiting import DEADLINE_S, HOST


class Certificate(NamedTuple):
    """A certificate of this machine and its key, as PEM files."""

    cert: Path
    key: Path


def certificate(folder: Path, name: str, issuer: Certificate | None = None) -> Certificate:
    """Return a new certificate, signed by its issuer or by itself."""
    made = Certificate(folder / f"{name}.pem", folder / f"{name}.key")
    signed = ("-CA", str(issuer.cert), "-CAkey", str(issuer.key)) if issuer is not None else ()
    subprocess.run(
        [
            *(tool("openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-days", "2", "-subj", f"/CN={name}", "-addext", f"subjectAltName=IP:{HOST}"),
            *("-keyout", str(made.key), "-out", str(made.cert), *signed),
        ],
        check=True,
        capture_output=True,
        timeout=DEADLINE_S,
    )
    return made

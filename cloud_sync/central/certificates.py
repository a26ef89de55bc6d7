"""Client certificates: who sends, where a gateway shows one instead of a token."""

from __future__ import annotations

import hashlib
import ssl
from pathlib import Path

from starlette.requests import Request
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from edge_agent.errors import ConfigError

TLS, SHOWN = "tls", "client_cert_sha256"


class CertificateProtocol(HttpToolsProtocol):
    """uvicorn's HTTP, which also tells the application which certificate TLS has verified."""

    def on_message_begin(self) -> None:
        """Begin a request's scope."""
        super().on_message_begin()
        tls = self.transport.get_extra_info("ssl_object")
        certificate = None if tls is None else tls.getpeercert(binary_form=True)
        if certificate is not None:
            self.scope["extensions"] = {TLS: {SHOWN: hashlib.sha256(certificate).hexdigest()}}


def shown(request: Request) -> str | None:
    """Return the SHA-256 of the certificate that a request came with."""
    told: str | None = request.scope.get("extensions", {}).get(TLS, {}).get(SHOWN)
    return told


def fingerprint(path: Path) -> str:
    """Return the SHA-256 of a certificate in a PEM file. Raises ConfigError."""
    try:
        return hashlib.sha256(ssl.PEM_cert_to_DER_cert(path.read_text())).hexdigest()
    except (OSError, ValueError) as error:
        raise ConfigError([f"{path}: no certificate can be read from it: {error}"]) from None

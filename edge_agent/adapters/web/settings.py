"""What the configuration's `[web]` says, apart from the keys file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSettings:
    """Where to listen, and how much one client may ask.

    host: an address of this machine or a name for one; loopback unless the site asks for more.
    port: 0 takes any free one.
    rate_limit: requests a second for one key, above zero; twice as many may come at once.
    tls_cert, tls_key: PEM files; HTTPS where both are given.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    rate_limit: float = 1000.0
    tls_cert: Path | None = None
    tls_key: Path | None = None

"""What the operator wants of the endpoint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class OcppSettings:
    """Where it listens, and what stands behind it.

    upstream_url: the back office, to which `/{charger_id}` is added; None: there is none.
    accept_unknown: whether an idTag that upstream has not accepted before may charge while we answer.
    passwords: by charger, for those that do not prove themselves to upstream.
    """

    host: str
    port: int
    upstream_url: str | None = None
    accept_unknown: bool = False
    passwords: Mapping[str, str] = field(default_factory=dict)
    tls_cert: Path | None = None
    tls_key: Path | None = None
    ca_file: Path | None = None
    most_chargers: int = 200

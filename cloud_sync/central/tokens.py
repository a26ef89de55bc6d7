"""Whose a token or a certificate is. The file holds hashes only, and is read again when it changes."""

from __future__ import annotations

import hashlib
import secrets
from contextlib import suppress
from pathlib import Path

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from cloud_sync.central import files
from edge_agent.errors import ConfigError
from edge_agent.wire.enrolment import TOKEN_PREFIX, Name, Sha256


class Gateway(BaseModel):
    """Who sends: never taken from what is sent."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sha256: Sha256
    site_id: Name
    gateway_id: Name
    tenant_id: Name | None = None


_GATEWAYS = TypeAdapter(list[Gateway])


class TokenBook:
    """The gateways of a tokens file."""

    def __init__(self, path: Path) -> None:
        """Raise ConfigError where the file cannot be read. Where there is none yet, nobody gets in."""
        self._path = path
        self._read_at: tuple[int, int] | None = None
        self._gateways: dict[str, Gateway] = {}
        self._refresh()

    def find(self, token: str) -> Gateway | None:
        """Return the gateway of a token. A file that has become unreadable leaves things as they were."""
        return self.find_hash(_hashed(token))

    def find_hash(self, sha256: str) -> Gateway | None:
        """Return the gateway whose token, or certificate, has this hash."""
        with suppress(ConfigError):
            self._refresh()
        return self._gateways.get(sha256)

    def _refresh(self) -> None:
        try:
            found = self._path.stat()
            if (found.st_mtime_ns, found.st_ino) == self._read_at:
                return
            gateways = _GATEWAYS.validate_json(self._path.read_bytes())
        except FileNotFoundError:
            self._gateways, self._read_at = {}, None
            return
        except (OSError, ValidationError) as error:
            raise ConfigError([f"{self._path}: cannot be used: {error}"]) from None
        self._gateways = {each.sha256: each for each in gateways}
        self._read_at = (found.st_mtime_ns, found.st_ino)


def add(path: Path, site_id: str, gateway_id: str, tenant_id: str | None) -> str:
    """Put a gateway's new token into the file and return it: it is nowhere else. Raises ConfigError."""
    token = TOKEN_PREFIX + secrets.token_urlsafe(32)
    add_hash(path, _hashed(token), site_id, gateway_id, tenant_id)
    return token


def add_hash(path: Path, sha256: str, site_id: str, gateway_id: str, tenant_id: str | None) -> None:
    """Put a gateway into the file, known by the hash of its token or certificate. Raises ConfigError."""
    with files.changing(path):
        try:
            known = _GATEWAYS.validate_json(path.read_bytes()) if path.exists() else []
            gateway = Gateway(sha256=sha256, site_id=site_id, gateway_id=gateway_id, tenant_id=tenant_id)
        except (OSError, ValidationError) as error:
            raise ConfigError([f"{path}: {error}"]) from None
        _write(path, [*(each for each in known if each != gateway), gateway])


def revoke(path: Path, gateway_id: str) -> int:
    """Forget a gateway's tokens and certificates; return how many there were. Raises ConfigError."""
    with files.changing(path):
        try:
            known = _GATEWAYS.validate_json(path.read_bytes())
        except (OSError, ValidationError) as error:
            raise ConfigError([f"{path}: {error}"]) from None
        kept = [each for each in known if each.gateway_id != gateway_id]
        _write(path, kept)
    return len(known) - len(kept)


def _write(path: Path, gateways: list[Gateway]) -> None:
    files.write(path, _GATEWAYS.dump_json(gateways, indent=1))


def _hashed(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()

"""One-time codes: each is for one gateway's place, and the first token that comes with it has it.

The file holds hashes only. A code that is used stays in it, so that the gateway that used it may ask again:
it cannot know whether the answer was lost or the question.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from cloud_sync.central import files, tokens
from edge_agent.errors import ConfigError, Rejected
from edge_agent.wire.enrolment import Enrolment, EnrolmentRequest, Name, Sha256
from edge_agent.wire.types import UtcTime

CODE_PREFIX = "evz_enrol_"
UNKNOWN = Rejected("It is not known: check the file, or ask for a new code.")
EXPIRED = Rejected("It has expired: ask for a new code.")
USED_UP = Rejected("Another gateway has used it: ask for a new code.")


class Code(BaseModel):
    """One code and the place that it is for. used_by: the hash of the token that has it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sha256: Sha256
    site_id: Name
    gateway_id: Name
    tenant_id: Name | None = None
    expires_at: UtcTime
    used_by: Sha256 | None = None


_CODES = TypeAdapter(list[Code])


class CodeBook:
    """The codes of a file. Each call raises ConfigError where that cannot be read or written."""

    def __init__(self, path: Path, tokens_path: Path) -> None:
        """tokens_path: where those go who have used a code."""
        self._path = path
        self._tokens_path = tokens_path

    def add(self, site_id: str, gateway_id: str, tenant_id: str | None, expires_at: datetime) -> str:
        """Put a new code for a gateway into the file and return it: it is nowhere else."""
        code = CODE_PREFIX + secrets.token_urlsafe(24)
        place = {"site_id": site_id, "gateway_id": gateway_id, "tenant_id": tenant_id}
        try:
            entry = Code.model_validate({"sha256": _hashed(code), "expires_at": expires_at, **place})
        except ValidationError as error:
            raise ConfigError([f"{self._path}: {error}"]) from None
        with files.changing(self._path):
            self._write([*self.all(), entry])
        return code

    def all(self) -> list[Code]:
        """Return all codes, oldest first."""
        try:
            return _CODES.validate_json(self._path.read_bytes())
        except FileNotFoundError:
            return []
        except (OSError, ValidationError) as error:
            raise ConfigError([f"{self._path}: cannot be used: {error}"]) from None

    def revoke(self, gateway_id: str) -> int:
        """Forget a gateway's codes; return how many there were. Its token stays: see `tokens revoke`."""
        with files.changing(self._path):
            known = self.all()
            kept = [each for each in known if each.gateway_id != gateway_id]
            self._write(kept)
        return len(known) - len(kept)

    def redeem(self, asked: EnrolmentRequest, now: datetime) -> Enrolment | Rejected:
        """Let a token have the place that a code is for; or return why it may not.

        The code is used up before the token counts: a power cut in between leaves a gateway that asks again.
        """
        sha256 = _hashed(asked.code)
        with files.changing(self._path):
            codes = self.all()
            code = next((each for each in codes if each.sha256 == sha256), None)
            if code is None:
                return UNKNOWN
            if code.used_by is None and code.expires_at < now:
                return EXPIRED
            if code.used_by not in (None, asked.token_sha256):
                return USED_UP
            used = code.model_copy(update={"used_by": asked.token_sha256})
            self._write([used if each is code else each for each in codes])
        tokens.add_hash(self._tokens_path, asked.token_sha256, code.site_id, code.gateway_id, code.tenant_id)
        return Enrolment(site_id=code.site_id, gateway_id=code.gateway_id, tenant_id=code.tenant_id)

    def _write(self, codes: list[Code]) -> None:
        files.write(self._path, _CODES.dump_json(codes, indent=1))


def _hashed(code: str) -> str:
    return hashlib.sha256(code.encode()).hexdigest()

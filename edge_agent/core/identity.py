"""Names that the same facts always give again."""

from __future__ import annotations

from hashlib import sha256
from uuid import UUID


def hashed_uuid(*parts: str) -> UUID:
    """Return a UUID of version 8 that is a hash of the parts (RFC 9562, 5.8)."""
    digest = bytearray(sha256("\x1f".join(parts).encode()).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x80
    digest[8] = digest[8] & 0x3F | 0x80
    return UUID(bytes=bytes(digest))

"""How a gateway that was flashed like all others gets its place at the central service."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from edge_agent.wire.types import Message

TOKEN_PREFIX = "evzgw_"  # noqa: S105 - what every token begins with
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9.:-][A-Za-z0-9._:-]{0,63}$")]


class EnrolmentRequest(Message):
    """A one-time code, and the hash of the token that this gateway has made for itself: it never travels."""

    code: Annotated[str, Field(min_length=16, max_length=128)]
    token_sha256: Sha256


class Enrolment(Message):
    """Whose place it is. The same code with the same token gets the same answer again."""

    site_id: Name
    gateway_id: Name
    tenant_id: Name | None = None

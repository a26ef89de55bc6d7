"""The door: whose key it is, what it may do, how often."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from http import HTTPStatus

from edge_agent.adapters.web.keys import KeyEntry, KeyRing, Role
from edge_agent.adapters.web.limits import TokenBuckets
from edge_agent.adapters.web.problems import Refused, retry_after
from edge_agent.wire.rest import Fault

FAILURES_A_SECOND = 0.1
FAILURES_AT_ONCE = 10
BURST_S = 2.0
BEARER = b"bearer "
TENANT = re.compile(rb"[A-Za-z0-9._:@-]{1,128}")

Headers = Mapping[bytes, bytes]


def _presented(headers: Headers) -> bytes:
    """Return the key that a request bears: as the central service has it, or as Prometheus can send one."""
    key = headers.get(b"x-api-key")
    if key is None:
        authorization = headers.get(b"authorization", b"")
        key = authorization[len(BEARER) :] if authorization[: len(BEARER)].lower() == BEARER else b""
    return key.strip()


def tenant_of(headers: Headers) -> str | None:
    """Return what `X-Tenant-ID` says. Raises Refused (422) where that is no name."""
    tenant = headers.get(b"x-tenant-id")
    if tenant is None:
        return None
    if not TENANT.fullmatch(tenant):
        message = "Use 1 to 128 of: letters, digits, '.', '_', ':', '@', '-'."
        fault = Fault(loc=["header", "X-Tenant-ID"], msg=message, type="string_pattern_mismatch")
        raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, [fault])
    return tenant.decode("ascii")


class Gate:
    """Lets requests with a good key pass, and counts.

    A key that is right always passes: it cannot be guessed, and an address may be shared, so nobody's wrong
    tries lock out a technician. Those tries are counted for each address, and soon told to wait.
    """

    def __init__(self, keys: KeyRing, rate_limit: float, clock: Callable[[], float]) -> None:
        self._keys = keys
        self._requests = TokenBuckets(rate_limit, max(1.0, rate_limit * BURST_S), clock)
        self._failures = TokenBuckets(FAILURES_A_SECOND, FAILURES_AT_ONCE, clock)

    def admit(self, headers: Headers, address: str, needed: Role) -> KeyEntry:
        """Return whose key it is.

        Raises Refused: 401 without a key of ours, 429 too often, 403 where the key's role may not.
        """
        entry = self._keys.find(_presented(headers))
        if entry is None:
            raise self._stranger(address)
        wait_s = self._requests.take(entry.id)
        if wait_s:
            raise Refused(
                HTTPStatus.TOO_MANY_REQUESTS, "This key asks more often than it may.", [retry_after(wait_s)]
            )
        if not entry.role.may(needed):
            raise Refused(
                HTTPStatus.FORBIDDEN, f"This needs a key of role {needed}; yours is of role {entry.role}."
            )
        return entry

    def _stranger(self, address: str) -> Refused:
        wait_s = self._failures.take(address)
        if wait_s:
            return Refused(
                HTTPStatus.TOO_MANY_REQUESTS, "Too many wrong keys from this address.", [retry_after(wait_s)]
            )
        return Refused(
            HTTPStatus.UNAUTHORIZED,
            "Send a valid key in the X-API-Key header; `edge-agent keys add` makes one.",
            [(b"www-authenticate", b'Bearer realm="edge-agent"')],
        )

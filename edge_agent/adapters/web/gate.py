"""The door: whose key it is, what it may do, how often."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from http import HTTPStatus

from edge_agent.adapters.web.keys import KeyEntry, KeyRing, Role
from edge_agent.adapters.web.limits import TokenBuckets
from edge_agent.adapters.web.problems import Refused, retry_after
from edge_agent.adapters.web.sessions import COOKIE, Sessions
from edge_agent.wire.rest import Fault

FAILURES_A_SECOND = 0.1
FAILURES_AT_ONCE = 10
BURST_S = 2.0
BEARER = b"bearer "
COOKIE_NAME = COOKIE.encode()
TENANT = re.compile(rb"[A-Za-z0-9._:@-]{1,128}")

Headers = Mapping[bytes, bytes]


def _presented(headers: Headers) -> bytes:
    """Return the key that a request bears: as the central service has it, or as Prometheus can send one."""
    key = headers.get(b"x-api-key")
    if key is None:
        authorization = headers.get(b"authorization", b"")
        key = authorization[len(BEARER) :] if authorization[: len(BEARER)].lower() == BEARER else b""
    return key.strip()


def _is_from_here(headers: Headers) -> bool:
    """Whether a page of this very host asks: browsers name the origin of what may change things."""
    origin = headers.get(b"origin", b"")
    return bool(origin) and origin.partition(b"://")[2] == headers.get(b"host", b"")


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

    def __init__(
        self, keys: KeyRing, sessions: Sessions, rate_limit: float, clock: Callable[[], float]
    ) -> None:
        self._keys = keys
        self._sessions = sessions
        self._requests = TokenBuckets(rate_limit, max(1.0, rate_limit * BURST_S), clock)
        self._failures = TokenBuckets(FAILURES_A_SECOND, FAILURES_AT_ONCE, clock)

    def admit(self, headers: Headers, address: str, needed: Role, *, changes: bool = False) -> KeyEntry:
        """Return whose key it is, shown itself or by the session that stands for it.

        changes: whether the request changes anything; then a session counts from our own pages alone.
        Raises Refused: 401 without a key of ours, 429 too often, 403 where the key's role may not.
        """
        key = _presented(headers)
        if key or COOKIE_NAME not in headers.get(b"cookie", b""):
            entry = self.known(key, address)
        else:
            found = self._sessions.find(headers[b"cookie"])
            if found is None:
                raise self._stranger(address)
            if changes and not _is_from_here(headers):
                raise Refused(
                    HTTPStatus.FORBIDDEN, "With a session, only this gateway's own pages may ask for changes."
                )
            entry = found
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

    def known(self, key: bytes, address: str) -> KeyEntry:
        """Return whose key it is. Raises Refused: 401, and 429 after too many wrong ones from an address."""
        entry = self._keys.find(key)
        if entry is None:
            raise self._stranger(address)
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

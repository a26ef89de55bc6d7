"""Sessions of the page: a cookie that stands for a key, and dies with it.

Nothing is kept: the cookie names the key and says until when, under a seal that only this gateway can make.
The seal covers the key's hash, so that a key revoked or made anew ends its sessions. The browser's scripts
cannot read it (HttpOnly), and no other site's page can send it (SameSite=Strict; see also `Gate`).
"""

from __future__ import annotations

import hmac
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from typing import TYPE_CHECKING

from edge_agent.adapters.web.replies import Header
from edge_agent.durable import replace

if TYPE_CHECKING:
    from edge_agent.adapters.web.keys import KeyEntry, KeyRing

COOKIE = "edge-agent-session"
LIFE_S = 7 * 86_400
SECRET_BYTES = 32


class Sessions:
    """Makes cookies and tells whose they are. secure: whether they may travel by HTTPS alone."""

    def __init__(
        self, keys: KeyRing, secret: bytes, *, secure: bool, now: Callable[[], float] = time.time
    ) -> None:
        self._keys = keys
        self._secret = secret
        self._secure = secure
        self._now = now

    def begin(self, entry: KeyEntry) -> Header:
        """Return the header that begins a session of a key's owner."""
        until = int(self._now()) + LIFE_S
        return self._cookie(f"{entry.id}.{until}.{self._seal(entry, until)}", LIFE_S)

    def end(self) -> Header:
        """Return the header that makes the browser forget its session."""
        return self._cookie("", 0)

    def find(self, cookies: bytes) -> KeyEntry | None:
        """Return the key that a request's cookies stand for; None where they stand for none any more."""
        try:
            morsel = SimpleCookie(cookies.decode("ascii")).get(COOKIE)
            key_id, told_until, seal = (morsel.value if morsel else "").split(".")
            until = int(told_until)
        except (CookieError, ValueError):
            return None
        entry = self._keys.of_id(key_id)
        if entry is None or until < self._now():
            return None
        return entry if hmac.compare_digest(seal, self._seal(entry, until)) else None

    def _seal(self, entry: KeyEntry, until: int) -> str:
        return hmac.new(self._secret, f"{entry.id}.{until}.{entry.sha256}".encode(), sha256).hexdigest()

    def _cookie(self, value: str, life_s: int) -> Header:
        secure = "; Secure" if self._secure else ""
        cookie = f"{COOKIE}={value}; Max-Age={life_s}; Path=/; HttpOnly; SameSite=Strict{secure}"
        return (b"set-cookie", cookie.encode())


def kept_secret(beside: Path) -> bytes:
    """Return the gateway's secret for seals, from a file beside the keys; made where there is none.

    Where it cannot be kept, a new one is made at each start: then a restart ends all sessions.
    """
    path = beside.with_name(f"{beside.name}.sessions")
    with suppress(OSError):
        found = path.read_bytes()
        if len(found) == SECRET_BYTES:
            return found
    secret = secrets.token_bytes(SECRET_BYTES)
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        replace(path, secret, 0o600)
    return secret

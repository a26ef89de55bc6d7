"""Asking the agent on this machine, with a key that ends with the question."""

from __future__ import annotations

import ssl
from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx

from edge_agent.adapters.web.keys import KeyRing, Role
from edge_agent.errors import ConfigError, EdgeAgentError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from edge_agent.config import Web

PATIENCE_S = 10.0


@contextmanager
def local_agent(web: Web, label: str) -> Iterator[httpx.Client]:
    """Give a client of the running agent that may do what an admin may.

    label: what the key is called while it lives. Raises: ConfigError where the file of keys cannot be
    written, EdgeAgentError where the agent does not answer, or with the reason where it refuses.
    """
    keys = KeyRing(web.keys_file)
    key = keys.add(Role.ADMIN, label)
    try:
        with client(web, key.key) as agent:
            yield agent
    except httpx.HTTPStatusError as error:
        raise EdgeAgentError(_refusal(error.response)) from error
    except httpx.HTTPError as error:
        raise EdgeAgentError(f"the agent cannot be asked ({error}): is `edge-agent run` running?") from error
    finally:
        keys.revoke(key.id)


def client(web: Web, key: str | None = None) -> httpx.Client:
    """Return a client of the agent's own LAN interface. key: None for what needs none. Raises ConfigError."""
    scheme = "http" if web.tls_cert is None else "https"
    trusted: ssl.SSLContext | bool = True
    if web.tls_cert is not None:
        trusted = _trusting(web.tls_cert)
    everywhere = {"0.0.0.0", "::"}  # noqa: S104 - compares, binds nothing
    host = "127.0.0.1" if web.host in everywhere else web.host
    shown = f"[{host}]" if ":" in host else host
    return httpx.Client(
        base_url=f"{scheme}://{shown}:{web.port}",
        headers={} if key is None else {"X-API-Key": key},
        verify=trusted,
        trust_env=False,
        timeout=PATIENCE_S,
    )


def _trusting(certificate: Path) -> ssl.SSLContext:
    """Trust the agent's own certificate, whatever name stands in it: it is this machine."""
    try:
        trusted = ssl.create_default_context(cafile=certificate)
    except OSError as error:
        raise ConfigError([f"[web] tls_cert {certificate} cannot be used: {error.strerror}"]) from error
    trusted.check_hostname = False
    return trusted


def _refusal(answer: httpx.Response) -> str:
    """Return the reason in a problem document; a status that no document goes with stands for itself."""
    try:
        detail = answer.json()["detail"]
    except (ValueError, KeyError):
        return f"the agent answers {answer.status_code}"
    return detail if isinstance(detail, str) else "; ".join(fault["msg"] for fault in detail)

"""`edge-agent record`: what arrives at the running agent, into a file that `replay` reads, for support."""

from __future__ import annotations

import json
import ssl
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import httpx

from edge_agent.adapters.web.keys import KeyRing, Role
from edge_agent.config import load
from edge_agent.errors import EdgeAgentError

if TYPE_CHECKING:
    from edge_agent.config import Web

POLL_S = 0.5
PATIENCE_S = 10.0
TELL_EVERY_S = 5.0
PATH = "/api/v1/diagnostics/recording"


def record(config_path: Path | None, file: Path, minutes: float) -> int:
    """Write messages to a file for so long, or until it is interrupted. Names are replaced, same by same.

    It asks the agent on this machine with a key of its own, which ends with it. Raises: ConfigError,
    EdgeAgentError.
    """
    config, _ = load(config_path)
    keys = KeyRing(config.web.keys_file)
    key = keys.add(Role.ADMIN, "edge-agent record")
    try:
        with file.open("x", encoding="utf-8") as out, _client(config.web, key.key) as agent:
            count = _recorded(agent, out, time.monotonic() + 60 * minutes)
    except FileExistsError:
        raise EdgeAgentError(f"{file} exists already: name another file") from None
    except OSError as error:
        raise EdgeAgentError(f"cannot write {file}: {error.strerror}") from error
    except httpx.HTTPError as error:
        raise EdgeAgentError(f"the agent cannot be asked ({error}): is `edge-agent run` running?") from error
    finally:
        keys.revoke(key.id)
    print(f"{count} messages in {file}; read them with: edge-agent replay {file}")
    return 0


def _client(web: Web, key: str) -> httpx.Client:
    scheme = "http" if web.tls_cert is None else "https"
    trusted: ssl.SSLContext | bool = True
    if web.tls_cert is not None:  # its own certificate, whatever name stands in it: it is this machine
        trusted = ssl.create_default_context(cafile=web.tls_cert)
        trusted.check_hostname = False
    everywhere = {"0.0.0.0", "::"}  # noqa: S104 - compares, binds nothing
    host = "127.0.0.1" if web.host in everywhere else web.host
    shown = f"[{host}]" if ":" in host else host
    return httpx.Client(
        base_url=f"{scheme}://{shown}:{web.port}",
        headers={"X-API-Key": key},
        verify=trusted,
        timeout=PATIENCE_S,
    )


def _recorded(agent: httpx.Client, out: TextIO, until: float) -> int:
    """Write what arrives until the time has come; return how many messages that were."""
    after, count, told_at = _asked(agent, -1)["next"], 0, time.monotonic()
    try:
        while time.monotonic() < until:
            time.sleep(min(POLL_S, max(until - time.monotonic(), 0.0)))
            answer = _asked(agent, after)
            after = answer["next"]
            out.writelines(
                json.dumps(item, separators=(",", ":"), ensure_ascii=False) + "\n" for item in answer["items"]
            )
            count += len(answer["items"])
            if answer["missed"]:
                print(f"{answer['missed']} messages came too fast and are not in the file", file=sys.stderr)
            if time.monotonic() - told_at >= TELL_EVERY_S:
                told_at = time.monotonic()
                print(f"{count} messages so far; Ctrl-C ends it", file=sys.stderr)
    except KeyboardInterrupt:
        pass
    return count


def _asked(agent: httpx.Client, after: int) -> dict[str, Any]:
    answer = agent.get(PATH, params={} if after < 0 else {"after": after})
    answer.raise_for_status()
    told: dict[str, Any] = answer.json()
    return told

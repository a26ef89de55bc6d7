"""`edge-agent record`: what arrives at the running agent, into a file that `replay` reads, for support."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from edge_agent.commands.local import local_agent
from edge_agent.config import load
from edge_agent.errors import EdgeAgentError

if TYPE_CHECKING:
    import httpx

POLL_S = 0.5
TELL_EVERY_S = 5.0
PATH = "/api/v1/diagnostics/recording"


def record(config_path: Path | None, file: Path, minutes: float) -> int:
    """Write messages to a file for so long, or until it is interrupted. Names are replaced, same by same.

    It asks the agent on this machine with a key of its own, which ends with it. Raises: ConfigError,
    EdgeAgentError.
    """
    config, _ = load(config_path)
    try:
        with local_agent(config.web, "edge-agent record") as agent, file.open("x", encoding="utf-8") as out:
            count = _recorded(agent, out, time.monotonic() + 60 * minutes)
    except FileExistsError:
        raise EdgeAgentError(f"{file} exists already: name another file") from None
    except OSError as error:
        raise EdgeAgentError(f"cannot write {file}: {error.strerror}") from error
    print(f"{count} messages in {file}; read them with: edge-agent replay {file}")
    return 0


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

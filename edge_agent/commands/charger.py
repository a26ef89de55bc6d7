"""`edge-agent charger retire | replace`: a charger has left the site, or another device has its name now."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from edge_agent.commands.local import local_agent
from edge_agent.config import load

if TYPE_CHECKING:
    from pathlib import Path

DONE = {
    "retire": "{} is retired: its alerts and suggestions have ended, its history stays. "
    "If it speaks again, it is a new charger.",
    "replace": "{} is another device from now on: what is normal for it is learned anew, its history stays. "
    "It is shown again once it speaks.",
}


def charger(config_path: Path | None, action: str, charger_id: str, by: str, note: str | None) -> int:
    """Have the running agent do it, for the store and the broker's topics are its own.

    action: retire or replace. Raises: ConfigError, EdgeAgentError where the agent refuses or does not run.
    """
    config, _ = load(config_path)
    with local_agent(config.web, f"edge-agent charger {action}") as agent:
        path = f"/api/v1/chargers/{quote(charger_id, safe=':%')}/{action}"
        agent.post(path, json={"by": by, "note": note}).raise_for_status()
    print(DONE[action].format(charger_id))
    return 0

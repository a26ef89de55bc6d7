"""`edge-agent keys add | list | revoke`: API keys, shown once, stored hashed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.adapters.web.keys import KeyRing, Role
from edge_agent.config import load

if TYPE_CHECKING:
    from pathlib import Path


def add(config_path: Path | None, role: str, label: str) -> int:
    """Make a key and print it: it is never shown again."""
    new = _ring(config_path).add(Role(role), label)
    print(f"key {new.id} for a {role}; write it down, it is shown only now:\n{new.key}")
    return 0


def show(config_path: Path | None) -> int:
    """Print id, role, age and label of each key."""
    entries = _ring(config_path).list()
    for entry in entries:
        print(f"{entry.id}  {entry.role:10}  {entry.created_at:%Y-%m-%d}  {entry.label}")
    if not entries:
        print("there are no keys yet; make one with: edge-agent keys add technician")
    return 0


def revoke(config_path: Path | None, key_id: str) -> int:
    """Forget a key: the running agent refuses it at once."""
    if _ring(config_path).revoke(key_id):
        print(f"key {key_id} is revoked")
        return 0
    print(f"there is no key {key_id}; see: edge-agent keys list")
    return 1


def _ring(config_path: Path | None) -> KeyRing:
    config, _ = load(config_path)
    return KeyRing(config.web.keys_file)

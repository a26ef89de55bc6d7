"""What the chargers of the kill test say: scripted faults, the same for the same seed."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

SAMPLE_EVERY = timedelta(seconds=10)
HEALTHY = {
    "connector_status": "AVAILABLE",
    "energy_delivered": 0.0,
    "power": 0.0,
    "temperature": 24.0,
    "error_codes": [],
    "uptime_hours": 1500.0,
    "total_sessions": 300,
}


def timed(reading: dict[str, Any]) -> dict[str, Any]:
    """Return the reading as of now. Without a time it is kept but not judged right after a reconnect."""
    return {**reading, "timestamp": datetime.now(UTC).isoformat()}


UNREADABLE = (
    lambda serial: f'{{"connector_status": "AVAILABLE", "power": {serial}'.encode(),
    lambda serial: f'{{"connector_status": "AVAILABLE", "power": NaN, "total_sessions": {serial}}}'.encode(),
    lambda serial: f'{{"connector_status": "MELTED", "total_sessions": {serial}}}'.encode(),
    lambda serial: f'{{"connector_status": "AVAILABLE", "charger_id": "OTHER", "n": {serial}}}'.encode(),
    lambda _: b"not JSON at all, and the same each time",
    lambda _: b"[]",
    lambda _: b"",
    lambda serial: b"\xff\xfe\x00" + str(serial).encode(),
)
"""Each makes a payload that no decoder can take; some are the same each time."""


@dataclass(frozen=True)
class Said:
    """One message of one charger."""

    charger_id: str
    payload: bytes


Phase = Callable[[random.Random], dict[str, Any]]
PHASES: tuple[tuple[int, Phase], ...] = (
    # How often, and what the charger says in it; values jitter, so that no two payloads are alike.
    (6, lambda rng: {"temperature": round(rng.uniform(30, 44), 1)}),
    (3, lambda rng: {"temperature": round(rng.uniform(51, 58), 1)}),
    (3, lambda rng: {"temperature": round(rng.uniform(61, 75), 1)}),
    (2, lambda rng: {"temperature": round(rng.uniform(45, 65), 1)}),
    (2, lambda _: {"connector_status": "FAULTY", "error_codes": ["GroundFailure"]}),
    (2, lambda _: {"connector_status": "FAULTY", "error_codes": []}),
    (2, lambda _: {"error_codes": ["WeakSignal"]}),
    (1, lambda _: {"error_codes": ["EmergencyStop"]}),
    (1, lambda _: {"error_codes": ["CX026", "OtherError"]}),
    (2, lambda rng: {"connector_status": "CHARGING", "power": round(rng.uniform(6, 7), 2)}),
    (1, lambda _: {"connector_status": "CHARGING", "power": 0.0}),
)


def faulty_charger(rng: random.Random, charger_id: str, start: datetime) -> Iterator[Said]:
    """Yield timed readings that go through faults, for ever."""
    at, serial = start, 0
    weights = [weight for weight, _ in PHASES]
    while True:
        (_, phase), length = rng.choices(PHASES, weights)[0], rng.choice((1, 1, 2, 3, 5, 8, 13))
        for _ in range(length):
            at, serial = at + SAMPLE_EVERY, serial + 1
            said = {**HEALTHY, "connector_id": 1, **phase(rng), "total_sessions": 300 + serial}
            yield Said(charger_id, json.dumps({**said, "timestamp": at.isoformat()}).encode())


def benign_charger(charger_id: str) -> Iterator[Said]:
    """Yield the same reading without a time, for ever."""
    payload = json.dumps({**HEALTHY, "connector_id": 1}).encode()
    while True:
        yield Said(charger_id, payload)


def babbling_charger(rng: random.Random, charger_id: str) -> Iterator[Said]:
    """Yield what cannot be read, for ever."""
    serial = 0
    while True:
        serial += 1
        yield Said(charger_id, rng.choice(UNREADABLE)(serial))


def conversation(rng: random.Random, chargers: list[str], start: datetime, count: int) -> Iterator[Said]:
    """Yield so many messages of a whole site: half of its chargers say untimed things that are all alike."""
    half = len(chargers) // 2
    voices = [
        *(faulty_charger(random.Random(rng.random()), charger_id, start) for charger_id in chargers[:half]),
        *(benign_charger(charger_id) for charger_id in chargers[half:]),
    ]
    babble = [babbling_charger(random.Random(rng.random()), charger_id) for charger_id in chargers[:3]]
    for _ in range(count):
        yield next(rng.choice(babble if rng.random() < 0.03 else voices))

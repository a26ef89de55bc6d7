"""How well the agent is, check by check: from facts to a verdict. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from edge_agent.core.standing import Standing
from edge_agent.wire.alert import AlertType, Severity
from edge_agent.wire.rest import Health, HealthStatus, ModelStatus

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from edge_agent.ports import StoreUsage
    from edge_agent.wire.outbox import ClockTrust
    from edge_agent.wire.rest import ModelEntry

STUCK_S = 15.0
UPLINK_PATIENCE_S = 3_600.0
"""A link that is away for an hour is no news to anybody on site."""
LAGGING = 2_000
DISABLED: dict[str, Any] = {"status": "disabled"}
HEALTHY, DEGRADED, UNHEALTHY = HealthStatus.HEALTHY, HealthStatus.DEGRADED, HealthStatus.UNHEALTHY


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of the agent at one moment. usage: None where the store cannot tell."""

    version: str
    cache_hits: int
    cache_misses: int
    models: Sequence[ModelEntry]
    listening_since: datetime | None
    watch_only: bool
    usage: StoreUsage | None
    least_free_bytes: int
    clock: ClockTrust
    waiting: int
    since_turn_s: float
    drift: Mapping[str, Any] = field(default_factory=dict)
    endpoint: Mapping[str, Any] = field(default_factory=lambda: DISABLED)
    """How the OCPP endpoint is."""
    uplink: Mapping[str, Any] = field(default_factory=lambda: DISABLED)
    """How the way up is."""


def assess(facts: Facts) -> Health:
    """Return the health: the worst of the checks. Only a pipeline that stands still is unhealthy."""
    checks = {
        "cache": _cache(facts),
        "models": _models(facts),
        "broker": _broker(facts),
        "store": _store(facts),
        "disk": _disk(facts),
        "clock": {"status": HEALTHY if facts.clock != "stepped" else DEGRADED, "trust": facts.clock},
        "uplink": dict(facts.uplink),
        "ocpp": dict(facts.endpoint),
        "ingest": _ingest(facts),
        # A few chargers never look like a fleet: it is told, and is no ill of the agent's.
        "drift": {"status": HEALTHY, **facts.drift},
    }
    found = {check["status"] for check in checks.values()}
    worst = (
        UNHEALTHY if UNHEALTHY in found else DEGRADED if DEGRADED in found or "fallback" in found else HEALTHY
    )
    return Health(status=worst, version=facts.version, checks=checks)


def gateway_alerts(health: Health) -> dict[AlertType, Standing | None]:
    """Return for each type that concerns the gateway itself what stands; None: nothing does."""
    checks = health.checks
    why = {name: check.get("message", "") for name, check in checks.items()}
    found = {
        AlertType.DISK: Standing(
            Severity.WARNING,
            "The gateway's disk is nearly full. Make room on it, or readings will soon not be kept.",
            {"bytes_free": checks["disk"]["bytes_free"]},
        ),
        AlertType.STORE: Standing(Severity.CRITICAL, f"The gateway keeps nothing: {why['store']}."),
        AlertType.CLOCK: Standing(
            Severity.INFO, "The gateway's clock was set while it ran: times from before may be wrong."
        ),
        AlertType.MODEL: Standing(
            Severity.WARNING, f"A model does not serve, the rules do: {why['models']}."
        ),
        AlertType.UPLINK: Standing(
            Severity.WARNING,
            "Nothing goes up to the central service; it is kept here. Check the internet link.",
            {"reason": why["uplink"]},
            patience_s=UPLINK_PATIENCE_S,
        ),
    }
    stands = {"degraded", "unhealthy", "fallback"}
    return {kind: each if checks[CHECKED[kind]]["status"] in stands else None for kind, each in found.items()}


CHECKED = {
    AlertType.DISK: "disk",
    AlertType.STORE: "store",
    AlertType.CLOCK: "clock",
    AlertType.MODEL: "models",
    AlertType.UPLINK: "uplink",
}


def _cache(facts: Facts) -> dict[str, Any]:
    asked = facts.cache_hits + facts.cache_misses
    rate = 100 * facts.cache_hits / asked if asked else 0.0
    return {
        "status": HEALTHY,
        "hits": facts.cache_hits,
        "misses": facts.cache_misses,
        "hit_rate": f"{rate:.1f}%",
    }


def _models(facts: Facts) -> dict[str, Any]:
    sound = all(model.status is ModelStatus.LOADED for model in facts.models)
    check: dict[str, Any] = {"status": "loaded" if sound else "fallback", "count": len(facts.models)}
    if not sound:
        check["message"] = "a model file is refused: see GET /api/v1/models"
    return check


def _broker(facts: Facts) -> dict[str, Any]:
    if facts.listening_since is None:
        return {"status": DEGRADED, "message": "not connected; it is tried again and again"}
    return {"status": HEALTHY, "since": facts.listening_since.isoformat().replace("+00:00", "Z")}


def _store(facts: Facts) -> dict[str, Any]:
    if facts.watch_only:
        return {"status": DEGRADED, "message": "watch-only: readings are judged but not kept; check the disk"}
    if facts.usage is None:
        return {"status": DEGRADED, "message": "the store cannot be read"}
    return {"status": HEALTHY, "bytes": facts.usage.bytes_used, "quarantined": facts.usage.quarantined}


def _disk(facts: Facts) -> dict[str, Any]:
    free = None if facts.usage is None else facts.usage.bytes_free
    short = free is not None and free < facts.least_free_bytes
    return {"status": DEGRADED if short else HEALTHY, "bytes_free": free}


def _ingest(facts: Facts) -> dict[str, Any]:
    stuck = facts.since_turn_s > STUCK_S
    lagging = facts.waiting > LAGGING
    return {
        "status": UNHEALTHY if stuck else DEGRADED if lagging else HEALTHY,
        "waiting": facts.waiting,
        "seconds_since_turn": round(facts.since_turn_s, 1),
    }

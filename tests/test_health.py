"""From facts to a verdict."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from edge_agent.health import LAGGING, STUCK_S, Facts, assess, gateway_alerts
from edge_agent.ports import StoreUsage
from edge_agent.wire.alert import AlertType
from edge_agent.wire.rest import HealthStatus, ModelEntry, ModelStatus
from tests.rig.fakes import START

LOADED = ModelEntry(
    name="failure_predictor", version="v", type="t", status=ModelStatus.LOADED, loaded_at=START
)
WELL = Facts(
    version="1",
    cache_hits=3,
    cache_misses=1,
    models=[LOADED],
    listening_since=START,
    watch_only=False,
    usage=StoreUsage(1, 10**9, 0, None, 0, {}),
    least_free_bytes=1,
    clock="trusted",
    waiting=0,
    since_turn_s=0.1,
)
DEGRADED, HEALTHY, UNHEALTHY = HealthStatus.DEGRADED, HealthStatus.HEALTHY, HealthStatus.UNHEALTHY


def test_where_all_is_well_it_is_healthy_and_every_check_of_the_contract_is_there() -> None:
    health = assess(WELL)
    assert health.status is HEALTHY
    assert {"cache", "models", "broker", "store", "disk", "clock", "uplink", "ingest"} <= set(health.checks)


def test_the_hit_rate_is_told_as_the_central_service_tells_it() -> None:
    assert assess(WELL).checks["cache"] == {"status": HEALTHY, "hits": 3, "misses": 1, "hit_rate": "75.0%"}


def test_where_nobody_has_asked_the_hit_rate_is_nought() -> None:
    assert assess(replace(WELL, cache_hits=0, cache_misses=0)).checks["cache"]["hit_rate"] == "0.0%"


REFUSED = LOADED.model_copy(update={"status": ModelStatus.ERROR})
RULES = LOADED.model_copy(update={"status": ModelStatus.FALLBACK})
FULL = StoreUsage(1, 0, 0, None, 0, {})


@pytest.mark.parametrize(
    ("check", "fact"),
    [
        ("models", {"models": [RULES]}),
        ("models", {"models": [LOADED, REFUSED]}),
        ("broker", {"listening_since": None}),
        ("store", {"watch_only": True}),
        ("store", {"usage": None}),
        ("disk", {"usage": FULL}),
        ("clock", {"clock": "stepped"}),
        ("ingest", {"waiting": LAGGING + 1}),
    ],
)
def test_each_trouble_alone_degrades_and_its_check_says_so(check: str, fact: dict[str, Any]) -> None:
    health = assess(replace(WELL, **fact))
    assert health.status is DEGRADED
    assert health.checks[check]["status"] != HEALTHY
    assert [name for name, each in health.checks.items() if each["status"] in (DEGRADED, "fallback")] == [
        check
    ]


def test_a_pipeline_that_stands_still_is_unhealthy_whatever_else_is_wrong() -> None:
    assert assess(replace(WELL, since_turn_s=STUCK_S + 1)).status is UNHEALTHY
    assert assess(replace(WELL, since_turn_s=STUCK_S + 1, watch_only=True)).status is UNHEALTHY


def test_a_clock_that_nobody_has_set_yet_is_told_and_degrades_nothing() -> None:
    health = assess(replace(WELL, clock="unsynced"))
    assert health.status is HEALTHY
    assert health.checks["clock"]["trust"] == "unsynced"


def standing(facts: Facts) -> set[AlertType]:
    return {kind for kind, found in gateway_alerts(assess(facts)).items() if found is not None}


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"usage": FULL}, AlertType.DISK),
        ({"watch_only": True}, AlertType.STORE),
        ({"clock": "stepped"}, AlertType.CLOCK),
        ({"models": [RULES]}, AlertType.MODEL),
        ({"uplink": {"status": "degraded", "message": "away"}}, AlertType.UPLINK),
    ],
)
def test_what_ails_the_gateway_is_an_alert(change: dict[str, Any], kind: AlertType) -> None:
    assert standing(replace(WELL, **change)) == {kind}


def test_a_gateway_that_is_well_raises_nothing() -> None:
    assert standing(WELL) == set()
    assert standing(replace(WELL, clock="unsynced")) == set()

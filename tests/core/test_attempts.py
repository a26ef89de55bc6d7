"""From readings to attempts to charge: how far each came, and which belong to one visit."""

from __future__ import annotations

import pytest

from edge_agent.core.attempts import Tried
from edge_agent.wire.reading import Reading
from edge_agent.wire.service import Cause, Stage
from tests.core.making import added, began, finished, found, metered, said, stepped


def attempts(readings: list[Reading]) -> list[Tried]:
    _, outcomes = stepped(readings)
    return [each.concluded.tried for each in outcomes if each.concluded.tried is not None]


def failures(readings: list[Reading]) -> list[tuple[Stage | None, Cause | None, int]]:
    return [(each.failed_at, each.cause, each.number) for each in attempts(readings)]


def visit(seconds: float, kwh: float = 5.0, power: float = 7.0, **told: object) -> list[Reading]:
    """A vehicle comes, charges for five minutes as told by plain metrics, and leaves."""
    return [
        said(seconds, "OCCUPIED", power=0, energy_delivered=0, **told),
        said(seconds + 10, "CHARGING", power=power, energy_delivered=0, **told),
        said(seconds + 300, "CHARGING", power=power, energy_delivered=kwh, **told),
        said(seconds + 310, "AVAILABLE", power=0, energy_delivered=kwh),
    ]


def test_a_charge_told_by_plain_metrics_succeeds() -> None:
    (tried,) = attempts([said(0), *visit(100)])

    assert (tried.failed_at, tried.energy_kwh, tried.number) == (None, 5.0, 1)
    assert (tried.ended_at - tried.started_at).total_seconds() == 310


def test_a_charge_told_by_ocpp_succeeds() -> None:
    (tried,) = attempts(
        [
            added(0, status="AVAILABLE"),
            added(10, status="OCCUPIED"),
            began(20, register_kwh=100.0),
            added(25, status="CHARGING"),
            metered(60, 101.0),
            finished(600, "7", register_kwh=104.0),
            added(610, status="OCCUPIED"),
            added(700, status="AVAILABLE"),
        ]
    )

    assert (tried.failed_at, tried.energy_kwh) == (None, 4.0)
    assert tried.started_at < tried.ended_at


OCPP_FAILURES = [
    ([added(50, status="AVAILABLE")], Stage.AUTHORISE, Cause.USER),
    ([added(50, status="FAULTY", error_codes=["ConnectorLockFailure"])], Stage.PLUG, Cause.OWN_FAULT),
    ([added(50, status="FAULTY", error_codes=["ReaderFailure"])], Stage.AUTHORISE, Cause.OWN_FAULT),
    ([began(20, 100.0), finished(60, "7", 100.0)], Stage.START, None),
    ([began(20, 100.0), added(25, status="CHARGING"), finished(60, "7", 100.0)], Stage.ENERGISE, None),
    (
        [began(20, 100.0), added(25, status="CHARGING"), metered(30, 100.05), finished(60, "7", 100.05)],
        Stage.DELIVER,
        None,
    ),
    (
        [
            began(20, 100.0),
            added(25, status="CHARGING"),
            metered(30, 103.0),
            added(55, status="FAULTY", error_codes=["GroundFailure"]),
            finished(60, "7", 103.0),
        ],
        Stage.DELIVER,
        Cause.OWN_FAULT,
    ),
    (
        [began(20, 100.0), added(25, status="CHARGING", soc=100), finished(60, "7", 100.0)],
        Stage.ENERGISE,
        Cause.VEHICLE,
    ),
    (
        [began(20, 100.0), added(25, status="CHARGING", power_limit=0), finished(60, "7", 100.0)],
        Stage.ENERGISE,
        Cause.SITE_POWER,
    ),
]


@pytest.mark.parametrize(("then", "stage", "cause"), OCPP_FAILURES)
def test_an_attempt_fails_at_the_stage_that_it_did_not_get_done(
    then: list[Reading], stage: Stage, cause: Cause | None
) -> None:
    plugged = [added(0, status="AVAILABLE"), added(10, status="OCCUPIED")]

    assert failures([*plugged, *then]) == [(stage, cause, 1)]


def test_a_retry_within_minutes_is_the_same_visit_and_a_later_one_is_another() -> None:
    nothing = {"kwh": 0.0, "power": 0.0}
    readings = [said(0), *visit(100, **nothing), *visit(500), *visit(900), *visit(5000)]

    assert [(each.failed_at, each.number) for each in attempts(readings)] == [
        (Stage.ENERGISE, 1),
        (None, 2),
        (None, 1),
        (None, 1),
    ]


def test_starting_again_without_unplugging_is_the_same_visit() -> None:
    readings = [
        added(0, status="AVAILABLE"),
        added(10, status="OCCUPIED"),
        began(20, 100.0),
        finished(60, "7", 100.0),
        began(5000, 100.0, "call-2"),
        metered(5100, 103.0),
        finished(6000, "8", 103.0),
    ]

    assert [(each.failed_at, each.number) for each in attempts(readings)] == [(Stage.START, 1), (None, 2)]


def test_a_charger_that_tells_no_energy_is_judged_by_its_power() -> None:
    charging = [said(0), said(10, "CHARGING", power=7.0), said(300, "AVAILABLE", power=0.0)]
    dead = [said(0), said(10, "CHARGING", power=0.0), said(300, "AVAILABLE", power=0.0)]

    assert failures(charging) == [(None, None, 1)]
    assert failures(dead) == [(Stage.ENERGISE, None, 1)]


def test_silence_ends_no_attempt() -> None:
    readings = [said(0), *visit(100)[:2], found(250, "OFFLINE"), *visit(100)[2:]]

    assert failures(readings) == [(None, None, 1)]


def test_what_the_broker_kept_is_no_attempt() -> None:
    kept = said(10, "CHARGING", power=7.0)._replace(retained=True)

    assert failures([said(0), kept, said(300)]) == []

"""What is normal for one EVSE, and how far off something lies."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.core.baseline import OUTLIER_Z, WARM_EVERY, WARM_SAMPLES, Baselines, deviations, learn
from edge_agent.core.charger import observe
from edge_agent.core.sessions import Sessions
from edge_agent.core.slow import Level
from edge_agent.wire.metrics import Quantities
from edge_agent.wire.reading import Event, Reading
from tests.core.making import at, folded, found, news, said, stepped

TEN_S = WARM_EVERY.total_seconds()
NONE_ENDED = Sessions()


def sample(status: str = "AVAILABLE", **told: object) -> Quantities:
    return Quantities.model_validate({"connector_status": status, **told})


def learned(temperatures: Iterable[float], status: str = "AVAILABLE") -> Baselines:
    baselines = Baselines()
    for n, temperature in enumerate(temperatures):
        now = sample(status, temperature=temperature)
        baselines = learn(baselines, now, deviations(baselines, now), at(TEN_S * n), NONE_ENDED)
    return baselines


def test_without_thirty_samples_there_is_no_deviation() -> None:
    almost = learned([20.0] * (WARM_SAMPLES - 1))
    assert deviations(almost, sample(temperature=90.0)) == {}
    warm = learned([20.0] * WARM_SAMPLES)
    assert deviations(warm, sample(temperature=20.0)) == {"temperature": 0.0, "error_count": 0.0}


def test_each_quantity_warms_on_its_own() -> None:
    assert deviations(learned([20.0] * WARM_SAMPLES), sample(power=5.0)) == {}


def test_a_spread_is_never_taken_smaller_than_the_sensors_noise() -> None:
    warm = learned([20.0] * WARM_SAMPLES)
    assert deviations(warm, sample(temperature=23.0))["temperature"] == pytest.approx(3.0)
    assert deviations(warm, sample(temperature=20.0, error_codes=["X"]))["error_count"] == pytest.approx(4.0)


def test_colder_than_usual_tells_half_of_what_warmer_does() -> None:
    warm = learned([20.0] * WARM_SAMPLES)
    assert deviations(warm, sample(temperature=17.0))["temperature"] == pytest.approx(-1.5)


def test_z_is_counted_in_standard_deviations_of_what_was_seen() -> None:
    level = Level(20.0, 2.0, 100)
    assert level.z(20.0 + 2.0 * 1.2533, 1.0) == pytest.approx(1.0)


def test_z_stays_within_a_hundred() -> None:
    warm = learned([20.0] * WARM_SAMPLES)
    assert deviations(warm, sample(temperature=150.0))["temperature"] == 100.0
    assert deviations(warm, sample(temperature=-60.0))["temperature"] == pytest.approx(-40.0)


def test_the_level_is_the_mean_until_its_memory_is_full_and_follows_slowly_then() -> None:
    level = Level()
    for value in (10.0, 20.0, 30.0):
        level = level.towards(value, 300)
    assert level.level == pytest.approx(20.0)
    assert level.samples == 3
    assert Level(20.0, 0.0, 5000).towards(320.0, 300).level == pytest.approx(21.0)


def test_an_outlier_is_never_learned_from() -> None:
    warm = learned([20.0] * WARM_SAMPLES)
    for n in range(100):
        now = sample(temperature=26.0)
        assert deviations(warm, now)["temperature"] >= OUTLIER_Z
        warm = learn(warm, now, deviations(warm, now), at(1000 + TEN_S * n), NONE_ENDED)
    assert warm.idle.levels[2] == learned([20.0] * WARM_SAMPLES).idle.levels[2]


def test_what_stands_out_in_one_quantity_is_learned_from_in_the_others() -> None:
    warm = learned([20.0] * WARM_SAMPLES)
    now = sample(temperature=40.0, power=1.0)
    assert learn(warm, now, deviations(warm, now), at(1000), NONE_ENDED).idle.levels[1].samples == 1


def test_a_sample_with_a_code_teaches_nothing() -> None:
    now = sample(temperature=20.0, error_codes=["WeakSignal"])
    assert learn(Baselines(), now, {}, at(0), NONE_ENDED).idle.levels == Baselines().idle.levels


@pytest.mark.parametrize("status", ["FAULTY", "OFFLINE", "UNAVAILABLE"])
def test_out_of_service_nothing_is_normal(status: str) -> None:
    after = learn(Baselines(), sample(status, power=0.0), {}, at(0), NONE_ENDED)
    assert (after.idle, after.charging) == (Baselines().idle, Baselines().charging)
    warm = learned([20.0] * WARM_SAMPLES)
    assert deviations(warm, sample(status, temperature=90.0)) == {}


def test_an_unknown_status_has_no_normal() -> None:
    after = learn(Baselines(), Quantities(power=1.0), {}, at(0), NONE_ENDED)
    assert (after.idle, after.charging) == (Baselines().idle, Baselines().charging)


def test_charging_and_idle_are_two_normals() -> None:
    hot = learned([40.0] * WARM_SAMPLES, "CHARGING")
    assert deviations(hot, sample("AVAILABLE", temperature=40.0)) == {}
    assert deviations(hot, sample("CHARGING", temperature=40.0))["temperature"] == 0.0
    assert hot.idle == Baselines().idle


@pytest.mark.parametrize("status", ["AVAILABLE", "OCCUPIED", "FULLY_CHARGED"])
def test_all_that_is_idle_is_one_normal(status: str) -> None:
    warm = learned([20.0] * WARM_SAMPLES, "OCCUPIED")
    assert deviations(warm, sample(status, temperature=20.0))["temperature"] == 0.0


def test_samples_that_come_faster_than_every_ten_seconds_say_nothing_new() -> None:
    every_second = [said(n, temperature=20.0) for n in range(100)]
    assert folded(every_second).baselines.idle.levels[2].samples == 10


def test_a_deviation_is_of_what_was_normal_before_the_reading() -> None:
    known: dict[str, Any] = {"ambient_temperature": 15.0}
    warm = folded([said(TEN_S * n, temperature=20.0, **known) for n in range(WARM_SAMPLES)])
    seen = observe(warm, said(1000, temperature=30.0, **known))
    assert seen.deviation["temperature"] == pytest.approx(10.0)


def test_offline_that_the_agent_found_teaches_nothing() -> None:
    warm = folded([said(TEN_S * n, temperature=20.0) for n in range(5)])
    after = folded([found(1000, "OFFLINE")], warm).baselines
    assert (after.idle, after.charging) == (warm.baselines.idle, warm.baselines.charging)


@given(st.lists(st.floats(0, 1e12), max_size=60), st.floats(0, 1e12))
def test_no_amount_breaks_a_level(values: list[float], last: float) -> None:
    level = Level()
    for value in values:
        level = level.towards(value, 300)
    assert -100.0 <= level.z(last, 0.3) <= 100.0
    assert level.deviation >= 0
    assert not values or min(values) - 1e-3 <= level.level <= max(values) + 1e-3


def a_session(n: int, *, temperature: float, every_s: float = 60.0, **told: object) -> list[Reading]:
    """Return the n-th session, of half an hour at full power, and the rest after it."""
    start, power = 7200.0 * n, 22.0
    known = {"rated_power": 22.0, "ambient_temperature": 10.0, **told}
    charging = [
        said(
            start + every_s * k,
            "CHARGING",
            **{"power": power, "energy_delivered": power * every_s * k / 3600, "temperature": temperature}
            | known,
        )
        for k in range(int(1800 / every_s))
    ]
    rest = said(start + 1800, "AVAILABLE", power=0.0, temperature=temperature, **known)
    return [*charging, rest]


def sessions(temperatures: Iterable[float], start: int = 0, **told: Any) -> list[Reading]:
    return [
        reading
        for n, temperature in enumerate(temperatures, start)
        for reading in a_session(n, temperature=temperature, **told)
    ]


def test_under_five_sessions_a_charger_is_young() -> None:
    assert folded(sessions([25.0] * 4)).baselines.young
    assert not folded(sessions([25.0] * 5)).baselines.young


def test_a_level_that_creeps_is_found_and_says_which() -> None:
    creeping = [25.0 + (n % 2) * 0.3 for n in range(12)] + [25.0 + 0.6 * n for n in range(12)]
    assert folded(sessions(creeping[:12])).baselines.drifting is None
    assert folded(sessions(creeping)).baselines.drifting == "temperature"


def test_a_level_that_stays_for_twenty_sessions_becomes_the_baseline_and_is_told_once_as_info() -> None:
    moved = [25.0] * 12 + [31.0] * 30
    told = [alert for alert in news(sessions(moved)) if alert.alert_type == "ANOMALY"]
    assert [alert.severity for alert in told if "normal now" in alert.message and alert.state == "OPEN"] == [
        "INFO"
    ]
    assert told[-1].state == "CLEARED"
    assert folded(sessions(moved)).baselines.drifting is None


@pytest.mark.parametrize("told", [{"error_codes": ["X"]}, {}])
def test_heat_above_the_limit_and_a_code_become_no_baseline(told: dict[str, object]) -> None:
    moved = sessions([25.0] * 12) + sessions([31.0 if told else 51.0] * 30, 12, **told)
    assert folded(moved).baselines.settled is None


def test_work_done_and_new_firmware_start_the_baselines_anew() -> None:
    known = folded(sessions([25.0] * 12, firmware="1.0"))
    worked_on = folded([said(1e6)._replace(event=Event.MAINTENANCE)], known)
    updated = folded(sessions([25.0], 20, firmware="1.1"), known)
    assert not known.baselines.young
    assert worked_on.baselines.young
    assert updated.baselines.young
    assert not folded(sessions([25.0], 20, firmware="1.0"), known).baselines.young


def test_a_newcomer_borrows_what_is_normal_for_its_model_and_is_young_all_the_same() -> None:
    known, _ = stepped(sessions([25.0] * 6, model="M"))
    newcomer = said(1e6, "CHARGING", power=22.0, temperature=25.0, rated_power=22.0, model="M")
    for model, borrows in (("M", True), ("other", False)):
        metrics = newcomer.metrics.model_copy(update={"model": model})
        _, (outcome,) = stepped([newcomer._replace(charger_id="B", metrics=metrics)], start=known)
        assert outcome.charger is not None
        assert outcome.charger.baselines.young
        assert bool(outcome.judgement and outcome.judgement.deviation) is borrows

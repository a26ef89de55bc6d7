"""The eight types of the central service, and the score."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.core.anomaly import anomaly_answer, generic_score, ruled_type, verdict
from edge_agent.wire.answers import AnomalyType
from edge_agent.wire.metrics import Quantities
from tests.core.making import NOON, VotingModel, folded, said
from tests.core.readings import partial

NO_VOTE = math.nan


def now(**told: object) -> Quantities:
    return Quantities.model_validate({"connector_status": "AVAILABLE", **told})


def z_scoring(score: float) -> float:
    """Return the z-score that scores so much."""
    return -6 * math.log2(1 - score / 100)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"connector_status": "FAULTY"}, "STATUS_FAULT"),
        ({"connector_status": "OFFLINE"}, "NORMAL"),
        ({"connector_status": "UNAVAILABLE"}, "NORMAL"),
        ({"temperature": 60.0}, "OVER_TEMPERATURE_CRITICAL"),
        ({"temperature": 59.99}, "OVER_TEMPERATURE"),
        ({"temperature": 50.0}, "OVER_TEMPERATURE"),
        ({"temperature": 49.99}, "NORMAL"),
        ({"temperature": None}, "NORMAL"),
        ({"error_codes": ["WeakSignal"]}, "ERROR_CODE_PRESENT"),
        ({"error_codes": []}, "NORMAL"),
        ({"connector_status": "CHARGING", "power": 0.099}, "POWER_DROP_DURING_CHARGING"),
        ({"connector_status": "CHARGING", "power": 0.0}, "POWER_DROP_DURING_CHARGING"),
        ({"connector_status": "CHARGING", "power": 0.1}, "NORMAL"),
        ({"connector_status": "CHARGING", "power": None}, "NORMAL"),
        ({"connector_status": "OCCUPIED", "power": 0.0}, "NORMAL"),
    ],
)
def test_each_type_has_its_limit(told: dict[str, object], expected: str) -> None:
    judged = verdict(now(**told), {}, NO_VOTE)
    assert judged.type == expected
    assert judged.is_anomaly == (expected != "NORMAL")


def test_the_gravest_type_stands_first() -> None:
    gravest_first: list[tuple[dict[str, object], str]] = [
        ({"connector_status": "FAULTY"}, "STATUS_FAULT"),
        ({"temperature": 60.0}, "OVER_TEMPERATURE_CRITICAL"),
        ({"temperature": 50.0}, "OVER_TEMPERATURE"),
        ({"error_codes": ["WeakSignal"]}, "ERROR_CODE_PRESENT"),
        ({"connector_status": "CHARGING", "power": 0.0}, "POWER_DROP_DURING_CHARGING"),
    ]
    for place, (_, expected) in enumerate(gravest_first):
        told: dict[str, object] = {}
        for worse, _ in reversed(gravest_first[place:]):
            told.update(worse)
        assert ruled_type(now(**told)) == expected


@pytest.mark.parametrize(
    ("score", "expected"),
    [
        (80.0, "GENERIC_OUTLIER_HIGH"),
        (79.99, "GENERIC_OUTLIER_MEDIUM"),
        (50.0, "GENERIC_OUTLIER_MEDIUM"),
        (49.99, "NORMAL"),
        (0.0, "NORMAL"),
    ],
)
@pytest.mark.parametrize("sign", [1, -1])
def test_without_a_rule_the_score_gives_the_type(score: float, expected: str, sign: int) -> None:
    z = sign * (z_scoring(score) + 1e-9)
    judged = verdict(now(), {"power": z, "temperature": 0.1}, NO_VOTE)
    assert judged.type == expected
    assert judged.score == pytest.approx(max(score, 1.15), abs=0.1)


def test_without_a_baseline_a_vote_alone_makes_no_anomaly() -> None:
    assert verdict(now(), {}, 100.0) == (AnomalyType.NORMAL, 0.0)


def test_a_vote_draws_a_score_that_stands_out_by_a_third_of_the_way() -> None:
    sixty = {"power": z_scoring(60.0)}
    assert generic_score(sixty, NO_VOTE) == pytest.approx(60.0)
    assert generic_score(sixty, 90.0) == pytest.approx(70.0)
    assert generic_score(sixty, 0.0) == pytest.approx(40.0)
    assert generic_score({"power": z_scoring(49.0)}, 100.0) == pytest.approx(49.0)


def test_a_rule_keeps_its_type_when_the_score_is_higher() -> None:
    judged = verdict(now(error_codes=["X"]), {"power": 100.0}, NO_VOTE)
    assert judged.type == "ERROR_CODE_PRESENT"
    assert judged.score > 99


@given(
    partial,
    st.dictionaries(st.sampled_from(["power", "temperature"]), st.floats(-100, 100)),
    st.floats(0, 100),
)
def test_a_score_is_zero_to_a_hundred_and_agrees_with_its_type(
    quantities: Quantities, deviation: dict[str, float], vote: float
) -> None:
    kind, score = verdict(quantities, deviation, vote)
    assert 0 <= score <= 100
    assert (kind is AnomalyType.NORMAL) <= (score < 50)
    assert (kind is AnomalyType.GENERIC_OUTLIER_HIGH) <= (score >= 80)
    assert (kind is AnomalyType.GENERIC_OUTLIER_MEDIUM) <= (50 <= score < 80)


def test_the_answer_names_all_five_deviations_or_none() -> None:
    charger = folded([said(0)])
    judged = verdict(charger.now, {"power": 7.12345}, NO_VOTE)
    answer = anomaly_answer(charger, judged, {"power": 7.12345}, VotingModel(1.0), NOON)
    assert answer.deviation == {
        "status_int": 0.0,
        "energy_delivered": 0.0,
        "power": 7.123,
        "temperature": 0.0,
        "error_count": 0.0,
    }
    assert anomaly_answer(charger, judged, {}, VotingModel(1.0), NOON).deviation == {}
    assert (answer.engine, answer.model_version, answer.timestamp) == ("onnx", "voting-1", NOON)

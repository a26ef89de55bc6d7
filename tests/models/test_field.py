"""Field data: from an agent's store to files, from files to what the warnings and risks were worth."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edge_agent.adapters.sqlite import SqliteStore
from edge_agent.ports import Commit
from edge_agent.wire.service import (
    Cause,
    Downtime,
    Episode,
    Fact,
    Gap,
    Score,
    Sign,
    Verdict,
    WorkAction,
    WorkDone,
)
from models.training.datasets.field import Past, evaluate, labelled, outcome
from models.training.field_data import Field, export, read
from models.training.recalibration import INTERCEPT_FROM, SLOPE_FROM, applied, recalibration
from tests.adapters.sqlite_samples import BOUNDS

START = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def on(day: float) -> datetime:
    return START + day * DAY


def warned(day: float = 0, connector_id: int = 1, name: str = "a-1") -> Episode:
    return Episode(
        alert_id=name,
        charger_id="A",
        connector_id=connector_id,
        raised_at=on(day),
        cleared_at=None,
        probability=0.6,
        model_version="v1",
        vendor="Acme",
        firmware="1.2",
    )


def failed(day: float, days: float = 1, connector_id: int = 1) -> Downtime:
    return Downtime(
        charger_id="A",
        connector_id=connector_id,
        began_at=on(day),
        ended_at=on(day + days),
        sign=Sign.FAULTY,
        cause=Cause.OWN_FAULT,
        excluded=False,
        failure=True,
    )


def worked(
    day: float,
    verdict: Verdict = Verdict.CONFIRMED,
    alert_ids: tuple[str, ...] = (),
    connector_id: int = 1,
    action: WorkAction | None = None,
) -> WorkDone:
    return WorkDone(
        maintenance_id=f"w-{day}",
        charger_id="A",
        connector_id=connector_id,
        verdict=verdict,
        alert_ids=alert_ids,
        action=action,
        finished_at=on(day),
        by="AB",
    )


def scored(day: float, p7: float = 0.1, charger_id: str = "A", connector_id: int = 1) -> Score:
    return Score(
        charger_id=charger_id,
        connector_id=connector_id,
        at=on(day),
        model_version="v1",
        p1=p7 / 7,
        p7=p7,
        p30=min(3 * p7, 1.0),
        vendor="Acme",
        firmware=None,
    )


def deaf(day: float, days: float) -> Gap:
    return Gap(since=on(day), until=on(day + days))


END = scored(100)


def told(*facts: Fact) -> Field:
    """Return facts of one site that was watched for a hundred days."""
    found = Field()
    for fact in (*facts, END):
        lists: dict[type[Any], list[Any]] = {
            Episode: found.episodes,
            WorkDone: found.work,
            Downtime: found.downtime,
            Score: found.scores,
            Gap: found.gaps,
        }
        lists[type(fact)].append(("s", fact))
    return found


@pytest.mark.parametrize(
    ("facts", "true", "lead_days"),
    [
        ([failed(3)], True, 3),
        ([failed(0.3)], False, 0.3),
        ([failed(8)], False, None),
        ([], False, None),
        ([failed(3, connector_id=0)], True, 3),
        ([failed(3, connector_id=2)], False, None),
        ([worked(2)], True, None),
        ([worked(2, connector_id=0)], True, None),
        ([worked(2, connector_id=2)], False, None),
        ([worked(20)], True, None),
        ([worked(40)], False, None),
        ([worked(2, Verdict.NO_FAULT_FOUND)], False, None),
        ([worked(2, Verdict.OTHER_FAULT)], False, None),
        ([worked(2), failed(5)], True, None),
        ([worked(6), failed(5)], True, 5),
        ([worked(2, Verdict.NO_FAULT_FOUND), failed(5)], True, 5),
        ([worked(2, alert_ids=("another",))], False, None),
        ([worked(60, alert_ids=("a-1",))], True, None),
        ([deaf(2, 1)], None, None),
        ([deaf(2, 0.01)], False, None),
    ],
)
def test_an_episode_is_what_came_of_it(
    facts: Sequence[Fact], true: bool | None, lead_days: float | None
) -> None:
    label = labelled(Past(told(warned(), *facts)), "s", warned())

    assert label.true is true
    assert label.failed_at == (None if lead_days is None else on(lead_days))


def test_an_episode_whose_week_was_not_seen_to_the_end_is_not_counted() -> None:
    assert labelled(Past(told(warned(95))), "s", warned(95)).true is None


@pytest.mark.parametrize(
    ("facts", "within_7d", "within_30d"),
    [
        ([], False, False),
        ([failed(3)], True, True),
        ([failed(10)], False, True),
        ([failed(-1)], None, None),
        ([failed(-0.5, days=20)], None, None),
        ([failed(-5), failed(3)], True, True),
        ([worked(2)], None, None),
        ([worked(2), failed(3)], None, None),
        ([worked(10), failed(3)], True, True),
        ([worked(2, Verdict.NO_FAULT_FOUND)], False, False),
        ([worked(2, Verdict.NO_FAULT_FOUND, action=WorkAction.REPLACED)], None, None),
        ([worked(10)], False, None),
        ([deaf(2, 1)], None, None),
        ([deaf(2, 1), failed(5)], True, True),
    ],
)
def test_a_foretold_risk_is_compared_with_what_came_where_that_was_seen(
    facts: Sequence[Fact],
    within_7d: bool | None,
    within_30d: bool | None,
) -> None:
    found = outcome(Past(told(scored(0), *facts)), "s", scored(0))

    assert found.failed == {"7d": within_7d, "30d": within_30d}


def write(data: Path, name: str, rows: Sequence[Fact], site: str = "s") -> None:
    lines = [json.dumps({"site_id": site, **row.model_dump(mode="json")}) for row in rows]
    (data / f"{name}.jsonl").write_text("\n".join(lines) + "\n")


def test_the_figures_are_told_whole_and_by_model_vendor_and_firmware(tmp_path: Path) -> None:
    write(tmp_path, "episodes", [warned(0), warned(20, name="a-2"), warned(40, 2, "a-3")])
    write(tmp_path, "downtime", [failed(4), failed(60)])
    write(tmp_path, "work", [worked(42, Verdict.NO_FAULT_FOUND, ("a-3",), 2)])
    write(tmp_path, "scores", [scored(day, 0.2) for day in range(80)] + [END])
    figures = evaluate(tmp_path)

    assert (figures["episodes"], figures["counted"], figures["true"]) == (3, 3, 1)
    assert figures["precision"].value == pytest.approx(1 / 3)
    assert figures["median_lead_days"] == 4
    assert (figures["recall"]["failures"], figures["recall"]["caught"]) == (2, 1)
    assert figures["verdicts"][Verdict.NO_FAULT_FOUND] == 1
    week = figures["calibration"]["7d"]
    assert week["observed_over_expected"].value == pytest.approx(week["failed"] / week["expected"])
    assert figures["by_model_version"]["v1"]["true"] == 1
    assert set(figures["by_firmware"]) == {"1.2", "unknown"}


def test_sites_are_kept_apart(tmp_path: Path) -> None:
    write(tmp_path, "episodes", [warned()], "s")
    write(tmp_path, "scores", [END], "s")
    write(tmp_path, "downtime", [failed(3)], "another")

    assert evaluate(tmp_path)["true"] == 0


def test_csv_reads_as_json_lines_do(tmp_path: Path) -> None:
    facts: list[Fact] = [worked(2, alert_ids=("a-1",)), worked(3)]
    (tmp_path / "csv").mkdir()
    write(tmp_path, "work", facts)
    write(tmp_path, "episodes", [warned()])
    with (tmp_path / "csv" / "work.csv").open("w", newline="") as file:
        rows = [{"site_id": "s", **fact.model_dump(mode="json")} for fact in facts]
        table = csv.DictWriter(file, rows[0].keys())
        table.writeheader()
        table.writerows({**row, "alert_ids": json.dumps(row["alert_ids"])} for row in rows)
    write(tmp_path / "csv", "episodes", [warned()])

    assert read(tmp_path / "csv") == read(tmp_path)


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="episodes"):
        read(tmp_path)
    (tmp_path / "episodes.jsonl").write_text('{"alert_id": "a"}\n')
    with pytest.raises(ValueError, match=r"episodes\.jsonl, row 1"):
        read(tmp_path)


def test_a_store_is_exported_whole_and_read_back(tmp_path: Path) -> None:
    facts: list[Fact] = [warned(), failed(3), worked(5), scored(0), deaf(1, 0.5)]
    store = SqliteStore(tmp_path / "store", BOUNDS, START)
    store.commit(Commit(facts=facts))
    store.close()
    counts = export(tmp_path / "store", tmp_path / "data", "s")
    found = read(tmp_path / "data")

    assert counts == dict.fromkeys(("episodes", "work", "downtime", "scores", "gaps"), 1)
    assert [*found.episodes, *found.downtime, *found.work, *found.scores, *found.gaps] == [
        ("s", fact) for fact in facts
    ]


# -- recalibration

RNG = np.random.default_rng(11)


def foretold(rows: int) -> np.ndarray:
    return np.asarray(np.clip(np.exp(RNG.normal(-3, 1, rows)), 1e-4, 0.9))


def came(p: np.ndarray, intercept: float, slope: float) -> np.ndarray:
    hazard = np.exp(intercept) * (-np.log1p(-p)) ** slope
    return np.asarray(RNG.random(len(p)) < -np.expm1(-hazard))


def test_too_few_failures_change_nothing() -> None:
    p = foretold(50)
    truth = np.zeros(50, dtype=bool)
    truth[: INTERCEPT_FROM - 1] = True

    change = recalibration(truth, p)
    assert (change.intercept, change.slope, change.errors) == (0.0, 1.0, (None, None))
    assert applied(p, change) == pytest.approx(p)


def test_an_intercept_comes_first_and_makes_the_expected_the_observed() -> None:
    p = foretold(600)
    truth = came(p, 0.6, 1.0)
    assert INTERCEPT_FROM <= truth.sum() < SLOPE_FROM
    change = recalibration(truth, p)

    assert change.slope == 1.0
    assert abs(change.intercept - 0.6) < 3 * (change.errors[0] or 0)
    assert applied(p, change).sum() == pytest.approx(truth.sum(), rel=0.02)


def test_a_slope_comes_with_enough_failures() -> None:
    p = foretold(40_000)
    change = recalibration(came(p, -0.5, 0.7), p)

    assert change.failures > SLOPE_FROM
    assert change.slope == pytest.approx(0.7, abs=0.05)
    assert change.intercept == pytest.approx(-0.5, abs=0.1)
    assert (change.errors[1] or 1) < 0.05


def test_what_is_right_stays_as_it_is() -> None:
    p = foretold(40_000)
    change = recalibration(came(p, 0.0, 1.0), p)

    assert change.intercept == pytest.approx(0, abs=0.1)
    assert change.slope == pytest.approx(1, abs=0.05)


def test_a_slope_that_would_turn_the_order_round_is_not_told() -> None:
    p = foretold(5_000)
    truth = RNG.random(5_000) < 0.2 - 0.15 * p / p.max()

    assert recalibration(truth, p).slope == 1.0


def test_a_rising_curve_stays_rising() -> None:
    curve = np.array([0.01, 0.02, 0.2, 0.21, 0.999999])
    changed = applied(curve, recalibration(came(p := foretold(40_000), 1.0, 0.5), p))

    assert np.all(np.diff(changed) > 0)
    assert changed[-1] <= 1

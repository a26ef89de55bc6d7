"""What is kept for learning: counted once an hour, kept over a restart, shown in health and models."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np

from edge_agent.adapters.sqlite import SqliteReader
from edge_agent.core.features import FAILURE_FEATURES, HORIZON_DAYS, FloatArray
from edge_agent.core.rules import RulesAnomaly
from edge_agent.core.terms import Terms
from edge_agent.desk import Desk, Sources
from edge_agent.ingest.lessons import NAME, Lessons
from edge_agent.overview import Operator
from edge_agent.ports import Commit
from edge_agent.shelf import Loaders, Shelf
from tests.core.making import RisingModel
from tests.rig.fakes import START, Kerbside, a_store, as_it_came

HOUR = 3600.0


class Distributed(RisingModel):
    """A calibrated model whose manifest tells what its inputs looked like in training."""

    thresholds_stateless = RisingModel.thresholds
    scope = None

    def __init__(self) -> None:
        super().__init__()
        self.distribution = {name: (list(range(1, 10)), 0.5) for name in FAILURE_FEATURES}

    def contributions(self, rows: FloatArray) -> FloatArray:
        return np.zeros((len(rows), len(HORIZON_DAYS), rows.shape[1]), dtype=np.float32)


def opened(path: Path) -> Kerbside:
    site = Kerbside(a_store(path))
    shelf = Shelf(Loaders(lambda _: Distributed(), lambda _: RulesAnomaly()), Path())
    shelf.load(START)
    site.shelf.models = shelf.models
    site.ingest.swapped()
    return site.connect()


def desk_of(site: Kerbside) -> Desk:
    sources = Sources(site.ingest, site.inbox, site.shelf, site.clock, site.store.usage, as_it_came)
    return Desk(sources, Operator(Terms(), {}, 1))


def hours(site: Kerbside, many: int) -> None:
    for _ in range(many):
        site.clock.pass_time(HOUR)
        site.say("AVAILABLE", temperature=25.0)
        site.ingest.learn()
    site.until_due()


def test_an_hour_counts_each_evse_once_and_a_day_keeps_one_score_of_each(tmp_path: Path) -> None:
    site = opened(tmp_path / "s")
    hours(site, 30)
    scores = SqliteReader(tmp_path / "s").lessons(START, START + timedelta(days=3)).scores

    assert site.ingest.view.drift == {"level": "unknown", "rows": 30}
    assert [score.at.date() for score in scores] == [START.date(), START.date() + timedelta(days=1)]
    assert scores[0].model_version == "rising-1"
    assert 0 <= scores[0].p1 <= scores[0].p7 <= scores[0].p30


def test_drift_is_shown_where_the_models_and_the_health_are(tmp_path: Path) -> None:
    site = opened(tmp_path / "s")
    hours(site, 300)
    desk = desk_of(site)
    (predictor, *_) = desk.models()

    assert predictor.metadata["drift"]["level"] == "strong"
    assert desk.health().checks["drift"]["level"] == "strong"
    assert desk.health().checks["drift"]["status"] == "healthy"


def test_a_restart_goes_on_counting(tmp_path: Path) -> None:
    site = opened(tmp_path / "s")
    hours(site, 30)
    site.stop()
    site.store.close()
    again = opened(tmp_path / "s")

    assert again.ingest.view.drift["rows"] == 30


def test_a_silent_evse_and_the_rules_count_nothing(tmp_path: Path) -> None:
    site = opened(tmp_path / "s")
    hours(site, 1)
    site.clock.pass_time(2 * HOUR)
    site.ingest.learn()
    assert site.ingest.view.drift["rows"] == 1

    on_rules = Kerbside().connect()
    hours(on_rules, 3)
    assert on_rules.ingest.view.drift == {"level": "unknown", "rows": 0}


def test_counts_that_cannot_be_read_begin_anew() -> None:
    meta: dict[str, Any] = {NAME: '{"rows": "many"}'}

    assert Lessons(meta).told(Distributed())["rows"] == 0


def test_a_store_keeps_what_has_no_table_of_its_own(tmp_path: Path) -> None:
    store = a_store(tmp_path / "s")
    store.commit(Commit(meta={"drift": "1"}))
    store.commit(Commit(meta={"drift": "2"}))

    assert store.restore().meta == {"drift": "2"}
    store.close()

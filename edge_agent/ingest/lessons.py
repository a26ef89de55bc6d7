"""What the agent keeps for learning: each hour how the inputs lie, each day what it foretold of each EVSE.

Owned by the pipeline thread.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter, ValidationError

from edge_agent.core.drift import Bins, Drift, Seen, bins_of, counted, summary
from edge_agent.core.features import FAILURE_FEATURES, HORIZON_DAYS, as_matrix
from edge_agent.wire.service import Score

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import date, datetime

    from edge_agent.core.judgement import Judgement
    from edge_agent.core.models import FailureModel
    from edge_agent.ingest.batch import Batch

LIVELY = timedelta(hours=1)
"""An EVSE that was heard within this is counted."""
NAME = "drift"
DRIFT = TypeAdapter(Drift)
DAY, WEEK, MONTH = (HORIZON_DAYS.index(days) for days in (1, 7, 30))

log = logging.getLogger(__name__)


class Lessons:
    """Counts and scores; nothing of it is an input of any judgement."""

    def __init__(self, meta: Mapping[str, str]) -> None:
        """meta: what a store kept; counts of it that cannot be read begin anew."""
        self._scored: date | None = None
        self._drift = Drift()
        try:
            self._drift = DRIFT.validate_json(meta.get(NAME, "{}"))
        except ValidationError:
            log.warning("the counts of inputs cannot be read and begin anew")

    def take(self, judged: Iterable[Judgement], model: FailureModel, now: datetime, batch: Batch) -> None:
        """Count the EVSEs that were heard of late, and once a day keep what is foretold of each."""
        heard = [each for each in judged if _is_lively(each, now)]
        if not heard or not model.calibrated:
            return
        seen = Seen(
            FAILURE_FEATURES,
            as_matrix([each.risk.row for each in heard]),
            [each.failure.required for each in heard],
            [each.failure.curve[MONTH] for each in heard],
        )
        self._drift = counted(self._drift, model.version, _bins(model), seen, now)
        batch.commit.meta[NAME] = DRIFT.dump_json(self._drift).decode()
        if self._scored != now.date():
            self._scored = now.date()
            batch.commit.facts.extend(_score(each, now) for each in heard)

    def told(self, model: FailureModel) -> dict[str, Any]:
        """Return how far the inputs lie from those that the model was trained on."""
        if not model.calibrated or self._drift.version != model.version:
            return {"level": "unknown", "rows": 0}
        return summary(self._drift, _bins(model))


def _bins(model: FailureModel) -> dict[str, Bins]:
    """The rules, and whatever else was not trained, have no distribution."""
    return bins_of(getattr(model, "distribution", {}))


def _is_lively(judged: Judgement, now: datetime) -> bool:
    heard = judged.charger.heard_at
    return heard is not None and now - heard <= LIVELY


def _score(judged: Judgement, now: datetime) -> Score:
    charger, curve = judged.charger, judged.failure.curve
    return Score(
        charger_id=charger.charger_id,
        connector_id=charger.connector_id,
        at=now,
        model_version=judged.models.failure.version,
        p1=curve[DAY],
        p7=curve[WEEK],
        p30=curve[MONTH],
        vendor=charger.now.vendor,
        firmware=charger.now.firmware,
    )

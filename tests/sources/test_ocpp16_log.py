"""A log that nobody here wrote, replayed: see tests/fixtures/convert_ocpp16_log.py for its origin."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime

import pytest

from edge_agent.sources import Received
from edge_agent.sources.registry import Registry
from edge_agent.wire.metrics import ConnectorStatus
from edge_agent.wire.reading import Event, Reading
from tests.fixtures.convert_ocpp16_log import LOG, PREFIX, replay_lines

pytestmark = pytest.mark.skipif(not LOG.exists(), reason=f"the shared data is not there: {LOG}")


@pytest.fixture(scope="module")
def outcome() -> tuple[list[Reading], Counter[str], Counter[str]]:
    """Readings, rejections by reason, ignored kinds; each message gives at least one of them."""
    registry = Registry(PREFIX)
    readings: list[Reading] = []
    rejected: Counter[str] = Counter()
    ignored: Counter[str] = Counter()
    for line in replay_lines():
        received_at = datetime.fromisoformat(line["at"])
        decoded = registry.decode(Received(line["topic"], json.dumps(line["payload"]).encode(), received_at))
        assert decoded.readings or decoded.rejected or decoded.ignored
        readings.extend(decoded.readings)
        rejected.update(part.reason for part in decoded.rejected)
        ignored.update(decoded.ignored)
    return readings, rejected, ignored


Outcome = tuple[list[Reading], Counter[str], Counter[str]]


def test_no_frame_of_the_log_is_rejected(outcome: Outcome) -> None:
    assert not outcome[1]


def test_every_transaction_of_the_log_starts_is_confirmed_and_ends(outcome: Outcome) -> None:
    events = Counter(reading.event for reading in outcome[0])
    assert events[Event.TRANSACTION_STARTED] == 39
    assert events[Event.TRANSACTION_CONFIRMED] == 39
    assert events[Event.TRANSACTION_ENDED] == 39


def test_the_log_ignores_only_what_holds_nothing_for_us(outcome: Outcome) -> None:
    assert outcome[2] == {
        "ocpp answer": 8676,
        "ocpp1.6 Authorize": 101,
        "ocpp1.6 RemoteStartTransaction": 39,
        "measurand Current.Import": 117,
    }


def test_the_faults_of_the_log_are_seen_with_their_code(outcome: Outcome) -> None:
    faults = [r.metrics for r in outcome[0] if r.metrics.connector_status is ConnectorStatus.FAULTY]
    assert len(faults) == 102
    assert {metrics.error_codes for metrics in faults} == {("ConnectorLockFailure",)}


def test_every_reading_with_a_time_has_that_of_its_frame(outcome: Outcome) -> None:
    assert all(reading.at <= reading.received_at for reading in outcome[0])

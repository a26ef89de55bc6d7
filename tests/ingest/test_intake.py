"""Intake: a message on which a decoder fails is set aside and acknowledged, and comes no more."""

from __future__ import annotations

import logging
from collections import Counter

import pytest

from edge_agent.errors import DEFECT
from edge_agent.ingest.batch import Batch, Numbering
from edge_agent.ingest.intake import Intake
from edge_agent.ingest.redelivery import RedeliveryWindow, digest
from edge_agent.ports import Message, Quarantined
from edge_agent.sources import Decoded, Received
from edge_agent.sources.registry import Registry
from tests.rig.fakes import PREFIX, START, metrics

TOPIC = f"{PREFIX}/chargers/CHG_001/metrics"
POISON = b'{"connector_status":"a secret"}'


class BreakingRegistry(Registry):
    """Fails on one payload, as a decoder with a defect would."""

    def decode(self, received: Received) -> Decoded:
        if received.payload == POISON:
            raise RecursionError("of the test")
        return super().decode(received)


class Site:
    """An intake whose registry breaks, and what it filled."""

    def __init__(self) -> None:
        self.counted: Counter[str] = Counter()
        self.batch = Batch(Numbering("e", {}))
        self.intake = Intake(BreakingRegistry(PREFIX), RedeliveryWindow(), self.counted)

    def take(self, payload: bytes, packet_id: int | None = 5, generation: int = 1) -> int:
        """Take a message and return how many readings it gave."""
        return len(self.intake.take(a_message(payload, packet_id, generation), self.batch))


def a_message(payload: bytes, packet_id: int | None = 5, generation: int = 1) -> Message:
    return Message(generation, packet_id, TOPIC, payload, START, retained=False)


def test_a_message_on_which_a_decoder_fails_is_set_aside() -> None:
    site = Site()
    assert site.take(POISON) == 0
    assert site.batch.commit.quarantined == [Quarantined(START, TOPIC, DEFECT.reason, POISON)]
    assert site.counted == {"messages": 1, "quarantined": 1}


def test_a_message_on_which_a_decoder_fails_is_acknowledged_and_known_when_it_comes_again() -> None:
    site = Site()
    site.take(POISON)
    assert site.batch.owed == [(1, 5)]
    assert site.batch.commit.delivered == [(5, digest(a_message(POISON)))]
    site.take(POISON, generation=2)
    assert site.batch.owed == [(1, 5), (2, 5)]
    assert len(site.batch.commit.quarantined) == 1
    assert site.counted["redelivered"] == 1


def test_at_qos_0_it_is_set_aside_and_nothing_is_owed() -> None:
    site = Site()
    site.take(POISON, packet_id=None)
    assert (len(site.batch.commit.quarantined), site.batch.owed) == (1, [])


def test_the_messages_before_and_after_it_are_read() -> None:
    site = Site()
    given = [
        site.take(payload, packet_id) for packet_id, payload in enumerate([metrics(), POISON, metrics()], 1)
    ]
    assert given == [1, 0, 1]
    assert site.batch.owed == [(1, 1), (1, 2), (1, 3)]
    assert site.counted == {"messages": 3, "quarantined": 1}


def test_the_defect_is_logged_with_where_it_happened_and_without_the_payload(
    caplog: pytest.LogCaptureFixture,
) -> None:
    Site().take(POISON)
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert record.exc_info is not None
    assert record.exc_info[0] is RecursionError
    assert "secret" not in caplog.text

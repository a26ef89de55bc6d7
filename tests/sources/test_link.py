"""What happens to a charger's connection at our own endpoint."""

from __future__ import annotations

import pytest

from edge_agent.sources import Received
from edge_agent.sources.registry import Registry
from edge_agent.wire.reading import Event
from tests.rig.fakes import PREFIX, START

TOPIC = f"{PREFIX}/chargers/CP1/ocpp/link"


@pytest.mark.parametrize(
    ("word", "event"),
    [(b"opened", Event.LINK_OPENED), (b"closed", Event.LINK_CLOSED), (b"cut", Event.LINK_CUT)],
)
def test_a_connection_that_comes_or_goes_is_an_event_of_the_cabinet(word: bytes, event: Event) -> None:
    (reading,) = Registry(PREFIX).decode(Received(TOPIC, word, START)).readings
    assert (reading.charger_id, reading.connector_id, reading.event) == ("CP1", 0, event)


def test_any_other_word_is_refused_and_no_broker_is_asked_for_it() -> None:
    registry = Registry(PREFIX)
    assert registry.decode(Received(TOPIC, b"\xff", START)).rejected
    assert not [topic for topic in registry.subscriptions if "link" in topic]

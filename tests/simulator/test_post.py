from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta

import numpy as np

from edge_agent.simulator.parameters import SensingParameters
from edge_agent.simulator.post import delivered
from edge_agent.simulator.voices import Kind, Message

START = datetime(2025, 3, 1, tzinfo=UTC)


def sent(kind: Kind = "metrics") -> list[Message]:
    return [Message("C", kind, str(n).encode(), START + timedelta(minutes=n)) for n in range(2000)]


def through(messages: list[Message]) -> list[Message]:
    sensing = SensingParameters(late_share=0.1, late_s=600, twice_share=0.1)
    return list(delivered(messages, sensing, np.random.default_rng(2)))


def test_some_come_late_some_twice_and_arrivals_are_in_order() -> None:
    arrived = through(sent())
    times = [message.at for message in arrived]
    assert times == sorted(times)
    numbers = [int(message.payload) for message in arrived]
    assert numbers != sorted(numbers)
    counts = Counter(numbers)
    assert 100 < sum(count == 2 for count in counts.values()) < 300
    assert len(counts) > 1990


def test_frames_of_one_connection_keep_their_order() -> None:
    assert through(sent("ocpp")) == sent("ocpp")

from __future__ import annotations

import json
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import pytest

from edge_agent.simulator.demo import demo_messages
from edge_agent.simulator.voices import Message
from edge_agent.sources import Received
from edge_agent.sources.registry import Registry

START = datetime(2025, 3, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def frames() -> list[tuple[Message, list[Any]]]:
    said = (message for message in demo_messages(2, START) if message.kind != "metrics")
    return [(message, json.loads(message.payload)) for message in islice(said, 6000)]


def test_a_charger_boots_before_it_says_anything_else(frames: list[tuple[Message, list[Any]]]) -> None:
    assert frames[0][1][2] == "BootNotification"


def test_every_call_is_answered_on_the_way_down_under_its_own_id(
    frames: list[tuple[Message, list[Any]]],
) -> None:
    for (call, asked), (result, answer) in zip(frames[::2], frames[1::2], strict=True):
        assert (call.kind, result.kind) == ("ocpp", "ocpp/down")
        assert (asked[0], answer[0]) == (2, 3)
        assert asked[1] == answer[1]


def test_a_transaction_ends_under_the_id_that_its_start_was_given(
    frames: list[tuple[Message, list[Any]]],
) -> None:
    given = [
        answer[2]["transactionId"]
        for (_, asked), (_, answer) in zip(frames[::2], frames[1::2], strict=True)
        if asked[2] == "StartTransaction"
    ]
    ended = [frame[3]["transactionId"] for _, frame in frames[::2] if frame[2] == "StopTransaction"]
    assert ended
    assert ended == given[: len(ended)]


def test_the_agent_understands_every_frame(frames: list[tuple[Message, list[Any]]]) -> None:
    registry = Registry("site")
    for message, _ in frames:
        topic = f"site/chargers/{message.charger_id}/{message.kind}"
        decoded = registry.decode(Received(topic, message.payload, message.at))
        assert decoded.rejected == ()

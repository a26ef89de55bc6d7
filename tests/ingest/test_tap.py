"""What the endpoint hears goes into the inbox, under the topics of the contract."""

from __future__ import annotations

from edge_agent.ingest.inbox import Inbox
from edge_agent.ingest.tap import Tap
from edge_agent.ports import Message
from tests.rig.fakes import PREFIX, START


def test_what_is_said_told_opened_and_closed_has_its_topic() -> None:
    inbox = Inbox()
    tap = Tap(inbox, PREFIX, lambda: START)
    tap.opened("CP1")
    tap.said("CP1", "frame")
    tap.told("CP1", b"answer")
    tap.closed("CP1")
    tap.cut("CP1")
    items = [item for item in inbox.drain(10, 0.0) if isinstance(item, Message)]
    assert [(item.topic.removeprefix(f"{PREFIX}/chargers/CP1/"), item.payload) for item in items] == [
        ("ocpp/link", b"opened"),
        ("ocpp", b"frame"),
        ("ocpp/down", b"answer"),
        ("ocpp/link", b"closed"),
        ("ocpp/link", b"cut"),
    ]
    assert all(item.packet_id is None for item in items)


def test_where_there_is_no_room_it_is_counted() -> None:
    tap = Tap(Inbox(most=1), PREFIX, lambda: START)
    for _ in range(3):
        tap.said("CP1", "frame")
    assert tap.missed == 2

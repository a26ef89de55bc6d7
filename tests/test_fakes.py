"""The fakes do what the ports that they stand for ask."""

from __future__ import annotations

from datetime import timedelta

import pytest

from edge_agent.clock import Clock
from edge_agent.ports import Broker, Store
from tests.rig.fakes import START, FakeBroker, FakeClock, a_store

BROKER: Broker = FakeBroker()
STORE: Store = a_store()
CLOCK: Clock = FakeClock()


@pytest.mark.parametrize(
    ("port", "fake"), [(Broker, BROKER), (Store, STORE), (Clock, CLOCK)], ids=["broker", "store", "clock"]
)
def test_a_fake_has_all_that_its_port_asks_for(port: type, fake: object) -> None:
    asked = {name for name in vars(port) if not name.startswith("_")}
    assert asked
    assert all(hasattr(fake, name) for name in asked)


def test_a_fake_broker_that_is_not_connected_takes_nothing() -> None:
    assert FakeBroker(connected=False).publish("t", b"", retain=False) is None


def test_a_fake_clock_steps_without_time_passing() -> None:
    clock = FakeClock()
    clock.step(3600)
    assert clock.now() - START == timedelta(hours=1)
    assert clock.monotonic() == 1_000.0
    assert clock.steady() == START

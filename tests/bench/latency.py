"""From a charger's publish to the alert at a screen, while other readings come in.

One process is charger and screen, so that one clock tells: a charger publishes that its cable is cut, a
viewer gets the alert; that kind is never damped, however often it comes. Two good readings clear it again,
and after a pause of random length comes the next.
TCP_NODELAY on both connections, QoS 1 throughout, so a commit (FULL) and five packets lie in between.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import islice
from queue import SimpleQueue
from random import Random
from threading import Event
from typing import TYPE_CHECKING, NamedTuple

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from tests.bench.bare import send_at_once
from tests.bench.report import Figure, at_most, middle, percentile
from tests.bench.rig import READING, SitePlan, agent, broker, folder, steady
from tests.rig.broker import PASSWORD, PREFIX, VIEWER
from tests.rig.waiting import HOST

if TYPE_CHECKING:
    from collections.abc import Callable

AIM_P99_MS = 5.0
RATES = ((50, 20), (500, 200))
"""Messages a second in the background, and from how many chargers."""
BACKGROUND_FAULTS = 0.005
PROBE = "PROBE"
CUT = "CutCable"
PAUSE_S = (0.02, 0.06)
WAIT_S = 10.0
SETTLED_AFTER = 20
"""The first alerts, while everything is still being touched for the first time, do not count."""


class Arrival(NamedTuple):
    """An alert as the screen got it. at: monotonic."""

    at: float
    state: str


class Probe(NamedTuple):
    """One alert. at: when the charger spoke, monotonic. ms: until it was on the screen."""

    at: float
    ms: float


def measure(alerts: int) -> list[Figure]:
    """Return p50 and p99 at each rate."""
    figures = []
    for rate, chargers in RATES:
        with (
            folder() as place,
            broker(place, SitePlan(chargers=chargers, others=(PROBE,))) as mosquitto,
            agent(place, mosquitto),
            steady(mosquitto, chargers, rate, BACKGROUND_FAULTS) as background,
        ):
            lasted_ms = probe(mosquitto.port, alerts + SETTLED_AFTER)[SETTLED_AFTER:]
        figures += _figures(rate, lasted_ms, background)
    return figures


def _figures(rate: int, lasted_ms: list[float], background: dict[str, float]) -> list[Figure]:
    beside = (
        f"{len(lasted_ms)} alerts; {background['per_second']:.0f} msg/s from others meanwhile, "
        f"at most {1000 * background['latest_s']:.0f} ms late; largest {max(lasted_ms):.1f} ms"
    )
    return [
        Figure(name=f"alert latency p50 at {rate} msg/s", value=middle(lasted_ms), unit="ms"),
        Figure(
            name=f"alert latency p99 at {rate} msg/s",
            value=percentile(lasted_ms, 99),
            unit="ms",
            aim=at_most(AIM_P99_MS),
            note=beside,
            samples=tuple(lasted_ms),
        ),
    ]


def probe(port: int, alerts: int) -> list[float]:
    """Raise and clear so many alerts, one after the other; return how long each took to arrive, in ms."""
    with probes(port) as asked:
        return [each.ms for each in islice(asked, alerts)]


@contextmanager
def probes(port: int) -> Iterator[Iterator[Probe]]:
    """Yield what raises an alert and clears it again, as often as it is asked for the next one."""
    arrivals: SimpleQueue[Arrival] = SimpleQueue()
    with connected(port, VIEWER, _listener(arrivals)) as screen, connected(port, PROBE) as charger:
        _subscribe(screen)
        tell(charger)
        yield _probing(charger, arrivals)


def _probing(charger: Client, arrivals: SimpleQueue[Arrival]) -> Iterator[Probe]:
    pause, chance = Event(), Random(1)
    while True:
        pause.wait(chance.uniform(*PAUSE_S))
        told_at = tell(charger, CUT)
        opened_at = _arrival(arrivals, "OPEN")
        tell(charger)
        tell(charger)
        _arrival(arrivals, "CLEARED")
        yield Probe(told_at, 1000 * (opened_at - told_at))


def tell(charger: Client, *codes: str) -> float:
    """Publish a reading; return the time just before."""
    stamp = datetime.now(UTC).isoformat()
    told = READING | {
        "connector_id": 1,
        "connector_status": "AVAILABLE",
        "error_codes": codes,
        "timestamp": stamp,
    }
    payload = json.dumps(told).encode()
    at = time.monotonic()
    charger.publish(f"{PREFIX}/chargers/{PROBE}/metrics", payload, qos=1)
    return at


def _arrival(arrivals: SimpleQueue[Arrival], state: str) -> float:
    arrival = arrivals.get(timeout=WAIT_S)
    if arrival.state != state:
        raise RuntimeError(f"an alert {arrival.state} came where {state} was awaited")
    return arrival.at


def _listener(arrivals: SimpleQueue[Arrival]) -> Callable[[Client, object, MQTTMessage], None]:
    def on_message(_client: Client, _data: object, message: MQTTMessage) -> None:
        at = time.monotonic()
        if message.payload:  # an empty one erases what was retained
            arrivals.put(Arrival(at, json.loads(message.payload)["state"]))

    return on_message


def _subscribe(screen: Client) -> None:
    subscribed = Event()
    screen.on_subscribe = lambda *_: subscribed.set()
    screen.subscribe(f"{PREFIX}/alerts/{PROBE}/1/TAMPER", 1)
    if not subscribed.wait(WAIT_S):
        raise TimeoutError("the broker does not answer to a subscription")


@contextmanager
def connected(
    port: int, account: str, on_message: Callable[[Client, object, MQTTMessage], None] | None = None
) -> Iterator[Client]:
    client, there = Client(CallbackAPIVersion.VERSION2), Event()
    client.username_pw_set(account, PASSWORD)
    client.on_socket_open = send_at_once
    client.on_connect = lambda *_: there.set()
    client.on_message = on_message
    client.connect(HOST, port)
    client.loop_start()
    try:
        if not there.wait(WAIT_S):
            raise TimeoutError(f"the broker does not let {account} in")
        yield client
    finally:
        client.disconnect()
        client.loop_stop()

"""Messages a second through the whole path, over the fastest of three variants of bare paho.

The same messages, broker configuration, account and session for each. The session is made and primed; then

    queued   the subscriber is stopped (SIGSTOP, its connection stays), the messages are published and
             acknowledged by the broker, the subscriber is continued. From there to the last message.
    live     the messages are published while the subscriber takes them. From the first to the last message.

"To the last message" is, for bare paho, its last acknowledgement; for the agent, the commit that holds the
last message, seen from outside in the store. It is stopped rather than disconnected, as what comes in the
burst after a reconnect is treated apart: untimed readings would not be judged.

The first is once more measured with a broker that does not save its database meanwhile: as shipped it writes
all of a long queue every 100 messages, and then it is the broker that is measured.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.bench.bare import VARIANTS
from tests.bench.report import Figure, at_least, middle
from tests.bench.rig import (
    SitePlan,
    agent,
    broker,
    child,
    counted,
    cpu_s,
    folder,
    line_from,
    newest_reading,
    pid_of,
    traffic,
    wait_until,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.bench.rig import Traffic
    from tests.rig.broker import Mosquitto

AIM = 0.40
FAULTS = 0.02
"""For each message: 6 % of them report a fault, 4 % raise or clear an alert."""
PRIMING_A_CHARGER = 40
"""Messages: after 30 a baseline is warm."""
AGENT = "edge-agent"
AGENT_COMMAND = "edge-agent --config site.toml run"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """How one throughput is measured. messages: beside those that prime."""

    chargers: int
    messages: int
    live: bool
    saves: bool

    @property
    def priming(self) -> int:
        return PRIMING_A_CHARGER * self.chargers

    @property
    def name(self) -> str:
        how = "live" if self.live else "queued"
        return f"{how}, {self.chargers} chargers" + ("" if self.saves else ", broker does not save")


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of one run: messages a second, and processor time for each message."""

    per_second: float
    subscriber_us: float
    broker_us: float


@dataclass(frozen=True, slots=True)
class Subscriber:
    """Whoever takes the messages. Both waits return once so many are taken; `all_taken` when that was."""

    pid: int
    primed: Callable[[], None]
    all_taken: Callable[[], float]


def measure(messages: int, repeats: int) -> list[Figure]:
    """Return the figures of all trials."""
    figures: list[Figure] = []
    for chargers, live, saves in (
        (20, False, True),
        (20, True, True),
        (20, False, False),
        (200, False, True),
        (200, True, True),
    ):
        figures += _figures(Trial(chargers=chargers, messages=messages, live=live, saves=saves), repeats)
    return figures


def _figures(trial: Trial, repeats: int) -> list[Figure]:
    """Run everyone in turn, so that a busy minute of the machine hits all of them."""
    taken: dict[str, list[Taken]] = {name: [] for name in (*VARIANTS, AGENT)}
    for _ in range(repeats):
        for name, runs in taken.items():
            runs.append(_run(trial, name))
    rates = {name: tuple(run.per_second for run in runs) for name, runs in taken.items()}
    fastest = max(VARIANTS, key=lambda name: middle(list(rates[name])))
    bare_command = f"python -m tests.bench.bare {fastest} PORT {trial.priming + 1} {trial.messages + 1}"
    ratio = Figure(
        name=f"{trial.name}: agent over bare paho",
        value=middle(list(rates[AGENT])) / middle(list(rates[fastest])),
        unit="",
        aim=at_least(AIM),
        commands=(AGENT_COMMAND, bare_command),
    )
    cheapest = min(VARIANTS, key=lambda name: _own_us(taken[name]))
    cost = Figure(
        name=f"{trial.name}: the same by processor time",
        value=_own_us(taken[cheapest]) / _own_us(taken[AGENT]),
        unit="",
        note=f"{cheapest} over the agent; what else the machine does moves this less than messages a second",
    )
    return [ratio, cost, *(_rate(trial, name, taken[name]) for name in taken)]


def _own_us(runs: list[Taken]) -> float:
    return middle([run.subscriber_us for run in runs])


def _rate(trial: Trial, name: str, runs: list[Taken]) -> Figure:
    brokers_us = middle([run.broker_us for run in runs])
    return Figure(
        name=f"{trial.name}: {name}",
        value=middle([run.per_second for run in runs]),
        unit="msg/s",
        samples=tuple(run.per_second for run in runs),
        note=f"processor time a message: {_own_us(runs):.0f} µs, broker {brokers_us:.0f} µs",
    )


def _run(trial: Trial, name: str) -> Taken:
    with folder() as place, broker(place, SitePlan(chargers=trial.chargers, saves=trial.saves)) as mosquitto:
        subscribe = _agent(place, mosquitto, trial) if name == AGENT else _bare(name, mosquitto, trial)
        total = trial.priming + trial.messages
        with subscribe as subscriber, traffic(mosquitto, trial.chargers, total, FAULTS) as chargers:
            chargers.begin(trial.priming)
            chargers.wait()
            subscriber.primed()
            return _timed(trial, chargers, subscriber, pid_of(mosquitto))


def _timed(trial: Trial, chargers: Traffic, subscriber: Subscriber, broker_pid: int) -> Taken:
    if not trial.live:
        os.kill(subscriber.pid, signal.SIGSTOP)
        chargers.begin(trial.messages)
        chargers.wait()
    own, brokers = cpu_s(subscriber.pid), cpu_s(broker_pid)
    began = time.monotonic()
    if trial.live:
        chargers.begin(trial.messages)
    else:
        os.kill(subscriber.pid, signal.SIGCONT)
    lasted = subscriber.all_taken() - began
    if trial.live:
        chargers.wait()
    a_message_us = 1e6 / trial.messages
    return Taken(
        per_second=(trial.messages + 1) / lasted,
        subscriber_us=(cpu_s(subscriber.pid) - own) * a_message_us,
        broker_us=(cpu_s(broker_pid) - brokers) * a_message_us,
    )


@contextmanager
def _agent(place: Path, mosquitto: Mosquitto, trial: Trial) -> Iterator[Subscriber]:
    with agent(place, mosquitto) as process:
        newest = newest_reading(process)
        first = trial.priming + 1
        last = first + trial.messages + 1

        def primed() -> None:
            wait_until("the priming to be kept", lambda: newest() >= first)

        def all_taken() -> float:
            ended_at = wait_until("all messages to be kept", lambda: newest() >= last)
            told = counted(process)
            if told["messages"] != last or told.get("quarantined") or told.get("redelivered"):
                raise RuntimeError(f"{last} messages were sent, and the agent counted {told}")
            return ended_at

        yield Subscriber(process.pid, primed, all_taken)


@contextmanager
def _bare(variant: str, mosquitto: Mosquitto, trial: Trial) -> Iterator[Subscriber]:
    counts = (trial.priming + 1, trial.messages + 1)
    with child("bare", variant, mosquitto.port, *counts) as process:
        line_from(process)
        yield Subscriber(
            process.pid,
            primed=lambda: _ignore(line_from(process)),
            all_taken=lambda: float(line_from(process)),
        )


def _ignore(_line: str) -> None:
    pass

"""Bytes written a day at a small site: 20 connectors, a reading in 10 s each, in real time.

The kernel counts what the agent has written (proc(5), write_bytes: pages made dirty for a block device): its
write-ahead log for the most part, and each quarter of an hour or so the checkpoint that carries the log's
pages into the database. So the measurement lasts for some checkpoints, and a day is that many times more.
"""

from __future__ import annotations

import time

from tests.bench.report import Figure, at_most
from tests.bench.rig import SitePlan, agent, broker, folder, pid_of, steady, written_bytes

AIM_MB = 300.0
CHARGERS = 20
RATE = 2.0
WARM_UP_S = 30.0
DAY_S = 86_400.0
MB = 1e6


def measure(minutes: float) -> list[Figure]:
    """Return what the agent would write in a day, and what the broker would."""
    with (
        folder() as place,
        broker(place, SitePlan(chargers=CHARGERS)) as mosquitto,
        agent(place, mosquitto) as process,
        steady(mosquitto, CHARGERS, RATE) as readings,
    ):
        time.sleep(WARM_UP_S)
        began, pids = time.monotonic(), (process.pid, pid_of(mosquitto))
        before = [written_bytes(pid) for pid in pids]
        time.sleep(60 * minutes)
        days = (time.monotonic() - began) / DAY_S
        own, brokers = ((written_bytes(pid) - was) / days / MB for pid, was in zip(pids, before, strict=True))
    rate = f"{readings['per_second']:.2f} msg/s, commit_s by default"
    note = f"counted by the kernel over {minutes:g} min at {rate}"
    return [
        Figure(
            name="written a day by the agent, extrapolated",
            value=own,
            unit="MB",
            aim=at_most(AIM_MB),
            note=note,
            commands=("edge-agent --config site.toml run",),
        ),
        Figure(name="written a day by mosquitto, extrapolated", value=brokers, unit="MB"),
    ]

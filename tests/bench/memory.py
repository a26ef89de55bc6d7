"""Resident memory of the agent under load, over time."""

from __future__ import annotations

import time

from tests.bench.report import Figure, at_most
from tests.bench.rig import SitePlan, agent, broker, folder, resident_mib, steady

AIM_MIB = 110.0
RATE = 500
CHARGERS = 200
FAULTS = 0.005
"""For each message: 1.5 % report a fault, 1 % raise or clear an alert."""
SAMPLE_EVERY_S = 5.0


def measure(minutes: float) -> list[Figure]:
    """Return the resident memory at the end, and how fast it grew in the second half."""
    with (
        folder() as place,
        broker(place, SitePlan(chargers=CHARGERS)) as mosquitto,
        agent(place, mosquitto) as process,
        steady(mosquitto, CHARGERS, RATE, FAULTS) as readings,
    ):
        at_s, mib = _course(process.pid, 60 * minutes)
    half = len(mib) // 2
    growth = slope(at_s[half:], mib[half:]) * 3600
    note = f"{readings['per_second']:.0f} msg/s from {CHARGERS} chargers; a sample each {SAMPLE_EVERY_S:g} s"
    return [
        Figure(
            name=f"resident memory after {minutes:g} min",
            value=mib[-1],
            unit="MiB",
            aim=at_most(AIM_MIB),
            note=note,
            samples=tuple(mib),
        ),
        Figure(name="largest of the samples", value=max(mib), unit="MiB", aim=at_most(AIM_MIB)),
        Figure(name="growth over the second half", value=growth, unit="MiB/h", note="by least squares"),
    ]


def _course(pid: int, seconds: float) -> tuple[list[float], list[float]]:
    began = time.monotonic()
    at_s: list[float] = []
    mib: list[float] = []
    while not at_s or at_s[-1] < seconds:
        time.sleep(max(began + SAMPLE_EVERY_S * len(at_s) - time.monotonic(), 0.0))
        at_s.append(time.monotonic() - began)
        mib.append(resident_mib(pid))
    return at_s, mib


def slope(at: list[float], values: list[float]) -> float:
    """Return the slope of the line nearest to the points by least squares."""
    middle_at, middle_value = sum(at) / len(at), sum(values) / len(values)
    spread = sum((each - middle_at) ** 2 for each in at)
    together = sum((x - middle_at) * (y - middle_value) for x, y in zip(at, values, strict=True))
    return together / spread if spread else 0.0

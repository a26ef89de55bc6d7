"""Newer models under load: a thousand messages a second, and releases that come one after the other.

Each is tried in the shadow, judges on probation, and is settled, as at night, only quicker. Meanwhile a
charger's cable is cut again and again, and a screen gets the alerts, which name the models that judged.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from contextlib import contextmanager
from threading import Event, Thread
from typing import TYPE_CHECKING, NamedTuple

from edge_agent.adapters.onnx import release_of
from edge_agent.adapters.releases import ReleaseFolder
from edge_agent.core.rollout import LEAST_ROWS, offered
from edge_agent.wire.rollout import Phase
from tests.bench.latency import PROBE, SETTLED_AFTER, Probe, probes
from tests.bench.report import Figure, at_most, middle, percentile
from tests.bench.rig import SitePlan, agent, broker, folder, steady, wait_until
from tests.rig.agent import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.rig.agent import Agent

RATE, CHARGERS = 1_000, 199
"""One less than the limit: the probe is a charger too."""
TRIAL_HOURS = 4 / 3_600
AIM_MS = 50.0
NEAR_S = 1.0
"""So long before and after a switch an answer counts as one beside it."""
MODELS = ROOT / "models"
UNSWITCHED = 500
"""Answers under the same load before a release comes: what the machine's own delays are."""
DISK_EVERY_S, BLOCK = 0.02, b"0" * 4096
PER_PROBE = 3
"""Readings: the cut, and two good ones."""


class Told(NamedTuple):
    """What happened while one release came: answers, and when it began to judge (monotonic)."""

    answers: list[Probe]
    switched_at: float


def measure(releases: int) -> list[Figure]:
    """Return how late answers were while so many releases came, and how many readings were lost."""
    settings = {"models": {"trial_hours": TRIAL_HOURS}}
    with (
        folder() as place,
        broker(place, SitePlan(chargers=CHARGERS, others=(PROBE,))) as mosquitto,
        agent(place, mosquitto, settings) as process,
    ):
        known = ReleaseFolder(place / "agent/releases", MODELS, release_of(MODELS))
        with (
            steady(mosquitto, CHARGERS, RATE) as background,
            probes(mosquitto.port) as asked,
            _disk_alone(place / "block") as disk,
        ):
            for _ in range(SETTLED_AFTER):
                next(asked)
            before = [next(asked).ms for _ in range(UNSWITCHED)]
            told = [_bring(known, release, asked) for release in _numbers(known, releases)]
        sent = (
            int(background["sent"])
            + PER_PROBE * (SETTLED_AFTER + UNSWITCHED + sum(len(each.answers) for each in told))
            + 1
        )
        lost = sent - _kept(process, sent)
    return [*_figures(told, before, lost, background), _disk_figure(disk)]


@contextmanager
def _disk_alone(file: Path) -> Iterator[list[float]]:
    """Time a write of a block through to the disk, again and again: an alert is told after one of those."""
    over, all_ms = Event(), list[float]()

    def write() -> None:
        with file.open("wb", buffering=0) as blocks:
            while not over.wait(DISK_EVERY_S):
                began = time.monotonic()
                blocks.write(BLOCK)
                os.fdatasync(blocks)
                all_ms.append(1_000 * (time.monotonic() - began))

    thread = Thread(target=write)
    thread.start()
    try:
        yield all_ms
    finally:
        over.set()
        thread.join()


def _numbers(known: ReleaseFolder, releases: int) -> range:
    first = known.rollout().highest + 1
    return range(first, first + releases)


def _bring(known: ReleaseFolder, release: int, asked: Iterator[Probe]) -> Told:
    """Offer a release and go on asking until it is settled."""
    with known.incoming() as place:
        for path in (*MODELS.glob("*.onnx"), MODELS / "manifest.json"):
            shutil.copy(path, place)
        manifest = json.loads((place / "manifest.json").read_text())
        (place / "manifest.json").write_text(json.dumps(manifest | {"release": release}))
        known.take_in(release)
    known.change(lambda now: offered(now, release))
    answers: list[Probe] = []
    switched_at = 0.0
    while known.rollout().phase is not Phase.SETTLED:
        answers.append(next(asked))
        if not switched_at and known.rollout().judging == release:
            switched_at = time.monotonic()
    if known.rollout().judging != release:
        raise RuntimeError(f"release {release} was refused: {known.rollout().refused}")
    return Told(answers, switched_at)


def _kept(process: Agent, sent: int) -> int:
    def kept() -> int:
        return int(process.rows("SELECT count(*) FROM readings WHERE source = 'metrics'")[0][0])

    wait_until("the last readings", lambda: kept() >= sent)
    return kept()


def _figures(told: list[Told], before: list[float], lost: int, background: dict[str, float]) -> list[Figure]:
    beside = [each.ms for one in told for each in one.answers if abs(each.at - one.switched_at) < NEAR_S]
    all_ms = [each.ms for one in told for each in one.answers]
    note = (
        f"{len(told)} releases, each asked beside the other for {LEAST_ROWS:,} rows and more; "
        f"{background['per_second']:.0f} msg/s, at most {1000 * background['latest_s']:.0f} ms late; "
        f"of all {len(all_ms)} answers meanwhile: {_spread(all_ms)}; "
        f"of {len(before)} before the first release: {_spread(before)}"
    )
    return [
        Figure(name="readings lost while models are switched", value=lost, unit="readings", aim=at_most(0)),
        Figure(
            name="latest answer beside a switch",
            value=max(beside),
            unit="ms",
            aim=at_most(AIM_MS),
            note=note,
            samples=tuple(beside),
        ),
    ]


def _disk_figure(all_ms: list[float]) -> Figure:
    return Figure(
        name="longest write of 4 KiB to the disk, meanwhile",
        value=max(all_ms),
        unit="ms",
        note=_spread(all_ms),
    )


def _spread(all_ms: list[float]) -> str:
    return f"p50 {middle(all_ms):.1f}, p99 {percentile(all_ms, 99):.1f}, largest {max(all_ms):.1f} ms"
